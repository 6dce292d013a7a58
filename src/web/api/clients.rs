//! `/v1/clients`: clients and their state.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::admin::client::list::{ClientQuery, MAX_SEARCH_CHARS};
use crate::admin::client::{self, Put};
use crate::admin::revision::{Precondition, Revision};
use crate::admin::{AdminError, ObjectKind, Principal, secret};
use crate::app::App;
use crate::model::client::{ClientId, ClientName, ClientState, Registration};
use crate::model::owner::Owner;
use crate::model::time::Lifetime;
use crate::model::usage::UsageHorizon;
use crate::store::clients::list::Position;
use crate::web::api::client_document::ClientDocument;
use crate::web::api::client_json::ClientJson;
use crate::web::api::conditions::{IfMatch, Tagged, if_visible, tagged};
use crate::web::api::facts_json::query_labels;
use crate::web::api::grant_json::problem_of_client;
use crate::web::api::json::{
    self, Input, Output, Parameters, created, ok, page_size, parsed_parameter, text_parameter,
    wrong_parameter,
};
use crate::web::api::member::Omitted;
use crate::web::api::page::Page;
use crate::web::api::read_only::ReadOnlyMembers;
use crate::web::api::{Delivery, Problem, delivery};

/// The default number of clients per page.
const PAGE_SIZE: u32 = 50;

/// Which clients a list holds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// The maximum number of objects on a page.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
    /// The id of the client after which the first page begins. Not together with `cursor`.
    #[param(value_type = Option<ClientId>, inline)]
    after: Option<String>,
    /// Only clients in this state.
    #[param(value_type = Option<ClientState>, inline)]
    state: Option<String>,
    /// Only clients of this owner.
    #[param(value_type = Option<Owner>, inline)]
    owner: Option<String>,
    /// A part of the id or the name. ASCII letters match in either case.
    #[param(min_length = 1, max_length = 100)]
    q: Option<String>,
    /// The exact name.
    name: Option<String>,
    /// Labels such as `team=payments`, separated by commas.
    label: Option<String>,
    /// Only clients with a grant for this resource.
    resource: Option<String>,
    /// Only clients with a grant of this scope.
    scope: Option<String>,
    /// Only clients with a valid secret that expires within this time, such as `14d`.
    expiring_within: Option<String>,
    /// Only clients that were not used for this time, such as `90d`.
    unused_for: Option<String>,
    /// Counts the clients after this page up to this number, as `remaining`.
    count: Option<u32>,
}

/// An alias without type parameters, because the `ToSchema` derive does not resolve them.
type Clients = Page<ClientJson>;

/// A page of clients.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClientPage {
    #[serde(flatten)]
    page: Clients,
    /// The number of clients that follow, up to `count`. Absent without `count` or with `q`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    remaining: Option<i64>,
}

/// A client with its first secret, which is shown only once.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedClient {
    #[serde(flatten)]
    client: ClientJson,
    /// The secret, which no other response has. Absent after a dry run or with `secret_digest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("tkd_…19RbFA"))]
    client_secret: Option<String>,
}

/// Why a client is disabled or enabled.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StateChange, examples(json!({ "reason": "Its secret was found in a public repository." })))]
pub(super) struct StateInput {
    /// The reason, for the audit log.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// Parses the id in the path of a request that may create the client.
fn id_to_put(text: &str) -> Result<ClientId, Problem> {
    ClientId::parse(text).map_err(|problem| Problem::wrong_id("client_id", &problem))
}

/// Parses the id in a path.
pub(super) fn client_id(text: &str) -> Result<ClientId, Problem> {
    ClientId::parse(text).map_err(|_| Problem::absent(ObjectKind::Client, text))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Output<ClientPage>, Problem> {
    let limit = page_size(query.limit, PAGE_SIZE)?;
    let (cursor, after, count) = (query.cursor.clone(), query.after.clone(), query.count);
    let (store, clock) = (&app.services.store, &app.services.clock);
    let filter = client::list::filter(store, clock, &principal, question(query)?).await?;
    let after = match (cursor, after) {
        (Some(_), Some(_)) => {
            return Err(wrong_parameter("after", "cursor is given: leave one of them out"));
        }
        (cursor @ Some(_), None) => {
            let place = parsed_parameter("cursor", cursor, |it| client::list::place(&filter, it))?;
            place.unwrap_or_else(Position::start)
        }
        (None, Some(id)) => {
            client::list::position(store, &principal, &filter, &client_id(&id)?).await?
        }
        (None, None) => Position::start(),
    };
    let page = store.client_page(&filter, &after, limit).await.map_err(AdminError::from)?;
    let ids: Vec<&str> = page.positions.iter().map(Position::client_id).collect();
    let found = client::list::read_clients(&app.services, &ids).await.map_err(AdminError::from)?;
    let data = found.readable.into_iter().map(|client| ClientJson::of(&app, client)).collect();
    let remaining = match (count, &page.next) {
        // A search is not counted, because it scans all clients.
        _ if filter.search.is_some() => None,
        (None, _) => None,
        (Some(_), None) => Some(0),
        (Some(bound), Some(last)) => {
            store.count_clients(&filter, last, bound).await.map_err(AdminError::from)?
        }
    };
    let next_cursor = page.next.map(|next| client::list::cursor(&filter, &next));
    let page = Page::new(data, next_cursor).with_unreadable(found.unreadable);
    Ok(ok(ClientPage { page, remaining }))
}

fn question(query: ListQuery) -> Result<ClientQuery, Problem> {
    let search = query.q.as_deref().map(|text| text_parameter("q", text, MAX_SEARCH_CHARS));
    Ok(ClientQuery {
        state: parsed_parameter("state", query.state, ClientState::parse)?,
        name: parsed_parameter("name", query.name, ClientName::parse)?,
        owner: parsed_parameter("owner", query.owner, Owner::parse)?,
        labels: query.label.as_deref().map(query_labels).transpose()?.unwrap_or_default(),
        resource: query.resource,
        scope: query.scope,
        expiring: parsed_parameter("expiring_within", query.expiring_within, Lifetime::parse)?,
        unused: parsed_parameter("unused_for", query.unused_for, Lifetime::parse)?,
        search: search.transpose()?.map(str::to_owned),
    })
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Tagged<ClientJson>, Problem> {
    let mut found = client::show(&app.services.store, &principal, &client_id(&id)?).await?;
    secret::life::assess(&app.services, &mut found).await?;
    Ok(answer(&app, found))
}

/// Answers a change with the client. The usage horizon is read before the change, so nothing can
/// fail after the commit.
fn assessed(app: &App, mut found: Registration, horizon: &UsageHorizon) -> Tagged<ClientJson> {
    found.assess(horizon, app.services.config.secrets.warn_before);
    answer(app, found)
}

fn answer(app: &App, found: Registration) -> Tagged<ClientJson> {
    tagged(&Revision::of_client(&found), ok(ClientJson::of(app, found)))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    delivery: Option<Extension<Delivery>>,
    Input(document): Input<ClientDocument>,
) -> Result<Tagged<CreatedClient>, Problem> {
    let new = document.new_client()?;
    let grants = new.grants.clone();
    let pending = client::prepare(&app.services, &principal, new).await;
    let pending = pending.map_err(|error| problem_of_client(error, &grants))?;
    let (made, secret) = pending.made().clone();
    let revision = Revision::of_client(&made);
    let client = ClientJson::of(&app, made);
    let client_secret = secret.as_ref().map(expose_for_response);
    let answer = created(CreatedClient { client, client_secret });
    Ok(tagged(&revision, delivery::commit(delivery, pending, answer).await?))
}

/// Exposes a secret for the only response that contains it.
pub(super) fn expose_for_response(secret: &SecretString) -> String {
    secret.expose_secret().to_owned()
}

pub(super) async fn put(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    if_match: IfMatch,
    Input(mut document): Input<ClientDocument>,
) -> Result<Tagged<ClientJson>, Problem> {
    let (id, read_only) = (id_to_put(&id)?, document.take_read_only());
    let horizon = secret::life::horizon(&app.services.store, &app.services.clock).await;
    let horizon = horizon.map_err(AdminError::from)?;
    let mut members = document.update(Some(&id), Omitted::HasDefault)?;
    members.precondition = if_match.for_replacement();
    let is_conditional = members.precondition != Precondition::Unchanged;
    // A failed precondition is reported before a wrong read-only member.
    let present = if_visible(client::show(&app.services.store, &principal, &id).await)?;
    match &present {
        None => {
            if members.precondition.admits_absence() {
                // An existing client keeps its id, even if the rules for new ids would reject it.
                ClientId::parse_new(id.as_str())
                    .map_err(|problem| Problem::wrong_id("client_id", &problem))?;
            }
            read_only.check(&Value::Null)?;
        }
        Some(found) if is_conditional => {
            if members.precondition.check(&Revision::of_client(found)).is_ok() {
                check_read_only(&app, &read_only, found)?;
            }
        }
        Some(_) => {}
    }
    let grants = members.grants.clone().unwrap_or_default();
    let put = client::put(&app.services, &principal, &id, members).await;
    match put.map_err(|error| problem_of_client(error, &grants))? {
        Put::Created(made) => {
            let revision = Revision::of_client(&made);
            Ok(tagged(&revision, created(ClientJson::of(&app, made))))
        }
        Put::Existing(changed) => {
            if !is_conditional {
                check_read_only(&app, &read_only, &changed.value)?;
            }
            Ok(assessed(&app, changed.value, &horizon))
        }
    }
}

fn check_read_only(
    app: &App,
    members: &ReadOnlyMembers,
    found: &Registration,
) -> Result<(), Problem> {
    if members.is_empty() {
        return Ok(());
    }
    let present = serde_json::to_value(ClientJson::of(app, found.clone()));
    members.check(&present.map_err(|error| Problem::internal(&error.to_string()))?)
}

pub(super) async fn update(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    IfMatch(precondition): IfMatch,
    Input(mut patch): Input<ClientDocument>,
) -> Result<Tagged<ClientJson>, Problem> {
    let (id, subject) = (client_id(&id)?, patch.take_tls_subject()?);
    let read_only = patch.take_read_only();
    let mut update = patch.update(Some(&id), Omitted::Stays)?;
    update.precondition = precondition;
    if !read_only.is_empty() || subject.is_some() {
        let found = client::show(&app.services.store, &principal, &id).await?;
        check_read_only(&app, &read_only, &found)?;
        // Repeating the current value needs no right to change it.
        update.tls_subject =
            subject.filter(|new| found.client.security.tls_subject.as_ref() != Some(new));
    }
    let grants = update.grants.clone().unwrap_or_default();
    let horizon = secret::life::horizon(&app.services.store, &app.services.clock).await;
    let horizon = horizon.map_err(AdminError::from)?;
    let changed = client::update(&app.services, &principal, &id, update).await;
    let changed = changed.map_err(|error| problem_of_client(error, &grants))?;
    Ok(assessed(&app, changed.value, &horizon))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    IfMatch(precondition): IfMatch,
) -> Result<StatusCode, Problem> {
    client::delete_if(&app.services, &principal, &client_id(&id)?, &precondition).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn disable(
    state: State<Arc<App>>,
    principal: Extension<Principal>,
    id: Path<String>,
    Input(input): Input<StateInput>,
) -> Result<Tagged<ClientJson>, Problem> {
    set_state(&state, &principal, &id, ClientState::Disabled, input.reason).await
}

pub(super) async fn enable(
    state: State<Arc<App>>,
    principal: Extension<Principal>,
    id: Path<String>,
    Input(input): Input<StateInput>,
) -> Result<Tagged<ClientJson>, Problem> {
    set_state(&state, &principal, &id, ClientState::Active, input.reason).await
}

async fn set_state(
    app: &App,
    principal: &Principal,
    id: &str,
    state: ClientState,
    reason: Option<String>,
) -> Result<Tagged<ClientJson>, Problem> {
    let (id, reason) = (client_id(id)?, json::reason(reason.as_deref())?);
    let horizon = secret::life::horizon(&app.services.store, &app.services.clock).await;
    let horizon = horizon.map_err(AdminError::from)?;
    let changed = client::set_state(&app.services, principal, &id, state, reason).await?;
    Ok(assessed(app, changed.value, &horizon))
}
