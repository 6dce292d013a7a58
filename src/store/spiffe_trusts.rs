//! Trusts of clients in SPIFFE trust domains.

use std::collections::HashMap;

use sqlx::{ColumnIndex, Database, Decode, FromRow, Row, Type};

use crate::model::client::ClientId;
use crate::model::security::KeySetUri;
use crate::model::spiffe_id::{SpiffeIdPattern, TrustDomain};
use crate::model::spiffe_trust::{SpiffeSource, SpiffeTrust};
use crate::model::time::Timestamp;
use crate::model::trust::TrustId;
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{StoreError, map_constraint};

/// The columns of a [`SpiffeTrustRow`], oldest first.
macro_rules! spiffe_trusts_where {
    ($condition:literal) => {
        concat!(
            "SELECT client_id, trust_id, trust_domain, bundle_endpoint, subject, created_at
            FROM client_spiffe_trust
            WHERE ",
            $condition,
            " ORDER BY created_at, trust_id"
        )
    };
}
pub(super) use spiffe_trusts_where;

/// A row of `client_spiffe_trust`.
pub(super) struct SpiffeTrustRow {
    client_id: String,
    trust_id: String,
    trust_domain: String,
    bundle_endpoint: String,
    subject: String,
    created_at: i64,
}

impl<'r, R> FromRow<'r, R> for SpiffeTrustRow
where
    R: Row,
    for<'name> &'name str: ColumnIndex<R>,
    String: Decode<'r, <R as Row>::Database> + Type<<R as Row>::Database>,
    i64: Decode<'r, <R as Row>::Database> + Type<<R as Row>::Database>,
    <R as Row>::Database: Database,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            client_id: row.try_get("client_id")?,
            trust_id: row.try_get("trust_id")?,
            trust_domain: row.try_get("trust_domain")?,
            bundle_endpoint: row.try_get("bundle_endpoint")?,
            subject: row.try_get("subject")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

/// The rows of each client, by its id.
pub(super) fn by_client(rows: Vec<SpiffeTrustRow>) -> HashMap<String, Vec<SpiffeTrustRow>> {
    let mut found: HashMap<String, Vec<SpiffeTrustRow>> = HashMap::new();
    for row in rows {
        found.entry(row.client_id.clone()).or_default().push(row);
    }
    found
}

/// The trusts that rows describe, in their order.
pub(super) fn spiffe_trusts(rows: &[SpiffeTrustRow]) -> Result<Vec<SpiffeTrust>, StoreError> {
    rows.iter().map(spiffe_trust).collect()
}

fn spiffe_trust(row: &SpiffeTrustRow) -> Result<SpiffeTrust, StoreError> {
    Ok(SpiffeTrust {
        trust_id: TrustId::parse(&row.trust_id)?,
        source: SpiffeSource::new(
            TrustDomain::parse(&row.trust_domain)?,
            KeySetUri::bundle_endpoint(&row.bundle_endpoint)?,
            SpiffeIdPattern::parse(&row.subject)?,
        )?,
        created_at: Timestamp(row.created_at),
    })
}

impl WriteTransaction {
    /// Adds a trust in a trust domain to a client.
    pub async fn add_spiffe_trust(
        &mut self,
        client_id: &ClientId,
        trust: &SpiffeTrust,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO client_spiffe_trust
                (trust_id, client_id, trust_domain, bundle_endpoint, subject, created_at)
            VALUES ($1, $2, $3, $4, $5, $6)";
        on_write!(self, |connection| {
            sqlx::query(SQL)
                .bind(trust.trust_id.as_str())
                .bind(client_id.as_str())
                .bind(trust.source.trust_domain().as_str())
                .bind(trust.source.bundle_endpoint().as_str())
                .bind(trust.source.subject().to_string())
                .bind(trust.created_at.0)
                .execute(connection)
                .await
                .map_err(|error| map_constraint(error, "trust of that id", "client"))?;
            Ok(())
        })
    }

    /// Removes a trust in a trust domain from a client; `false` if it has none of that id.
    pub async fn delete_spiffe_trust(
        &mut self,
        client_id: &ClientId,
        trust_id: &TrustId,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM client_spiffe_trust WHERE client_id = $1 AND trust_id = $2";
        let rows = on_write!(self, |connection| {
            let done = sqlx::query(SQL)
                .bind(client_id.as_str())
                .bind(trust_id.as_str())
                .execute(connection)
                .await?;
            Ok(done.rows_affected())
        })?;
        Ok(rows > 0)
    }
}
