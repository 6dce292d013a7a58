//! Adds the routes of the admin API to a router: a guard and layers around each handler, and its
//! entry in the OpenAPI document.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, MatchedPath};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, MethodRouter, any};
use axum::{Extension, Router};

use crate::admin::declarative;
use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::model::public_path::TOKEN_PATH;
use crate::oauth::protected_resource::RESOURCE_METADATA_PATH;
use crate::web::api::apply::{self, ApplySlot};
use crate::web::api::guard::{self, Access, Guard, RouteQuery, RouteScopes};
use crate::web::api::imports::{self, ImportSlot};
use crate::web::api::layers::{self, compression, timeout};
use crate::web::api::openapi::{self, Described, Description, Documentation};
use crate::web::api::{Problem, idempotency, resource_metadata};
use crate::web::erased_handler::on;
use crate::web::health;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layers {
    /// The guard, a timeout and a body limit. A GET is also compressed, and the response of a POST
    /// is stored.
    All,
    /// Like [`Self::All`], with a slot for the body of an apply.
    Apply,
    /// Like [`Self::All`], without stored responses.
    WithoutReplay,
    Guard,
}

/// A handler with a description in the `OpenAPI` document.
pub(super) trait ApiHandler<T>: Handler<T, Arc<App>> + Described<T> {}

impl<H: Handler<T, Arc<App>> + Described<T>, T> ApiHandler<T> for H {}

/// The builder of the API routes.
pub(super) struct ApiRouter {
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
pub(super) struct ListedRoute {
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// `None` for a public route.
    pub(super) guard: Option<Guard>,
    pub(super) layers: Layers,
    pub(super) describe: fn() -> Description,
}

impl ApiRouter {
    pub(super) fn new(app: &Arc<App>, access: Access) -> Self {
        Self { app: app.clone(), access, router: Router::new(), listed: Vec::new() }
    }

    /// Adds a GET without query parameters.
    pub(super) fn get<T: 'static>(
        &mut self,
        path: &'static str,
        scope: AdminScope,
        handler: impl ApiHandler<T>,
    ) {
        let guard = Guard::new(RouteScopes::One(scope), RouteQuery::None);
        self.add(Method::GET, path, guard, Layers::All, handler);
    }

    /// Adds a GET whose handler parses the query.
    pub(super) fn get_with_query<T: 'static>(
        &mut self,
        path: &'static str,
        scope: AdminScope,
        handler: impl ApiHandler<T>,
    ) {
        let guard = Guard::new(RouteScopes::One(scope), RouteQuery::OfHandler);
        self.add(Method::GET, path, guard, Layers::All, handler);
    }

    /// Adds a POST that makes a change. It has a dry run, and its response is stored for its
    /// `Idempotency-Key`.
    pub(super) fn post<T: 'static>(
        &mut self,
        path: &'static str,
        scope: AdminScope,
        handler: impl ApiHandler<T>,
    ) {
        self.add_write(Method::POST, path, scope, handler);
    }

    /// Adds a PUT, with a dry run.
    pub(super) fn put<T: 'static>(
        &mut self,
        path: &'static str,
        scope: AdminScope,
        handler: impl ApiHandler<T>,
    ) {
        self.add_write(Method::PUT, path, scope, handler);
    }

    /// Adds a PATCH, with a dry run.
    pub(super) fn patch<T: 'static>(
        &mut self,
        path: &'static str,
        scope: AdminScope,
        handler: impl ApiHandler<T>,
    ) {
        self.add_write(Method::PATCH, path, scope, handler);
    }

    /// Adds a DELETE, with a dry run.
    pub(super) fn delete<T: 'static>(
        &mut self,
        path: &'static str,
        scope: AdminScope,
        handler: impl ApiHandler<T>,
    ) {
        self.add_write(Method::DELETE, path, scope, handler);
    }

    /// Adds a POST without stored responses and without a dry run. It changes nothing, or its
    /// repetition is harmless.
    pub(super) fn post_unstored<T: 'static>(
        &mut self,
        path: &'static str,
        scope: AdminScope,
        handler: impl ApiHandler<T>,
    ) {
        let guard = Guard::new(RouteScopes::One(scope), RouteQuery::None);
        self.add(Method::POST, path, guard, Layers::WithoutReplay, handler);
    }

    /// Adds the import. Its handler parses the query and limits the size and time of the body. The
    /// response is a stream.
    pub(super) fn post_import<T: 'static>(
        &mut self,
        path: &'static str,
        scope: AdminScope,
        handler: impl ApiHandler<T>,
    ) {
        let guard = Guard::new(RouteScopes::One(scope), RouteQuery::OfHandler)
            .with_max_body(imports::MAX_BODY_BYTES);
        self.add(Method::POST, path, guard, Layers::Guard, handler);
    }

    /// Adds the apply, for callers with at least one of the scopes.
    pub(super) fn post_apply<T: 'static>(
        &mut self,
        path: &'static str,
        scopes: &'static [AdminScope],
        handler: impl ApiHandler<T>,
    ) {
        let guard = Guard::new(RouteScopes::AnyOf(scopes), RouteQuery::OfHandler)
            .with_max_body(declarative::MAX_BYTES);
        self.add(Method::POST, path, guard, Layers::Apply, handler);
    }

    /// Adds the export, for callers with all of the scopes.
    pub(super) fn get_export<T: 'static>(
        &mut self,
        path: &'static str,
        scopes: &'static [AdminScope],
        handler: impl ApiHandler<T>,
    ) {
        let guard = Guard::new(RouteScopes::All(scopes), RouteQuery::OfHandler);
        self.add(Method::GET, path, guard, Layers::All, handler);
    }

    fn add_write<T: 'static>(
        &mut self,
        method: Method,
        path: &'static str,
        scope: AdminScope,
        handler: impl ApiHandler<T>,
    ) {
        let guard = Guard::new(RouteScopes::One(scope), RouteQuery::DryRun);
        self.add(method, path, guard, Layers::All, handler);
    }

    fn add<H: ApiHandler<T>, T: 'static>(
        &mut self,
        method: Method,
        path: &'static str,
        guard: Guard,
        layers: Layers,
        handler: H,
    ) {
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
    pub(super) fn list_without_token(&mut self, path: &'static str, describe: fn() -> Description) {
        let (method, layers) = (Method::GET, Layers::Guard);
        self.listed.push(ListedRoute { method, path, guard: None, layers, describe });
    }

    /// Lists the public routes that [`Self::into_router`] adds.
    pub(super) fn list_open(&mut self) {
        self.list_without_token(RESOURCE_METADATA_PATH, resource_metadata::describe);
        self.list_without_token(openapi::DOCUMENT_PATH, openapi::describe_document);
        self.list_without_token(openapi::PAGE_PATH, openapi::describe_page);
        self.list_without_token("/livez", openapi::describe_liveness);
        self.list_without_token("/readyz", openapi::describe_readiness);
        self.list_without_token("/healthz", openapi::describe_readiness);
    }

    /// Builds the router. Every path requires a token, even if it does not exist. Only the public
    /// routes, added after the authentication layer, do not.
    pub(super) fn into_router(self) -> Router<Arc<App>> {
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
