//! The creators of the credentials of a client. Every write of a credential records its creator, so
//! no caller can forget it.

use crate::model::client::{Client, ClientId};
use crate::model::creator::Creator;
use crate::model::secret::SecretId;
use crate::model::trust::TrustId;
use crate::store::StoreError;
use crate::store::clients::key_columns;
use crate::store::reader::Reader;
use crate::store::row::named_row;
use crate::store::statement::Statement;
use crate::store::write_transaction::{WriteTransaction, on_write};

/// The creators of the credentials of a client, except credentials that operators created.
#[derive(Debug, Default)]
pub struct CredentialCreators {
    /// The creators of secrets.
    pub secrets: Vec<(SecretId, Creator)>,
    /// The creators of trusts in external issuers.
    pub trusts: Vec<(TrustId, Creator)>,
    /// The creators of trusts in SPIFFE trust domains.
    pub spiffe_trusts: Vec<(TrustId, Creator)>,
    /// The creator of the keys, or of the `jwks_uri`.
    pub keys: Option<Creator>,
    /// The creator of the certificate subject.
    pub tls_subject: Option<Creator>,
}

named_row! {
    /// A credential that an administrator created.
    struct CreatorRow { id: String, creator: String }
}

named_row! {
    /// The credentials that are columns of the row of the client.
    struct OwnCredentialsRow {
        key_set: Option<String>,
        jwks_uri: Option<String>,
        tls_subject: Option<String>,
        keys_creator: Option<String>,
        tls_subject_creator: Option<String>,
    }
}

impl OwnCredentialsRow {
    /// Returns the credentials of a new client.
    fn none() -> Self {
        Self {
            key_set: None,
            jwks_uri: None,
            tls_subject: None,
            keys_creator: None,
            tls_subject_creator: None,
        }
    }

    /// Returns the creator of the keys after a change by `own`. A new key set may contain old keys,
    /// so it gets only the rights that both creators share.
    fn keys_creator(
        &self,
        key_set: Option<&str>,
        jwks_uri: Option<&str>,
        own: &Creator,
    ) -> Creator {
        let before = || Creator::stored(self.keys_creator.as_deref());
        match (self.key_set.as_deref(), self.jwks_uri.as_deref()) {
            known if known == (key_set, jwks_uri) => before(),
            (Some(_), _) if key_set.is_some() => before().common(own),
            _ => own.clone(),
        }
    }
}

impl Reader<'_> {
    /// Returns the creators of the credentials of a client, except credentials that operators
    /// created.
    pub async fn credential_creators(
        &mut self,
        id: &ClientId,
    ) -> Result<CredentialCreators, StoreError> {
        const SECRETS: &str = "SELECT secret_id AS id, creator FROM client_secret ";
        const TRUSTS: &str = "SELECT trust_id AS id, creator FROM client_trust ";
        const SPIFFE_TRUSTS: &str = "SELECT trust_id AS id, creator FROM client_spiffe_trust ";
        let own = self.own_credentials(id).await?.unwrap_or_else(OwnCredentialsRow::none);
        let stored = |column: Option<String>| column.map(|text| Creator::stored(Some(&text)));
        let secrets = self.creators(SECRETS, id).await?.into_iter();
        let trusts = self.creators(TRUSTS, id).await?.into_iter();
        let spiffe_trusts = self.creators(SPIFFE_TRUSTS, id).await?.into_iter();
        let of_trust = |(id, creator): (String, Creator)| Ok((TrustId::parse(&id)?, creator));
        Ok(CredentialCreators {
            secrets: secrets
                .map(|(id, creator)| Ok((SecretId::parse(&id)?, creator)))
                .collect::<Result<_, StoreError>>()?,
            trusts: trusts.map(of_trust).collect::<Result<_, StoreError>>()?,
            spiffe_trusts: spiffe_trusts.map(of_trust).collect::<Result<_, StoreError>>()?,
            keys: stored(own.keys_creator),
            tls_subject: stored(own.tls_subject_creator),
        })
    }

    async fn creators(
        &mut self,
        select: &'static str,
        id: &ClientId,
    ) -> Result<Vec<(String, Creator)>, StoreError> {
        let mut statement = Statement::default();
        statement.push(select).push_with(
            "WHERE client_id = ? AND creator IS NOT NULL ORDER BY 1",
            [id.as_str().into()],
        );
        let rows = self.rows::<CreatorRow>(&statement).await?.into_iter();
        Ok(rows.map(|row| (row.id, Creator::stored(Some(&row.creator)))).collect())
    }

    async fn own_credentials(
        &mut self,
        id: &ClientId,
    ) -> Result<Option<OwnCredentialsRow>, StoreError> {
        const SELECT: &str = "
            SELECT key_set, jwks_uri, tls_subject, keys_creator, tls_subject_creator
            FROM client
            WHERE client_id = ?";
        let mut statement = Statement::default();
        statement.push_with(SELECT, [id.as_str().into()]);
        Ok(self.rows::<OwnCredentialsRow>(&statement).await?.pop())
    }
}

/// The statements that record the creator of a credential that has its own row.
const OF_SECRET: &str = "UPDATE client_secret SET creator = $1 WHERE secret_id = $2";
const OF_TRUST: &str = "UPDATE client_trust SET creator = $1 WHERE trust_id = $2";
const OF_SPIFFE_TRUST: &str = "UPDATE client_spiffe_trust SET creator = $1 WHERE trust_id = $2";

impl WriteTransaction {
    /// Sets the creator for the following writes of this transaction. The default is a caller
    /// without rights.
    pub fn write_as(&mut self, creator: Creator) {
        self.creator = creator;
    }

    /// Records the creator of a new secret.
    pub(super) async fn note_creator_of_secret(&mut self, id: &SecretId) -> Result<(), StoreError> {
        self.note_creator(OF_SECRET, id.as_str()).await
    }

    /// Records the creator of a new trust.
    pub(in crate::store) async fn note_creator_of_trust(
        &mut self,
        id: &TrustId,
    ) -> Result<(), StoreError> {
        self.note_creator(OF_TRUST, id.as_str()).await
    }

    /// Records the creator of a new trust in a SPIFFE trust domain.
    pub(in crate::store) async fn note_creator_of_spiffe_trust(
        &mut self,
        id: &TrustId,
    ) -> Result<(), StoreError> {
        self.note_creator(OF_SPIFFE_TRUST, id.as_str()).await
    }

    async fn note_creator(&mut self, sql: &'static str, id: &str) -> Result<(), StoreError> {
        let Some(creator) = self.creator.column() else { return Ok(()) };
        on_write!(self, |connection| {
            sqlx::query(sql).bind(&creator).bind(id).execute(connection).await?;
            Ok(())
        })
    }

    /// Records the creators of the keys and the certificate subject after a write of the client.
    /// `before` is the result of [`Self::own_credentials_before`].
    pub(in crate::store) async fn note_creators_of_client(
        &mut self,
        before: OwnCredentials,
        client: &Client,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE client
            SET keys_creator = $1, tls_subject_creator = $2
            WHERE client_id = $3";
        let OwnCredentials(before) = before;
        let security = &client.security;
        let (key_set, jwks_uri) = key_columns(security.keys.as_ref());
        let has_keys = security.keys.is_some();
        let keys = before.keys_creator(key_set.as_deref(), jwks_uri.as_deref(), &self.creator);
        let keys = keys.column().filter(|_| has_keys);
        let subject = security.tls_subject.as_ref().map(ToString::to_string);
        let subject = match &subject {
            None => None,
            known if *known == before.tls_subject => before.tls_subject_creator.clone(),
            Some(_) => self.creator.column(),
        };
        if (&keys, &subject) == (&before.keys_creator, &before.tls_subject_creator) {
            return Ok(());
        }
        let id = client.client_id.as_str();
        on_write!(self, |connection| {
            sqlx::query(SQL).bind(keys).bind(subject).bind(id).execute(connection).await?;
            Ok(())
        })
    }

    /// Reads the credentials in the row of a client, before the row is written.
    pub(in crate::store) async fn own_credentials_before(
        &mut self,
        id: &ClientId,
    ) -> Result<OwnCredentials, StoreError> {
        let row = self.read().own_credentials(id).await?;
        Ok(OwnCredentials(row.unwrap_or_else(OwnCredentialsRow::none)))
    }
}

/// The credentials in the row of a client, before a write.
pub(in crate::store) struct OwnCredentials(OwnCredentialsRow);

impl OwnCredentials {
    /// Returns the credentials of a new client.
    pub(in crate::store) fn none() -> Self {
        Self(OwnCredentialsRow::none())
    }
}
