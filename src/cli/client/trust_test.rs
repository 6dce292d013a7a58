//! `tokend client trust test`: shows which trust of a client accepts a token, or which claim
//! differs.

use serde::Deserialize;
use serde_json::json;

use crate::cli::api::{Api, ApiRequest, ApiUse, Object, path};
use crate::cli::client::reference;
use crate::cli::error::CliError;
use crate::cli::remedies::command::CommandRemedy;
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::{Global, arguments, output};
use crate::model::client::ClientId;
use crate::model::remedy::Remedy;

/// The maximum length of a token, in bytes.
const MAX_TOKEN_BYTES: u64 = 64 << 10;

/// The result of a test, as the API returns it.
#[derive(Deserialize)]
struct TestObject {
    matches: bool,
    trust_id: Option<String>,
    issuer: Option<String>,
    trust_domain: Option<String>,
    client_assertion_type: Option<String>,
    #[serde(default)]
    code: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    trusts: Vec<UnmetObject>,
}

/// A trust that does not accept the token.
#[derive(Deserialize)]
struct UnmetObject {
    trust_id: String,
    reason: String,
    note: Option<String>,
    remedy: Option<String>,
}

/// Runs `tokend client trust test`.
pub(super) async fn run(global: &Global, id: &str) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Fetch).await?;
    let id = reference::find(&api, id).await?;
    let token = arguments::input::read("a token", MAX_TOKEN_BYTES)
        .map_err(|error| CliError::not_valid(format!("cannot read a token: {error}")))?;
    let test = path(&["clients", &id, "trusts", "test"]);
    let request = ApiRequest::post(test, json!({ "token": token.trim() }));
    let Object { json, object: found } = api.read::<TestObject>(&request).await?;
    if !found.matches {
        return Err(found.into_error(ClientId::parse(&id)?));
    }
    let trust_id = found.trust_id.unwrap_or_default();
    let mut rows = vec![("matches", trust_id.clone()), ("client", id)];
    rows.extend(found.issuer.map(|issuer| ("issuer", issuer)));
    rows.extend(found.trust_domain.map(|domain| ("trust domain", domain)));
    rows.extend(found.client_assertion_type.map(|kind| ("type", kind)));
    output::one(global.output, &trust_id, &json, &rows)
}

impl TestObject {
    /// Converts into an error that says why the token does not authenticate the client.
    fn into_error(self, client: ClientId) -> CliError {
        match self.code.as_str() {
            "malformed_token" => CliError::not_valid(format!("standard input: {}", self.reason)),
            "client_disabled" => {
                CliError::not_valid(self.reason).with_remedy(CommandRemedy::EnableClient { client })
            }
            _ => self.into_differences(client),
        }
    }

    fn into_differences(self, client: ClientId) -> CliError {
        let mut text = self.reason;
        if self.trusts.is_empty() {
            text.push_str("\n  the client has no trust; make one: ");
            text.push_str(&CommandLine::AddTrust.to_string());
        }
        let mut remedy = None;
        for unmet in self.trusts {
            text.push_str(&format!("\n  trust {}: {}", unmet.trust_id, unmet.reason));
            if let Some(note) = unmet.note {
                text.push_str(&format!("\n    {note}"));
            }
            remedy = remedy.or(unmet.remedy);
        }
        let error = CliError::not_valid(text);
        match remedy.map(Remedy::decode) {
            Some(remedy) => error.with_remedy(CommandRemedy::OfRejection { remedy, client }),
            None => error,
        }
    }
}
