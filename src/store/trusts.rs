//! Trusts of clients in foreign issuers.

use std::collections::HashMap;

use crate::model::client::ClientId;
use crate::model::security::KeySource;
use crate::model::time::Timestamp;
use crate::model::trust::{Conditions, FederatedCredential, ForeignIssuer, TrustId};
use crate::store::clients::key_source;
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{StoreError, map_constraint};

pub(super) type TrustRow =
    (String, String, String, Option<String>, Option<String>, String, String, i64);

/// The columns of a [`TrustRow`], oldest first.
macro_rules! trusts_where {
    ($condition:literal) => {
        concat!(
            "SELECT client_id, trust_id, issuer, key_set, jwks_uri, audience, conditions, created_at
            FROM client_trust
            WHERE ",
            $condition,
            " ORDER BY created_at, trust_id"
        )
    };
}
pub(super) use trusts_where;

/// The trusts of each client, by its id.
pub(super) fn by_client(rows: Vec<TrustRow>) -> HashMap<String, Vec<TrustRow>> {
    let mut found: HashMap<String, Vec<TrustRow>> = HashMap::new();
    for row in rows {
        found.entry(row.0.clone()).or_default().push(row);
    }
    found
}

pub(super) fn trust(row: TrustRow) -> Result<FederatedCredential, StoreError> {
    let (_, trust_id, issuer, key_set, jwks_uri, audience, conditions, created_at) = row;
    Ok(FederatedCredential {
        trust_id: TrustId::parse(&trust_id)?,
        issuer: ForeignIssuer::parse(&issuer)?,
        keys: key_source(key_set.as_deref(), jwks_uri.as_deref())?,
        audience,
        conditions: Conditions::from_json(&conditions)?,
        created_at: Timestamp(created_at),
    })
}

impl WriteTransaction {
    /// Adds a trust to a client.
    pub async fn add_trust(
        &mut self,
        client_id: &ClientId,
        trust: &FederatedCredential,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO client_trust
                (trust_id, client_id, issuer, key_set, jwks_uri, audience, conditions, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let (key_set, jwks_uri) = match &trust.keys {
            Some(KeySource::Inline(keys)) => (Some(keys.as_str()), None),
            Some(KeySource::Remote(uri)) => (None, Some(uri.as_str())),
            None => (None, None),
        };
        let conditions = serde_json::to_string(&trust.conditions).unwrap_or_default();
        on_write!(self, |connection| {
            sqlx::query(SQL)
                .bind(trust.trust_id.as_str())
                .bind(client_id.as_str())
                .bind(trust.issuer.as_str())
                .bind(key_set)
                .bind(jwks_uri)
                .bind(&trust.audience)
                .bind(conditions)
                .bind(trust.created_at.0)
                .execute(connection)
                .await
                .map_err(|error| map_constraint(error, "trust of that id", "client"))?;
            Ok(())
        })
    }

    /// Takes a trust from a client; `false` if it has none of that id.
    pub async fn delete_trust(
        &mut self,
        client_id: &ClientId,
        trust_id: &TrustId,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM client_trust WHERE client_id = $1 AND trust_id = $2";
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
