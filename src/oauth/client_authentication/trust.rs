//! By a token of a foreign issuer that the client's operator trusts (RFC 7523): a workload that has
//! an identity already needs no secret of ours.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::app::App;
use crate::crypto::assertion::{Assertion, OF_ISSUERS};
use crate::crypto::numeric_date;
use crate::directory::{ClientEntry, TrustEntry};
use crate::model::time::Timestamp;
use crate::model::trust::{ForeignIssuer, Trust, Unmet};
use crate::oauth::client_authentication::{ask_for, refusal, refuse_disabled, unfetched};
use crate::oauth::error::OAuthError;

/// How far an issuer's clock may be off, in seconds.
const LEEWAY: i64 = 10;

const TEST: &str = "Try it: tokend client trust test ID, with the token on standard input.";

/// The most clients that are looked at for a request that names none.
const MOST_CANDIDATES: usize = 1000;

/// The most trusts whose keys are tried: those of one client at least.
const MOST_TRIED: usize = Trust::MOST;

/// Finds the client that trusts the token: the one that is named, or the only one. Several clusters
/// may call themselves by the same name, and one may change its keys: so the signature decides
/// between trusts that fit.
pub(super) fn prove(
    app: &App,
    assertion: &Assertion<'_>,
    client_id: Option<&str>,
    now: Timestamp,
) -> Result<Arc<ClientEntry>, OAuthError> {
    let issuer = assertion.text("iss").unwrap_or_default();
    let candidates = match client_id {
        Some(id) => app.directory.client(id).into_iter().collect(),
        None => app.directory.clients_trusting(issuer, MOST_CANDIDATES + 1),
    };
    if candidates.len() > MOST_CANDIDATES {
        return Err(OAuthError::authentication_failed(format!(
            "more than {MOST_CANDIDATES} clients trust that issuer, and the request does not say which is meant"
        ))
        .with_remedy("Send client_id."));
    }
    let fitting = candidates.iter().flat_map(|entry| {
        let fitting = |known: &&TrustEntry| mismatch(&known.trust, assertion.claims()).is_none();
        trusts(entry).iter().filter(fitting).map(move |known| (entry, known))
    });
    let fitting: Vec<_> = fitting.take(MOST_TRIED + 1).collect();
    if fitting.len() > MOST_TRIED {
        return Err(OAuthError::authentication_failed(format!(
            "the token fits more than {MOST_TRIED} trusts"
        ))
        .with_remedy("Send client_id, or make the conditions of the trusts narrower."));
    }
    let (mut proved, mut refused) = (Vec::<&Arc<ClientEntry>>::new(), None);
    for (entry, known) in fitting {
        let met = verify(app, entry, known, assertion, now).and_then(|()| refuse_disabled(entry));
        match met {
            Ok(()) if proved.iter().any(|other| Arc::ptr_eq(other, entry)) => {}
            Ok(()) => proved.push(entry),
            Err(refusal) => refused = Some(refusal),
        }
    }
    match (&proved[..], refused) {
        ([entry], _) => Ok(Arc::clone(entry)),
        ([], Some(refusal)) => Err(refusal),
        ([], None) => Err(unfitting(&candidates, assertion.claims())),
        ([..], _) => Err(OAuthError::authentication_failed(
            "several clients trust this token, and the request does not say which is meant",
        )
        .with_remedy("Send client_id, or make the conditions of the trusts narrower.")),
    }
}

fn trusts(entry: &ClientEntry) -> &[TrustEntry] {
    entry.security.as_ref().map_or(&[], |security| &security.trusts)
}

fn verify(
    app: &App,
    entry: &ClientEntry,
    known: &TrustEntry,
    assertion: &Assertion<'_>,
    now: Timestamp,
) -> Result<(), OAuthError> {
    let id = &known.trust.trust_id;
    let Some(keys) = known.keys.keys() else {
        ask_for(app, &known.keys);
        return Err(unfetched(entry, &format!("trust {id}: the issuer's key set"), &known.keys));
    };
    assertion.verify(&keys, &OF_ISSUERS).map_err(|error| {
        ask_for(app, &known.keys);
        refusal(entry, &format!("trust {id}: {error}")).with_remedy(TEST)
    })?;
    untimely(assertion.claims(), now).map_or(Ok(()), |problem| {
        Err(refusal(entry, &format!("trust {id}: {problem}")).with_remedy(TEST))
    })
}

/// The reason why none fits: of the one client that is meant, if there is one.
fn unfitting(candidates: &[Arc<ClientEntry>], claims: &Value) -> OAuthError {
    let [entry] = candidates else {
        return OAuthError::authentication_failed(
            "no client trusts the issuer of this token with these claims",
        )
        .with_remedy(
            "Trusts: tokend client trust list. Send client_id to learn which claim differs.",
        );
    };
    let problems: Vec<_> = trusts(entry)
        .iter()
        .filter_map(|known| {
            let problem = mismatch(&known.trust, claims)?;
            Some(format!("trust {}: {problem}", known.trust.trust_id))
        })
        .collect();
    let reason = if problems.is_empty() {
        "the client trusts no issuer, and the assertion is not its own".to_owned()
    } else {
        problems.join("; ")
    };
    refusal(entry, &reason).with_remedy(TEST)
}

/// Why a token is not one that a trust is about.
#[derive(Debug)]
pub enum Mismatch<'a> {
    /// It is of another issuer.
    Issuer(&'a Value, &'a ForeignIssuer),
    /// It is for somebody else.
    Audience(&'a Value, &'a str),
    /// A claim is not as it must be.
    Claim(Unmet<'a>),
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer(is, wanted) => {
                write!(formatter, "iss is {}, not {wanted}", shown(Some(is)))
            }
            Self::Audience(is, wanted) => {
                write!(formatter, "aud is {}, not {wanted}", shown(Some(is)))
            }
            Self::Claim(Unmet { claim, pattern, value }) => {
                write!(formatter, "{claim} is {}, not '{}'", shown(*value), pattern.as_str())
            }
        }
    }
}

/// Why a token with these claims is not one that a trust is about; nothing if it is. Signature and
/// times are another matter.
pub fn mismatch<'a>(trust: &'a Trust, claims: &'a Value) -> Option<Mismatch<'a>> {
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

/// Why these claims do not count now, in words; nothing if they do.
pub fn untimely(claims: &Value, now: Timestamp) -> Option<String> {
    let moment = |claim: &str| numeric_date::read(&claims[claim]);
    let Some(expiry) = moment("exp") else {
        return Some("it has no exp that is a number".to_owned());
    };
    if expiry <= now.minus_seconds(LEEWAY) {
        return Some(format!("it expired {} s ago", now.0.saturating_sub(expiry.0)));
    }
    ["nbf", "iat"].into_iter().find_map(|claim| {
        if claims[claim].is_null() {
            return None;
        }
        match moment(claim) {
            None => Some(format!("its {claim} is not a number")),
            Some(begins) if begins > now.plus_seconds(LEEWAY) => {
                let ahead = begins.0.saturating_sub(now.0);
                Some(format!("its {claim} lies {ahead} s in the future"))
            }
            Some(_) => None,
        }
    })
}

/// A claim for people, not too long.
fn shown(value: Option<&Value>) -> String {
    let Some(value) = value.filter(|value| !value.is_null()) else { return "absent".to_owned() };
    let text = value.as_str().map_or_else(|| value.to_string(), |text| format!("'{text}'"));
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
