//! The identity provider of a company. People sign in to the console by OpenID Connect, with an
//! authorization code and PKCE.
//!
//! `begin` creates the request, and seals the expected values of the response into a cookie of the
//! browser. `finish` receives both. Any instance can therefore finish a sign-in that another one
//! began.

mod error;
mod exchange;
mod groups;
mod pending;
mod response;

pub use error::SignInError;
pub use pending::{PENDING_SECONDS, PendingSignIn};
pub use response::AuthorizationResponse;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::Mutex;
use url::Url;

use crate::config::{FetchSettings, OidcSettings};
use crate::identity_provider::exchange::{ExchangedTokens, OidcClient};
use crate::jose::assertion::AssertionError;
use crate::jose::id_token::{self, ExpectedIdToken, Freshness, IdToken, IdTokenError};
use crate::keys::seal::MasterKeys;
use crate::model::console_session::SessionId;
use crate::model::person::{Person, PersonSubject};
use crate::model::time::{Clock, MonotonicTime, Timestamp};
use crate::outbound::{FetchError, ProviderClient};
use crate::remote_keys::FetchedProvider;

/// The age after which metadata and keys are fetched again.
const REFRESH_AFTER: Duration = Duration::from_mins(5);

/// The minimum age before keys are fetched again because of an unknown key.
const REFRESH_FOR_KEY_AFTER: Duration = Duration::from_secs(10);

/// The time for which a failure is cached, so that requests do not wait for one another.
const FAILURE_TTL: Duration = Duration::from_secs(2);

/// The identity provider of the settings.
#[derive(Debug)]
pub struct IdentityProvider {
    settings: OidcSettings,
    client: ProviderClient,
    clock: Clock,
    known: Mutex<KnownProvider>,
}

/// Cached metadata and keys, and the error of the last attempt.
#[derive(Debug, Default)]
struct KnownProvider {
    fetched: Option<(Arc<FetchedProvider>, MonotonicTime)>,
    failed: Option<(String, MonotonicTime)>,
}

/// Parameters of a new sign-in.
#[derive(Debug)]
pub struct NewSignIn {
    /// The URL to which the provider redirects the browser.
    pub redirect_uri: String,
    /// The page to show after the sign-in.
    pub next: String,
    /// The required freshness of the authentication.
    pub freshness: Freshness,
    /// The current session of the browser, which the sign-in ends.
    pub replaces: Option<SessionId>,
}

/// A sign-in that has started.
#[derive(Debug)]
pub struct BegunSignIn {
    /// The URL to which the browser is redirected.
    pub url: Url,
    /// The cookie that the browser keeps until it returns.
    pub cookie: SecretString,
}

/// A person whom the provider has authenticated.
#[derive(Debug)]
pub struct SignedInPerson {
    /// The person.
    pub person: Person,
    /// The groups of the person; `None` if the provider does not name them.
    pub groups: Option<Vec<String>>,
    /// The time of the authentication, if the provider names it.
    pub authenticated_at: Option<Timestamp>,
    /// The pending sign-in that was finished.
    pub pending: PendingSignIn,
}

impl IdentityProvider {
    /// Creates the provider of the settings. Nothing is fetched yet.
    ///
    /// # Errors
    /// [`FetchError::UnusableCaSetting`].
    pub fn new(
        settings: &OidcSettings,
        fetch: &FetchSettings,
        clock: Clock,
    ) -> Result<Self, FetchError> {
        let client = ProviderClient::new(fetch, &settings.issuer)?;
        Ok(Self { settings: settings.clone(), client, clock, known: Mutex::default() })
    }

    /// Returns the settings.
    pub fn settings(&self) -> &OidcSettings {
        &self.settings
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// If the metadata of the provider cannot be used.
    pub async fn begin(
        &self,
        master_keys: &MasterKeys,
        new: NewSignIn,
    ) -> Result<BegunSignIn, SignInError> {
        let provider = self.provider(REFRESH_AFTER).await?;
        let pending = PendingSignIn {
            state: exchange::random_text()?,
            nonce: exchange::random_text()?,
            verifier: exchange::random_text()?,
            redirect_uri: new.redirect_uri,
            next: new.next,
            is_fresh: new.freshness == Freshness::Fresh,
            replaces: new.replaces.map(|id| id.as_str().to_owned()),
            started_at: self.clock.now().0,
            issuer: self.settings.issuer.issuer().as_str().to_owned(),
            client_id: self.settings.client_id.clone(),
        };
        let client = OidcClient::new(&self.settings, &provider.metadata, &pending.redirect_uri)?;
        let url = client.authorization_url(&pending, &self.scopes(&provider));
        Ok(BegunSignIn { url, cookie: pending.seal(master_keys)? })
    }

    /// Finishes a sign-in with the cookie of the browser and the parameters of the authorization
    /// response.
    ///
    /// # Errors
    /// The first problem that is found. Nothing was changed.
    pub async fn finish(
        &self,
        master_keys: &MasterKeys,
        cookie: Option<&SecretString>,
        response: &AuthorizationResponse,
    ) -> Result<SignedInPerson, SignInError> {
        let pending = PendingSignIn::open(master_keys, cookie, self.clock.now())?;
        let settings = &self.settings;
        if pending.issuer != settings.issuer.issuer().as_str()
            || pending.client_id != settings.client_id
        {
            return Err(SignInError::OtherProvider);
        }
        if response.state.as_ref() != Some(&pending.state) {
            return Err(SignInError::State);
        }
        let provider = self.provider(REFRESH_AFTER).await?;
        let code = response.code(&pending.issuer, &provider.metadata)?;
        let client = OidcClient::new(settings, &provider.metadata, &pending.redirect_uri)?;
        let tokens = client.exchange(&self.client, code, &pending.verifier).await?;
        let token = self.verify(&provider, &tokens, &pending).await?;
        let subject = PersonSubject::parse(&token.subject)
            .map_err(|problem| SignInError::Subject(problem.to_string()))?;
        let person = Person { issuer: settings.issuer.issuer().clone(), subject };
        let groups = self.groups(&provider, &tokens, &token).await?;
        let authenticated_at = token.authenticated_at;
        Ok(SignedInPerson { person, groups, authenticated_at, pending })
    }

    /// Verifies the ID token. Fetches the keys again for an unknown key, which may be new.
    async fn verify(
        &self,
        provider: &FetchedProvider,
        tokens: &ExchangedTokens,
        pending: &PendingSignIn,
    ) -> Result<IdToken, SignInError> {
        let expected = ExpectedIdToken {
            issuer: &pending.issuer,
            client_id: &pending.client_id,
            nonce: &pending.nonce,
            started_at: Timestamp(pending.started_at),
            now: self.clock.now(),
            freshness: if pending.is_fresh { Freshness::Fresh } else { Freshness::Any },
        };
        match id_token::verify(tokens.id_token(), &provider.keys, &expected) {
            Err(IdTokenError::Signature(
                AssertionError::UnknownKey(_) | AssertionError::NoKey(_),
            )) => {
                let provider = self.provider(REFRESH_FOR_KEY_AFTER).await?;
                Ok(id_token::verify(tokens.id_token(), &provider.keys, &expected)?)
            }
            verified => Ok(verified?),
        }
    }

    /// Returns the groups of the ID token, else those of the `UserInfo` endpoint.
    async fn groups(
        &self,
        provider: &FetchedProvider,
        tokens: &ExchangedTokens,
        token: &IdToken,
    ) -> Result<Option<Vec<String>>, SignInError> {
        let claim = &self.settings.groups_claim;
        if let Some(groups) = groups::read(&token.claims, claim) {
            return Ok(Some(groups));
        }
        let Some(url) = &provider.metadata.userinfo_endpoint else { return Ok(None) };
        let claims = groups::user_info(&self.client, url, tokens, &token.subject).await?;
        Ok(groups::read(&claims, claim))
    }

    fn scopes(&self, provider: &FetchedProvider) -> Vec<String> {
        if !self.settings.scopes.is_empty() {
            return self.settings.scopes.clone();
        }
        let listed = |scope: &&str| provider.metadata.scopes.iter().any(|known| known == scope);
        let others = ["profile", "groups"].into_iter().filter(listed);
        std::iter::once("openid").chain(others).map(str::to_owned).collect()
    }

    /// Returns metadata and keys that are not older than `max_age`.
    async fn provider(&self, max_age: Duration) -> Result<Arc<FetchedProvider>, SignInError> {
        let mut known = self.known.lock().await;
        let now = self.clock.monotonic();
        if let Some((fetched, at)) = &known.fetched
            && now.since(*at) < max_age
        {
            return Ok(fetched.clone());
        }
        if let Some((problem, at)) = &known.failed
            && now.since(*at) < FAILURE_TTL
        {
            return Err(SignInError::Provider(problem.clone()));
        }
        match FetchedProvider::fetch(&self.client, &self.settings.issuer).await {
            Ok(fetched) => {
                let fetched = Arc::new(fetched);
                *known = KnownProvider { fetched: Some((fetched.clone(), now)), failed: None };
                Ok(fetched)
            }
            Err(problem) => {
                let from = self.settings.issuer.issuer().as_str();
                tracing::warn!(from, problem, "the identity provider cannot be used");
                known.failed = Some((problem.clone(), now));
                Err(SignInError::Provider(problem))
            }
        }
    }
}
