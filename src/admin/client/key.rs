//! The public keys of a client, for authentication by `private_key_jwt`.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::admin::difference::Difference;
use crate::admin::error::invalid_value::InvalidValue;
use crate::admin::{AdminError, Changed, Conflict, ObjectKind, Principal, client_to_change, owner};
use crate::app::token_endpoint::is_token_endpoint;
use crate::jose::assertion::{Algorithm, CLIENT_ASSERTION_ALGS};
use crate::jose::external_jwks::ExternalJwks;
use crate::jose::public_key_pem;
use crate::model::admin_scope::AdminScope;
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{AuthenticationMethod, ClientId, Registration};
use crate::model::event::{Action, EventSubject};
use crate::model::security::{KeySet, KeySource};
use crate::services::Services;

/// Adds public keys to a client, or sets the URL to fetch them from. New keys replace keys with the
/// same `kid`. If the client may use no method that uses keys yet, `method` is permitted too.
pub async fn add(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    keys: KeySource,
    method: AuthenticationMethod,
) -> Result<Changed<Registration>, AdminError> {
    check(Some(&keys), &CLIENT_ASSERTION_ALGS)?;
    let action = Action::ClientKeysAdded;
    change(services, principal, id, action, Some(method), |current| match (current, keys) {
        (None, keys) | (Some(KeySource::Remote(_)), keys @ KeySource::Remote(_)) => Ok(Some(keys)),
        (Some(KeySource::Inline(old)), KeySource::Inline(new)) => {
            joined(&old, &new).map(|joined| Some(KeySource::Inline(joined)))
        }
        (Some(_), _) => Err(Conflict::KeySource.into()),
    })
    .await
}

/// Removes one key of a client, or all keys and the `jwks_uri` (`None`). A key is named by its
/// `kid`, or by its thumbprint (RFC 7638) if no key has that `kid`.
pub async fn remove(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    name: Option<&str>,
) -> Result<Changed<Registration>, AdminError> {
    let action = Action::ClientKeysRemoved;
    change(services, principal, id, action, None, |current| match (name, current) {
        (None, _) => Ok(None),
        (Some(name), Some(KeySource::Inline(keys))) => without(&keys, name),
        (Some(name), _) => Err(no_such_key(name)),
    })
    .await
}

async fn change(
    services: &Services,
    principal: &Principal,
    id: &ClientId,
    action: Action,
    permitting: Option<AuthenticationMethod>,
    changed: impl FnOnce(Option<KeySource>) -> Result<Option<KeySource>, AdminError>,
) -> Result<Changed<Registration>, AdminError> {
    principal.require(AdminScope::SecretsWrite)?;
    let mut change = principal.begin(services).await?;
    let mut current = client_to_change(change.read(), principal, id).await?;
    let before = current.clone();
    let client = &mut current.client;
    client.security.keys = changed(client.security.keys.take())?;
    // The remaining keys were checked at registration. A rule that became stricter since then must
    // not prevent the removal of a leaked key.
    if let Some(method) = permitting {
        check(client.security.keys.as_ref(), &CLIENT_ASSERTION_ALGS)?;
        permit(method, &mut client.auth_methods);
    }
    let Some(difference) = Difference::between(&json!(before.client), &json!(client)) else {
        return Ok(Changed::before(current));
    };
    client.updated_at = change.now;
    change.transaction.update_client(client).await?;
    let detail = json!({ "keys": client.security.keys, "auth_methods": client.auth_methods });
    let detail = difference.add_to(detail);
    change.record(action, EventSubject::Client(id.clone()), detail).await?;
    owner::policy::check(&mut change, Some(&before), id).await?;
    change.commit().await?;
    Ok(Changed::now(current))
}

/// Rejects keys that cannot authenticate a client with the accepted algorithms, or that must not be
/// registered at all.
pub(in crate::admin) fn check(
    keys: Option<&KeySource>,
    taken: &[Algorithm],
) -> Result<(), AdminError> {
    if let Some(KeySource::Inline(keys)) = keys {
        ExternalJwks::registered(keys.as_str(), taken)
            .map_err(|problem| AdminError::invalid("keys", problem.to_string()))?;
    }
    Ok(())
}

/// Permits a method for a client's keys, unless another method that uses keys is permitted already.
pub(in crate::admin) fn permit(
    method: AuthenticationMethod,
    methods: &mut Vec<AuthenticationMethod>,
) {
    use AuthenticationMethod::{PrivateKeyJwt, SelfSignedTlsClientAuth};
    let uses_keys = [PrivateKeyJwt, SelfSignedTlsClientAuth];
    if !uses_keys.iter().any(|method| methods.contains(method)) {
        methods.push(method);
    }
}

fn joined(old: &KeySet, new: &KeySet) -> Result<KeySet, AdminError> {
    let new = keys_of(new);
    let is_replaced = |key: &Value| new.iter().any(|other| other["kid"] == key["kid"]);
    let kept = keys_of(old).into_iter().filter(|key| key["kid"].is_null() || !is_replaced(key));
    set_of(&kept.chain(new.iter().cloned()).collect::<Vec<_>>())
}

fn without(keys: &KeySet, name: &str) -> Result<Option<KeySource>, AdminError> {
    let before = keys_of(keys);
    let has_kid = before.iter().any(|key| key["kid"] == name);
    let is_named = |key: &Value| {
        let thumbprint = || public_key_pem::thumbprint(key).unwrap_or_default();
        if has_kid { key["kid"] == name } else { thumbprint() == name }
    };
    let kept: Vec<_> = before.iter().filter(|key| !is_named(key)).cloned().collect();
    if kept.len() == before.len() {
        return Err(no_such_key(name));
    }
    if kept.is_empty() {
        return Ok(None);
    }
    set_of(&kept).map(|keys| Some(KeySource::Inline(keys)))
}

fn no_such_key(name: &str) -> AdminError {
    AdminError::not_found(ObjectKind::Key, name)
}

/// A public key of a client, for people and programs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(examples(json!({ "kid": "2026-11", "thumbprint": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "algorithms": "ES256", "jwk": { "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "kid": "2026-11" } })))]
pub struct ClientKey {
    /// Its `kid`, if it has one.
    #[schema(required = true, examples("2026-11"))]
    pub kid: Option<String>,
    /// The thumbprint (RFC 7638), which identifies a key without a `kid`.
    #[schema(required = true, examples("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"))]
    pub thumbprint: Option<String>,
    /// The algorithms of assertions that the key verifies, or the reason why it cannot be used.
    #[schema(examples("ES256"))]
    pub algorithms: String,
    /// The key itself (RFC 7517).
    #[schema(value_type = Object)]
    pub jwk: Value,
}

/// Returns the registered keys of a client. The list is empty if it has none, or a `jwks_uri`.
pub fn list(found: &Registration) -> Vec<ClientKey> {
    let Some(KeySource::Inline(set)) = &found.client.security.keys else { return Vec::new() };
    // A stored set that cannot be read has no keys to show.
    let described =
        ExternalJwks::describe(set.as_str(), &CLIENT_ASSERTION_ALGS).unwrap_or_default();
    let keys = keys_of(set).into_iter().zip(described);
    keys.map(|(jwk, (_, algorithms))| ClientKey {
        kid: jwk["kid"].as_str().map(str::to_owned),
        thumbprint: public_key_pem::thumbprint(&jwk).ok(),
        algorithms,
        jwk,
    })
    .collect()
}

fn keys_of(set: &KeySet) -> Vec<Value> {
    let set: Value = serde_json::from_str(set.as_str()).unwrap_or_default();
    set["keys"].as_array().cloned().unwrap_or_default()
}

fn set_of(keys: &[Value]) -> Result<KeySet, AdminError> {
    KeySet::parse(&json!({ "keys": keys }).to_string()).map_err(AdminError::malformed("keys"))
}

/// Rejects an extra audience of assertions that is not a URL of this issuer's token endpoint: a
/// server at that URL could reuse the assertions it receives (RFC 10070).
pub(super) async fn check_audiences(
    services: &Services,
    audiences: &AssertionAudiences,
) -> Result<(), AdminError> {
    if audiences.is_empty() {
        return Ok(());
    }
    check_audiences_of(services, issuer(services).await?.as_deref(), audiences)
}

/// Returns the configured issuer, or that of the server that started last.
pub(in crate::admin) async fn issuer(services: &Services) -> Result<Option<String>, AdminError> {
    match &services.config.issuer {
        Some(issuer) => Ok(Some(issuer.as_str().to_owned())),
        None => Ok(services.store.server_issuer().await?),
    }
}

/// Like [`check_audiences`], but with an issuer that the caller has read.
pub(in crate::admin) fn check_audiences_of(
    services: &Services,
    issuer: Option<&str>,
    audiences: &AssertionAudiences,
) -> Result<(), AdminError> {
    let invalid = |problem| AdminError::invalid("assertion audience", problem);
    let aliases = &services.config.token.aliases;
    for url in audiences.iter() {
        let Some(issuer) = issuer else {
            return Err(invalid(InvalidValue::IssuerUnknown { url: url.to_owned() }));
        };
        if !is_token_endpoint(issuer, aliases, url) {
            return Err(invalid(InvalidValue::NotTokenEndpoint {
                url: url.to_owned(),
                issuer: issuer.to_owned(),
            }));
        }
    }
    Ok(())
}
