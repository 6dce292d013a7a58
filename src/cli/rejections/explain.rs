//! `tokend explain`: shows why a request was rejected, and how to fix it.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::admin::AdminErrorCode;
use crate::cli::api::{Api, ApiRequest, ApiUse, Object, path};
use crate::cli::error::CliError;
use crate::cli::output::objects::rejection::RejectionObject;
use crate::cli::remedies::command::ArgumentRemedy;
use crate::cli::{Global, output};
use crate::model::rejection::RejectionRecord;

/// The server writes its rejections every one or two seconds, so `explain` polls for up to three
/// seconds.
const MAX_POLLS: u32 = 12;
const POLL_INTERVAL: Duration = Duration::from_millis(250);

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The id of the request, from the response: `req_…`, or the one that a proxy has given it
    request_id: String,
}

/// Runs `tokend explain`.
pub(crate) async fn run(global: &Global, args: &ExplainArgs) -> Result<(), CliError> {
    let id = request_id(&args.request_id).ok_or_else(|| {
        CliError::usage(
            "the id of a request is req_ and letters and digits, or the X-Request-Id of a proxy",
        )
        .with_remedy(ArgumentRemedy::FindRequestId)
    })?;
    let api = Api::open(global, ApiUse::Read).await?;
    let mut found = find(&api, id).await?;
    let rejection = &found.object;
    let now = api.now();
    let mut rows = vec![
        ("request", rejection.request_id.clone()),
        ("at", output::time(rejection.at, now)),
        ("answer", format!("{} {}", rejection.status, rejection.error)),
        ("from", rejection.address.clone()),
    ];
    rows.extend(rejection.client_id.clone().map(|id| ("client", id)));
    rows.push(("reason", rejection.reason.clone()));
    if !rejection.named_like.is_empty() {
        let named = rejection.named_like.join(" or ");
        rows.push(("perhaps", format!("{named} has a name like that: send the id")));
    }
    if !rejection.secret_of.is_empty() {
        let owners = rejection.secret_of.join(", ");
        rows.push(("secret of", format!("{owners} (by its last characters)")));
    }
    let remedy = rejection.remedy_text();
    rows.extend(remedy.clone().map(|remedy| ("fix", remedy)));
    found.json["remedy"] = json!(remedy);
    output::one(global.output, id, &found.json, &rows)
}

/// Finds the id of a request in copied text. Words before it, quotation marks around it and a full
/// stop after it are ignored.
fn request_id(text: &str) -> Option<&str> {
    let Some(start) = text.find("req_") else { return proxy_id(text) };
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let id = text[start..].split(|c| !is_part(c)).next()?;
    RejectionRecord::is_request_id(id).then_some(id)
}

/// Returns the id of a proxy, if exactly one word can be one.
fn proxy_id(text: &str) -> Option<&str> {
    let is_part = |c: char| u8::try_from(c).is_ok_and(RejectionRecord::is_part_of_id);
    let mut ids = text.split(|c| !is_part(c)).filter(|word| RejectionRecord::is_request_id(word));
    let id = ids.next()?;
    ids.next().is_none().then_some(id)
}

async fn find(api: &Api, id: &str) -> Result<Object<RejectionObject>, CliError> {
    let request = ApiRequest::get(path(&["rejections", id]));
    for _ in 1..MAX_POLLS {
        match api.read(&request).await {
            Err(failure) if failure.is(AdminErrorCode::RejectionNotFound) => {}
            outcome => return Ok(outcome?),
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(api.read(&request).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// O-39: words and punctuation around an id are ignored.
    #[test]
    fn a_request_id_is_found_within_other_text() {
        for text in ["req_a1B2", " req_a1B2.", "'req_a1B2'", "(req_a1B2),", "Request id: req_a1B2."]
        {
            assert_eq!(request_id(text), Some("req_a1B2"), "{text:?}");
        }
        let uuid = "0190163d-8694-739b-aea5-966c26f8ad91";
        for text in [uuid, &format!("'{uuid}'."), &format!("Request id: {uuid}.")] {
            assert_eq!(request_id(text), Some(uuid), "{text:?}");
        }
        for text in ["", "x", "req_", "req_.", "req-a1B2"] {
            assert_eq!(request_id(text), None, "{text:?}");
        }
    }
}
