//! `/v1/clients/{id}/trusts`: external issuers and SPIFFE trust domains whose tokens authenticate a
//! client.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::admin::trust::{self, NewTrust};
use crate::admin::{ObjectKind, Principal, client, token};
use crate::app::App;
use crate::model::claim_pattern::Pattern;
use crate::model::client::ClientId;
use crate::model::security::{KeySetUri, KeySource};
use crate::model::spiffe_id::{SpiffeIdPattern, TrustDomain};
use crate::model::spiffe_trust::{SpiffeSource, SpiffeTrust};
use crate::model::trust::{ExternalIssuer, FederatedCredential, TrustId};
use crate::oauth::trust_test::{self, FetchDetail, TrustTest};
use crate::remedies;
use crate::services::Services;
use crate::web::api::Problem;
use crate::web::api::clients::client_id;
use crate::web::api::json::{Input, Output, at, created, ok};
use crate::web::api::keys::inline;
use crate::web::api::page::Page;
use crate::web::api::problem_places::segment;

/// A trust of either kind, as the command line prints it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Trust)]
pub(in crate::web) enum TrustJson {
    Issuer(FederatedCredential),
    Spiffe(SpiffeTrust),
}

/// A trust to add: in an issuer, or in a trust domain.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTrust, examples(json!({ "issuer": "https://token.actions.githubusercontent.com", "subject": "repo:acme/api:ref:refs/heads/main", "conditions": { "repository_id": "1234" } })))]
pub(in crate::web) struct TrustInput {
    /// Exactly the `iss` of the tokens.
    #[schema(value_type = Option<ExternalIssuer>)]
    issuer: Option<String>,
    /// The keys of the issuer; found by discovery if neither `jwks` nor `jwks_uri` is given.
    #[schema(value_type = Option<Object>)]
    jwks: Option<Value>,
    /// Where the keys of the issuer are fetched from.
    #[schema(value_type = Option<KeySetUri>)]
    jwks_uri: Option<String>,
    /// A value that the `aud` must contain; the issuer of this server if absent.
    audience: Option<String>,
    /// A pattern for each claim.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Pattern>)]
    conditions: BTreeMap<String, String>,
    /// The SPIFFE trust domain.
    #[schema(value_type = Option<TrustDomain>)]
    trust_domain: Option<String>,
    /// Where the keys of the trust domain are fetched from.
    #[schema(value_type = Option<KeySetUri>)]
    bundle_endpoint: Option<String>,
    /// With a trust domain: a SPIFFE ID or a prefix. With an issuer: the condition on `sub`.
    subject: Option<String>,
}

/// The token to test.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TrustTestInput, examples(json!({ "token": "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.c2ln" })))]
#[serde(deny_unknown_fields)]
pub(super) struct TestInput {
    /// A JWT as the workload sends it. It is neither stored nor logged.
    #[schema(value_type = String)]
    token: SecretString,
}

enum RequestedTrust {
    Issuer(NewTrust),
    Spiffe(SpiffeSource),
}

impl TrustInput {
    /// Adds the described trust to a client.
    ///
    /// # Errors
    /// 422 for an invalid input, or the error of the operation.
    pub(in crate::web) async fn add(
        self,
        services: &Services,
        principal: &Principal,
        id: &ClientId,
    ) -> Result<TrustJson, Problem> {
        Ok(match self.requested()? {
            RequestedTrust::Issuer(new) => {
                TrustJson::Issuer(trust::add(services, principal, id, new).await?)
            }
            RequestedTrust::Spiffe(source) => {
                TrustJson::Spiffe(trust::spiffe::add(services, principal, id, source).await?)
            }
        })
    }

    fn requested(self) -> Result<RequestedTrust, Problem> {
        match (&self.issuer, &self.trust_domain) {
            (Some(_), None) => self.in_issuer().map(RequestedTrust::Issuer),
            (None, Some(_)) => self.in_domain().map(RequestedTrust::Spiffe),
            _ => {
                let text = "exactly one of issuer and trust_domain is expected";
                Err(Problem::member(String::new(), text))
            }
        }
    }

    fn in_issuer(self) -> Result<NewTrust, Problem> {
        reject("/bundle_endpoint", self.bundle_endpoint.is_some(), "a trust_domain")?;
        let mut conditions = BTreeMap::new();
        for (claim, text) in self.conditions {
            let pointer = format!("/conditions/{}", segment(&claim));
            let pattern = at(&pointer, Pattern::parse(&claim, &text))?;
            conditions.insert(claim, pattern);
        }
        if let Some(text) = &self.subject {
            let pattern = at("/subject", Pattern::parse("sub", text))?;
            if conditions.insert("sub".to_owned(), pattern).is_some() {
                let text = "conditions has the claim sub already: give one of them";
                return Err(Problem::member("/subject".to_owned(), text));
            }
        }
        let keys = match (&self.jwks, &self.jwks_uri) {
            (Some(_), Some(_)) => {
                let text = "jwks is given already: give one of them";
                return Err(Problem::member("/jwks_uri".to_owned(), text));
            }
            (Some(set), None) => Some(inline("/jwks", set)?),
            (None, Some(uri)) => Some(KeySource::Remote(at("/jwks_uri", KeySetUri::parse(uri))?)),
            (None, None) => None,
        };
        let issuer = self.issuer.unwrap_or_default();
        let issuer = at("/issuer", ExternalIssuer::parse(&issuer))?;
        Ok(NewTrust { issuer, keys, audience: self.audience, conditions })
    }

    fn in_domain(self) -> Result<SpiffeSource, Problem> {
        reject("/jwks", self.jwks.is_some(), "an issuer")?;
        reject("/jwks_uri", self.jwks_uri.is_some(), "an issuer")?;
        reject("/audience", self.audience.is_some(), "an issuer")?;
        reject("/conditions", !self.conditions.is_empty(), "an issuer")?;
        let required = |name: &str, text: Option<String>| {
            text.ok_or_else(|| Problem::member(format!("/{name}"), format!("{name} is missing")))
        };
        let domain = required("trust_domain", self.trust_domain)?;
        let endpoint = required("bundle_endpoint", self.bundle_endpoint)?;
        let subject = required("subject", self.subject)?;
        let source = SpiffeSource::new(
            at("/trust_domain", TrustDomain::parse(&domain))?,
            at("/bundle_endpoint", KeySetUri::bundle_endpoint(&endpoint))?,
            at("/subject", SpiffeIdPattern::parse(&subject))?,
        );
        at("/subject", source)
    }
}

/// Rejects a member that belongs to the other kind of trust.
fn reject(pointer: &str, is_given: bool, owner: &str) -> Result<(), Problem> {
    if !is_given {
        return Ok(());
    }
    Err(Problem::member(pointer.to_owned(), format!("this belongs to a trust in {owner}")))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Output<Page<TrustJson>>, Problem> {
    let found = client::show(&app.services.store, &principal, &client_id(&id)?).await?;
    let in_issuers = found.trusts.into_iter().map(TrustJson::Issuer);
    let data = in_issuers.chain(found.spiffe_trusts.into_iter().map(TrustJson::Spiffe)).collect();
    Ok(ok(Page::new(data, None)))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Input(input): Input<TrustInput>,
) -> Result<Output<TrustJson>, Problem> {
    let id = client_id(&id)?;
    Ok(created(input.add(&app.services, &principal, &id).await?))
}

/// Tests a token against the trusts of a client. The response reveals details of the trusts, so the
/// caller must have the right to change the client.
pub(super) async fn test(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Input(input): Input<TestInput>,
) -> Result<Output<TrustTest>, Problem> {
    let id = client_id(&id)?;
    let store = &app.services.store;
    token::require_rights(store.read(), &principal, &id).await?;
    let now = app.services.clock.now();
    app.trust_tests.count(principal.actor(), now).map_err(Problem::too_many_requests)?;
    let found = client::show(store, &principal, &id).await?;
    let detail = if principal.is_operator() { FetchDetail::Full } else { FetchDetail::Logged };
    let token = input.token.expose_secret().trim();
    let tested = Box::pin(trust_test::run(&app, &found, token, detail)).await;
    Ok(ok(tested.with_texts(|remedy| remedies::of_rejection(remedy, Some(id.as_str())))))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    Path((id, trust_id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let id = client_id(&id)?;
    let trust_id =
        TrustId::parse(&trust_id).map_err(|_| Problem::absent(ObjectKind::Trust, &trust_id))?;
    trust::remove(&app.services, &principal, &id, &trust_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
