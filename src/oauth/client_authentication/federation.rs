//! Authentication by a token of an external issuer that the client trusts (RFC 7523). A workload
//! that already has an identity needs no client secret.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::app::App;
use crate::directory::{ClientEntry, TrustEntry};
use crate::jose::assertion::{
    ISSUER_ALGS, SignatureChecks, UnverifiedAssertion, VerifiedAssertion,
};
use crate::model::remedy::OperatorAction;
use crate::model::time::Timestamp;
use crate::model::trust::{ExternalIssuer, FederatedCredential, Unmet, scalar};
use crate::oauth::client_authentication::assertion::{at_equal_cost, check_times, shown};
use crate::oauth::client_authentication::trusts::{
    AcceptingTrusts, MAX_TRUSTS, Sources, signature_checks,
};
use crate::oauth::client_authentication::{
    diagnosis, keys_not_fetched, reject_disabled, rejection, subject_form,
};
use crate::oauth::error::OAuthError;

const TEST: OperatorAction = OperatorAction::TestTrust;

/// Finds the client that trusts the token: the named client, or the only client with an accepting
/// trust. Several clusters may use the same issuer name, and an issuer may change its keys. The
/// signature therefore decides between accepting trusts.
pub(super) fn authenticate(
    app: &App,
    assertion: &UnverifiedAssertion<'_>,
    client_id: Option<&str>,
    now: Timestamp,
) -> Result<Arc<ClientEntry>, OAuthError> {
    at_equal_cost(app, assertion, signature_checks(), |checks| {
        find_client(app, assertion, client_id, checks, now)
    })
}

fn find_client(
    app: &App,
    assertion: &UnverifiedAssertion<'_>,
    client_id: Option<&str>,
    checks: &mut SignatureChecks,
    now: Timestamp,
) -> Result<Arc<ClientEntry>, OAuthError> {
    assertion.check_purpose().map_err(|error| {
        OAuthError::authentication_failed(format!("the token: {error}")).with_remedy(
            "Have the workload send the token that its platform issues as its identity.",
        )
    })?;
    match client_id {
        Some(id) => of_named_client(app, assertion, id, checks, now),
        None => of_any_client(app, assertion, checks, now),
    }
}

/// Checks the token against the named client. The client has few trusts, so their claims are
/// compared first, and only the keys of accepting trusts are tried.
fn of_named_client(
    app: &App,
    assertion: &UnverifiedAssertion<'_>,
    client_id: &str,
    checks: &mut SignatureChecks,
    now: Timestamp,
) -> Result<Arc<ClientEntry>, OAuthError> {
    let entry =
        app.directory.client(client_id).ok_or_else(|| diagnosis::unknown_id(app, client_id))?;
    let is_accepted =
        |known: &&TrustEntry| mismatch(&known.trust, assertion.unverified_claims()).is_none();
    let accepting: Vec<_> = entry.trusts().iter().filter(is_accepted).collect();
    if accepting.is_empty() {
        return Err(reject_by_every_trust(&entry, assertion.unverified_claims()));
    }
    let keys = accepting.iter().map(|known| &known.keys);
    let sources = Sources::verify(app, assertion, keys, &ISSUER_ALGS, checks);
    let signed =
        accepting.iter().find_map(|known| Some((known, sources.verified_by(&known.keys)?)));
    let Some((known, assertion)) = signed else {
        let id = accepting[0].trust.trust_id.as_str();
        return Err(unsigned_by(&sources, Some(&entry), &format!("trust {id}: ")));
    };
    check_validity(&entry, known, assertion, now)?;
    reject_disabled(&entry)?;
    Ok(entry)
}

/// Finds the only client that trusts the token. An attacker can write any claims, so the signature
/// is verified first, once for each key source. Only then are the claims of up to [`MAX_TRUSTS`]
/// trusts compared.
fn of_any_client(
    app: &App,
    assertion: &UnverifiedAssertion<'_>,
    checks: &mut SignatureChecks,
    now: Timestamp,
) -> Result<Arc<ClientEntry>, OAuthError> {
    let issuer = assertion.unverified_text("iss").unwrap_or_default();
    let subject = scalar(&assertion.unverified_claims()["sub"]);
    let candidates = app.directory.trust_candidates(issuer, subject.as_deref(), MAX_TRUSTS);
    let candidates = candidates.map_err(|_| {
        OAuthError::authentication_failed(format!(
            "more than {MAX_TRUSTS} trusts could be meant by a token of that issuer, and the request does not name a client"
        ))
        .with_remedy("Send client_id.")
    })?;
    if candidates.is_empty() {
        return Err(untrusted(app, assertion));
    }
    let keys = candidates.iter().map(|candidate| &candidate.keys);
    let sources = Sources::verify(app, assertion, keys, &ISSUER_ALGS, checks);
    if sources.have_not_signed() {
        return Err(unsigned_by(&sources, None, ""));
    }
    let mut accepting = AcceptingTrusts::default();
    for candidate in &candidates {
        let Some(verified) = sources.verified_by(&candidate.keys) else { continue };
        let Some(entry) = app.directory.client(candidate.client_id.as_str()) else { continue };
        // The client may have changed since the index was read, so its entry decides.
        let has_signed = |known: &&TrustEntry| {
            known.trust.trust_id == candidate.trust_id && sources.verified_by(&known.keys).is_some()
        };
        let Some(known) = entry.trusts().iter().find(has_signed) else { continue };
        if mismatch(&known.trust, verified.claims()).is_some() {
            continue;
        }
        let outcome =
            check_validity(&entry, known, verified, now).and_then(|()| reject_disabled(&entry));
        accepting.note(&entry, outcome);
    }
    accepting.only_client().unwrap_or_else(|| Err(untrusted(app, assertion)))
}

/// Rejects a token that none of the sources has signed.
fn unsigned_by(sources: &Sources<'_>, entry: Option<&ClientEntry>, prefix: &str) -> OAuthError {
    let rejected = |reason: String| match entry {
        Some(entry) => rejection(entry, &reason),
        None => OAuthError::authentication_failed(reason),
    };
    match (sources.missing(), entry) {
        (Some(keys), Some(entry)) => {
            keys_not_fetched(entry, &format!("{prefix}the issuer's key set"), keys)
        }
        (Some(_), None) => {
            rejected("the key set of the token's issuer has not been fetched".to_owned())
                .with_remedy("Send client_id to see the reason.")
        }
        (None, _) => {
            let problem = sources.problem().map(ToString::to_string).unwrap_or_default();
            let what = if entry.is_some() { "" } else { "no known key of its issuer signed it: " };
            rejected(format!("{prefix}{what}{problem}")).with_remedy(TEST)
        }
    }
}

fn check_validity(
    entry: &ClientEntry,
    known: &TrustEntry,
    assertion: VerifiedAssertion<'_>,
    now: Timestamp,
) -> Result<(), OAuthError> {
    check_times(assertion.claims(), None, now).map(|_| ()).map_err(|problem| {
        let id = &known.trust.trust_id;
        rejection(entry, &format!("trust {id}: {problem}")).with_remedy(TEST)
    })
}

/// Rejects a token that no trust of any client accepts.
fn untrusted(app: &App, assertion: &UnverifiedAssertion<'_>) -> OAuthError {
    let reason = "no client trusts the issuer of this token with these claims";
    match subject_form::of_any_client(app, assertion.unverified_claims()) {
        Some((trust, note)) => {
            OAuthError::authentication_failed(format!("{reason}; {trust}: {}", note.reason))
                .with_remedy(note.remedy)
        }
        None => {
            OAuthError::authentication_failed(reason).with_remedy(OperatorAction::CompareTrusts)
        }
    }
}

/// Rejects a token that no trust of the named client accepts, with the reason for each trust.
fn reject_by_every_trust(entry: &ClientEntry, claims: &Value) -> OAuthError {
    let (mut problems, mut remedy) = (Vec::new(), None);
    for known in entry.trusts() {
        let Some(problem) = mismatch(&known.trust, claims) else { continue };
        let id = &known.trust.trust_id;
        match subject_form::note(entry.client_id.as_str(), &known.trust, &problem) {
            // A reason is cut at its end, so the best explanation comes first.
            Some(note) => {
                problems.insert(0, format!("trust {id}: {problem}: {}", note.reason));
                remedy = Some(note.remedy);
            }
            None => problems.push(format!("trust {id}: {problem}")),
        }
    }
    let reason = if problems.is_empty() {
        "the client trusts no issuer, and the assertion is not its own".to_owned()
    } else {
        problems.join("; ")
    };
    rejection(entry, &reason).with_remedy(remedy.unwrap_or_else(|| TEST.into()))
}

/// Why the claims of a token do not match a trust.
#[derive(Debug)]
pub enum Mismatch<'a> {
    /// The token has another issuer.
    Issuer(&'a Value, &'a ExternalIssuer),
    /// The token has another audience.
    Audience(&'a Value, &'a str),
    /// A claim does not match its condition.
    Claim(Unmet<'a>),
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer(is, wanted) => {
                write!(formatter, "iss is {}, not {wanted}", shown(is))
            }
            Self::Audience(is, wanted) => {
                write!(formatter, "aud is {}, not {wanted}", shown(is))
            }
            Self::Claim(Unmet { claim, pattern, value }) => {
                write!(
                    formatter,
                    "{claim} is {}, not '{}'",
                    shown(value.unwrap_or(&Value::Null)),
                    pattern.as_str()
                )
            }
        }
    }
}

/// Compares claims with a trust; `None` if they match. The signature and the times are not checked.
pub fn mismatch<'a>(trust: &'a FederatedCredential, claims: &'a Value) -> Option<Mismatch<'a>> {
    if claims["iss"] != trust.issuer.as_str() {
        return Some(Mismatch::Issuer(&claims["iss"], &trust.issuer));
    }
    let wanted = trust.audience.as_str();
    let is_for_us = match &claims["aud"] {
        Value::Array(values) => values.iter().any(|value| value == wanted),
        other => other == wanted,
    };
    if !is_for_us {
        return Some(Mismatch::Audience(&claims["aud"], wanted));
    }
    trust.conditions.first_unmet(claims).map(Mismatch::Claim)
}
