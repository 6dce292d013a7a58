//! Operations of the document, built from the route, the handler and the text of each.

use axum::http::{Method, StatusCode};
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::{
    Content, HeaderBuilder, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder,
    Responses, Schema, SecurityRequirement, Type,
};

use crate::model::admin_scope::AdminScope;
use crate::web::api::guard::{Guard, RouteQuery, RouteScopes};
use crate::web::api::openapi::description::Description;
use crate::web::api::openapi::examples::Examples;
use crate::web::api::openapi::texts::{self, Text};
use crate::web::api::openapi::{parameters, problems, security};
use crate::web::api::router::{Layers, ListedRoute};

/// The problem statuses of every operation with a token.
const OF_ALL: [u16; 6] = [400, 401, 403, 404, 500, 503];

/// The additional problem statuses of an operation that writes.
const OF_WRITES: [u16; 2] = [409, 422];

pub(super) fn method(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::PATCH => HttpMethod::Patch,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// Builds the operation of a route.
pub(super) fn operation(
    route: &ListedRoute,
    text: &Text,
    description: &mut Description,
) -> Operation {
    let mut parameters = parameters::of_path(route.path, description);
    parameters.append(&mut description.parameters);
    if let Some(guard) = &route.guard {
        parameters.extend(of_layers(route, guard));
    }
    let security = match &route.guard {
        Some(guard) => requirements(guard.scopes),
        // An empty list means that no token is required.
        None => Vec::new(),
    };
    let schemas = description.schemas.iter().cloned().collect();
    let examples = Examples(&schemas);
    let body = description.body.take().map(|(media_type, schema)| {
        let is_optional = route.method == Method::POST && examples.has_only_defaults(&schema);
        request_body(media_type, schema, &examples, !is_optional)
    });
    let mut operation = OperationBuilder::new()
        .tag(texts::tag(route.path))
        .operation_id(Some(text.id))
        .summary(Some(text.summary))
        .description(Some(format!("{}\n\n{}", text.description, needs(route.guard.as_ref()))))
        .responses(responses(route, text, description, &examples))
        .request_body(body)
        .build();
    operation.parameters =
        (!parameters.is_empty()).then(|| parameters.into_iter().map(RefOr::T).collect());
    operation.security = Some(security);
    operation
}

/// Returns the parameters that the layers of a route read.
fn of_layers(route: &ListedRoute, guard: &Guard) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    if guard.query == RouteQuery::DryRun {
        parameters.push(parameters::dry_run());
    }
    if is_replayed(route) {
        parameters.push(parameters::idempotency_key());
    }
    if route.method != Method::GET && guard.query != RouteQuery::None {
        parameters.push(parameters::force());
    }
    parameters
}

/// True if responses are stored for their `Idempotency-Key`.
fn is_replayed(route: &ListedRoute) -> bool {
    route.method == Method::POST && matches!(route.layers, Layers::All | Layers::Apply)
}

fn request_body(
    media_type: &str,
    schema: RefOr<Schema>,
    examples: &Examples<'_>,
    is_required: bool,
) -> RequestBody {
    RequestBodyBuilder::new()
        .content(media_type, content(schema, examples))
        .required(Some(if is_required { Required::True } else { Required::False }))
        .build()
}

fn content(schema: RefOr<Schema>, examples: &Examples<'_>) -> Content {
    let example = examples.of(&schema);
    let mut content = Content::new(Some(schema));
    content.example = example;
    content
}

/// Describes the required scopes in a sentence.
fn needs(guard: Option<&Guard>) -> String {
    let joined = |scopes: &[AdminScope], word: &str| {
        let names: Vec<_> = scopes.iter().map(|scope| format!("`{}`", scope.as_str())).collect();
        names.join(word)
    };
    match guard.map(|guard| guard.scopes) {
        None => "Needs no token.".to_owned(),
        Some(RouteScopes::One(scope)) => format!("Needs {}.", joined(&[scope], "")),
        Some(RouteScopes::All(scopes)) => format!("Needs {}.", joined(scopes, " and ")),
        Some(RouteScopes::AnyOf(scopes)) => format!("Needs {}.", joined(scopes, " or ")),
    }
}

/// Returns one requirement if all scopes are needed, and one for each scope if one is enough.
fn requirements(scopes: RouteScopes) -> Vec<SecurityRequirement> {
    let requirement = |names: Vec<&str>| SecurityRequirement::new(security::SCHEME, names);
    match scopes {
        RouteScopes::One(scope) => vec![requirement(vec![scope.as_str()])],
        RouteScopes::All(scopes) => {
            vec![requirement(scopes.iter().map(|scope| scope.as_str()).collect())]
        }
        RouteScopes::AnyOf(scopes) => {
            scopes.iter().map(|scope| requirement(vec![scope.as_str()])).collect()
        }
    }
}

fn responses(
    route: &ListedRoute,
    text: &Text,
    description: &Description,
    examples: &Examples<'_>,
) -> Responses {
    let mut responses = Responses::new();
    let is_open = route.guard.is_none();
    // A public route answers each of its statuses with its own body.
    let (mut answers, listed): (Vec<u16>, Vec<u16>) =
        text.statuses.iter().copied().partition(|status| is_open || *status < 300);
    if answers.is_empty() {
        answers.push(if description.answers.is_empty() { 204 } else { 200 });
    }
    for status in answers {
        responses
            .responses
            .insert(status.to_string(), answer(status, description, examples).into());
    }
    let mut statuses = description.problems.clone();
    statuses.extend(listed);
    if !is_open {
        statuses.extend(OF_ALL);
        if route.method != Method::GET {
            statuses.extend(OF_WRITES);
        }
        if is_replayed(route) {
            statuses.insert(429);
        }
    }
    for status in statuses {
        let reference = Ref::from_response_name(problems::name(status));
        responses.responses.insert(status.to_string(), RefOr::Ref(reference));
    }
    responses
}

fn answer(status: u16, description: &Description, examples: &Examples<'_>) -> Response {
    let phrase = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let mut answer = ResponseBuilder::new().description(phrase.unwrap_or_default()).build();
    for (media_type, schema) in &description.answers {
        let mut content = content(schema.clone(), examples);
        // The health routes have the same body for 503, but the example shows success.
        content.example = content.example.filter(|_| status < 400);
        answer.content.insert((*media_type).to_owned(), RefOr::T(content));
    }
    if description.is_tagged {
        let text = "The revision of the object, for `If-Match`.";
        let schema = ObjectBuilder::new().schema_type(Type::String);
        let header = HeaderBuilder::new().schema(Some(schema)).description(Some(text)).build();
        answer.headers.insert("ETag".to_owned(), RefOr::T(header));
    }
    answer
}
