//! Writing clients and their secrets. `registrations` reads them.

use crate::model::Malformed;
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{Client, ClientId, GrantType};
use crate::model::secret::{SecretId, SecretRecord};
use crate::model::security::{ClientSecurity, KeySet, KeySetUri, KeySource, Networks, TlsSubject};
use crate::model::time::{Lifetime, Timestamp};
use crate::store::grants::networks;
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{StoreError, map_constraint};

/// The columns of what a client is held to.
pub(super) type SecurityColumns =
    (Option<String>, Option<String>, bool, Option<String>, bool, Option<String>, Option<String>);

pub(super) fn security(columns: SecurityColumns) -> Result<ClientSecurity, StoreError> {
    let (key_set, jwks_uri, dpop_bound, tls_subject, certificate_bound, networks, audiences) =
        columns;
    Ok(ClientSecurity {
        keys: key_source(key_set.as_deref(), jwks_uri.as_deref())?,
        dpop_bound,
        tls_subject: tls_subject.as_deref().map(TlsSubject::parse).transpose()?,
        certificate_bound,
        networks: Networks::parse(&networks.unwrap_or_default())?,
        assertion_audiences: AssertionAudiences::parse(&audiences.unwrap_or_default())?,
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

fn key_set(security: &ClientSecurity) -> Option<&str> {
    match &security.keys {
        Some(KeySource::Inline(keys)) => Some(keys.as_str()),
        Some(KeySource::Remote(_)) | None => None,
    }
}

fn jwks_uri(security: &ClientSecurity) -> Option<&str> {
    match &security.keys {
        Some(KeySource::Remote(uri)) => Some(uri.as_str()),
        Some(KeySource::Inline(_)) | None => None,
    }
}

fn audiences(security: &ClientSecurity) -> Option<String> {
    let audiences = &security.assertion_audiences;
    (!audiences.is_empty()).then(|| audiences.to_string())
}

impl WriteTransaction {
    /// Adds a client without secrets and grants.
    pub async fn create_client(&mut self, client: &Client) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO client
                (client_id, name, state, auth_methods, grant_types, token_lifetime,
                token_rate, key_set, jwks_uri, dpop_bound, tls_subject, certificate_bound, networks,
                assertion_audiences, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
        on_write!(self, |connection| {
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
                .bind(audiences(&client.security))
                .bind(client.created_at.0)
                .bind(client.updated_at.0)
                .execute(connection)
                .await
                .map_err(|error| map_constraint(error, "client of that id", "client"))?;
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
                assertion_audiences = $14, updated_at = $15
            WHERE client_id = $1";
        let rows = on_write!(self, |connection| {
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
                .bind(audiences(&client.security))
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
        let rows = on_write!(self, |connection| {
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
        on_write!(self, |connection| {
            sqlx::query(SQL)
                .bind(secret.secret_id.as_str())
                .bind(client_id.as_str())
                .bind(secret.kind.as_str())
                .bind(secret.hash.as_phc())
                .bind(&secret.suffix)
                .bind(&secret.label)
                .bind(secret.created_at.0)
                .bind(secret.expires_at.map(|expiry| expiry.0))
                .execute(connection)
                .await
                .map_err(|error| map_constraint(error, "secret of that id", "client"))?;
            Ok(())
        })
    }

    /// Changes the label and the end of a secret of a client.
    pub async fn update_secret(
        &mut self,
        client_id: &ClientId,
        secret: &SecretRecord,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE client_secret
            SET label = $3, expires_at = $4
            WHERE client_id = $1 AND secret_id = $2";
        on_write!(self, |connection| {
            sqlx::query(SQL)
                .bind(client_id.as_str())
                .bind(secret.secret_id.as_str())
                .bind(&secret.label)
                .bind(secret.expires_at.map(|end| end.0))
                .execute(connection)
                .await?;
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
        let rows = on_write!(self, |connection| {
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
