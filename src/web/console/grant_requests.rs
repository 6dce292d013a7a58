//! Grant requests: a team requests a grant for a resource of another team.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Request, State};

use crate::admin::ObjectKind;
use crate::admin::grant_request::{self, GrantRequestQuery};
use crate::model::Malformed;
use crate::model::admin_scope::AdminScope;
use crate::model::grant_request::{GrantRequest, GrantRequestId, GrantRequestState, Remark};
use crate::model::owner::Owner;
use crate::web::api::Problem;
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::notice::Notice;
use crate::web::console::page_parts::shown::{self, Badge, Choice, Time, Unreadable};
use crate::web::console::sign_in::gate::SignedIn;

/// The number of requests per page.
const PAGE_SIZE: u32 = 50;

#[derive(Template)]
#[template(path = "console/grant_requests.html")]
struct RequestsPage {
    frame: Frame,
    rows: Vec<RequestRow>,
    unreadable: Vec<Unreadable>,
    states: Vec<Choice>,
    is_filtered: bool,
    is_first: bool,
    next: Option<String>,
}

struct RequestRow {
    id: String,
    path: String,
    client: String,
    client_path: Option<String>,
    client_owner: String,
    resource: String,
    resource_path: Option<String>,
    resource_owner: String,
    scopes: Vec<String>,
    networks: String,
    claims: String,
    message: String,
    reason: String,
    by: String,
    at: Time,
    expires: Time,
    state: Badge,
    revision: i64,
    may_decide: bool,
}

impl RequestRow {
    fn of(signed_in: &SignedIn, request: &GrantRequest) -> Self {
        let (client, resource) = (request.client_id.as_str(), request.resource.as_str());
        let owner =
            |owner: &Option<Owner>| owner.as_ref().map(Owner::to_string).unwrap_or_default();
        let remark = |text: &Option<Remark>| {
            text.as_ref().map(|it| it.as_str().to_owned()).unwrap_or_default()
        };
        let is_pending = request.state == GrantRequestState::Pending;
        let sees = |owner: &Option<Owner>| signed_in.principal.may_administer(owner.as_ref());
        let networks = &request.networks;
        Self {
            id: request.request_id.to_string(),
            path: format!("/console/grant-requests/{}/decision", request.request_id),
            client: client.to_owned(),
            client_path: sees(&request.client_owner).then(|| shown::client_path(client)),
            client_owner: owner(&request.client_owner),
            resource: resource.to_owned(),
            resource_path: (sees(&request.resource_owner)
                && signed_in.may(AdminScope::ResourcesRead))
            .then(|| shown::resource_path(resource)),
            resource_owner: owner(&request.resource_owner),
            scopes: request.scopes.iter().map(ToString::to_string).collect(),
            networks: if networks.is_anywhere() { String::new() } else { networks.to_string() },
            claims: if request.claims.is_empty() { String::new() } else { request.claims.json() },
            message: remark(&request.message),
            reason: remark(&request.reason),
            by: request.requested_by.clone(),
            at: Time::of(request.created_at, signed_in.now),
            expires: Time::of(request.expires_at, signed_in.now),
            state: badge(request.state),
            revision: request.revision,
            may_decide: is_pending
                && sees(&request.resource_owner)
                && signed_in.may(AdminScope::GrantsWrite),
        }
    }
}

fn badge(state: GrantRequestState) -> Badge {
    match state {
        GrantRequestState::Pending => Badge::new("warn", "pending"),
        GrantRequestState::Approved => Badge::new("good", "approved"),
        GrantRequestState::Rejected => Badge::new("bad", "rejected"),
        GrantRequestState::Cancelled => Badge::new("off", "cancelled"),
        GrantRequestState::Expired => Badge::new("off", "expired"),
    }
}

/// Shows the requests visible to the caller, newest first.
pub(super) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    request: Request,
) -> Answer {
    signed_in.require(AdminScope::ClientsRead)?;
    let query = Form::of_query(&request);
    query.only(&["state", "before", "done"])?;
    let before = |text: &str| {
        text.parse().map_err(|_| Malformed::because("expected a sequence number, such as 1042"))
    };
    let question = GrantRequestQuery {
        state: query.parsed("state", GrantRequestState::parse)?,
        before: query.parsed("before", before)?,
        ..GrantRequestQuery::default()
    };
    let (store, clock) = (&app.services.store, &app.services.clock);
    let found =
        grant_request::list(store, clock, &signed_in.principal, question, PAGE_SIZE).await?;
    let next = found.next.map(|last| format!("?{}", query.query_with("before", &last.to_string())));
    let mut states = vec![("", "Any state")];
    states.extend(GrantRequestState::ALL.iter().map(|state| (state.as_str(), state.as_str())));
    let filters = [("--state", "state", query.text("state"))];
    let equivalent =
        Equivalent::of_list("tokend grant-request list", "/v1/grant-requests", &filters);
    answer::page(&RequestsPage {
        frame: Frame::new(&signed_in, "Grant requests", "/console/grant-requests")
            .with_equivalent(equivalent),
        unreadable: Unreadable::list(found.unreadable),
        rows: found.readable.iter().map(|request| RequestRow::of(&signed_in, request)).collect(),
        states: Choice::list(&states, query.text("state").unwrap_or_default()),
        is_filtered: query.has("state"),
        is_first: !query.has("before"),
        next,
    })
}

/// Approves or rejects a request. An approval names the revision that the page showed.
pub(super) async fn decide(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&["decision", "revision", "reason"])?;
    signed_in.require(AdminScope::GrantsWrite)?;
    signed_in.require_recent_authentication("/console/grant-requests")?;
    let id =
        GrantRequestId::parse(&id).map_err(|_| Problem::absent(ObjectKind::GrantRequest, &id))?;
    let (services, principal) = (&app.services, &signed_in.principal);
    let done = match form.text("decision") {
        Some("approve") => {
            let number = |text: &str| {
                text.parse().map_err(|_| Malformed::because("expected a number, such as 2"))
            };
            let revision = form.parsed("revision", number)?;
            let revision =
                revision.ok_or_else(|| ConsoleError::invalid("revision: it is missing"))?;
            grant_request::approve(services, principal, &id, revision).await?;
            Notice::RequestApproved
        }
        Some("reject") => {
            let reason = form.parsed("reason", Remark::parse)?;
            grant_request::reject(services, principal, &id, reason).await?;
            Notice::RequestRejected
        }
        _ => return Err(ConsoleError::invalid("decision: approve or reject")),
    };
    answer::changed(&app, "/console/grant-requests", done).await
}
