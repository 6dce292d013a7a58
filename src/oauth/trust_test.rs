//! Tests a token against the trusts of a client, as an assertion would be. Reports the trust that
//! accepts it, or the differences. Nothing is issued or counted.
//!
//! Key sets are fetched by the rules of fetched URLs, each one once and at most a few for one test.
//! The error of a fetch reveals details of the server's network, so only the operator sees it.
//! Other callers learn only that the fetch failed, and the log has the reason.

use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::jose::assertion::{ISSUER_ALGS, SignatureChecks, UnverifiedAssertion};
use crate::jose::external_jwks::ExternalJwks;
use crate::model::client::{AuthenticationMethod, ClientId, ClientState, JWT_SPIFFE, Registration};
use crate::model::owner::Owner;
use crate::model::remedy::{OperatorAction, Remedy};
use crate::model::security::KeySource;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::trust::{FederatedCredential, TrustId};
use crate::oauth::client_authentication::assertion::check_times;
use crate::oauth::client_authentication::federation::mismatch;
use crate::oauth::client_authentication::subject_form;
use crate::oauth::client_authentication::svid::{SvidProblem, UnverifiedSvid, check_claims};
use crate::remote_keys::{RemoteSource, fetch_keys};

/// The maximum number of signatures that are verified for one test: four keys for each trust that a
/// client may have.
const MAX_SIGNATURE_CHECKS: usize = 4 * FederatedCredential::MAX_PER_CLIENT;

/// The maximum number of key sets that are fetched for one test. Each one takes ten seconds at
/// most.
const MAX_FETCHES: usize = 4;

/// Level of detail for a key set that cannot be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchDetail {
    /// The complete reason. For the operator of this process.
    Full,
    /// Only the fact that the fetch failed. The log has the reason.
    Logged,
}

/// The result of a test. If a trust accepts the token, it has `trust_id`, with `issuer` or
/// `trust_domain` and maybe `client_assertion_type`. Otherwise it has `code` and `reason`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(examples(json!({ "client_id": "deploy", "matches": true, "trust_id": "tru_7KsvPbq0Jx3dYw1R", "issuer": "https://token.actions.githubusercontent.com" })))]
pub struct TrustTest {
    /// The client.
    pub client_id: ClientId,
    /// True if a trust accepts the token.
    pub matches: bool,
    /// The trust that accepts it.
    #[serde(flatten)]
    #[schema(ignore)]
    pub met: Option<MetTrust>,
    /// Why no trust accepts it.
    #[serde(flatten)]
    #[schema(ignore)]
    pub failure: Option<TestFailure>,
    /// The differences for each trust.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusts: Vec<UnmetTrust>,
}

/// A trust that accepts a token.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetTrust {
    trust_id: TrustId,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_domain: Option<String>,
    /// The type that the client sends, if it is not `jwt-bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_assertion_type: Option<&'static str>,
}

/// The reason why no trust of a client accepts a token.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestFailure {
    /// `malformed_token`, `client_disabled` or `no_trust_met`.
    code: &'static str,
    /// The same for people.
    reason: String,
}

/// A trust that does not accept a token.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnmetTrust {
    trust_id: TrustId,
    /// What differs.
    reason: String,
    /// What the difference means.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// How to fix it, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    remedy: Option<Remedy>,
}

impl TrustTest {
    /// Converts the remedies into texts for people.
    #[must_use]
    pub fn with_texts(mut self, text: impl Fn(&Remedy) -> String) -> Self {
        for unmet in &mut self.trusts {
            unmet.remedy = unmet.remedy.as_ref().map(|remedy| text(remedy).into());
        }
        self
    }
}

/// Tests a token against the trusts of a client.
pub async fn run(app: &App, found: &Registration, token: &str, detail: FetchDetail) -> TrustTest {
    let assertion = match UnverifiedAssertion::parse(token) {
        Ok(assertion) => assertion,
        Err(error) => return failed(found, "malformed_token", error.to_string(), Vec::new()),
    };
    let id = &found.client.client_id;
    if found.client.state == ClientState::Disabled {
        let reason = format!("client {id} is disabled: no token authenticates it");
        return failed(found, "client_disabled", reason, Vec::new());
    }
    let mut test = Test { app, found, detail, fetched: Vec::new() };
    let mut checks = SignatureChecks::new(MAX_SIGNATURE_CHECKS);
    let mut unmet = Vec::new();
    for trust in &found.trusts {
        match test.in_issuer(trust, &assertion, &mut checks).await {
            Ok(()) => return met(found, trust.trust_id.clone(), Side::Issuer(trust)),
            Err(problem) => unmet.push(problem),
        }
    }
    for trust in &found.spiffe_trusts {
        match test.in_domain(trust, &assertion, &mut checks).await {
            Ok(()) => return met(found, trust.trust_id.clone(), Side::Domain(trust)),
            Err(SvidProblem { reason, remedy }) => unmet.push(UnmetTrust {
                trust_id: trust.trust_id.clone(),
                reason,
                note: None,
                remedy: Some(remedy),
            }),
        }
    }
    failed(found, "no_trust_met", format!("the token meets no trust of {id}"), unmet)
}

/// The kind of a trust.
#[derive(Clone, Copy)]
enum Side<'a> {
    Issuer(&'a FederatedCredential),
    Domain(&'a SpiffeTrust),
}

fn met(found: &Registration, trust_id: TrustId, side: Side<'_>) -> TrustTest {
    let (issuer, trust_domain, client_assertion_type) = match side {
        Side::Issuer(trust) => (Some(trust.issuer.to_string()), None, None),
        Side::Domain(trust) => {
            (None, Some(trust.source.trust_domain().to_string()), Some(JWT_SPIFFE))
        }
    };
    TrustTest {
        client_id: found.client.client_id.clone(),
        matches: true,
        met: Some(MetTrust { trust_id, issuer, trust_domain, client_assertion_type }),
        failure: None,
        trusts: Vec::new(),
    }
}

fn failed(
    found: &Registration,
    code: &'static str,
    reason: String,
    trusts: Vec<UnmetTrust>,
) -> TrustTest {
    TrustTest {
        client_id: found.client.client_id.clone(),
        matches: false,
        met: None,
        failure: Some(TestFailure { code, reason }),
        trusts,
    }
}

struct Test<'a> {
    app: &'a App,
    found: &'a Registration,
    detail: FetchDetail,
    /// Each fetched key set, or the error of its fetch.
    fetched: Vec<(RemoteSource, Result<ExternalJwks, String>)>,
}

impl Test<'_> {
    /// Tests the token against a trust in an issuer, as the server does for the type `jwt-bearer`.
    async fn in_issuer(
        &mut self,
        trust: &FederatedCredential,
        assertion: &UnverifiedAssertion<'_>,
        checks: &mut SignatureChecks,
    ) -> Result<(), UnmetTrust> {
        let client_id = self.found.client.client_id.as_str();
        let unmet = |reason: String| UnmetTrust {
            trust_id: trust.trust_id.clone(),
            reason,
            note: None,
            remedy: None,
        };
        assertion.check_purpose().map_err(|problem| unmet(problem.to_string()))?;
        let claims = assertion.unverified_claims();
        if let Some(difference) = mismatch(trust, claims) {
            let form = subject_form::note(client_id, trust, &difference);
            let (note, remedy) = form.map(|form| (form.reason, form.remedy)).unzip();
            return Err(UnmetTrust { note, remedy, ..unmet(difference.to_string()) });
        }
        let no_keys =
            |problem: String| unmet(format!("the issuer's keys cannot be fetched: {problem}"));
        let now = self.app.services.clock.now();
        let stored;
        let keys = match &trust.keys {
            Some(KeySource::Inline(set)) => {
                stored = ExternalJwks::stored(set.as_str());
                stored.as_ref().map_err(|error| no_keys(error.to_string()))
            }
            Some(KeySource::Remote(uri)) => {
                self.fetch(RemoteSource::KeySet(uri.clone())).await.map_err(no_keys)
            }
            None => {
                let source = RemoteSource::Discovered(trust.issuer.clone());
                self.fetch(source).await.map_err(no_keys)
            }
        };
        assertion.verify(keys?, &ISSUER_ALGS, checks).map_err(|error| unmet(error.to_string()))?;
        check_times(claims, None, now).map(|_| ()).map_err(|problem| unmet(problem.to_string()))
    }

    /// Tests the token against a trust in a trust domain, as the server does for the type
    /// `jwt-spiffe`.
    async fn in_domain(
        &mut self,
        trust: &SpiffeTrust,
        assertion: &UnverifiedAssertion<'_>,
        checks: &mut SignatureChecks,
    ) -> Result<(), SvidProblem> {
        let problem =
            |reason: String, remedy: &'static str| SvidProblem { reason, remedy: remedy.into() };
        let svid = UnverifiedSvid::parse(assertion)?;
        if let Some(reason) = svid.mismatch(trust) {
            return Err(problem(reason, "Compare the SPIFFE ID with the subject of the trust."));
        }
        let (app, found) = (self.app, self.found);
        let source = RemoteSource::Bundle(trust.source.bundle_endpoint().clone());
        let keys = self.fetch(source).await.map_err(|error| {
            problem(
                format!("the bundle of the trust domain cannot be fetched: {error}"),
                "Check the bundle endpoint. It is fetched over https with a certificate of a public CA, or of fetch.ca_file.",
            )
        });
        let verified = svid.verify(keys?, checks)?;
        if app.issuer.as_str().is_empty() {
            return Err(SvidProblem {
                reason: "aud cannot be checked, because the issuer of this server is not known"
                    .to_owned(),
                remedy: OperatorAction::SetIssuer.into(),
            });
        }
        let services = &app.services;
        let lifetime_max = services.config.assertions.lifetime_max;
        check_claims(verified, app.issuer.as_str(), lifetime_max, services.clock.now())?;
        let methods = &found.client.auth_methods;
        if methods.contains(&AuthenticationMethod::SpiffeJwt) {
            return Ok(());
        }
        let method = AuthenticationMethod::SpiffeJwt.as_str();
        let permitted = methods.iter().map(|method| method.as_str().to_owned()).collect();
        let action = OperatorAction::PermitMethod { method: method.to_owned(), permitted };
        Err(SvidProblem {
            reason: format!("the client may not use {method}"),
            remedy: action.into(),
        })
    }

    /// Returns the keys of a source, fetched at most once for this test.
    async fn fetch(&mut self, source: RemoteSource) -> Result<&ExternalJwks, String> {
        let known = self.fetched.iter().position(|(known, _)| *known == source);
        if known.is_none() {
            if self.fetched.len() == MAX_FETCHES {
                return Err(format!(
                    "{MAX_FETCHES} others were fetched for this test, the maximum"
                ));
            }
            let keys = fetch_keys(&self.app.services.fetcher, &source).await;
            let keys = keys.map_err(|problem| self.at_detail_level(problem));
            self.fetched.push((source, keys));
        }
        let found = known.map_or_else(|| self.fetched.last(), |place| self.fetched.get(place));
        match found {
            Some((_, Ok(keys))) => Ok(keys),
            Some((_, Err(problem))) => Err(problem.clone()),
            None => Err("it was not fetched".to_owned()),
        }
    }

    /// Returns the error of a fetch at the level of detail of this test, and logs what it omits.
    fn at_detail_level(&self, problem: String) -> String {
        if self.detail == FetchDetail::Full {
            return problem;
        }
        let client = &self.found.client;
        let (client_id, owner) =
            (&client.client_id, client.facts.owner.as_ref().map(Owner::as_str));
        tracing::warn!(
            client.id = %client_id,
            owner,
            problem,
            "the keys of a trust cannot be fetched for a test"
        );
        "the server cannot fetch them, and its log has the reason".to_owned()
    }
}
