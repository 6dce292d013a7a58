//! The `OpenAPI` document of the admin API, generated from its routes, and its HTML page.

mod description;
mod examples;
mod operation;
mod page;
mod parameters;
pub(super) mod problems;
mod security;
mod texts;

pub(super) use crate::web::api::openapi::description::{Answer, Described, Description};

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use serde_json::json;
use utoipa::openapi::path::Paths;
use utoipa::openapi::schema::Components;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr, Schema, Server,
};

use crate::web::api::Problem;
use crate::web::api::problem::ProblemDocument;
use crate::web::api::router::ListedRoute;
use crate::web::health::Report;

pub(super) const DOCUMENT_PATH: &str = "/v1/openapi.json";

pub(super) const PAGE_PATH: &str = "/docs";

pub(super) const STYLE_PATH: &str = "/docs/style.css";

/// The document and its HTML page. Each is generated on the first request.
pub(super) struct Documentation {
    routes: Vec<ListedRoute>,
    token_url: String,
    document: OnceLock<Bytes>,
    page: OnceLock<Bytes>,
}

impl Documentation {
    /// Creates the documentation of the routes. Their tokens are issued at `token_url`.
    pub(super) fn new(routes: Vec<ListedRoute>, token_url: String) -> Self {
        Self { routes, token_url, document: OnceLock::new(), page: OnceLock::new() }
    }

    pub(super) fn routes(&self) -> &[ListedRoute] {
        &self.routes
    }

    fn document(&self) -> Bytes {
        let write = || document(&self.routes, &self.token_url).to_pretty_json().unwrap_or_default();
        self.document.get_or_init(|| (write() + "\n").into()).clone()
    }

    fn page(&self) -> Bytes {
        let write = || page::html(&self.document());
        self.page.get_or_init(|| write().into()).clone()
    }
}

/// Describes the route of the document.
pub(super) fn describe_document() -> Description {
    let mut description = Description::default();
    description.answers_any_object(json!({ "openapi": "3.1.0" }));
    description
}

pub(super) fn describe_page() -> Description {
    let mut description = Description::default();
    description.answers_text("text/html", "<!doctype html>");
    description
}

pub(super) fn describe_liveness() -> Description {
    let mut description = Description::default();
    description.answers_any_object(json!({ "status": "alive" }));
    description
}

pub(super) fn describe_readiness() -> Description {
    let mut description = Description::default();
    description.answers_with::<Report>("application/json");
    description
}

/// Serves the document. It is not compressed, because requests without a token must be cheap.
pub(super) fn document_route<S>(documentation: Arc<Documentation>) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    let show = async move |method: Method| {
        check_method(&method)?;
        Ok::<_, Problem>(answer("application/json", None, documentation.document()))
    };
    any(show)
}

pub(super) fn page_route<S>(documentation: Arc<Documentation>) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    let show = async move |method: Method| {
        check_method(&method)?;
        let (html, policy) = ("text/html; charset=utf-8", page::SECURITY_POLICY);
        Ok::<_, Problem>(answer(html, Some(policy), documentation.page()))
    };
    any(show)
}

pub(super) async fn style(method: Method) -> Result<Response, Problem> {
    check_method(&method)?;
    Ok(answer("text/css; charset=utf-8", None, Bytes::from_static(page::STYLE.as_bytes())))
}

fn check_method(method: &Method) -> Result<(), Problem> {
    match *method {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(Problem::method_not_allowed("GET, HEAD")),
    }
}

fn answer(content_type: &'static str, policy: Option<&'static str>, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(policy) = policy {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    response
}

/// Generates the document.
fn document(routes: &[ListedRoute], token_url: &str) -> OpenApi {
    let mut paths = Paths::new();
    let mut schemas: BTreeMap<String, RefOr<Schema>> = BTreeMap::new();
    let mut of_problems = Description::default();
    of_problems.reference::<ProblemDocument>();
    schemas.extend(of_problems.schemas);
    for route in routes {
        let Some(text) = texts::find(route.method.as_str(), route.path) else { continue };
        let mut description = (route.describe)();
        let operation = operation::operation(route, text, &mut description);
        schemas.extend(description.schemas);
        paths.add_path_operation(route.path, vec![operation::method(&route.method)], operation);
    }
    let mut components = Components::new();
    components.schemas = schemas;
    let responses = problems::responses();
    let responses = responses.map(|(name, response)| (name.to_owned(), RefOr::T(response)));
    components.responses = responses.collect();
    components.add_security_scheme(security::SCHEME, security::scheme(token_url));
    let tags = texts::TAGS
        .map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build());
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("tokend admin API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(texts::INTRODUCTION))
        .license(Some(license))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/")]))
        .paths(paths)
        .components(Some(components))
        .tags(Some(tags))
        .build()
}
