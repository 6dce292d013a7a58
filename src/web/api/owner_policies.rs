//! `/v1/owner-policies`: the rules for the clients of an owner.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::admin::{ObjectKind, Principal, owner};
use crate::app::App;
use crate::model::client::AuthenticationMethod;
use crate::model::owner_policy::{OwnerPolicy, OwnerPolicyRecord, PolicyScope};
use crate::model::time::Lifetime;
use crate::web::api::Problem;
use crate::web::api::json::{Input, Output, Parameters, at, ok, page_size, parsed_parameter};
use crate::web::api::page::Page;

/// The default number of policies per page.
const PAGE_SIZE: u32 = 50;

/// Which policies a list holds, in the order of their owners.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// The maximum number of objects on a page.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

/// The rules of a policy; an absent member has no rule.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OwnerPolicyInput, examples(json!({ "secret_expiry_required": true, "secret_max_age_seconds": 7_776_000, "max_clients": 100 })))]
pub(super) struct PolicyInput {
    /// Whether each secret must have an expiry.
    #[serde(default)]
    secret_expiry_required: bool,
    /// The longest time from the creation of a secret to its expiry.
    #[schema(value_type = Option<Lifetime>)]
    secret_max_age_seconds: Option<i64>,
    /// The methods that clients may have; all if absent.
    #[schema(value_type = Option<Vec<AuthenticationMethod>>)]
    auth_methods: Option<Vec<String>>,
    /// The maximum number of clients.
    max_clients: Option<u32>,
}

impl PolicyInput {
    fn policy(self) -> Result<OwnerPolicy, Problem> {
        let max_age = self.secret_max_age_seconds.map(Lifetime::from_seconds).transpose();
        let methods = self.auth_methods.map(|names| {
            let methods = names.iter().enumerate().map(|(place, name)| {
                at(&format!("/auth_methods/{place}"), AuthenticationMethod::parse(name))
            });
            methods.collect::<Result<Vec<_>, _>>()
        });
        if self.max_clients.is_some_and(|max| max > owner::policy::MAX_CLIENTS) {
            let text = format!("max_clients: at most {}", owner::policy::MAX_CLIENTS);
            return Err(Problem::member("/max_clients".to_owned(), text));
        }
        Ok(OwnerPolicy {
            secret_expiry_required: self.secret_expiry_required,
            secret_max_age: at("/secret_max_age_seconds", max_age)?,
            auth_methods: methods.transpose()?,
            max_clients: self.max_clients,
        })
    }
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Output<Page<OwnerPolicyRecord>>, Problem> {
    let limit = page_size(query.limit, PAGE_SIZE)?;
    let after = parsed_parameter("cursor", query.cursor, PolicyScope::parse)?;
    let after = after.as_ref().map(PolicyScope::as_str).unwrap_or_default();
    let found = owner::policy::list(&app.services.store, &principal, after, limit).await?;
    Ok(ok(Page::new(found.readable, found.next).with_unreadable(found.unreadable)))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(owner): Path<String>,
) -> Result<Output<OwnerPolicyRecord>, Problem> {
    Ok(ok(owner::policy::show(&app.services.store, &principal, &scope(&owner)?).await?))
}

pub(super) async fn put(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(owner): Path<String>,
    Input(input): Input<PolicyInput>,
) -> Result<Output<OwnerPolicyRecord>, Problem> {
    let scope = at("", PolicyScope::parse(&owner))?;
    let record = OwnerPolicyRecord { scope, policy: input.policy()? };
    Ok(ok(owner::policy::set(&app.services, &principal, record).await?.value))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(owner): Path<String>,
) -> Result<StatusCode, Problem> {
    owner::policy::delete(&app.services, &principal, &scope(&owner)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn scope(text: &str) -> Result<PolicyScope, Problem> {
    PolicyScope::parse(text).map_err(|_| Problem::absent(ObjectKind::OwnerPolicy, text))
}
