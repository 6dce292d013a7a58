//! `/v1/leaks`: reports of leaked secrets.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::secret::leak::{LeakReport, LeakedSecret};
use crate::admin::{Principal, secret};
use crate::app::App;
use crate::model::client::ClientId;
use crate::telemetry;
use crate::web::api::Problem;
use crate::web::api::json::{Input, Output, at, ok};

/// A text that may contain secrets.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LeakReport, examples(json!({ "text": "CLIENT_SECRET=…" })))]
pub(super) struct LeakInput {
    /// Any text, such as a file or a log.
    #[schema(value_type = String)]
    text: SecretString,
    /// The client whose imported secrets are looked for as well.
    #[schema(value_type = Option<ClientId>)]
    client_id: Option<String>,
}

/// The secrets of the report that the caller may see. The response is the same for a secret of
/// another owner and for an unknown text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LeakedSecrets)]
pub(super) struct LeaksJson {
    /// The secrets that the caller may see, with what was done.
    secrets: Vec<LeakedSecret>,
}

pub(super) async fn report(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Input(input): Input<LeakInput>,
) -> Result<Output<LeaksJson>, Problem> {
    let now = app.services.clock.now();
    app.leak_reports.count(principal.actor(), now).map_err(Problem::too_many_requests)?;
    let client_id = input.client_id.map(|id| at("/client_id", ClientId::parse(&id)));
    let report = LeakReport { text: input.text, client_id: client_id.transpose()? };
    let found = secret::leak::find(&app.services, &principal, &report).await?;
    let secrets = secret::leak::run_policies(&app.services, &principal, &found.visible).await?;
    // These policies run in their own task, so that neither the response nor its timing reveals a
    // hidden secret.
    tokio::spawn(async move {
        let done = secret::leak::run_policies(&app.services, &principal, &found.hidden).await;
        if let Err(error) = done {
            let problem = telemetry::with_causes(&error);
            tracing::error!(problem, "the leak policy failed: report the secret again");
        }
    });
    Ok(ok(LeaksJson { secrets }))
}
