//! The admin API: every route of the management listener, with the scope of `urn:tokend` that it
//! needs. Handlers read the request, call a verb of [`crate::admin`] and write the answer.

mod audit;
mod audit_stream;
mod authentication;
mod challenge;
mod client_json;
mod clients;
mod facts_json;
mod grant_requests;
mod grants;
mod import_stream;
mod imports;
mod json;
mod keys;
mod leaks;
mod owner_policies;
mod problem;
mod rejections;
mod resource_json;
mod resource_metadata;
mod resources;
mod secrets;
mod server;
mod signing_keys;
mod tokens;
mod trusts;

pub(super) use problem::Problem;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, any, on};
use axum::{Extension, Router};
use percent_encoding::percent_decode_str;

use crate::admin::Principal;
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::oauth::protected_resource::RESOURCE_METADATA_PATH;
use crate::web::bearer;
use crate::web::health;
use crate::web::management::imports::ImportSlot;

/// The largest body of a request.
const MAX_BODY_BYTES: usize = 256 << 10;

/// The routes of the management listener.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    use AdminScope::{
        AdminsWrite, AuditRead, ClientsRead, ClientsWrite, GrantsWrite, Introspect, KeysRead,
        ResourcesRead, ResourcesWrite, SecretsWrite, ServerRead, TokensIssue, TokensRevoke,
    };
    let mut api = Api { app: app.clone(), router: Router::new(), listed: Vec::new() };
    api.add(Method::GET, "/v1/clients", ClientsRead, clients::list);
    api.add(Method::POST, "/v1/clients", ClientsWrite, clients::create);
    api.add(Method::POST, "/v1/clients/import", ClientsWrite, imports::run);
    api.add(Method::GET, "/v1/clients/{id}", ClientsRead, clients::show);
    api.add(Method::PATCH, "/v1/clients/{id}", ClientsWrite, clients::update);
    api.add(Method::DELETE, "/v1/clients/{id}", ClientsWrite, clients::delete);
    api.add(Method::POST, "/v1/clients/{id}/disable", ClientsWrite, clients::disable);
    api.add(Method::POST, "/v1/clients/{id}/enable", ClientsWrite, clients::enable);
    api.add(Method::GET, "/v1/clients/{id}/secrets", ClientsRead, secrets::list);
    api.add(Method::POST, "/v1/clients/{id}/secrets", SecretsWrite, secrets::create);
    api.add(Method::POST, "/v1/clients/{id}/secrets/rotate", SecretsWrite, secrets::rotate);
    api.add(Method::DELETE, "/v1/clients/{id}/secrets/{secret}", SecretsWrite, secrets::delete);
    api.add(Method::GET, "/v1/clients/{id}/keys", ClientsRead, keys::list);
    api.add(Method::POST, "/v1/clients/{id}/keys", SecretsWrite, keys::add);
    api.add(Method::DELETE, "/v1/clients/{id}/keys", SecretsWrite, keys::clear);
    api.add(Method::DELETE, "/v1/clients/{id}/keys/{key}", SecretsWrite, keys::delete);
    api.add(Method::GET, "/v1/clients/{id}/trusts", ClientsRead, trusts::list);
    api.add(Method::POST, "/v1/clients/{id}/trusts", SecretsWrite, trusts::create);
    api.add(Method::DELETE, "/v1/clients/{id}/trusts/{trust}", SecretsWrite, trusts::delete);
    api.add(Method::GET, "/v1/clients/{id}/grants", ClientsRead, grants::list);
    api.add(Method::PUT, "/v1/clients/{id}/grants/{resource}", GrantsWrite, grants::put);
    api.add(Method::DELETE, "/v1/clients/{id}/grants/{resource}", GrantsWrite, grants::delete);
    api.add(Method::GET, "/v1/grant-requests", ClientsRead, grant_requests::list);
    api.add(Method::POST, "/v1/grant-requests", GrantsWrite, grant_requests::create);
    api.add(Method::GET, "/v1/grant-requests/{id}", ClientsRead, grant_requests::show);
    api.add(Method::POST, "/v1/grant-requests/{id}/approve", GrantsWrite, grant_requests::approve);
    api.add(Method::POST, "/v1/grant-requests/{id}/reject", GrantsWrite, grant_requests::reject);
    api.add(Method::POST, "/v1/grant-requests/{id}/cancel", GrantsWrite, grant_requests::cancel);
    api.add(Method::POST, "/v1/leaks", SecretsWrite, leaks::report);
    api.add(Method::POST, "/v1/clients/{id}/tokens/revoke", TokensRevoke, tokens::revoke_all);
    api.add(Method::GET, "/v1/resources", ResourcesRead, resources::list);
    api.add(Method::POST, "/v1/resources", ResourcesWrite, resources::create);
    api.add(Method::GET, "/v1/resources/{id}", ResourcesRead, resources::show);
    api.add(Method::DELETE, "/v1/resources/{id}", ResourcesWrite, resources::delete);
    api.add(Method::GET, "/v1/owner-policies", ClientsRead, owner_policies::list);
    api.add(Method::GET, "/v1/owner-policies/{owner}", ClientsRead, owner_policies::show);
    api.add(Method::PUT, "/v1/owner-policies/{owner}", AdminsWrite, owner_policies::put);
    api.add(Method::DELETE, "/v1/owner-policies/{owner}", AdminsWrite, owner_policies::delete);
    api.add(Method::POST, "/v1/tokens", TokensIssue, tokens::issue);
    api.add(Method::POST, "/v1/tokens/inspect", Introspect, tokens::inspect);
    api.add(Method::POST, "/v1/tokens/verify", Introspect, tokens::verify);
    api.add(Method::POST, "/v1/tokens/revoke", TokensRevoke, tokens::revoke);
    api.add(Method::GET, "/v1/signing-keys", KeysRead, signing_keys::list);
    api.add(Method::GET, "/v1/signing-keys/{kid}", KeysRead, signing_keys::show);
    api.add(Method::GET, "/v1/rejections", ClientsRead, rejections::list);
    api.add(Method::GET, "/v1/rejections/{request_id}", ClientsRead, rejections::show);
    api.add(Method::GET, "/v1/audit-events", AuditRead, audit::list);
    api.add(Method::GET, "/v1/audit-events/verify", AuditRead, audit::verify);
    api.add(Method::GET, "/v1/server", ServerRead, server::show);
    api.into_router()
}

/// The API while its routes are added.
struct Api {
    app: Arc<App>,
    router: Router<Arc<App>>,
    listed: Vec<(Method, &'static str)>,
}

impl Api {
    /// Adds a route, and requires the scope for it.
    fn add<H, T>(&mut self, method: Method, path: &'static str, scope: AdminScope, handler: H)
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        let filter = match method {
            Method::POST => MethodFilter::POST,
            Method::PUT => MethodFilter::PUT,
            Method::PATCH => MethodFilter::PATCH,
            Method::DELETE => MethodFilter::DELETE,
            // axum answers HEAD as GET without the body.
            _ => MethodFilter::GET,
        };
        let guard =
            from_fn(move |principal: Extension<Principal>, request: Request, next: Next| {
                authorize(scope, principal, request, next)
            });
        let route = on(filter, handler).layer(guard);
        self.router = std::mem::take(&mut self.router).route(path, route);
        self.listed.push((method, path));
    }

    /// Every path needs a token, whether it exists or not, except the open ones, which follow the
    /// layers.
    fn into_router(self) -> Router<Arc<App>> {
        let Self { app, router, listed } = self;
        router
            .method_not_allowed_fallback(async move |path: MatchedPath| {
                Problem::method_not_allowed(&allowed(&listed, path.as_str()))
            })
            .fallback(async || Problem::not_found())
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .layer(Extension(ImportSlot::default()))
            .layer(from_fn_with_state(app, authenticate))
            .route(RESOURCE_METADATA_PATH, any(resource_metadata::show))
            .route("/livez", any(health::live))
            .route("/readyz", any(health::ready))
            .route("/healthz", any(health::ready))
    }
}

/// The methods of a path (RFC 9110, section 15.5.6). axum answers HEAD wherever it answers GET.
fn allowed(listed: &[(Method, &'static str)], path: &str) -> String {
    let methods = listed.iter().filter(|(_, listed)| *listed == path);
    let names = methods.map(|(method, _)| match *method {
        Method::GET => "GET, HEAD",
        ref other => other.as_str(),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// Lets a request through whose token is valid, with its principal. A caller without one learns
/// nothing about paths, methods or bodies.
async fn authenticate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let scheme = bearer::presented_scheme(&head.headers);
    let mut response = match principal(&app, &head).await {
        Ok(principal) => {
            head.extensions.insert(principal);
            next.run(Request::from_parts(head, body)).await
        }
        Err(problem) => problem.into_response(),
    };
    if let Some(problem) = response.extensions_mut().get_mut::<Problem>() {
        problem.add_challenges(challenge::challenges(&app, problem, scheme));
    }
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().entry(CACHE_CONTROL).or_insert(no_store);
    response
}

async fn principal(app: &App, head: &Parts) -> Result<Principal, Problem> {
    let principal = authentication::authenticate(app, head).await?;
    // axum would answer such a path in plain text.
    match percent_decode_str(head.uri.path()).decode_utf8() {
        Ok(_) => Ok(principal),
        Err(_) => Err(Problem::bad_request("invalid_path", "The path is not UTF-8.")),
    }
}

/// Lets a request through whose principal has the scope.
async fn authorize(
    scope: AdminScope,
    Extension(principal): Extension<Principal>,
    request: Request,
    next: Next,
) -> Response {
    match principal.require(scope) {
        Ok(()) => next.run(request).await,
        Err(error) => Problem::from(error).into_response(),
    }
}
