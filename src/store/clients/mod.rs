//! The table of clients: its rows, and writing them. `registrations` reads clients for
//! administrators, `loaded_clients` reads them for the directory.
//!
//! A new column needs five changes: a migration, a field of `Client`, a field of `ClientRow`, and a
//! line in `ClientRow::of` and `ClientRow::decode`. A column that token requests need has the same
//! changes in `ClientTokenSettings`, `TokenRow`, `TokenRow::of` and `TokenRow::decode`.

mod activity;
pub(super) mod child_rows;
mod labels;
pub mod list;
pub(super) mod names;
pub mod page;
mod query_plan;
pub mod registrations;
mod search;

use crate::model::Malformed;
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{
    AuthenticationMethod, Client, ClientId, ClientName, ClientState, GrantType,
};
use crate::model::client_settings::ClientTokenSettings;
use crate::model::leak_policy::LeakPolicy;
use crate::model::rate::RateLimit;
use crate::model::security::{ClientSecurity, KeySet, KeySetUri, KeySource, Networks, TlsSubject};
use crate::model::source::SourceName;
use crate::model::static_claims::StaticClaims;
use crate::model::time::{Lifetime, Timestamp};
use crate::store::owners::facts::FactColumns;
use crate::store::row::table_row;
use crate::store::secrets::creators::OwnCredentials;
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{StoreError, owners};

table_row! {
    /// A row of `client`.
    pub(super) struct ClientRow in "client" {
        /// The columns of `client` that token requests need.
        token: struct TokenRow {
            client_id: String,
            state: String,
            auth_methods: String,
            grant_types: String,
            token_lifetime: Option<i64>,
            token_rate: Option<String>,
            key_set: Option<String>,
            jwks_uri: Option<String>,
            dpop_bound: bool,
            tls_subject: Option<String>,
            certificate_bound: bool,
            networks: Option<String>,
            assertion_audiences: Option<String>,
            claims: Option<String>,
            owner: Option<String>,
        },
        name: String,
        leak_policy: Option<String>,
        description: Option<String>,
        contact: Option<String>,
        labels: Option<String>,
        admin_of: Option<String>,
        source: Option<String>,
        created_at: i64,
        updated_at: i64,
    }
}

impl ClientRow {
    fn of(client: &Client) -> Self {
        let FactColumns { owner, description, contact, labels } = FactColumns::of(&client.facts);
        Self {
            token: TokenRow::of(&client.token, owner),
            name: client.name.as_str().to_owned(),
            leak_policy: leak_policy_column(client.leak_policy),
            description,
            contact,
            labels,
            admin_of: client.admin_of.as_ref().map(owners::facts::admin_of_column),
            source: client.source.as_ref().map(|source| source.as_str().to_owned()),
            created_at: client.created_at.0,
            updated_at: client.updated_at.0,
        }
    }

    /// Decodes the client. Values that today's registration rules would reject are accepted: a
    /// stricter rule must not stop existing clients from getting tokens.
    ///
    /// # Errors
    /// If a value is meaningless, such as an unknown state.
    pub(super) fn decode(self) -> Result<Client, StoreError> {
        let Self { token, description, contact, labels, .. } = self;
        let owner = token.owner.clone();
        let admin_of = self.admin_of.as_deref().map(owners::facts::admin_of).transpose()?;
        let leak_policy = self.leak_policy.as_deref().map(LeakPolicy::parse).transpose()?;
        Ok(Client {
            token: token.decode()?,
            name: ClientName::stored(&self.name),
            leak_policy: leak_policy.unwrap_or_default(),
            facts: FactColumns { owner, description, contact, labels }.decode()?,
            admin_of,
            source: self.source.as_deref().map(SourceName::stored),
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
        })
    }
}

impl TokenRow {
    /// Encodes the settings. The owner is passed separately, because it is one of the facts.
    fn of(settings: &ClientTokenSettings, owner: Option<String>) -> Self {
        let security = &settings.security;
        let (key_set, jwks_uri) = key_columns(security.keys.as_ref());
        let audiences = &security.assertion_audiences;
        Self {
            client_id: settings.client_id.as_str().to_owned(),
            state: settings.state.as_str().to_owned(),
            auth_methods: joined(settings.auth_methods.iter().map(|method| method.as_str())),
            grant_types: joined(settings.grant_types.iter().map(GrantType::as_str)),
            token_lifetime: settings.token_lifetime.map(Lifetime::seconds),
            token_rate: settings.token_rate.map(|rate| rate.to_string()),
            key_set,
            jwks_uri,
            dpop_bound: security.dpop_bound,
            tls_subject: security.tls_subject.as_ref().map(ToString::to_string),
            certificate_bound: security.certificate_bound,
            networks: networks_column(&security.networks),
            assertion_audiences: (!audiences.is_empty()).then(|| audiences.to_string()),
            claims: claims_column(&settings.claims),
            owner,
        }
    }

    /// Decodes the settings, as leniently as [`ClientRow::decode`].
    ///
    /// # Errors
    /// If a value is meaningless.
    pub(super) fn decode(self) -> Result<ClientTokenSettings, StoreError> {
        Ok(ClientTokenSettings {
            client_id: ClientId::parse(&self.client_id)?,
            state: ClientState::parse(&self.state)?,
            auth_methods: words(&self.auth_methods, AuthenticationMethod::parse)?,
            grant_types: self.grant_types.split_whitespace().map(GrantType::stored).collect(),
            token_lifetime: self.token_lifetime.map(Lifetime::stored),
            token_rate: self.token_rate.as_deref().map(RateLimit::parse).transpose()?,
            security: ClientSecurity {
                keys: key_source(self.key_set.as_deref(), self.jwks_uri.as_deref())?,
                dpop_bound: self.dpop_bound,
                tls_subject: self.tls_subject.as_deref().map(TlsSubject::stored).transpose()?,
                certificate_bound: self.certificate_bound,
                networks: Networks::stored(self.networks.as_deref().unwrap_or_default())?,
                assertion_audiences: AssertionAudiences::stored(
                    self.assertion_audiences.as_deref().unwrap_or_default(),
                ),
            },
            claims: claims(self.claims.as_deref())?,
        })
    }
}

/// Decodes the two columns of a key source.
pub(super) fn key_source(
    key_set: Option<&str>,
    jwks_uri: Option<&str>,
) -> Result<Option<KeySource>, StoreError> {
    Ok(match (key_set, jwks_uri) {
        (None, None) => None,
        (Some(text), None) => Some(KeySource::Inline(KeySet::stored(text))),
        (None, Some(uri)) => Some(KeySource::Remote(KeySetUri::stored(uri))),
        (Some(_), Some(_)) => {
            return Err(Malformed::because("there are both a key set and a jwks_uri").into());
        }
    })
}

/// Encodes a key source as the columns `key_set` and `jwks_uri`.
pub(super) fn key_columns(keys: Option<&KeySource>) -> (Option<String>, Option<String>) {
    match keys {
        Some(KeySource::Inline(keys)) => (Some(keys.as_str().to_owned()), None),
        Some(KeySource::Remote(uri)) => (None, Some(uri.as_str().to_owned())),
        None => (None, None),
    }
}

/// Encodes the column `networks`: NULL means any network.
pub(super) fn networks_column(networks: &Networks) -> Option<String> {
    (!networks.is_anywhere()).then(|| networks.to_string())
}

/// Encodes the column `leak_policy`: NULL means the default.
fn leak_policy_column(policy: LeakPolicy) -> Option<String> {
    (policy != LeakPolicy::default()).then(|| policy.as_str().to_owned())
}

/// Encodes the column `claims`: NULL means no claims.
pub(super) fn claims_column(claims: &StaticClaims) -> Option<String> {
    (!claims.is_empty()).then(|| claims.json())
}

/// Decodes the column `claims`.
pub(super) fn claims(column: Option<&str>) -> Result<StaticClaims, StoreError> {
    Ok(column.map(StaticClaims::stored).transpose()?.unwrap_or_default())
}

fn words<T>(text: &str, parse: fn(&str) -> Result<T, Malformed>) -> Result<Vec<T>, StoreError> {
    Ok(text.split_whitespace().map(parse).collect::<Result<_, _>>()?)
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

impl WriteTransaction {
    /// Adds a client without secrets or grants.
    pub async fn create_client(&mut self, client: &Client) -> Result<(), StoreError> {
        self.insert(ClientRow::of(client), "client of that id", "client").await?;
        self.add_labels(client).await?;
        self.note_creators_of_client(OwnCredentials::none(), client).await
    }

    /// Replaces the fields of a client. Returns `false` if it does not exist.
    pub async fn update_client(&mut self, client: &Client) -> Result<bool, StoreError> {
        let before = self.own_credentials_before(&client.client_id).await?;
        let exists = self.update(ClientRow::of(client)).await?;
        if exists {
            self.replace_labels(client).await?;
        }
        self.note_creators_of_client(before, client).await?;
        Ok(exists)
    }

    /// Deletes a client with its secrets and grants. Returns `false` if it does not exist.
    pub async fn delete_client(&mut self, id: &ClientId) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM client WHERE client_id = $1";
        let rows = on_write!(self, |connection| {
            let done = sqlx::query(SQL).bind(id.as_str()).execute(connection).await?;
            Ok(done.rows_affected())
        })?;
        Ok(rows > 0)
    }
}
