//! A secret that is shown once, and the light that turns green with its first token.

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

/// How many rejections are looked at: a client that has more uses than these has got a token.
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
    /// Without a grant the client gets no token.
    has_grant: bool,
    usage_path: String,
}

/// An identifier for a form that must not be sent twice.
///
/// # Errors
/// If the operating system gives no random bytes.
pub(in crate::web::console) fn once() -> Result<String, ConsoleError> {
    Ok(random::identifier("").map_err(AdminError::from)?)
}

/// Lets a form through once. A browser that loads the page of a secret again sends its form again.
///
/// # Errors
/// 409 if it was sent before.
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

/// The page of a secret that was just made.
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
    // For caches of HTTP/1.0. All pages of the console have `Cache-Control: no-store`.
    answered.headers_mut().insert("pragma", HeaderValue::from_static("no-cache"));
    Ok(answered)
}

/// Another secret without the console.
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

/// A Secret of Kubernetes. Its values are JSON texts, which YAML reads as they are.
fn kubernetes(id: &str, secret: &str) -> String {
    let name = object_name(id);
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {}\ntype: Opaque\nstringData:\n  client_id: {}\n  client_secret: {}",
        json!(name),
        json!(id),
        json!(secret)
    )
}

/// The name of an object of an orchestrator: letters, digits and hyphens.
fn object_name(id: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = id.to_ascii_lowercase().chars().map(letter).collect();
    match name.trim_matches('-') {
        "" => "client".to_owned(),
        name => name.to_owned(),
    }
}

/// A secret of Docker. The space in front keeps the line out of the history of most shells.
fn docker(id: &str, secret: &str) -> String {
    let (name, secret) = (object_name(id), quote(secret));
    format!(" printf %s {secret} | docker secret create {name}-client-secret -")
}

/// A token for one API: a client with several must name it.
fn curl(issuer: &str, id: &str, grant: Option<&Grant>) -> String {
    let resource = grant.map(|grant| {
        let value: String =
            form_urlencoded::byte_serialize(grant.resource.as_str().as_bytes()).collect();
        // What needs no encoding in practice is easier to read.
        let value = value.replace("%3A", ":").replace("%2F", "/");
        format!(" \\\n  -d {}", quote(&format!("resource={value}")))
    });
    format!(
        "curl -s {issuer}{TOKEN_PATH} \\\n  -u {}:\"$CLIENT_SECRET\" \\\n  -d grant_type=client_credentials{}",
        quote(id),
        resource.unwrap_or_default(),
    )
}

/// Whether a secret has been used, as JSON for the script of its page.
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
            // A use is a token, an introspection, a revocation or a sign-in: the statistics do not
            // tell which.
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

/// The error of the last request, if all requests with a secret since it was made were rejected
/// although the secret was right.
async fn rejected(
    app: &App,
    signed_in: &SignedIn,
    client: &Client,
    since: Timestamp,
    uses: i64,
) -> Result<Option<String>, ConsoleError> {
    // What waits to be written is read where it is: the script of the page looks again and again.
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
        // YAML would read it as a number.
        assert!(kubernetes("75901", secret).contains("name: \"75901\""));
        assert_eq!(object_name("(*)"), "client");
        let docker = docker(id, secret);
        assert_eq!(docker, " printf %s 'x'\\''y\"z' | docker secret create a-b-c-client-secret -");
        assert!(!curl("https://a.example", id, None).contains(secret));
    }
}
