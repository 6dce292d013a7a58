//! `/v1/grant-requests`: a team requests a grant for a resource of another team.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::header::ETAG;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::admin::grant_request::{self, GrantRequestQuery, NewGrantRequest};
use crate::admin::revision::{Precondition, PreconditionError};
use crate::admin::{AdminError, ObjectKind, Principal};
use crate::app::App;
use crate::model::client::ClientId;
use crate::model::grant_request::{GrantRequest, GrantRequestId, GrantRequestState, Remark};
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::model::scope::ScopeName;
use crate::model::security::Networks;
use crate::model::static_claims::StaticClaims;
use crate::web::api::Problem;
use crate::web::api::conditions::IfMatch;
use crate::web::api::grant_json::{claims, networks, scopes};
use crate::web::api::json::{
    Input, Output, Parameters, at, ok, page_size, parsed, parsed_parameter,
};
use crate::web::api::openapi::{Answer, Description};
use crate::web::api::page::Page;

/// The default number of requests per page.
const PAGE_SIZE: u32 = 50;

/// Which requests a list holds, newest first.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// The maximum number of objects on a page.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next_cursor` of the previous page.
    cursor: Option<i64>,
    /// Only requests in this state.
    #[param(value_type = Option<GrantRequestState>, inline)]
    state: Option<String>,
    /// Only requests of this client.
    #[param(value_type = Option<ClientId>, inline)]
    client: Option<String>,
    /// Only requests for this resource.
    #[param(value_type = Option<ResourceId>, inline)]
    resource: Option<String>,
    /// Only requests whose client or resource belongs to this owner.
    #[param(value_type = Option<Owner>, inline)]
    owner: Option<String>,
}

/// A grant to be requested.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewGrantRequest, examples(json!({ "client_id": "acme", "resource": "https://orders.example.com", "scopes": ["orders:read"], "message": "For the nightly export." })))]
pub(super) struct RequestInput {
    /// The client that would get the grant.
    #[schema(value_type = ClientId)]
    client_id: String,
    /// The resource.
    #[schema(value_type = ResourceId)]
    resource: String,
    /// The scopes of the grant.
    #[schema(value_type = Vec<ScopeName>, min_items = 1)]
    scopes: Vec<String>,
    /// The networks from which the grant could be used; anywhere if absent.
    #[serde(default)]
    #[schema(value_type = Networks)]
    networks: Vec<String>,
    /// The claims of the grant.
    #[schema(value_type = Option<StaticClaims>)]
    claims: Option<Box<RawValue>>,
    /// What the administrators of the resource should know.
    #[schema(value_type = Option<Remark>)]
    message: Option<String>,
}

/// An approval of what was read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Approval, examples(json!({ "revision": 1 })))]
pub(super) struct ApprovalInput {
    /// The revision that was read, unless `If-Match` names it.
    revision: Option<i64>,
}

/// The end of a request without an approval.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EndOfRequest, examples(json!({ "reason": "Use the reports API instead." })))]
pub(super) struct EndInput {
    /// The reason, for the other team.
    #[schema(value_type = Option<Remark>)]
    reason: Option<String>,
}

/// A grant request with its revision as the entity tag.
pub(super) struct TaggedRequest(StatusCode, GrantRequest);

impl IntoResponse for TaggedRequest {
    fn into_response(self) -> Response {
        let tag = HeaderValue::try_from(format!("\"{}\"", self.1.revision));
        let mut response = Output(self.0, self.1).into_response();
        if let Ok(tag) = tag {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

impl Answer for TaggedRequest {
    fn describe(description: &mut Description) {
        description.answers_with::<GrantRequest>("application/json");
        description.is_tagged();
    }
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Output<Page<GrantRequest>>, Problem> {
    let limit = page_size(query.limit, PAGE_SIZE)?;
    let question = GrantRequestQuery {
        state: parsed_parameter("state", query.state, GrantRequestState::parse)?,
        client_id: parsed_parameter("client", query.client, ClientId::parse)?,
        resource: parsed_parameter("resource", query.resource, ResourceId::parse)?,
        owner: parsed_parameter("owner", query.owner, Owner::parse)?,
        before: query.cursor,
    };
    let (store, clock) = (&app.services.store, &app.services.clock);
    let found = grant_request::list(store, clock, &principal, question, limit).await?;
    let next_cursor = found.next.map(|sequence| sequence.to_string());
    Ok(ok(Page::new(found.readable, next_cursor).with_unreadable(found.unreadable)))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<TaggedRequest, Problem> {
    let (store, clock) = (&app.services.store, &app.services.clock);
    let found = grant_request::show(store, clock, &principal, &request_id(&id)?).await?;
    Ok(TaggedRequest(StatusCode::OK, found))
}

/// Answers 201 for a new request. A pending request of the same client and resource is updated and
/// answered with 200.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Input(input): Input<RequestInput>,
) -> Result<TaggedRequest, Problem> {
    let changed = grant_request::create(&app.services, &principal, input.new_request()?).await?;
    let is_new = changed.is_changed && changed.value.revision == 1;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(TaggedRequest(status, changed.value))
}

pub(super) async fn approve(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    IfMatch(condition): IfMatch,
    Input(input): Input<ApprovalInput>,
) -> Result<TaggedRequest, Problem> {
    let id = request_id(&id)?;
    let revision = revision(&condition, input.revision)?;
    let approved = grant_request::approve(&app.services, &principal, &id, revision).await?;
    Ok(TaggedRequest(StatusCode::OK, approved))
}

pub(super) async fn reject(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Input(input): Input<EndInput>,
) -> Result<TaggedRequest, Problem> {
    let (id, reason) = (request_id(&id)?, parsed("/reason", input.reason, Remark::parse)?);
    let rejected = grant_request::reject(&app.services, &principal, &id, reason).await?;
    Ok(TaggedRequest(StatusCode::OK, rejected))
}

pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Input(input): Input<EndInput>,
) -> Result<TaggedRequest, Problem> {
    let (id, reason) = (request_id(&id)?, parsed("/reason", input.reason, Remark::parse)?);
    let cancelled = grant_request::cancel(&app.services, &principal, &id, reason).await?;
    Ok(TaggedRequest(StatusCode::OK, cancelled))
}

fn request_id(text: &str) -> Result<GrantRequestId, Problem> {
    GrantRequestId::parse(text).map_err(|_| Problem::absent(ObjectKind::GrantRequest, text))
}

/// Returns the revision that an approval names. The body and `If-Match` must agree.
fn revision(condition: &Precondition, member: Option<i64>) -> Result<i64, Problem> {
    let header = match condition {
        Precondition::None => None,
        Precondition::Revision(tags) => match &tags[..] {
            [tag] => Some(tag.parse().map_err(|_| wrong_tag())?),
            _ => return Err(wrong_tag()),
        },
        Precondition::Absent => return Err(AdminError::from(PreconditionError::Exists).into()),
        _ => return Err(wrong_tag()),
    };
    match (header, member) {
        (None, None) => Err(Problem::revision_required()),
        (Some(header), Some(member)) if header != member => Err(wrong_tag()),
        (Some(revision), _) | (None, Some(revision)) => Ok(revision),
    }
}

fn wrong_tag() -> Problem {
    let text =
        "If-Match is the ETag of the grant request, such as \"1\", and the same as revision.";
    Problem::bad_request("invalid_header", text)
}

impl RequestInput {
    fn new_request(self) -> Result<NewGrantRequest, Problem> {
        Ok(NewGrantRequest {
            client_id: at("/client_id", ClientId::parse(&self.client_id))?,
            resource: at("/resource", ResourceId::parse(&self.resource))?,
            scopes: scopes("/scopes", &self.scopes)?,
            networks: networks("/networks", &self.networks)?,
            claims: self
                .claims
                .as_deref()
                .map(|raw| claims("/claims", raw))
                .transpose()?
                .unwrap_or_default(),
            message: parsed("/message", self.message, Remark::parse)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_names_one_revision() {
        let named = |tags: &[&str]| {
            Precondition::Revision(tags.iter().map(|tag| (*tag).to_owned()).collect())
        };
        for (condition, member, expected) in [
            (named(&["2"]), None, Some(2)),
            (Precondition::None, Some(2), Some(2)),
            (named(&["2"]), Some(2), Some(2)),
            (named(&["2"]), Some(3), None),
            (Precondition::None, None, None),
            (Precondition::Exists, None, None),
            (Precondition::Absent, Some(2), None),
            (named(&["x"]), None, None),
            // Weak tags and tags without quotation marks are ignored.
            (named(&[]), None, None),
            (named(&["2", "3"]), None, None),
        ] {
            assert_eq!(revision(&condition, member).ok(), expected, "{condition:?} {member:?}");
        }
    }
}
