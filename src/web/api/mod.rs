//! The admin API: all routes, with the scopes of `urn:tokend` that they require. Handlers parse the
//! request, call a verb of [`crate::admin`] and write the response.

mod apply;
mod audit;
mod audit_checkpoints;
mod audit_stream;
mod authentication;
mod challenge;
mod client_document;
mod client_json;
mod clients;
mod conditions;
mod delivery;
mod duplicate_member;
mod facts_json;
mod grant_json;
mod grant_requests;
mod grants;
mod guard;
mod idempotency;
mod import_stream;
mod imports;
mod in_process;
mod json;
mod keys;
mod layers;
mod leaks;
mod member;
mod metrics;
mod openapi;
mod owner_policies;
mod page;
mod problem;
#[cfg(test)]
mod problem_codes;
mod problem_places;
mod problem_status;
mod read_only;
mod rejections;
mod resource_json;
mod resource_metadata;
mod resources;
mod secrets;
mod security_json;
mod serde_texts;
mod server;
mod signing_keys;
mod tokens;
mod trusts;
mod work_slot;

pub use crate::web::api::delivery::Delivery;
pub use crate::web::api::in_process::{InProcessAnswer, InProcessApi};
pub(super) use crate::web::api::keys::KeysInput;
pub(super) use crate::web::api::layers::{compression, timeout, with_layers};
pub(super) use crate::web::api::problem::Problem;
pub(super) use crate::web::api::tokens::issue_for;
pub(super) use crate::web::api::trusts::TrustInput;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, MatchedPath};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, MethodRouter, any, on};
use axum::{Extension, Router};

use crate::admin::{Principal, declarative};
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::public_path::TOKEN_PATH;
use crate::oauth::protected_resource::RESOURCE_METADATA_PATH;
use crate::web::api::apply::ApplySlot;
use crate::web::api::guard::{BodyLimit, Guard, RouteQuery, RouteScopes};
use crate::web::api::imports::ImportSlot;
use crate::web::api::openapi::{Described, Description, Documentation};
use crate::web::health;

/// The maximum body size in bytes.
const MAX_BODY_BYTES: usize = 256 << 10;

/// The scopes for an apply. One is enough, because every plan shows clients or resources.
const APPLY_SCOPES: [AdminScope; 4] = [
    AdminScope::ClientsRead,
    AdminScope::ResourcesRead,
    AdminScope::ResourcesWrite,
    AdminScope::ClientsWrite,
];

/// The scopes for an export, which shows clients and resources.
const EXPORT_SCOPES: [AdminScope; 2] = [AdminScope::ClientsRead, AdminScope::ResourcesRead];

/// With the value `true`, permits changes to objects that are applied from a source, and steps with
/// signing keys that break verifiers.
pub const FORCE_HEADER: &str = "tokend-force";

/// The method to find the caller of a request.
#[derive(Clone)]
pub(super) enum Access {
    /// By access token. Every listener uses this variant.
    Token,
    /// The operator of this process. A request cannot select this variant, because it is part of
    /// the router, and no listener gets such a router.
    Operator(Principal),
}

/// Builds the routes of the admin API, metrics and health.
pub(super) fn routes(app: &Arc<App>, access: Access) -> Router<Arc<App>> {
    use AdminScope::{
        AdminsWrite, AuditRead, ClientsRead, GrantsWrite, Introspect, KeysRead, KeysWrite,
        ResourcesRead, ResourcesWrite, SecretsWrite, ServerRead, TokensIssue, TokensRevoke,
    };
    let mut api = Api { app: app.clone(), access, router: Router::new(), listed: Vec::new() };
    add_clients(&mut api);
    api.add_list("/v1/grant-requests", ClientsRead, grant_requests::list);
    api.add(Method::POST, "/v1/grant-requests", GrantsWrite, grant_requests::create);
    api.add(Method::GET, "/v1/grant-requests/{id}", ClientsRead, grant_requests::show);
    api.add(Method::POST, "/v1/grant-requests/{id}/approve", GrantsWrite, grant_requests::approve);
    api.add(Method::POST, "/v1/grant-requests/{id}/reject", GrantsWrite, grant_requests::reject);
    api.add(Method::POST, "/v1/grant-requests/{id}/cancel", GrantsWrite, grant_requests::cancel);
    api.add_unstored("/v1/leaks", SecretsWrite, leaks::report);
    api.add_list("/v1/resources", ResourcesRead, resources::list);
    api.add(Method::POST, "/v1/resources", ResourcesWrite, resources::create);
    api.add(Method::GET, "/v1/resources/{id}", ResourcesRead, resources::show);
    api.add(Method::PUT, "/v1/resources/{id}", ResourcesWrite, resources::put);
    api.add(Method::PATCH, "/v1/resources/{id}", ResourcesWrite, resources::update);
    api.add(Method::DELETE, "/v1/resources/{id}", ResourcesWrite, resources::delete);
    api.add_list("/v1/owner-policies", ClientsRead, owner_policies::list);
    api.add(Method::GET, "/v1/owner-policies/{owner}", ClientsRead, owner_policies::show);
    api.add(Method::PUT, "/v1/owner-policies/{owner}", AdminsWrite, owner_policies::put);
    api.add(Method::DELETE, "/v1/owner-policies/{owner}", AdminsWrite, owner_policies::delete);
    api.add_unstored("/v1/tokens", TokensIssue, tokens::issue);
    api.add_unstored("/v1/tokens/inspect", Introspect, tokens::inspect);
    api.add_unstored("/v1/tokens/verify", Introspect, tokens::verify);
    api.add(Method::POST, "/v1/tokens/revoke", TokensRevoke, tokens::revoke);
    api.add(Method::GET, "/v1/signing-keys", KeysRead, signing_keys::list);
    api.add(Method::GET, "/v1/signing-keys/{kid}", KeysRead, signing_keys::show);
    api.add(Method::POST, "/v1/signing-keys/rotate", KeysWrite, signing_keys::rotate);
    api.add(Method::POST, "/v1/signing-keys/{kid}/retire", KeysWrite, signing_keys::retire);
    api.add(Method::POST, "/v1/signing-keys/{kid}/revoke", KeysWrite, signing_keys::revoke);
    api.add_list("/v1/rejections", ClientsRead, rejections::list);
    api.add(Method::GET, "/v1/rejections/{request_id}", ClientsRead, rejections::show);
    api.add_list("/v1/audit-events", AuditRead, audit::list);
    api.add_list("/v1/audit-events/verify", AuditRead, audit::verify);
    api.add_list("/v1/audit-checkpoints", AuditRead, audit_checkpoints::list);
    api.add_unstored("/v1/audit-checkpoints", KeysWrite, audit_checkpoints::create);
    api.add(Method::GET, "/v1/audit-keys", AuditRead, audit_checkpoints::keys);
    api.add(Method::GET, "/v1/server", ServerRead, server::show);
    api.add_declarations();
    metrics::add(&mut api);
    api.list_open();
    metrics::open(app, api.into_router())
}

/// Adds the routes of clients and of their credentials and grants.
fn add_clients(api: &mut Api) {
    use AdminScope::{ClientsRead, ClientsWrite, GrantsWrite, SecretsWrite, TokensRevoke};
    api.add_list("/v1/clients", ClientsRead, clients::list);
    api.add(Method::POST, "/v1/clients", ClientsWrite, clients::create);
    api.add_import("/v1/clients/import", ClientsWrite, imports::run);
    api.add(Method::GET, "/v1/clients/{id}", ClientsRead, clients::show);
    api.add(Method::PUT, "/v1/clients/{id}", ClientsWrite, clients::put);
    api.add(Method::PATCH, "/v1/clients/{id}", ClientsWrite, clients::update);
    api.add(Method::DELETE, "/v1/clients/{id}", ClientsWrite, clients::delete);
    api.add(Method::POST, "/v1/clients/{id}/disable", ClientsWrite, clients::disable);
    api.add(Method::POST, "/v1/clients/{id}/enable", ClientsWrite, clients::enable);
    api.add_list("/v1/clients/{id}/secrets", ClientsRead, secrets::list);
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
    api.add_unstored("/v1/clients/{id}/trusts/test", SecretsWrite, trusts::test);
    api.add(Method::DELETE, "/v1/clients/{id}/trusts/{trust}", SecretsWrite, trusts::delete);
    api.add(Method::GET, "/v1/clients/{id}/grants", ClientsRead, grants::list);
    api.add(Method::PUT, "/v1/clients/{id}/grants/{resource}", GrantsWrite, grants::put);
    api.add(Method::PATCH, "/v1/clients/{id}/grants/{resource}", GrantsWrite, grants::update);
    api.add(Method::DELETE, "/v1/clients/{id}/grants/{resource}", GrantsWrite, grants::delete);
    api.add(Method::POST, "/v1/clients/{id}/tokens/revoke", TokensRevoke, tokens::revoke_all);
    api.add_unstored("/v1/clients/{id}/token-preview", ClientsRead, tokens::preview);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layers {
    /// The guard, a timeout and a body limit. A GET is also compressed, and the response of a POST
    /// is stored.
    All,
    /// Like [`Self::All`], with a slot for the body of an apply.
    Apply,
    /// Like [`Self::All`], without stored responses.
    WithoutReplay,
    Guard,
}

fn guard_with(scopes: RouteScopes, query: RouteQuery, max_body: usize) -> Guard {
    Guard { scopes, query, max_body: BodyLimit(max_body) }
}

/// The builder of the API routes.
struct Api {
    app: Arc<App>,
    access: Access,
    router: Router<Arc<App>>,
    listed: Vec<ListedRoute>,
}

fn method_filter(method: &Method) -> MethodFilter {
    match *method {
        Method::POST => MethodFilter::POST,
        Method::PUT => MethodFilter::PUT,
        Method::PATCH => MethodFilter::PATCH,
        Method::DELETE => MethodFilter::DELETE,
        // axum answers HEAD with the GET handler.
        _ => MethodFilter::GET,
    }
}

/// A route in the `OpenAPI` document.
struct ListedRoute {
    method: Method,
    path: &'static str,
    /// `None` for a public route.
    guard: Option<Guard>,
    layers: Layers,
    describe: fn() -> Description,
}

impl Api {
    /// Adds a route that requires a scope. It takes no query parameters, except `dry_run` if it
    /// writes.
    fn add<H, T>(&mut self, method: Method, path: &'static str, scope: AdminScope, handler: H)
    where
        H: Handler<T, Arc<App>> + Described<T>,
        T: 'static,
    {
        let query = if method == Method::GET { RouteQuery::None } else { RouteQuery::DryRun };
        let guard = guard_with(RouteScopes::One(scope), query, MAX_BODY_BYTES);
        self.add_route(method, path, guard, Layers::All, handler);
    }

    /// Like [`Self::add`], for a GET whose handler parses the query.
    fn add_list<H, T>(&mut self, path: &'static str, scope: AdminScope, handler: H)
    where
        H: Handler<T, Arc<App>> + Described<T>,
        T: 'static,
    {
        let guard = guard_with(RouteScopes::One(scope), RouteQuery::OfHandler, MAX_BODY_BYTES);
        self.add_route(Method::GET, path, guard, Layers::All, handler);
    }

    /// Like [`Self::add`], for a POST without stored responses and without a dry run. It changes
    /// nothing, or its repetition is harmless.
    fn add_unstored<H, T>(&mut self, path: &'static str, scope: AdminScope, handler: H)
    where
        H: Handler<T, Arc<App>> + Described<T>,
        T: 'static,
    {
        let guard = guard_with(RouteScopes::One(scope), RouteQuery::None, MAX_BODY_BYTES);
        self.add_route(Method::POST, path, guard, Layers::WithoutReplay, handler);
    }

    /// Adds the import. Its handler parses the query and limits the size and time of the body. The
    /// response is a stream.
    fn add_import<H, T>(&mut self, path: &'static str, scope: AdminScope, handler: H)
    where
        H: Handler<T, Arc<App>> + Described<T>,
        T: 'static,
    {
        let guard =
            guard_with(RouteScopes::One(scope), RouteQuery::OfHandler, imports::MAX_BODY_BYTES);
        self.add_route(Method::POST, path, guard, Layers::Guard, handler);
    }

    fn add_declarations(&mut self) {
        let scopes = RouteScopes::AnyOf(&APPLY_SCOPES);
        let guard = guard_with(scopes, RouteQuery::OfHandler, declarative::MAX_BYTES);
        self.add_route(Method::POST, apply::APPLY_PATH, guard, Layers::Apply, apply::apply);
        let scopes = RouteScopes::All(&EXPORT_SCOPES);
        let guard = guard_with(scopes, RouteQuery::OfHandler, MAX_BODY_BYTES);
        self.add_route(Method::GET, "/v1/export", guard, Layers::All, apply::export);
    }

    fn add_route<H, T>(
        &mut self,
        method: Method,
        path: &'static str,
        guard: Guard,
        layers: Layers,
        handler: H,
    ) where
        H: Handler<T, Arc<App>> + Described<T>,
        T: 'static,
    {
        let route = on(method_filter(&method), handler);
        let (listed, describe) = (Some(guard.clone()), H::describe as fn() -> Description);
        let listed = ListedRoute { method, path, guard: listed, layers, describe };
        self.add_guarded(listed, guard, route);
    }

    /// Adds a route. It is not generic, so it is compiled once.
    fn add_guarded(&mut self, listed: ListedRoute, guard: Guard, route: MethodRouter<Arc<App>>) {
        let ListedRoute { path, layers, .. } = listed;
        let route = match (&listed.method, layers) {
            (&Method::GET, Layers::All) => route.layer(compression()),
            (&Method::POST, Layers::All) => {
                route.layer(from_fn_with_state(self.app.clone(), idempotency::answer))
            }
            (&Method::POST, Layers::Apply) => route
                .layer(from_fn_with_state(self.app.clone(), idempotency::answer))
                .layer(from_fn(apply::enter)),
            _ => route,
        };
        // The last layer runs first, so no body is read without a token.
        let route = match layers {
            Layers::All | Layers::Apply | Layers::WithoutReplay => {
                let limit = layers::body_limit(guard.max_body);
                let route: MethodRouter<_> =
                    route.layer(limit).layer(from_fn_with_state(guard, guard::authorize));
                route.layer(timeout())
            }
            Layers::Guard => route.layer(from_fn_with_state(guard, guard::authorize)),
        };
        self.router = std::mem::take(&mut self.router).route(path, route);
        self.listed.push(listed);
    }

    /// Lists a public route, which is added outside of the layers.
    fn list_without_token(&mut self, path: &'static str, describe: fn() -> Description) {
        let (method, layers) = (Method::GET, Layers::Guard);
        self.listed.push(ListedRoute { method, path, guard: None, layers, describe });
    }

    /// Lists the public routes that [`Self::into_router`] adds.
    fn list_open(&mut self) {
        self.list_without_token(RESOURCE_METADATA_PATH, resource_metadata::describe);
        self.list_without_token(openapi::DOCUMENT_PATH, openapi::describe_document);
        self.list_without_token(openapi::PAGE_PATH, openapi::describe_page);
        self.list_without_token("/livez", openapi::describe_liveness);
        self.list_without_token("/readyz", openapi::describe_readiness);
        self.list_without_token("/healthz", openapi::describe_readiness);
    }

    /// Builds the router. Every path requires a token, even if it does not exist. Only the public
    /// routes, added after the authentication layer, do not.
    fn into_router(self) -> Router<Arc<App>> {
        let Self { app, access, router, listed } = self;
        let token_url = format!("{}{TOKEN_PATH}", app.issuer.as_str());
        let documentation = Arc::new(Documentation::new(listed, token_url));
        let known = documentation.clone();
        router
            .method_not_allowed_fallback(async move |path: MatchedPath| {
                Problem::method_not_allowed(&allowed(known.routes(), path.as_str()))
            })
            .fallback(async || Problem::not_found())
            // Each route has its own limit.
            .layer(DefaultBodyLimit::disable())
            .layer(Extension(ImportSlot::default()))
            .layer(Extension(ApplySlot::default()))
            .layer(from_fn_with_state((app, access), guard::authenticate))
            .route(RESOURCE_METADATA_PATH, any(resource_metadata::show))
            .route(openapi::DOCUMENT_PATH, openapi::document_route(documentation.clone()))
            .route(openapi::PAGE_PATH, openapi::page_route(documentation))
            .route(openapi::STYLE_PATH, any(openapi::style))
            .route("/livez", any(health::live))
            .route("/readyz", any(health::ready))
            .route("/healthz", any(health::ready))
    }
}

/// Returns the methods of a path (RFC 9110, section 15.5.6). axum answers HEAD wherever it answers
/// GET.
fn allowed(listed: &[ListedRoute], path: &str) -> String {
    let methods = listed.iter().filter(|listed| listed.path == path);
    let names = methods.map(|listed| match listed.method {
        Method::GET => "GET, HEAD",
        ref other => other.as_str(),
    });
    names.collect::<Vec<_>>().join(", ")
}
