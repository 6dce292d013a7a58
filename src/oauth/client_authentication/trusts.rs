//! Shared by trusts in issuers (`federation`) and in SPIFFE trust domains (`spiffe`): which key
//! sources have signed a token, and which client is meant if the request names none.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::app::App;
use crate::directory::{ClientEntry, KeysEntry};
use crate::jose::assertion::{
    Algorithm, AssertionError, SignatureChecks, UnverifiedAssertion, VerifiedAssertion,
};
use crate::oauth::client_authentication::request_fetch;
use crate::oauth::error::OAuthError;

const SEND_CLIENT_ID: &str = "Send client_id, or make the conditions of the trusts narrower.";

/// The maximum number of trusts that are compared for a request without a client id.
pub(super) const MAX_TRUSTS: usize = 1000;

/// The maximum number of signatures that are verified for one token.
const MAX_SIGNATURE_CHECKS: usize = 20;

pub(super) fn signature_checks() -> SignatureChecks {
    SignatureChecks::new(MAX_SIGNATURE_CHECKS)
}

/// Clients whose trusts accept a token, for a request without a client id.
#[derive(Default)]
pub(super) struct AcceptingTrusts {
    clients: Vec<Arc<ClientEntry>>,
    rejected: Option<OAuthError>,
}

impl AcceptingTrusts {
    /// Records that a trust of the client accepts the token. An error means that the client is
    /// rejected nevertheless.
    pub(super) fn note(&mut self, entry: &Arc<ClientEntry>, outcome: Result<(), OAuthError>) {
        match outcome {
            Ok(()) if self.clients.iter().any(|other| other.client_id == entry.client_id) => {}
            Ok(()) => self.clients.push(entry.clone()),
            Err(rejection) => self.rejected = Some(rejection),
        }
    }

    /// Returns the client if there is exactly one; `None` if nothing was recorded.
    pub(super) fn only_client(self) -> Option<Result<Arc<ClientEntry>, OAuthError>> {
        match (&self.clients[..], self.rejected) {
            ([entry], _) => Some(Ok(Arc::clone(entry))),
            ([], rejected) => rejected.map(Err),
            ([..], _) => Some(Err(OAuthError::authentication_failed(
                "several clients trust this token, and the request does not say which is meant",
            )
            .with_remedy(SEND_CLIENT_ID))),
        }
    }
}

/// Key sources that have signed a token. Each one is tried once.
pub(super) struct Sources<'a> {
    /// The signed assertion for each source that has signed it, by the address of the source.
    signed: HashMap<usize, VerifiedAssertion<'a>>,
    /// A source that could not be tried, and the error of a source that did not match.
    missing: Option<&'a KeysEntry>,
    problem: Option<AssertionError>,
}

impl<'a> Sources<'a> {
    pub(super) fn verify(
        app: &App,
        assertion: &'a UnverifiedAssertion<'_>,
        keys: impl Iterator<Item = &'a KeysEntry>,
        allowed: &'static [Algorithm],
        checks: &mut SignatureChecks,
    ) -> Self {
        let (mut seen, mut signed) = (HashSet::new(), HashMap::new());
        let (mut missing, mut problem) = (None, None);
        for source in keys.filter(|source| seen.insert(source.source_id())) {
            let Some(keys) = source.keys() else {
                request_fetch(app, source);
                missing = Some(source);
                continue;
            };
            match assertion.verify(&keys, allowed, checks) {
                Ok(verified) => {
                    signed.insert(source.source_id(), verified);
                }
                Err(error) => {
                    request_fetch(app, source);
                    problem = Some(error);
                }
            }
        }
        Self { signed, missing, problem }
    }

    /// Returns the assertion that these keys have signed.
    pub(super) fn verified_by(&self, keys: &KeysEntry) -> Option<VerifiedAssertion<'a>> {
        self.signed.get(&keys.source_id()).copied()
    }

    /// True if none of the sources has signed the token.
    pub(super) fn have_not_signed(&self) -> bool {
        self.signed.is_empty()
    }

    /// Returns a source that could not be tried, because it has not been fetched.
    pub(super) fn missing(&self) -> Option<&'a KeysEntry> {
        self.missing
    }

    /// Returns the error of a source that was tried and did not match.
    pub(super) fn problem(&self) -> Option<&AssertionError> {
        self.problem.as_ref()
    }
}
