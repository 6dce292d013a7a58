//! `tokend client trust test`: which trust of a client accepts a token, or which claim differs.

use serde_json::json;

use crate::admin::client;
use crate::cli::error::CliError;
use crate::cli::remedies::command::CommandRemedy;
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::{Global, client_reference, input, output, principal, spiffe_trust};
use crate::jose::assertion::{ISSUER_ALGS, SignatureChecks, UnverifiedAssertion};
use crate::jose::external_jwks::ExternalJwks;
use crate::model::client::{ClientId, ClientState, JWT_SPIFFE};
use crate::model::security::KeySource;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::time::Timestamp;
use crate::model::trust::FederatedCredential;
use crate::oauth::client_authentication::federation::{mismatch, untimely};
use crate::oauth::client_authentication::subject_form;
use crate::remote_keys::fetch::Fetcher;
use crate::remote_keys::{RemoteSource, fetch_keys};
use crate::services::StartError;

/// The longest token that is read, in bytes.
const MAX_TOKEN_BYTES: u64 = 64 << 10;

/// Runs `tokend client trust test`.
pub(super) async fn run(global: &Global, id: &str) -> Result<(), CliError> {
    let reader = global.reader().await?;
    let fetcher = Fetcher::new(&reader.config.fetch).map_err(StartError::from)?;
    let id = client_reference::resolve(&reader.store, id).await?;
    let found = client::show(&reader.store, &principal(), &id).await?;
    let text = input::read("a token", MAX_TOKEN_BYTES)
        .map_err(|error| CliError::not_valid(format!("cannot read a token: {error}")))?;
    let token = text.trim();
    let assertion = UnverifiedAssertion::parse(token)
        .map_err(|error| CliError::not_valid(format!("standard input: {error}")))?;
    if found.client.state == ClientState::Disabled {
        return Err(CliError::not_valid(format!(
            "client {id} is disabled: no token authenticates it"
        ))
        .with_remedy(CommandRemedy::EnableClient { client: id }));
    }
    let (mut problems, mut remedy) = (Vec::new(), None);
    for trust in &found.trusts {
        let note = mismatch(trust, assertion.unverified_claims())
            .and_then(|found| subject_form::note(id.as_str(), trust, &found));
        match judge(&fetcher, trust, &assertion, reader.clock.now()).await {
            None => {
                let value = json!({ "client_id": id, "trust_id": trust.trust_id, "matches": true });
                let rows = [
                    ("matches", trust.trust_id.to_string()),
                    ("client", id.to_string()),
                    ("issuer", trust.issuer.to_string()),
                ];
                return output::one(global.output, trust.trust_id.as_str(), &value, &rows);
            }
            Some(problem) => {
                let mut line = format!("trust {}: {problem}", trust.trust_id);
                if let Some(note) = note {
                    line = format!("{line}\n    {}", note.reason);
                    remedy = remedy.or(Some(note.remedy));
                }
                problems.push(line);
            }
        }
    }
    match spiffe_trust::judge(&reader, &fetcher, &found, &assertion).await? {
        Ok(trust) => return print_match(global, &id, trust),
        Err(others) => {
            remedy = remedy.or_else(|| others.first().map(|(_, fix)| fix.clone()));
            problems.extend(others.into_iter().map(|(line, _)| line));
        }
    }
    if problems.is_empty() {
        problems.push(format!("the client has no trust; make one: {}", CommandLine::AddTrust));
    }
    let error = CliError::not_valid(format!(
        "the token meets no trust of {id}\n  {}",
        problems.join("\n  ")
    ));
    Err(match remedy {
        Some(remedy) => error.with_remedy(CommandRemedy::OfRejection { remedy, client: id }),
        None => error,
    })
}

/// Prints the trust in a trust domain that a JWT-SVID meets.
fn print_match(global: &Global, id: &ClientId, trust: &SpiffeTrust) -> Result<(), CliError> {
    let trust_id = &trust.trust_id;
    let value = json!({
        "client_id": id, "trust_id": trust_id, "matches": true, "client_assertion_type": JWT_SPIFFE,
    });
    let rows = [
        ("matches", trust_id.to_string()),
        ("client", id.to_string()),
        ("trust domain", trust.source.trust_domain().to_string()),
        ("type", JWT_SPIFFE.to_owned()),
    ];
    output::one(global.output, trust_id.as_str(), &value, &rows)
}

/// Why a token does not meet a trust, as the server sees it; nothing if it does.
async fn judge(
    fetcher: &Fetcher,
    trust: &FederatedCredential,
    assertion: &UnverifiedAssertion<'_>,
    now: Timestamp,
) -> Option<String> {
    if let Err(problem) = assertion.check_purpose() {
        return Some(problem.to_string());
    }
    if let Some(problem) = mismatch(trust, assertion.unverified_claims()) {
        return Some(problem.to_string());
    }
    let keys = match &trust.keys {
        Some(KeySource::Inline(set)) => {
            ExternalJwks::stored(set.as_str()).map_err(|error| error.to_string())
        }
        Some(KeySource::Remote(uri)) => {
            fetch_keys(fetcher, &RemoteSource::KeySet(uri.clone())).await
        }
        None => {
            let source = RemoteSource::Discovered(trust.issuer.clone());
            fetch_keys(fetcher, &source).await
        }
    };
    match keys {
        Err(problem) => Some(format!("the issuer's keys cannot be had: {problem}")),
        Ok(keys) => assertion
            .verify(&keys, &ISSUER_ALGS, &mut SignatureChecks::new(usize::MAX))
            .err()
            .map(|error| error.to_string())
            .or_else(|| untimely(assertion.unverified_claims(), now)),
    }
}
