//! The admin API: every route of the management listener, with the scope of `urn:tokend` that it
//! needs. Handlers read the request, call a verb of [`crate::admin`] and write the answer.

mod audit;
mod authentication;
mod client_json;
mod clients;
mod delivery;
mod facts_json;
mod grant_json;
mod grants;
mod import_stream;
mod imports;
mod in_process;
mod json;
mod keys;
mod leaks;
mod problem;
mod rejections;
mod resource_json;
mod resources;
mod secrets;
mod security_json;
mod server;
mod signing_keys;
mod tokens;
mod trusts;

pub use delivery::Delivery;
pub use in_process::{InProcessAnswer, InProcessApi};
pub(super) use problem::Problem;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router};

use crate::admin::Principal;
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::web::error_response::ErrorResponse;
use crate::web::management::imports::ImportSlot;

/// The largest body of a request.
const MAX_BODY_BYTES: usize = 256 << 10;

/// How a router finds the caller of a request.
#[derive(Clone)]
pub(super) enum Access {
    /// By the access token of the request: every listener has this one.
    Token,
    /// The caller is the operator of this process. No request can ask for it: the router itself has
    /// it, and such a router is never given to a listener.
    Operator(Principal),
}

/// The routes of the admin API.
pub(super) fn routes(app: &Arc<App>, access: &Access) -> Router<Arc<App>> {
    use AdminScope::{
        AuditRead, ClientsRead, ClientsWrite, GrantsWrite, Introspect, KeysRead, ResourcesRead,
        ResourcesWrite, SecretsWrite, ServerRead, TokensIssue, TokensRevoke,
    };
    let mut api =
        Api { app: app.clone(), access: access.clone(), router: Router::new(), listed: Vec::new() };
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
    api.add(Method::PATCH, "/v1/clients/{id}/secrets/{secret}", SecretsWrite, secrets::update);
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
    api.add(Method::PATCH, "/v1/clients/{id}/grants/{resource}", GrantsWrite, grants::update);
    api.add(Method::DELETE, "/v1/clients/{id}/grants/{resource}", GrantsWrite, grants::delete);
    api.add(Method::POST, "/v1/leaks", SecretsWrite, leaks::report);
    api.add(Method::POST, "/v1/clients/{id}/tokens/revoke", TokensRevoke, tokens::revoke_all);
    api.add(Method::GET, "/v1/resources", ResourcesRead, resources::list);
    api.add(Method::POST, "/v1/resources", ResourcesWrite, resources::create);
    api.add(Method::GET, "/v1/resources/{id}", ResourcesRead, resources::show);
    api.add(Method::DELETE, "/v1/resources/{id}", ResourcesWrite, resources::delete);
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
    access: Access,
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
        let guard = from_fn_with_state((self.app.clone(), self.access.clone(), scope), authorize);
        let route = on(filter, handler).layer(guard);
        self.router = std::mem::take(&mut self.router).route(path, route);
        self.listed.push((method, path));
    }

    fn into_router(self) -> Router<Arc<App>> {
        let listed = self.listed;
        self.router
            .method_not_allowed_fallback(async move |path: MatchedPath| {
                ErrorResponse::method_not_allowed(allowed(&listed, path.as_str()))
            })
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .layer(Extension(ImportSlot::default()))
    }
}

/// The methods of a path (RFC 9110, section 15.5.6).
fn allowed(listed: &[(Method, &'static str)], path: &str) -> String {
    let methods = listed.iter().filter(|(_, listed)| *listed == path);
    methods.map(|(method, _)| method.as_str()).collect::<Vec<_>>().join(", ")
}

/// Lets a request through whose caller has the scope, with the principal for the handler.
async fn authorize(
    State((app, access, scope)): State<(Arc<App>, Access, AdminScope)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut head, body) = request.into_parts();
    let principal = match access {
        Access::Operator(principal) => principal,
        Access::Token => match authentication::authenticate(&app, &head).await {
            Ok(principal) => principal,
            Err(problem) => return problem.into_response(),
        },
    };
    if let Err(error) = principal.require(scope) {
        return Problem::from(error).into_response();
    }
    head.extensions.insert(principal);
    next.run(Request::from_parts(head, body)).await
}
