//! `tokend explain`: why was this request rejected, and how is it fixed?

use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::admin::rejection::{self, Candidates};
use crate::admin::{AdminError, ObjectKind};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::remedies::command::ArgumentRemedy;
use crate::cli::{output, principal, remedies};
use crate::model::client::ClientId;
use crate::model::rejection::RejectionRecord;
use crate::store::Store;

/// A server writes its rejections every second or two; so long it is worth waiting for one.
const MAX_POLLS: u32 = 12;
const POLL_INTERVAL: Duration = Duration::from_millis(250);

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The id of the request, from the response: `req_…`
    request_id: String,
}

/// Runs `tokend explain`.
pub(crate) async fn run(global: &Global, args: &ExplainArgs) -> Result<(), CliError> {
    let id = request_id(&args.request_id).ok_or_else(|| {
        CliError::usage("the id of a request is req_ and letters and digits")
            .with_remedy(ArgumentRemedy::FindRequestId)
    })?;
    let reader = global.reader().await?;
    let found = find(&reader.store, id).await?;
    let found = found.ok_or_else(|| AdminError::not_found(ObjectKind::Rejection, id))?;
    let found = remedies::with_text(found);
    let Candidates { secret_of, named_like } =
        rejection::candidates(&reader.store, &principal(), &found).await?;
    let now = reader.clock.now();
    let mut rows = vec![
        ("request", found.request_id.clone()),
        ("at", output::time(found.at, now)),
        ("answer", format!("{} {}", found.status, found.error)),
        ("from", found.address.clone()),
    ];
    rows.extend(found.client_id.clone().map(|id| ("client", id)));
    rows.push(("reason", found.reason.clone()));
    if !named_like.is_empty() {
        let named = joined(&named_like, " or ");
        rows.push(("perhaps", format!("{named} has a name like that: send the id")));
    }
    if !secret_of.is_empty() {
        let others = joined(&secret_of, ", ");
        rows.push(("secret of", format!("{others} (by its last characters)")));
    }
    rows.extend(found.remedy.as_ref().map(|remedy| ("fix", remedy.encode().into_owned())));
    let mut value = json!(found);
    value["secret_of"] = json!(secret_of);
    value["named_like"] = json!(named_like);
    output::one(global.output, id, &value, &rows)
}

fn joined(ids: &[ClientId], separator: &str) -> String {
    ids.iter().map(ClientId::as_str).collect::<Vec<_>>().join(separator)
}

/// The id of a request in the text that was copied: a full stop after it, quotation marks around it
/// and words before it are left out.
fn request_id(text: &str) -> Option<&str> {
    let from = &text[text.find("req_")?..];
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let id = from.split(|c| !is_part(c)).next()?;
    RejectionRecord::is_request_id(id).then_some(id)
}

async fn find(store: &Store, id: &str) -> Result<Option<RejectionRecord>, CliError> {
    for _ in 0..MAX_POLLS {
        if let Some(found) = store.rejection(id).await? {
            return Ok(Some(found));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_in_what_surrounds_it() {
        for text in ["req_a1B2", " req_a1B2.", "'req_a1B2'", "(req_a1B2),", "Request id: req_a1B2."]
        {
            assert_eq!(request_id(text), Some("req_a1B2"), "{text:?}");
        }
        for text in ["", "x", "req_", "req_.", "req-a1B2"] {
            assert_eq!(request_id(text), None, "{text:?}");
        }
    }
}
