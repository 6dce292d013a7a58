//! `/v1/apply` and `/v1/export`: clients and resources as declarative documents.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::admin::Principal;
use crate::admin::declarative::{
    self, AppliedSecret, ApplyOptions, DEFAULT_MAX_DELETIONS, Declarations, ExportFilter,
    ExportedDocument, PlannedChange,
};
use crate::app::App;
use crate::model::client::ClientId;
use crate::model::owner::Owner;
use crate::model::secret::SecretId;
use crate::model::source::SourceName;
use crate::model::time::Timestamp;
use crate::text::schema::object_schema;
use crate::web::api::Problem;
use crate::web::api::clients::expose_for_response;
use crate::web::api::idempotency::IDEMPOTENCY_KEY;
use crate::web::api::json::{Input, Output, Parameters, ok, parsed_parameter};
use crate::web::api::work_slot::{WaitingBody, WorkSlot};

/// How documents are applied.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ApplyQuery {
    /// True to return the plan without changing anything.
    #[serde(default)]
    dry_run: bool,
    /// The source of documents that do not name one.
    #[param(value_type = Option<SourceName>, inline)]
    source: Option<String>,
    /// True to take over objects of another source or without a source.
    #[serde(default)]
    adopt: bool,
    /// True to delete objects of the same source that are not declared.
    #[serde(default)]
    prune: bool,
    /// The maximum number of objects that may be deleted.
    max_deletions: Option<usize>,
}

/// What was done, or would be done.
#[derive(Serialize, ToSchema)]
#[schema(as = Applied)]
pub(super) struct AppliedJson {
    /// False for a plan.
    #[schema(examples(true))]
    applied: bool,
    /// The changes, in their order.
    changes: Vec<PlannedChange>,
    /// The number of objects that already match their declaration.
    #[schema(examples(12))]
    unchanged: usize,
    /// The new secrets, which are shown only once.
    secrets: Vec<NewSecretJson>,
}

/// A new secret of a client.
#[derive(Serialize, ToSchema)]
#[schema(as = AppliedSecret)]
struct NewSecretJson {
    /// The client.
    client_id: ClientId,
    /// The secret.
    secret_id: SecretId,
    /// The secret itself.
    #[schema(required = true, examples("tkd_…19RbFA"))]
    client_secret: Option<String>,
    /// When it expires.
    #[schema(required = true)]
    expires_at: Option<Timestamp>,
}

impl From<AppliedSecret> for NewSecretJson {
    fn from(secret: AppliedSecret) -> Self {
        Self {
            client_id: secret.client_id,
            secret_id: secret.record.secret_id,
            client_secret: Some(expose_for_response(&secret.plain)),
            expires_at: secret.record.expires_at,
        }
    }
}

/// A document with `resources` and `clients`, or several as `{ "documents": [ … ] }`.
#[derive(Deserialize)]
pub(super) struct DeclarationsInput(Value);

object_schema!(
    DeclarationsInput as "Declarations",
    "A document with `resources` and `clients`, or several in the member `documents`. The schema of \
     its format is `docs/declarative.schema.json`.",
    {
        "source": "customers",
        "clients": [{
            "client_id": "acme",
            "claims": { "tenant": "acme" },
            "grants": [{ "resource": "https://orders.example.com", "scopes": ["orders:read"] }],
        }],
    },
);

/// Which objects are exported.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportQuery {
    /// Only objects of this source.
    #[param(value_type = Option<SourceName>, inline)]
    source: Option<String>,
    /// Only objects of this owner.
    #[param(value_type = Option<Owner>, inline)]
    owner: Option<String>,
}

/// The documents of an export.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Export, examples(json!({ "documents": [{ "source": "customers", "clients": [{ "client_id": "acme", "claims": { "tenant": "acme" } }] }] })))]
pub(super) struct ExportJson {
    /// One for each source, and one for the objects without a source.
    #[schema(value_type = Vec<Object>)]
    documents: Vec<ExportedDocument>,
}

/// Serializes applies: an instance runs one at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct ApplySlot(WorkSlot);

pub(super) const APPLY_PATH: &str = "/v1/apply";

/// The permit to read a body. It keeps the place of the body in memory until it is dropped.
#[derive(Debug, Clone)]
pub(super) struct ApplyPermit {
    slot: WorkSlot,
    _body: Arc<WaitingBody>,
}

/// Reserves a place for the body before `idempotency` reads it. A dry run does not consume its
/// `Idempotency-Key`.
pub(super) async fn enter(
    Extension(ApplySlot(slot)): Extension<ApplySlot>,
    Extension(principal): Extension<Principal>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(body) = slot.enter(principal.actor().as_str()) else {
        return Problem::apply_in_progress().into_response();
    };
    let query = request.uri().query().unwrap_or_default().as_bytes();
    if form_urlencoded::parse(query).any(|(name, value)| name == "dry_run" && value == "true") {
        request.headers_mut().remove(IDEMPOTENCY_KEY);
    }
    request.extensions_mut().insert(ApplyPermit { slot, _body: Arc::new(body) });
    next.run(request).await
}

impl<S: Send + Sync> FromRequestParts<S> for ApplyPermit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let permit = parts.extensions.get::<Self>().cloned();
        permit.ok_or_else(|| Problem::internal("the route has no slot for an apply"))
    }
}

/// Applies documents. `declarative` checks the rights that each change needs.
pub(super) async fn apply(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    permit: ApplyPermit,
    Parameters(query): Parameters<ApplyQuery>,
    Input(DeclarationsInput(body)): Input<DeclarationsInput>,
) -> Result<Output<AppliedJson>, Problem> {
    let _running = permit.slot.begin().ok_or_else(Problem::apply_in_progress)?;
    let declarations = Declarations::of_json(body);
    let options = ApplyOptions {
        source: parsed_parameter("source", query.source, SourceName::parse)?,
        is_adopting: query.adopt,
        is_pruning: query.prune,
        max_deletions: Some(query.max_deletions.unwrap_or(DEFAULT_MAX_DELETIONS)),
    };
    let services = &app.services;
    let plan = declarative::plan(services, &principal, &declarations, &options).await?;
    let (changes, unchanged) = (plan.changes(), plan.unchanged());
    if query.dry_run {
        declarative::rehearse(services, &principal, plan).await?;
        return Ok(ok(AppliedJson { applied: false, changes, unchanged, secrets: Vec::new() }));
    }
    let applied = declarative::execute(services, &principal, plan, &options).await?;
    let secrets = applied.secrets.into_iter().map(NewSecretJson::from).collect();
    Ok(ok(AppliedJson { applied: true, changes, unchanged, secrets }))
}

/// Exports the existing objects as documents that [`apply`] accepts.
pub(super) async fn export(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Parameters(query): Parameters<ExportQuery>,
) -> Result<Output<ExportJson>, Problem> {
    let filter = ExportFilter {
        source: parsed_parameter("source", query.source, SourceName::parse)?,
        owner: parsed_parameter("owner", query.owner, Owner::parse)?,
    };
    let documents = declarative::export(&app.services, &principal, &filter).await?;
    Ok(ok(ExportJson { documents }))
}
