//! The page that shows a new secret once, and the status that reports its first use.

use std::collections::HashSet;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::admin::secret::MadeSecret;
use crate::admin::{AdminError, client, rejection};
use crate::app::App;
use crate::crypto::{digest, random};
use crate::model::admin_scope::AdminScope;
use crate::model::client::Client;
use crate::model::grant::Grant;
use crate::model::public_path::TOKEN_PATH;
use crate::model::time::Timestamp;
use crate::store::rejections::RejectionFilter;
use crate::store::server::idempotency::{IdempotencyState, IdempotentRequest};
use crate::text::shell::quote;
use crate::web::console::clients::detail::parsed;
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::shown::{self, Time};
use crate::web::console::security::problems;
use crate::web::console::sign_in::gate::SignedIn;

/// The maximum number of rejections read. A client with more uses is assumed to have got a token.
const MAX_REJECTIONS: u32 = 100;

#[derive(Template)]
#[template(path = "console/clients/new_secret.html")]
struct NewSecretPage {
    frame: Frame,
    id: String,
    name: String,
    path: String,
    secret: String,
    expires: Option<Time>,
    old_end: Option<Time>,
    env: String,
    kubernetes: String,
    docker: String,
    curl: String,
    /// True if the client has a grant. Without one it gets no token.
    has_grant: bool,
    usage_path: String,
}

/// Generates an identifier for a form that must not be submitted twice.
///
/// # Errors
/// Fails if the operating system provides no random bytes.
pub(in crate::web::console) fn once() -> Result<String, ConsoleError> {
    Ok(random::identifier("").map_err(AdminError::from)?)
}

/// Accepts a form once. Reloading the page of a secret submits its form again.
///
/// # Errors
/// 409 if the form was submitted before.
pub(in crate::web::console) async fn claim(
    app: &App,
    signed_in: &SignedIn,
    form: &Form,
) -> Result<(), ConsoleError> {
    let once = form.text("once").unwrap_or_default();
    let caller = format!("console {}", signed_in.session.session_id);
    let request = IdempotentRequest {
        key_hash: digest::compute(&[&caller, once]),
        request_hash: digest::compute(&[once]),
        caller,
    };
    let (store, clock) = (&app.services.store, &app.services.clock);
    let now = store.time(clock).await?;
    match store.claim_key(&request, now).await? {
        IdempotencyState::Claimed if !once.is_empty() => Ok(()),
        _ => Err(problems::sent_twice().into()),
    }
}

/// Shows a new secret.
pub(in crate::web::console) fn page(
    app: &App,
    signed_in: &SignedIn,
    client: &Client,
    grants: &[Grant],
    made: &MadeSecret,
) -> Answer {
    let Some(plain) = &made.plain else {
        return Ok(answer::see_other(&shown::client_path(client.client_id.as_str())));
    };
    let (id, secret, issuer) =
        (client.client_id.as_str(), plain.expose_secret(), app.issuer.as_str());
    let path = shown::client_path(id);
    let now = signed_in.now;
    let mut answered = answer::page(&NewSecretPage {
        frame: Frame::new(signed_in, "New secret", "/console/clients")
            .with_equivalent(equivalent(id)),
        id: id.to_owned(),
        name: client.name.as_str().to_owned(),
        secret: secret.to_owned(),
        expires: Time::maybe(made.record.expires_at, now),
        old_end: Time::maybe(made.old_secrets_end, now),
        env: env(issuer, id, secret),
        kubernetes: kubernetes(id, secret),
        docker: docker(id, secret),
        curl: curl(issuer, id, grants.first()),
        has_grant: !grants.is_empty(),
        usage_path: format!("{path}/secrets/{}/use", made.record.secret_id),
        path,
    })?;
    // For HTTP/1.0 caches. All console pages have `Cache-Control: no-store`.
    answered.headers_mut().insert("pragma", HeaderValue::from_static("no-cache"));
    Ok(answered)
}

/// Returns the command and the API request that add a secret.
fn equivalent(id: &str) -> Equivalent {
    let path = format!("/v1/clients/{}/secrets", shown::segment(id));
    Equivalent::new(format!("tokend client add-secret {}", quote(id)), "POST", &path, "{}")
}

fn env(issuer: &str, id: &str, secret: &str) -> String {
    format!(
        "TOKEN_URL={issuer}{TOKEN_PATH}\nCLIENT_ID={}\nCLIENT_SECRET={}",
        quote(id),
        quote(secret)
    )
}

/// Renders a Kubernetes `Secret`. The values are JSON strings, which are valid YAML.
fn kubernetes(id: &str, secret: &str) -> String {
    let name = object_name(id);
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {}\ntype: Opaque\nstringData:\n  client_id: {}\n  client_secret: {}",
        json!(name),
        json!(id),
        json!(secret)
    )
}

/// Converts a client id to an object name of letters, digits and hyphens.
fn object_name(id: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = id.to_ascii_lowercase().chars().map(letter).collect();
    match name.trim_matches('-') {
        "" => "client".to_owned(),
        name => name.to_owned(),
    }
}

/// Renders the command for a Docker secret. Most shells do not store a line with a leading space in
/// their history.
fn docker(id: &str, secret: &str) -> String {
    let (name, secret) = (object_name(id), quote(secret));
    format!(" printf %s {secret} | docker secret create {name}-client-secret -")
}

/// Renders a token request. A client with several resources must name one.
fn curl(issuer: &str, id: &str, grant: Option<&Grant>) -> String {
    let resource = grant.map(|grant| {
        let value: String =
            form_urlencoded::byte_serialize(grant.resource.as_str().as_bytes()).collect();
        // These characters are valid unencoded and easier to read.
        let value = value.replace("%3A", ":").replace("%2F", "/");
        format!(" \\\n  -d {}", quote(&format!("resource={value}")))
    });
    format!(
        "curl -s {issuer}{TOKEN_PATH} \\\n  -u {}:\"$CLIENT_SECRET\" \\\n  -d grant_type=client_credentials{}",
        quote(id),
        resource.unwrap_or_default(),
    )
}

/// Reports the usage of a secret as JSON, for the script of its page.
pub(in crate::web::console) async fn usage(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path((id, secret)): Path<(String, String)>,
) -> Result<Response, ConsoleError> {
    signed_in.require(AdminScope::ClientsRead)?;
    let found = client::show(&app.services.store, &signed_in.principal, &parsed(&id)?).await?;
    let known = found.secrets.iter().find(|known| known.secret_id.as_str() == secret);
    let usage = known.and_then(|known| Some((known.created_at, known.usage?)));
    let (is_used, text) = match usage {
        None => (false, None),
        Some((created_at, usage)) => {
            let time = usage.first_used_at.to_string();
            let clock = time.get(11..19).unwrap_or_default();
            let rejected =
                rejected(&app, &signed_in, &found.client, created_at, usage.uses).await?;
            // The usage statistics count tokens, introspections, revocations and sign-ins together.
            let text = if let Some(error) = &rejected {
                format!("Used at {clock} UTC, but rejected: {error}. See Activity.")
            } else {
                format!("First used at {clock} UTC. Last used from {}.", usage.last_address)
            };
            (rejected.is_none(), Some(text))
        }
    };
    let body = json!({ "is_used": is_used, "text": text });
    let mut response = Response::new(axum::body::Body::from(body.to_string()));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Returns the error of the last request, if all requests since the secret was created failed
/// although the secret was correct.
async fn rejected(
    app: &App,
    signed_in: &SignedIn,
    client: &Client,
    since: Timestamp,
    uses: i64,
) -> Result<Option<String>, ConsoleError> {
    // Pending rejections are read from memory instead of being written, because the script polls.
    let mut found = app.rejections.about_client(client.client_id.as_str(), since);
    let filter = RejectionFilter {
        client_id: Some(client.client_id.clone()),
        since: Some(since),
        ..RejectionFilter::default()
    };
    let filter = rejection::restrict_to_caller(&signed_in.principal, filter);
    let written = app.services.store.rejections(&filter, MAX_REJECTIONS).await?;
    let pending: HashSet<_> = found.iter().map(|it| it.request_id.clone()).collect();
    found.extend(written.into_iter().filter(|it| !pending.contains(&it.request_id)));
    found.retain(|it| it.status != StatusCode::UNAUTHORIZED.as_u16());
    let all = i64::try_from(found.len()).is_ok_and(|count| count >= uses);
    Ok(found.into_iter().next().filter(|_| all).map(|last| last.error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_has_every_value_quoted() {
        let (id, secret) = ("a b'c", "x'y\"z");
        assert!(env("https://a.example", id, secret).contains("CLIENT_SECRET='x'\\''y\"z'"));
        assert!(kubernetes(id, secret).contains("client_secret: \"x'y\\\"z\""));
        assert!(kubernetes(id, secret).contains("name: \"a-b-c\""));
        // Unquoted, YAML would parse it as a number.
        assert!(kubernetes("75901", secret).contains("name: \"75901\""));
        assert_eq!(object_name("(*)"), "client");
        let docker = docker(id, secret);
        assert_eq!(docker, " printf %s 'x'\\''y\"z' | docker secret create a-b-c-client-secret -");
        assert!(!curl("https://a.example", id, None).contains(secret));
    }
}
