//! Authentication by a JWT-SVID of a SPIFFE trust domain that the client trusts
//! (draft-ietf-oauth-spiffe-client-auth-02, section 3.1).
//!
//! Trusts in issuers (`federation`) and trusts in trust domains are separate: the assertion type
//! selects the kind. A JWT-SVID is a bearer token that workloads reuse until it expires. Its `jti`
//! is therefore not remembered, and its lifetime is bounded instead.

use std::sync::Arc;

use crate::app::App;
use crate::directory::{ClientEntry, KeysEntry, SpiffeTrustEntry};
use crate::jose::assertion::{SVID_ALGS, SignatureChecks, UnverifiedAssertion, VerifiedAssertion};
use crate::model::client::{AuthenticationMethod, JWT_BEARER_ASSERTION};
use crate::model::remedy::OperatorAction;
use crate::model::time::Timestamp;
use crate::oauth::client_authentication::assertion::at_equal_cost;
use crate::oauth::client_authentication::svid::{
    SvidProblem, UnverifiedSvid, check_claims, right_type, unsigned,
};
use crate::oauth::client_authentication::trusts::{
    AcceptingTrusts, MAX_TRUSTS, Sources, signature_checks,
};
use crate::oauth::client_authentication::{
    diagnosis, keys_not_fetched, reject_disabled, reject_other_methods, rejection,
};
use crate::oauth::error::OAuthError;
use crate::text::escaping;

const TEST: OperatorAction = OperatorAction::TestTrust;

/// Finds the client that trusts the JWT-SVID. A failure costs at least as many signature
/// verifications as for an unknown client. A JWT-SVID without `kid` can cost one for each key.
pub(super) fn authenticate(
    app: &App,
    assertion: &UnverifiedAssertion<'_>,
    client_id: Option<&str>,
    now: Timestamp,
) -> Result<Arc<ClientEntry>, OAuthError> {
    at_equal_cost(app, assertion, signature_checks(), |checks| {
        let svid = UnverifiedSvid::parse(assertion)
            .map_err(|problem| not_an_svid(app, client_id, problem))?;
        match named_client(app, client_id, &svid) {
            Some(id) => of_named_client(app, &svid, id, checks, now),
            None => of_any_client(app, &svid, checks, now),
        }
    })
}

/// Returns the client that the request names. A workload without a client id of this server sends
/// its SPIFFE ID as `client_id`, as in the examples of the draft. Such an id names no client.
fn named_client<'a>(
    app: &App,
    client_id: Option<&'a str>,
    svid: &UnverifiedSvid<'_>,
) -> Option<&'a str> {
    let names_the_workload =
        |id: &&str| *id == svid.id().as_str() && app.directory.client(id).is_none();
    client_id.filter(|id| !names_the_workload(id))
}

/// Checks the JWT-SVID against the named client. Its trusts are compared first, and only the keys
/// of those that accept the SPIFFE ID are tried.
fn of_named_client(
    app: &App,
    svid: &UnverifiedSvid<'_>,
    client_id: &str,
    checks: &mut SignatureChecks,
    now: Timestamp,
) -> Result<Arc<ClientEntry>, OAuthError> {
    let entry =
        app.directory.client(client_id).ok_or_else(|| diagnosis::unknown_id(app, client_id))?;
    let accepts = |known: &&SpiffeTrustEntry| known.trust.source.accepts(svid.id());
    let accepting: Vec<_> = entry.spiffe_trusts().iter().filter(accepts).collect();
    if accepting.is_empty() {
        return Err(reject_by_every_trust(&entry, svid));
    }
    let keys = accepting.iter().map(|known| &known.keys);
    let sources = Sources::verify(app, svid.assertion(), keys, &SVID_ALGS, checks);
    let signed =
        accepting.iter().find_map(|known| Some((known, sources.verified_by(&known.keys)?)));
    let Some((known, verified)) = signed else {
        let id = accepting[0].trust.trust_id.as_str();
        return Err(unsigned_by(&sources, Some(&entry), &format!("trust {id}: ")));
    };
    admit(app, &entry, known, verified, now)?;
    Ok(entry)
}

/// Finds the only client that trusts the JWT-SVID. Any caller can write claims, so the signature is
/// verified first, once for each bundle.
fn of_any_client(
    app: &App,
    svid: &UnverifiedSvid<'_>,
    checks: &mut SignatureChecks,
    now: Timestamp,
) -> Result<Arc<ClientEntry>, OAuthError> {
    let candidates = app.directory.spiffe_candidates(svid.id(), MAX_TRUSTS).map_err(|_| {
        OAuthError::authentication_failed(format!(
            "more than {MAX_TRUSTS} trusts accept this SPIFFE ID, and the request does not name a client"
        ))
        .with_remedy("Send client_id.")
    })?;
    if candidates.is_empty() {
        return Err(untrusted(app, svid));
    }
    let keys = candidates.iter().map(|candidate| &candidate.keys);
    let sources = Sources::verify(app, svid.assertion(), keys, &SVID_ALGS, checks);
    if sources.have_not_signed() {
        return Err(unsigned_by(&sources, None, ""));
    }
    let mut accepting = AcceptingTrusts::default();
    for candidate in &candidates {
        let Some(verified) = sources.verified_by(&candidate.keys) else { continue };
        let Some(entry) = app.directory.client(candidate.client_id.as_str()) else { continue };
        // The client may have changed since the index was read, so its entry decides.
        let is_accepting = |known: &&SpiffeTrustEntry| {
            known.trust.trust_id == candidate.trust_id
                && known.trust.source.accepts(svid.id())
                && sources.verified_by(&known.keys).is_some()
        };
        let Some(known) = entry.spiffe_trusts().iter().find(is_accepting) else { continue };
        let outcome = admit(app, &entry, known, verified, now);
        accepting.note(&entry, outcome);
    }
    accepting.only_client().unwrap_or_else(|| Err(untrusted(app, svid)))
}

/// Checks the claims, the state and the method after the signature has been verified.
fn admit(
    app: &App,
    entry: &ClientEntry,
    known: &SpiffeTrustEntry,
    svid: VerifiedAssertion<'_>,
    now: Timestamp,
) -> Result<(), OAuthError> {
    let lifetime_max = app.services.config.assertions.lifetime_max;
    check_claims(svid, app.issuer.as_str(), lifetime_max, now).map_err(|problem| {
        let id = &known.trust.trust_id;
        rejection(entry, &format!("trust {id}: {problem}")).with_remedy(problem.remedy)
    })?;
    reject_disabled(entry)?;
    reject_other_methods(entry, AuthenticationMethod::SpiffeJwt)
}

/// Returns the rejection for a JWT-SVID that no bundle has signed.
fn unsigned_by(sources: &Sources<'_>, entry: Option<&ClientEntry>, prefix: &str) -> OAuthError {
    match (sources.missing(), entry) {
        (Some(keys), Some(entry)) => {
            keys_not_fetched(entry, &format!("{prefix}the bundle {}", url(keys)), keys)
        }
        (Some(_), None) => {
            OAuthError::authentication_failed("the bundle of the trust domain has not been fetched")
                .with_remedy("Send client_id to learn why.")
        }
        (None, entry) => {
            let problem = sources.problem().map(unsigned);
            let SvidProblem { reason, remedy } = problem.unwrap_or_else(|| SvidProblem {
                reason: "no key has signed it".to_owned(),
                remedy: TEST.into(),
            });
            let reason = format!("{prefix}the JWT-SVID: {reason}");
            let error = match entry {
                Some(entry) => rejection(entry, &reason),
                None => OAuthError::authentication_failed(reason),
            };
            error.with_remedy(remedy)
        }
    }
}

fn url(keys: &KeysEntry) -> &str {
    match keys {
        KeysEntry::Remote(set) => set.source.url(),
        KeysEntry::Inline(_) => "",
    }
}

/// Rejects a SPIFFE ID that no trust of any client accepts.
fn untrusted(app: &App, svid: &UnverifiedSvid<'_>) -> OAuthError {
    let domain = svid.id().trust_domain();
    let reason = if app.directory.trusts_domain(domain) {
        let sub = escaping::escape_start(svid.id().as_str(), 200);
        format!("no client trusts the SPIFFE ID '{sub}'")
    } else {
        format!("no client trusts the trust domain '{domain}'")
    };
    OAuthError::authentication_failed(reason).with_remedy(OperatorAction::CompareTrusts)
}

/// Rejects a SPIFFE ID that no trust of the named client accepts, with the reason for each trust.
fn reject_by_every_trust(entry: &ClientEntry, svid: &UnverifiedSvid<'_>) -> OAuthError {
    let problems = entry.spiffe_trusts().iter().filter_map(|known| {
        let problem = svid.mismatch(&known.trust)?;
        Some(format!("trust {}: {problem}", known.trust.trust_id))
    });
    let problems: Vec<_> = problems.collect();
    if problems.is_empty() {
        return without_trust(entry);
    }
    rejection(entry, &problems.join("; ")).with_remedy(TEST)
}

fn without_trust(entry: &ClientEntry) -> OAuthError {
    let reason = "the client trusts no SPIFFE trust domain";
    if entry.trusts().is_empty() {
        return rejection(entry, reason).with_remedy(OperatorAction::AddSpiffeTrust);
    }
    rejection(
        entry,
        &format!("{reason}; it trusts issuers, whose tokens have another assertion type"),
    )
    .with_remedy(format!("Send client_assertion_type={JWT_BEARER_ASSERTION}."))
}

/// Rejects a token that does not have the form of a JWT-SVID.
fn not_an_svid(app: &App, client_id: Option<&str>, problem: SvidProblem) -> OAuthError {
    let reason = format!("the JWT-SVID: {problem}");
    let entry = client_id.and_then(|id| app.directory.client(id));
    match entry {
        Some(entry) => rejection(&entry, &reason),
        None => OAuthError::authentication_failed(reason),
    }
    .with_remedy(problem.remedy)
}

/// Extends a failure of the type jwt-bearer if the token is a JWT-SVID that the type jwt-spiffe
/// would accept. Nothing in the token has been verified.
pub(super) fn explain_wrong_type(
    app: &App,
    assertion: &UnverifiedAssertion<'_>,
    client_id: Option<&str>,
    error: OAuthError,
) -> OAuthError {
    let Ok(svid) = UnverifiedSvid::parse(assertion) else { return error };
    let is_accepted = match named_client(app, client_id, &svid) {
        Some(id) => app.directory.client(id).is_some_and(|entry| {
            entry.spiffe_trusts().iter().any(|known| known.trust.source.accepts(svid.id()))
        }),
        None => app
            .directory
            .spiffe_candidates(svid.id(), MAX_TRUSTS)
            .is_ok_and(|candidates| !candidates.is_empty()),
    };
    if !is_accepted {
        return error;
    }
    let reason = format!(
        "the token is a JWT-SVID of a trust domain that is trusted, sent as jwt-bearer; {}",
        error.reason()
    );
    error.with_reason(reason).with_remedy(right_type())
}
