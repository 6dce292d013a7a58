//! Trusts in SPIFFE trust domains, for `tokend client trust`.

use crate::cli::error::CliError;
use crate::jose::assertion::{SignatureChecks, UnverifiedAssertion};
use crate::model::client::{AuthenticationMethod, Registration};
use crate::model::remedy::{OperatorAction, Remedy};
use crate::model::spiffe_trust::SpiffeTrust;
use crate::oauth::client_authentication::svid::{SvidProblem, UnverifiedSvid, check_claims};
use crate::remote_keys::fetch::Fetcher;
use crate::remote_keys::{RemoteSource, fetch_keys};
use crate::services::opening::ReadOnlyServices;

/// Judges a token as the server does with the type jwt-spiffe: the trust that it meets, or the
/// problem of each.
///
/// # Errors
/// If the database cannot be read.
pub(super) async fn judge<'a>(
    reader: &ReadOnlyServices,
    fetcher: &Fetcher,
    found: &'a Registration,
    assertion: &UnverifiedAssertion<'_>,
) -> Result<Result<&'a SpiffeTrust, Vec<(String, Remedy)>>, CliError> {
    let issuer = match &reader.config.issuer {
        Some(issuer) => Some(issuer.as_str().to_owned()),
        None => reader.store.server_issuer().await?,
    };
    let mut problems = Vec::new();
    for trust in &found.spiffe_trusts {
        let judged = judge_one(reader, fetcher, found, (trust, assertion, issuer.as_deref())).await;
        match judged {
            Ok(()) => return Ok(Ok(trust)),
            Err(problem) => {
                let line = format!("trust {}: {}", trust.trust_id, problem.reason);
                problems.push((line, problem.remedy));
            }
        }
    }
    Ok(Err(problems))
}

async fn judge_one(
    reader: &ReadOnlyServices,
    fetcher: &Fetcher,
    found: &Registration,
    (trust, assertion, issuer): (&SpiffeTrust, &UnverifiedAssertion<'_>, Option<&str>),
) -> Result<(), SvidProblem> {
    let problem =
        |reason: String, remedy: &'static str| SvidProblem { reason, remedy: remedy.into() };
    let svid = UnverifiedSvid::parse(assertion)?;
    if let Some(reason) = svid.mismatch(trust) {
        return Err(problem(reason, "Compare the SPIFFE ID with the subject of the trust."));
    }
    let source = RemoteSource::Bundle(trust.source.bundle_endpoint().clone());
    let keys = fetch_keys(fetcher, &source).await.map_err(|error| {
        problem(
            format!("the bundle of the trust domain cannot be fetched: {error}"),
            "Check the bundle endpoint. It is fetched over https with a certificate of a public CA, or of fetch.ca_file.",
        )
    })?;
    let verified = svid.verify(&keys, &mut SignatureChecks::new(usize::MAX))?;
    let issuer = issuer.ok_or_else(|| {
        problem(
            "aud cannot be checked, because the issuer of this server is not known".to_owned(),
            "Set TOKEND_ISSUER.",
        )
    })?;
    check_claims(verified, issuer, reader.config.assertions.lifetime_max, reader.clock.now())?;
    if !found.client.auth_methods.contains(&AuthenticationMethod::SpiffeJwt) {
        let method = AuthenticationMethod::SpiffeJwt.as_str();
        let permitted = found.client.auth_methods.iter().map(|method| method.as_str().to_owned());
        return Err(SvidProblem {
            reason: format!("the client may not use {method}"),
            remedy: OperatorAction::PermitMethod {
                method: method.to_owned(),
                permitted: permitted.collect(),
            }
            .into(),
        });
    }
    Ok(())
}
