//! Descriptions of operations, derived from the types of their handlers: parameters, body and
//! response. The document therefore always matches the code.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Ref, RefOr, Schema, Type};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::web::api::Problem;
use crate::web::api::apply::ApplyPermit;
use crate::web::api::conditions::{IfMatch, Tagged};
use crate::web::api::json::{Input, Output, Parameters};
use crate::web::api::openapi::parameters;

/// The description of an operation while it is built.
#[derive(Default)]
pub(in crate::web::api) struct Description {
    /// The schemas that the operation references, by name.
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
    /// The query and header parameters.
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<(&'static str, RefOr<Schema>)>,
    /// The media type and the schema of each form of the response.
    pub(super) answers: Vec<(&'static str, RefOr<Schema>)>,
    /// True if the response has an entity tag.
    pub(super) is_tagged: bool,
    /// The problem statuses in addition to those of every operation.
    pub(super) problems: BTreeSet<u16>,
}

impl Description {
    /// Returns a reference to the schema of a type, and adds the schema to the document.
    pub(super) fn reference<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let name = T::name().into_owned();
        self.schemas.push((name.clone(), T::schema()));
        T::schemas(&mut self.schemas);
        Ref::from_schema_name(name).into()
    }

    /// Adds a form of the response.
    pub(in crate::web::api) fn answers_with<T: ToSchema>(&mut self, media_type: &'static str) {
        let schema = self.reference::<T>();
        self.answers.push((media_type, schema));
    }

    /// Adds a response in a text format, with an example.
    pub(in crate::web::api) fn answers_text(&mut self, media_type: &'static str, example: &str) {
        self.answers.push((media_type, text_like(example)));
    }

    /// Adds a JSON response without a schema, with an example.
    pub(super) fn answers_any_object(&mut self, example: Value) {
        let schema = ObjectBuilder::new().examples([example]);
        self.answers.push((JSON, schema.into()));
    }

    /// Adds the request body.
    pub(in crate::web::api) fn takes<T: ToSchema>(&mut self, media_type: &'static str) {
        let schema = self.reference::<T>();
        self.body = Some((media_type, schema));
        self.problems.extend([408, 413, 415, 422]);
    }

    /// Adds a request body in a text format, with an example.
    pub(in crate::web::api) fn takes_text(&mut self, media_type: &'static str, example: &str) {
        self.body = Some((media_type, text_like(example)));
        self.problems.extend([408, 413, 415, 422]);
    }

    /// Adds problem statuses.
    pub(in crate::web::api) fn fails_with<const N: usize>(&mut self, statuses: [u16; N]) {
        self.problems.extend(statuses);
    }

    /// Marks the response as having an entity tag.
    pub(in crate::web::api) fn is_tagged(&mut self) {
        self.is_tagged = true;
    }
}

fn text_like(example: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).examples([example]).into()
}

const JSON: &str = "application/json";

/// A parameter of a handler.
pub(in crate::web::api) trait Part {
    fn describe(description: &mut Description);
}

/// The response of a handler.
pub(in crate::web::api) trait Answer {
    fn describe(description: &mut Description);
}

/// A handler whose types describe its operation. `T` is the tuple of parameter types that axum
/// uses.
pub(in crate::web::api) trait Described<T> {
    /// Collects the descriptions of all types.
    fn describe() -> Description;
}

macro_rules! described {
    ($($part:ident),+) => {
        impl<F, Fut, A, M, $($part),+> Described<(M, $($part,)+)> for F
        where
            F: FnOnce($($part),+) -> Fut,
            Fut: Future<Output = Result<A, Problem>>,
            A: Answer,
            $($part: Part,)+
        {
            fn describe() -> Description {
                let mut description = Description::default();
                $($part::describe(&mut description);)+
                A::describe(&mut description);
                description
            }
        }
    };
}

described!(P1);
described!(P1, P2);
described!(P1, P2, P3);
described!(P1, P2, P3, P4);
described!(P1, P2, P3, P4, P5);

impl Part for State<Arc<App>> {
    fn describe(_: &mut Description) {}
}

impl<T> Part for Extension<T> {
    fn describe(_: &mut Description) {}
}

impl<T> Part for Option<Extension<T>> {
    fn describe(_: &mut Description) {}
}

/// 409 while another apply runs.
impl Part for ApplyPermit {
    fn describe(description: &mut Description) {
        description.problems.insert(409);
    }
}

impl Part for HeaderMap {
    fn describe(_: &mut Description) {}
}

impl Part for Request {
    fn describe(_: &mut Description) {}
}

/// The names and schemas come from the path.
impl<T> Part for Path<T> {
    fn describe(description: &mut Description) {
        description.problems.insert(404);
    }
}

impl Part for IfMatch {
    fn describe(description: &mut Description) {
        description.parameters.push(parameters::if_match());
        description.parameters.push(parameters::if_none_match());
        description.problems.extend([412, 428]);
    }
}

impl<T: IntoParams> Part for Parameters<T> {
    fn describe(description: &mut Description) {
        description.parameters.extend(T::into_params(|| Some(ParameterIn::Query)));
    }
}

impl<T: ToSchema> Part for Input<T> {
    fn describe(description: &mut Description) {
        description.takes::<T>(JSON);
    }
}

impl<T: ToSchema> Answer for Output<T> {
    fn describe(description: &mut Description) {
        description.answers_with::<T>(JSON);
    }
}

impl<T: ToSchema> Answer for Tagged<T> {
    fn describe(description: &mut Description) {
        description.answers_with::<T>(JSON);
        description.is_tagged();
    }
}

/// A response without a body.
impl Answer for StatusCode {
    fn describe(_: &mut Description) {}
}
