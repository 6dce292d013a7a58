//! Trusts of clients in SPIFFE trust domains.

use crate::model::client::ClientId;
use crate::model::security::KeySetUri;
use crate::model::spiffe_id::{SpiffeIdPattern, TrustDomain};
use crate::model::spiffe_trust::{SpiffeSource, SpiffeTrust};
use crate::model::time::Timestamp;
use crate::model::trust::TrustId;
use crate::store::StoreError;
use crate::store::clients::child_rows::ChildRow;
use crate::store::row::table_row;
use crate::store::write_transaction::WriteTransaction;

table_row! {
    /// A row of `client_spiffe_trust`.
    pub(in crate::store) struct SpiffeTrustRow in "client_spiffe_trust" {
        trust_id: String,
        client_id: String,
        trust_domain: String,
        bundle_endpoint: String,
        subject: String,
        created_at: i64,
    }
}

impl SpiffeTrustRow {
    fn of(client_id: &ClientId, trust: &SpiffeTrust) -> Self {
        Self {
            trust_id: trust.trust_id.as_str().to_owned(),
            client_id: client_id.as_str().to_owned(),
            trust_domain: trust.source.trust_domain().as_str().to_owned(),
            bundle_endpoint: trust.source.bundle_endpoint().as_str().to_owned(),
            subject: trust.source.subject().to_string(),
            created_at: trust.created_at.0,
        }
    }

    pub(in crate::store) fn decode(&self) -> Result<SpiffeTrust, StoreError> {
        Ok(SpiffeTrust {
            trust_id: TrustId::parse(&self.trust_id)?,
            source: SpiffeSource::new(
                TrustDomain::parse(&self.trust_domain)?,
                KeySetUri::stored(&self.bundle_endpoint),
                SpiffeIdPattern::parse(&self.subject)?,
            )?,
            created_at: Timestamp(self.created_at),
        })
    }
}

impl ChildRow for SpiffeTrustRow {
    const ORDER: &'static str = " ORDER BY client_id, created_at, trust_id";

    fn client_id(&self) -> &str {
        &self.client_id
    }
}

impl WriteTransaction {
    /// Adds a trust in a SPIFFE trust domain to a client.
    pub async fn add_spiffe_trust(
        &mut self,
        client_id: &ClientId,
        trust: &SpiffeTrust,
    ) -> Result<(), StoreError> {
        self.insert(SpiffeTrustRow::of(client_id, trust), "trust of that id", "client").await?;
        self.note_creator_of_spiffe_trust(&trust.trust_id).await
    }

    /// Deletes a trust in a SPIFFE trust domain. Returns `false` if the client has no trust with
    /// this id.
    pub async fn delete_spiffe_trust(
        &mut self,
        client_id: &ClientId,
        trust_id: &TrustId,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM client_spiffe_trust WHERE client_id = $1 AND trust_id = $2";
        self.delete_trust_row(SQL, client_id, trust_id).await
    }
}
