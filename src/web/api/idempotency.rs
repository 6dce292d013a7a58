//! `Idempotency-Key` on POST (draft-ietf-httpapi-idempotency-key-header-07). A caller that lost the
//! response repeats the request and gets the stored response instead of a second change.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::RequestPartsExt;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::admin::{AdminError, Principal, WriteMode, grant_request};
use crate::app::App;
use crate::crypto::digest;
use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientId;
use crate::model::grant_request::GrantRequestId;
use crate::model::owner::Owner;
use crate::model::signing_key::Sealed;
use crate::store::server::idempotency::{IdempotencyState, IdempotentRequest, seal_name};
use crate::web::api::Problem;
use crate::web::api::apply::APPLY_PATH;
use crate::web::api::guard::BodyLimit;

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Marks a stored response. The draft leaves the header name to the server.
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The maximum length of a key in bytes.
const MAX_KEY_BYTES: usize = 255;

/// The maximum size of a stored response in bytes. A response with one secret is far smaller.
const MAX_ANSWER_BYTES: usize = 256 << 10;

/// Like [`MAX_ANSWER_BYTES`], for an apply. Ten thousand new clients fit.
const MAX_APPLIED_BYTES: usize = 8 << 20;

/// The plaintext of a stored response.
#[derive(Serialize, Deserialize)]
struct StoredAnswer {
    status: u16,
    etag: Option<String>,
    body: String,
    /// The client that the response concerns. The caller must still be allowed to change it.
    client_id: Option<String>,
    /// The decided grant request, in place of a client. Its client may belong to another owner, so
    /// the caller must still be able to see the request.
    #[serde(default, rename = "request_id")]
    grant_request_id: Option<String>,
    /// The applied objects, in place of a client.
    #[serde(default)]
    applied: Option<Applied>,
    /// The scopes of the caller at that time.
    scopes: Vec<String>,
}

/// The applied objects that the caller must still be allowed to see.
#[derive(Serialize, Deserialize)]
struct Applied {
    /// The clients with a new secret.
    clients: Vec<String>,
    /// The owners that the caller administered; `None` for all.
    owners: Option<Vec<String>>,
}

/// Replays the stored response for a known key, and passes on other requests.
pub(super) async fn answer(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let run = match claim(&app, request).await {
        Ok(Claim::Without(request)) => return next.run(request).await,
        Ok(Claim::Known(response)) => return response,
        Ok(Claim::Run(run)) => run,
        Err(problem) => return problem.into_response(),
    };
    // The request runs in its own task, because a disconnect must not stop it before its response
    // is stored.
    let running = tokio::spawn(async move {
        let Run { key_hash, subject, principal, request } = *run;
        let response = next.run(request).await;
        keep(&app, &key_hash, subject, &principal, response).await
    });
    running.await.unwrap_or_else(|error| Problem::internal(&error.to_string()).into_response())
}

/// The result of claiming a key.
enum Claim {
    /// The request has no key, or is a dry run.
    Without(Request),
    /// The request was answered before.
    Known(Response),
    /// The request is new.
    Run(Box<Run>),
}

/// A request that has claimed its key.
struct Run {
    key_hash: String,
    subject: Subject,
    principal: Principal,
    request: Request,
}

/// The object that the path of a request names.
enum Subject {
    Client(String),
    GrantRequest(String),
    /// Clients and resources named in the body.
    Declarations,
    /// The path names no object, but the response may name a client.
    None,
}

async fn claim(app: &App, request: Request) -> Result<Claim, Problem> {
    let (mut parts, body) = request.into_parts();
    let principal = parts.extensions.get::<Principal>().cloned();
    let principal = principal.ok_or_else(|| Problem::internal("a request has no principal"))?;
    let Some(key) = key(&parts)? else {
        return Ok(Claim::Without(Request::from_parts(parts, body)));
    };
    if principal.mode() == WriteMode::DryRun {
        return Ok(Claim::Without(Request::from_parts(parts, body)));
    }
    let limit = parts.extensions.get::<BodyLimit>().copied();
    let limit = limit.ok_or_else(|| Problem::internal("a request has no limit"))?;
    let body = to_bytes(body, limit.0).await.map_err(|_| Problem::body_too_large(limit))?;
    let caller = principal.actor().as_str();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let wanted = IdempotentRequest {
        key_hash: digest::compute(&["idempotency key", caller, &key]),
        caller: caller.to_owned(),
        request_hash: digest::compute(&[parts.method.as_str(), target, &digest::of_bytes(&body)]),
    };
    let store = &app.services.store;
    let now = store.time(&app.services.clock).await.map_err(AdminError::from)?;
    match store.claim_key(&wanted, now).await.map_err(AdminError::from)? {
        IdempotencyState::Claimed => {}
        IdempotencyState::OtherRequest => return Err(Problem::idempotency_key_reused()),
        IdempotencyState::InFlight => return Err(Problem::idempotency_key_in_use()),
        IdempotencyState::TooMany => return Err(Problem::too_many_idempotency_keys()),
        IdempotencyState::Answered(sealed) => {
            let known = open(app, &wanted.key_hash, &sealed)?;
            return replay(app, &principal, known).await.map(Claim::Known);
        }
    }
    let subject = subject_of_path(&mut parts).await;
    let request = Request::from_parts(parts, Body::from(body));
    let key_hash = wanted.key_hash;
    Ok(Claim::Run(Box::new(Run { key_hash, subject, principal, request })))
}

/// Parses the key: printable ASCII, with quotation marks (RFC 9651, section 3.3.3) or without.
fn key(parts: &Parts) -> Result<Option<String>, Problem> {
    let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
    let (first, second) = (values.next(), values.next());
    let Some(first) = first else { return Ok(None) };
    let text = first.to_str().ok().map(|text| {
        let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        quoted.unwrap_or(text)
    });
    match text {
        Some(text)
            if second.is_none()
                && matches!(text.len(), 1..=MAX_KEY_BYTES)
                && text.bytes().all(|byte| matches!(byte, 0x21..=0x7E)) =>
        {
            Ok(Some(text.to_owned()))
        }
        _ => Err(Problem::bad_request(
            "invalid_idempotency_key",
            format!("Idempotency-Key is one value of 1 to {MAX_KEY_BYTES} printable characters."),
        )),
    }
}

async fn subject_of_path(parts: &mut Parts) -> Subject {
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let kind = if path.starts_with("/v1/clients/{id}") {
        Subject::Client
    } else if path.starts_with("/v1/grant-requests/{id}") {
        Subject::GrantRequest
    } else if path == APPLY_PATH {
        return Subject::Declarations;
    } else {
        return Subject::None;
    };
    let Ok(params) = parts.extract::<RawPathParams>().await else { return Subject::None };
    let id = params.iter().find(|(name, _)| *name == "id").map(|(_, value)| value.to_owned());
    id.map_or(Subject::None, kind)
}

/// Stores a successful response. Any other response changed nothing, so its key is released.
async fn keep(
    app: &App,
    key_hash: &str,
    subject: Subject,
    principal: &Principal,
    response: Response,
) -> Response {
    let is_json = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().eq_ignore_ascii_case(b"application/json"));
    if !response.status().is_success() || !is_json && response.status() != StatusCode::NO_CONTENT {
        release(app, key_hash).await;
        return response;
    }
    let (parts, body) = response.into_parts();
    let body = match to_bytes(body, usize::MAX).await {
        Ok(body) => body,
        Err(error) => {
            release(app, key_hash).await;
            return Problem::internal(&error.to_string()).into_response();
        }
    };
    let applied = match subject {
        Subject::Declarations => Some(applied(principal, &body)),
        _ => None,
    };
    // Repeating an apply without new secrets changes nothing.
    let max_bytes = match &applied {
        None => MAX_ANSWER_BYTES,
        Some(Applied { clients, .. }) if clients.is_empty() => 0,
        Some(_) => MAX_APPLIED_BYTES,
    };
    // The change is committed, so the caller gets the response.
    if body.len() > max_bytes {
        release(app, key_hash).await;
        return Response::from_parts(parts, Body::from(body));
    }
    let etag = parts.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    let (client_id, grant_request_id) = match subject {
        Subject::Client(id) => (Some(id), None),
        Subject::GrantRequest(id) => (None, Some(id)),
        Subject::Declarations => (None, None),
        Subject::None => (client_of_body(&body), None),
    };
    let answer = StoredAnswer {
        status: parts.status.as_u16(),
        etag,
        client_id,
        grant_request_id,
        applied,
        body: String::from_utf8_lossy(&body).into_owned(),
        scopes: principal.scopes().iter().map(|scope| scope.as_str().to_owned()).collect(),
    };
    // The change is committed. If its response cannot be stored, the caller still gets it.
    if let Err(problem) = store(app, key_hash, &answer).await {
        tracing::warn!(problem, "an answer cannot be stored for its Idempotency-Key");
    }
    Response::from_parts(parts, Body::from(body))
}

async fn store(app: &App, key_hash: &str, answer: &StoredAnswer) -> Result<(), String> {
    let text = serde_json::to_vec(answer).map_err(|error| error.to_string())?;
    let text = Zeroizing::new(text);
    let sealed = app.services.keys.master.seal(&seal_name(key_hash), &text);
    let sealed = sealed.map_err(|error| error.to_string())?;
    let stored = app.services.store.store_answer(key_hash, &sealed).await;
    stored.map_err(|error| error.to_string())
}

async fn release(app: &App, key_hash: &str) {
    if let Err(error) = app.services.store.release_key(key_hash).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "an Idempotency-Key cannot be released; it ends by itself");
    }
}

/// Returns the client that a response shows.
fn client_of_body(body: &Bytes) -> Option<String> {
    #[derive(Deserialize)]
    struct OnlyClientId {
        client_id: Option<String>,
    }
    serde_json::from_slice::<OnlyClientId>(body).ok()?.client_id
}

/// Returns the clients with new secrets and the owners of the caller.
fn applied(principal: &Principal, body: &Bytes) -> Applied {
    #[derive(Default, Deserialize)]
    struct Answer {
        secrets: Vec<Secret>,
    }
    #[derive(Deserialize)]
    struct Secret {
        client_id: String,
    }
    let Answer { secrets } = serde_json::from_slice(body).unwrap_or_default();
    let names = |owners: &BTreeSet<Owner>| owners.iter().map(ToString::to_string).collect();
    Applied {
        clients: secrets.into_iter().map(|secret| secret.client_id).collect(),
        owners: principal.owners().map(names),
    }
}

fn open(app: &App, key_hash: &str, sealed: &Sealed) -> Result<StoredAnswer, Problem> {
    let opened = app.services.keys.master.open(&seal_name(key_hash), sealed);
    let opened = opened.map_err(|error| Problem::internal(&error.to_string()))?;
    serde_json::from_slice(&opened.content).map_err(|error| Problem::internal(&error.to_string()))
}

/// Replays a response, if the caller still has the rights that it needed then.
async fn replay(
    app: &App,
    principal: &Principal,
    known: StoredAnswer,
) -> Result<Response, Problem> {
    let parsed = known.scopes.iter().map(|name| AdminScope::parse(name));
    let scopes = parsed.collect::<Result<BTreeSet<_>, _>>();
    let scopes = scopes.map_err(|error| Problem::internal(&error.to_string()))?;
    let mut clients: Vec<String> = known.client_id.into_iter().collect();
    if let Some(Applied { clients: applied, owners }) = known.applied {
        clients.extend(applied);
        let parsed = owners.iter().flatten().map(|owner| Owner::parse(owner)).collect();
        let then: BTreeSet<Owner> =
            Result::map_err(parsed, |error| Problem::internal(&error.to_string()))?;
        principal.require_owners(owners.is_some().then_some(&then))?;
    }
    let clients = clients.iter().map(|id| ClientId::parse(id)).collect::<Result<Vec<_>, _>>();
    let clients = clients.map_err(|error| Problem::internal(&error.to_string()))?;
    principal.authorize_again(&app.services, &scopes, &clients).await?;
    if let Some(id) = &known.grant_request_id {
        let id =
            GrantRequestId::parse(id).map_err(|error| Problem::internal(&error.to_string()))?;
        let (store, clock) = (&app.services.store, &app.services.clock);
        grant_request::show(store, clock, principal, &id).await?;
    }
    let has_body = !known.body.is_empty();
    let mut response = Response::new(Body::from(known.body));
    *response.status_mut() = StatusCode::from_u16(known.status)
        .map_err(|error| Problem::internal(&error.to_string()))?;
    let headers = response.headers_mut();
    if has_body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    if let Some(Ok(tag)) = known.etag.as_deref().map(HeaderValue::from_str) {
        headers.insert(ETAG, tag);
    }
    Ok(response)
}
