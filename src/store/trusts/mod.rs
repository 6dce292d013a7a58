//! Trusts of clients in external issuers.

mod assertions;
pub(super) mod spiffe;

use crate::model::client::ClientId;
use crate::model::time::Timestamp;
use crate::model::trust::{Conditions, ExternalIssuer, FederatedCredential, TrustId};
use crate::store::StoreError;
use crate::store::clients::child_rows::ChildRow;
use crate::store::clients::{key_columns, key_source};
use crate::store::row::table_row;
use crate::store::write_transaction::{WriteTransaction, on_write};

table_row! {
    /// A row of `client_trust`.
    pub(super) struct TrustRow in "client_trust" {
        trust_id: String,
        client_id: String,
        issuer: String,
        key_set: Option<String>,
        jwks_uri: Option<String>,
        audience: String,
        conditions: String,
        created_at: i64,
    }
}

impl TrustRow {
    fn of(client_id: &ClientId, trust: &FederatedCredential) -> Self {
        let (key_set, jwks_uri) = key_columns(trust.keys.as_ref());
        Self {
            trust_id: trust.trust_id.as_str().to_owned(),
            client_id: client_id.as_str().to_owned(),
            issuer: trust.issuer.as_str().to_owned(),
            key_set,
            jwks_uri,
            audience: trust.audience.clone(),
            conditions: serde_json::to_string(&trust.conditions).unwrap_or_default(),
            created_at: trust.created_at.0,
        }
    }

    pub(super) fn decode(self) -> Result<FederatedCredential, StoreError> {
        Ok(FederatedCredential {
            trust_id: TrustId::parse(&self.trust_id)?,
            issuer: ExternalIssuer::stored(&self.issuer),
            keys: key_source(self.key_set.as_deref(), self.jwks_uri.as_deref())?,
            audience: self.audience,
            conditions: Conditions::stored(&self.conditions)?,
            created_at: Timestamp(self.created_at),
        })
    }
}

impl ChildRow for TrustRow {
    const ORDER: &'static str = " ORDER BY client_id, created_at, trust_id";

    fn client_id(&self) -> &str {
        &self.client_id
    }
}

impl WriteTransaction {
    /// Adds a trust to a client.
    pub async fn add_trust(
        &mut self,
        client_id: &ClientId,
        trust: &FederatedCredential,
    ) -> Result<(), StoreError> {
        self.insert(TrustRow::of(client_id, trust), "trust of that id", "client").await?;
        self.note_creator_of_trust(&trust.trust_id).await
    }

    /// Deletes a trust of a client. Returns `false` if the client has no trust with this id.
    pub async fn delete_trust(
        &mut self,
        client_id: &ClientId,
        trust_id: &TrustId,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM client_trust WHERE client_id = $1 AND trust_id = $2";
        self.delete_trust_row(SQL, client_id, trust_id).await
    }

    /// Runs a statement that deletes the trust `$2` of the client `$1`, for either kind of trust.
    /// Returns `false` if it does not exist.
    pub(super) async fn delete_trust_row(
        &mut self,
        sql: &'static str,
        client_id: &ClientId,
        trust_id: &TrustId,
    ) -> Result<bool, StoreError> {
        let rows = on_write!(self, |connection| {
            let done = sqlx::query(sql)
                .bind(client_id.as_str())
                .bind(trust_id.as_str())
                .execute(connection)
                .await?;
            Ok(done.rows_affected())
        })?;
        Ok(rows > 0)
    }
}
