//! Clients with their secrets and grants.

use std::collections::HashMap;

use crate::model::Malformed;
use crate::model::client::{
    AuthenticationMethod, Client, ClientId, ClientName, ClientState, GrantType, Registration,
};
use crate::model::rate::RateLimit;
use crate::model::secret::{SecretHash, SecretId, SecretKind, SecretRecord};
use crate::model::security::{KeySet, KeySetUri, KeySource, Networks, Security, TlsSubject};
use crate::model::time::{Lifetime, Timestamp};
use crate::store::change::{Change, on_change};
use crate::store::grants::{GrantRow, grant, grants_where, networks};
use crate::store::trusts::{self, TrustRow, trust, trusts_where};
use crate::store::usage::{UseRow, usage, uses_where};
use crate::store::{Store, StoreError, meaning_of, on_pool};

type ClientRow = (
    String,
    String,
    String,
    String,
    String,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    bool,
    Option<String>,
    bool,
    Option<String>,
    i64,
    i64,
);
type SecretRow = (
    String,
    String,
    String,
    String,
    String,
    String,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
);

/// The columns of a [`ClientRow`]; the condition follows.
macro_rules! client_where {
    ($condition:literal) => {
        concat!(
            "SELECT client_id, name, state, auth_methods, grant_types, token_lifetime,
                token_rate, key_set, jwks_uri, dpop_bound, tls_subject, certificate_bound, networks,
                created_at, updated_at
            FROM client
            WHERE ",
            $condition
        )
    };
}

/// The columns of a [`SecretRow`], oldest first.
macro_rules! secrets_where {
    ($condition:literal) => {
        concat!(
            "SELECT client_secret.secret_id, client_id, kind, hash, hint, label, created_at,
                expires_at, first_used_at, last_used_at, uses, last_address
            FROM client_secret
            LEFT JOIN secret_use ON secret_use.secret_id = client_secret.secret_id
            WHERE ",
            $condition,
            " ORDER BY created_at, client_secret.secret_id"
        )
    };
}

fn client(row: ClientRow) -> Result<Client, StoreError> {
    let (
        client_id,
        name,
        state,
        auth_methods,
        grant_types,
        token_lifetime,
        token_rate,
        key_set,
        jwks_uri,
        dpop_bound,
        tls_subject,
        certificate_bound,
        networks,
        created_at,
        updated_at,
    ) = row;
    Ok(Client {
        client_id: ClientId::parse(&client_id)?,
        name: ClientName::parse(&name)?,
        state: ClientState::parse(&state)?,
        auth_methods: words(&auth_methods, AuthenticationMethod::parse)?,
        grant_types: words(&grant_types, GrantType::parse)?,
        token_lifetime: token_lifetime.map(Lifetime::from_seconds).transpose()?,
        token_rate: token_rate.as_deref().map(RateLimit::parse).transpose()?,
        security: security((
            key_set,
            jwks_uri,
            dpop_bound,
            tls_subject,
            certificate_bound,
            networks,
        ))?,
        created_at: Timestamp(created_at),
        updated_at: Timestamp(updated_at),
    })
}

fn secret(row: SecretRow) -> Result<SecretRecord, StoreError> {
    let (
        secret_id,
        _,
        kind,
        hash,
        hint,
        label,
        created_at,
        expires_at,
        first_used_at,
        last_used_at,
        uses,
        last_address,
    ) = row;
    Ok(SecretRecord {
        secret_id: SecretId::parse(&secret_id)?,
        kind: SecretKind::parse(&kind)?,
        hash: SecretHash::from_phc(&hash),
        hint,
        label,
        created_at: Timestamp(created_at),
        expires_at: expires_at.map(Timestamp),
        usage: usage((first_used_at, last_used_at, uses, last_address))?,
    })
}

/// The columns of what a client is held to.
pub(super) type SecurityColumns =
    (Option<String>, Option<String>, bool, Option<String>, bool, Option<String>);

pub(super) fn security(columns: SecurityColumns) -> Result<Security, StoreError> {
    let (key_set, jwks_uri, dpop_bound, tls_subject, certificate_bound, networks) = columns;
    Ok(Security {
        keys: key_source(key_set.as_deref(), jwks_uri.as_deref())?,
        dpop_bound,
        tls_subject: tls_subject.as_deref().map(TlsSubject::parse).transpose()?,
        certificate_bound,
        networks: Networks::parse(&networks.unwrap_or_default())?,
    })
}

pub(super) fn key_source(
    key_set: Option<&str>,
    jwks_uri: Option<&str>,
) -> Result<Option<KeySource>, StoreError> {
    Ok(match (key_set, jwks_uri) {
        (None, None) => None,
        (Some(text), None) => Some(KeySource::Inline(KeySet::parse(text)?)),
        (None, Some(uri)) => Some(KeySource::Remote(KeySetUri::parse(uri)?)),
        (Some(_), Some(_)) => {
            return Err(Malformed::because("there are both a key set and a jwks_uri").into());
        }
    })
}

pub(super) fn words<T>(
    text: &str,
    parse: fn(&str) -> Result<T, Malformed>,
) -> Result<Vec<T>, StoreError> {
    Ok(text.split_whitespace().map(parse).collect::<Result<_, _>>()?)
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

fn key_set(security: &Security) -> Option<&str> {
    match &security.keys {
        Some(KeySource::Inline(keys)) => Some(keys.as_str()),
        Some(KeySource::Remote(_)) | None => None,
    }
}

fn jwks_uri(security: &Security) -> Option<&str> {
    match &security.keys {
        Some(KeySource::Remote(uri)) => Some(uri.as_str()),
        Some(KeySource::Inline(_)) | None => None,
    }
}

/// Puts secrets and grants beside their clients, each client for itself: one that cannot be read
/// does not hide the others.
fn registrations(
    clients: Vec<ClientRow>,
    secrets: Vec<SecretRow>,
    grants: Vec<GrantRow>,
    trusts: Vec<TrustRow>,
    uses: Vec<UseRow>,
) -> impl Iterator<Item = (String, Result<Registration, StoreError>)> {
    let mut secrets_of: HashMap<String, Vec<SecretRow>> = HashMap::new();
    for row in secrets {
        secrets_of.entry(row.1.clone()).or_default().push(row);
    }
    let mut grants_of: HashMap<String, Vec<GrantRow>> = HashMap::new();
    for row in grants {
        grants_of.entry(row.0.clone()).or_default().push(row);
    }
    let mut trusts_of = trusts::by_client(trusts);
    let mut use_of: HashMap<String, UseRow> =
        uses.into_iter().map(|row| (row.0.clone(), row)).collect();
    clients.into_iter().map(move |row| {
        let id = row.0.clone();
        let trusts = trusts_of.remove(&id).unwrap_or_default();
        let secrets = secrets_of.remove(&id).unwrap_or_default();
        let grants = grants_of.remove(&id).unwrap_or_default();
        let own_use = use_of.remove(&id);
        (id, registration(row, secrets, grants, trusts, own_use))
    })
}

fn registration(
    row: ClientRow,
    secrets: Vec<SecretRow>,
    grants: Vec<GrantRow>,
    trusts: Vec<TrustRow>,
    own_use: Option<UseRow>,
) -> Result<Registration, StoreError> {
    Ok(Registration {
        client: client(row)?,
        secrets: secrets.into_iter().map(secret).collect::<Result<_, _>>()?,
        grants: grants
            .into_iter()
            .map(|(_, resource, scopes, networks)| {
                grant(&resource, scopes.as_deref(), networks.as_deref().unwrap_or_default())
            })
            .collect::<Result<_, _>>()?,
        trusts: trusts.into_iter().map(trust).collect::<Result<_, _>>()?,
        usage: match own_use {
            Some((_, first, last, count, address)) => usage((first, last, count, address))?,
            None => None,
        },
    })
}

impl Store {
    /// One client with all that belongs to it.
    pub async fn registration(&self, id: &ClientId) -> Result<Option<Registration>, StoreError> {
        const CLIENT: &str = client_where!("client_id = $1");
        const SECRETS: &str = secrets_where!("client_id = $1");
        const GRANTS: &str = grants_where!("client_id = $1");
        const TRUSTS: &str = trusts_where!("client_id = $1");
        const USES: &str = uses_where!("client_id = $1");
        on_pool!(self, |pool| {
            let id = id.as_str();
            let clients: Vec<ClientRow> = sqlx::query_as(CLIENT).bind(id).fetch_all(pool).await?;
            let secrets: Vec<SecretRow> = sqlx::query_as(SECRETS).bind(id).fetch_all(pool).await?;
            let grants: Vec<GrantRow> = sqlx::query_as(GRANTS).bind(id).fetch_all(pool).await?;
            let trusts: Vec<TrustRow> = sqlx::query_as(TRUSTS).bind(id).fetch_all(pool).await?;
            let uses: Vec<UseRow> = sqlx::query_as(USES).bind(id).fetch_all(pool).await?;
            registrations(clients, secrets, grants, trusts, uses)
                .next()
                .map(|(_, found)| found)
                .transpose()
        })
    }

    /// At most `limit` clients whose identifier follows `after`, in alphabetical order; each with
    /// its identifier, for the case that the rest cannot be read.
    pub async fn registrations(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(String, Result<Registration, StoreError>)>, StoreError> {
        const CLIENTS: &str = client_where!("client_id > $1 ORDER BY client_id LIMIT $2");
        const SECRETS: &str = secrets_where!("client_id > $1 AND client_id <= $2");
        const GRANTS: &str = grants_where!("client_id > $1 AND client_id <= $2");
        const TRUSTS: &str = trusts_where!("client_id > $1 AND client_id <= $2");
        const USES: &str = uses_where!("client_id > $1 AND client_id <= $2");
        on_pool!(self, |pool| {
            let clients: Vec<ClientRow> =
                sqlx::query_as(CLIENTS).bind(after).bind(i64::from(limit)).fetch_all(pool).await?;
            let Some(last) = clients.last().map(|row| row.0.clone()) else {
                return Ok(Vec::new());
            };
            let secrets: Vec<SecretRow> =
                sqlx::query_as(SECRETS).bind(after).bind(&last).fetch_all(pool).await?;
            let grants: Vec<GrantRow> =
                sqlx::query_as(GRANTS).bind(after).bind(&last).fetch_all(pool).await?;
            let trusts: Vec<TrustRow> =
                sqlx::query_as(TRUSTS).bind(after).bind(&last).fetch_all(pool).await?;
            let uses: Vec<UseRow> =
                sqlx::query_as(USES).bind(after).bind(&last).fetch_all(pool).await?;
            Ok(registrations(clients, secrets, grants, trusts, uses).collect())
        })
    }
}

impl Change {
    /// Adds a client without secrets and grants.
    pub async fn create_client(&mut self, client: &Client) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO client
                (client_id, name, state, auth_methods, grant_types, token_lifetime,
                token_rate, key_set, jwks_uri, dpop_bound, tls_subject, certificate_bound, networks,
                created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
        on_change!(self, |connection| {
            sqlx::query(SQL)
                .bind(client.client_id.as_str())
                .bind(client.name.as_str())
                .bind(client.state.as_str())
                .bind(joined(client.auth_methods.iter().map(|method| method.as_str())))
                .bind(joined(client.grant_types.iter().map(GrantType::as_str)))
                .bind(client.token_lifetime.map(Lifetime::seconds))
                .bind(client.token_rate.map(|rate| rate.to_string()))
                .bind(key_set(&client.security))
                .bind(jwks_uri(&client.security))
                .bind(client.security.dpop_bound)
                .bind(client.security.tls_subject.as_ref().map(ToString::to_string))
                .bind(client.security.certificate_bound)
                .bind(networks(&client.security.networks))
                .bind(client.created_at.0)
                .bind(client.updated_at.0)
                .execute(connection)
                .await
                .map_err(|error| meaning_of(error, "client of that id", "client"))?;
            Ok(())
        })
    }

    /// Replaces the fields of a client; `false` if there is none.
    pub async fn update_client(&mut self, client: &Client) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE client
            SET name = $2, state = $3, auth_methods = $4, grant_types = $5,
                token_lifetime = $6, token_rate = $7, key_set = $8, jwks_uri = $9,
                dpop_bound = $10, tls_subject = $11, certificate_bound = $12, networks = $13,
                updated_at = $14
            WHERE client_id = $1";
        let rows = on_change!(self, |connection| {
            let done = sqlx::query(SQL)
                .bind(client.client_id.as_str())
                .bind(client.name.as_str())
                .bind(client.state.as_str())
                .bind(joined(client.auth_methods.iter().map(|method| method.as_str())))
                .bind(joined(client.grant_types.iter().map(GrantType::as_str)))
                .bind(client.token_lifetime.map(Lifetime::seconds))
                .bind(client.token_rate.map(|rate| rate.to_string()))
                .bind(key_set(&client.security))
                .bind(jwks_uri(&client.security))
                .bind(client.security.dpop_bound)
                .bind(client.security.tls_subject.as_ref().map(ToString::to_string))
                .bind(client.security.certificate_bound)
                .bind(networks(&client.security.networks))
                .bind(client.updated_at.0)
                .execute(connection)
                .await?;
            Ok(done.rows_affected())
        })?;
        Ok(rows > 0)
    }

    /// Removes a client with its secrets and grants; `false` if there is none.
    pub async fn delete_client(&mut self, id: &ClientId) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM client WHERE client_id = $1";
        let rows = on_change!(self, |connection| {
            let done = sqlx::query(SQL).bind(id.as_str()).execute(connection).await?;
            Ok(done.rows_affected())
        })?;
        Ok(rows > 0)
    }

    /// Adds a secret to a client.
    pub async fn add_secret(
        &mut self,
        client_id: &ClientId,
        secret: &SecretRecord,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO client_secret
                (secret_id, client_id, kind, hash, hint, label, created_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        on_change!(self, |connection| {
            sqlx::query(SQL)
                .bind(secret.secret_id.as_str())
                .bind(client_id.as_str())
                .bind(secret.kind.as_str())
                .bind(secret.hash.as_phc())
                .bind(&secret.hint)
                .bind(&secret.label)
                .bind(secret.created_at.0)
                .bind(secret.expires_at.map(|expiry| expiry.0))
                .execute(connection)
                .await
                .map_err(|error| meaning_of(error, "secret of that id", "client"))?;
            Ok(())
        })
    }

    /// Gives a secret of a client an end; `false` if the client has no such secret.
    pub async fn expire_secret(
        &mut self,
        client_id: &ClientId,
        secret_id: &SecretId,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE client_secret
            SET expires_at = $3
            WHERE client_id = $1 AND secret_id = $2";
        let rows = on_change!(self, |connection| {
            let done = sqlx::query(SQL)
                .bind(client_id.as_str())
                .bind(secret_id.as_str())
                .bind(expires_at.0)
                .execute(connection)
                .await?;
            Ok(done.rows_affected())
        })?;
        Ok(rows > 0)
    }
}
