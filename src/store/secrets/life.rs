//! Finds secrets that are due for an early end because they are unused, or for a warning.

use crate::model::client::ClientId;
use crate::model::secret::SecretId;
use crate::model::time::Timestamp;
use crate::model::usage::UsageHorizon;
use crate::store::reader::Reader;
use crate::store::row::{named_row, readable};
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// A secret that is due, and its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueSecret {
    /// The client.
    pub client_id: ClientId,
    /// The secret.
    pub secret_id: SecretId,
}

named_row! {
    struct DueRow {
        client_id: String,
        secret_id: String,
    }
}

impl Store {
    /// Returns up to `limit` secrets that end because they are unused. They are those of
    /// [`Registration::is_unused`], which is checked again when the change is made.
    ///
    /// [`Registration::is_unused`]: crate::model::client::Registration::is_unused
    pub async fn unused_secrets(
        &self,
        horizon: &UsageHorizon,
        limit: u32,
    ) -> Result<Vec<DueSecret>, StoreError> {
        const SQL: &str = "
            SELECT s.client_id, s.secret_id
            FROM client_secret s
            JOIN client_secret n ON n.secret_id = s.replaced_by
            JOIN secret_use nu ON nu.secret_id = n.secret_id
            LEFT JOIN secret_use su ON su.secret_id = s.secret_id
            WHERE s.unused_window IS NOT NULL AND s.expires_at > ?
                AND (n.expires_at IS NULL OR n.expires_at > ?)
                AND n.created_at + s.unused_window <= ?
                AND (su.last_used_at IS NULL OR su.last_used_at + s.unused_window <= ?)
            ORDER BY s.expires_at, s.secret_id
            LIMIT ?";
        let mut statement = Statement::default();
        let (now, until) = (horizon.now, horizon.known_until());
        let limit = i64::from(limit).into();
        statement.push_with(SQL, [now.into(), now.into(), until.into(), until.into(), limit]);
        due(self.read(), &statement).await
    }
}

impl Reader<'_> {
    /// Returns up to `limit` secrets that expire by `until` and need a warning, in the order of
    /// expiry. They are valid, belong to active clients, were not replaced by a rotation, and have
    /// no recorded warning.
    pub async fn secrets_to_warn_of(
        self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueSecret>, StoreError> {
        const SQL: &str = "
            SELECT s.client_id, s.secret_id
            FROM client_secret s
            JOIN client c ON c.client_id = s.client_id
            WHERE s.expires_at IS NOT NULL AND s.warned_at IS NULL
                AND s.expires_at > ? AND s.expires_at <= ?
                AND s.replaced_by IS NULL AND c.state = 'active'
            ORDER BY s.expires_at, s.secret_id
            LIMIT ?";
        let mut statement = Statement::default();
        statement.push_with(SQL, [now.into(), until.into(), i64::from(limit).into()]);
        due(self, &statement).await
    }
}

async fn due(mut reader: Reader<'_>, statement: &Statement) -> Result<Vec<DueSecret>, StoreError> {
    let rows = reader.rows::<DueRow>(statement).await?;
    Ok(readable("a secret", rows, |row| {
        let client_id = ClientId::parse(&row.client_id)?;
        Ok(DueSecret { client_id, secret_id: SecretId::parse(&row.secret_id)? })
    }))
}
