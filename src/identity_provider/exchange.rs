//! The authorization request, and the exchange of the code (RFC 6749, section 4.1; RFC 7636).

use std::future::Future;
use std::pin::Pin;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hyper::header::CONTENT_TYPE;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret,
    CsrfToken, EndpointNotSet, EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::OidcSettings;
use crate::crypto::{CryptoError, random};
use crate::identity_provider::{PendingSignIn, SignInError};
use crate::outbound::{FetchError, ProviderClient};
use crate::remote_keys::ProviderMetadata;
use crate::telemetry;
use crate::text::escaping;

/// The member that OpenID Connect adds to a token response.
#[derive(Clone, Deserialize, Serialize)]
struct IdTokenMember {
    id_token: Option<String>,
}

impl std::fmt::Debug for IdTokenMember {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("IdTokenMember(not shown)")
    }
}

impl ExtraTokenFields for IdTokenMember {}

type OidcTokenResponse = StandardTokenResponse<IdTokenMember, BasicTokenType>;

/// OAuth client with the endpoints for the request and the exchange.
pub(super) struct OidcClient(
    Client<
        BasicErrorResponse,
        OidcTokenResponse,
        BasicTokenIntrospectionResponse,
        StandardRevocableToken,
        BasicRevocationErrorResponse,
        EndpointSet,
        EndpointNotSet,
        EndpointNotSet,
        EndpointNotSet,
        EndpointSet,
    >,
);

/// Tokens of a sign-in. They are dropped at its end.
pub(super) struct ExchangedTokens {
    response: OidcTokenResponse,
    id_token: String,
}

/// Returns 256 random bits as text, for a state, a nonce or a PKCE verifier.
pub(super) fn random_text() -> Result<String, CryptoError> {
    Ok(BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<32>()?))
}

impl OidcClient {
    pub(super) fn new(
        settings: &OidcSettings,
        metadata: &ProviderMetadata,
        redirect_uri: &str,
    ) -> Result<Self, SignInError> {
        let redirect_uri =
            RedirectUrl::new(redirect_uri.to_owned()).map_err(|_| SignInError::RedirectUri)?;
        let auth_type =
            if metadata.takes_secret_in_body { AuthType::RequestBody } else { AuthType::BasicAuth };
        let secret = settings.client_secret.expose_secret().to_owned();
        let client = Client::new(ClientId::new(settings.client_id.clone()))
            .set_client_secret(ClientSecret::new(secret))
            .set_auth_type(auth_type)
            .set_auth_uri(AuthUrl::from_url(metadata.authorization_endpoint.clone()))
            .set_token_uri(TokenUrl::from_url(metadata.token_endpoint.clone()))
            .set_redirect_uri(redirect_uri);
        Ok(Self(client))
    }

    /// Returns the URL to which the browser is redirected.
    pub(super) fn authorization_url(&self, pending: &PendingSignIn, scopes: &[String]) -> Url {
        let verifier = PkceCodeVerifier::new(pending.verifier.clone());
        let mut request = self
            .0
            .authorize_url(|| CsrfToken::new(pending.state.clone()))
            .add_scopes(scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_extra_param("nonce", pending.nonce.clone());
        if pending.is_fresh {
            // Some providers support only one of the two. The ID token has the time of the
            // authentication.
            request = request.add_extra_param("max_age", "0").add_extra_param("prompt", "login");
        }
        request.url().0
    }

    pub(super) async fn exchange(
        &self,
        client: &ProviderClient,
        code: &str,
        verifier: &str,
    ) -> Result<ExchangedTokens, SignInError> {
        let http = ProviderHttp(client);
        let response = self
            .0
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
            .request_async(&http)
            .await
            .map_err(|error| problem(&error))?;
        let id_token = response.extra_fields().id_token.clone();
        let id_token = id_token.ok_or_else(|| {
            SignInError::Exchange("the answer has no ID token: request the scope openid".to_owned())
        })?;
        Ok(ExchangedTokens { response, id_token })
    }
}

impl ExchangedTokens {
    pub(super) fn id_token(&self) -> &str {
        &self.id_token
    }

    pub(super) fn access_token(&self) -> &str {
        self.response.access_token().secret()
    }
}

/// Converts an exchange error. The message of the parser may contain tokens, so only the position
/// is reported.
fn problem(error: &RequestTokenError<FetchError, BasicErrorResponse>) -> SignInError {
    SignInError::Exchange(match error {
        RequestTokenError::ServerResponse(response) => {
            escaping::escape_start(&format!("the provider answered {response}"), 300)
        }
        RequestTokenError::Request(error) => {
            let cause = telemetry::with_causes(error);
            return SignInError::Provider(format!("its token endpoint: {cause}"));
        }
        RequestTokenError::Parse(error, _) => {
            let place = escaping::escape_start(&error.path().to_string(), 80);
            format!("the answer cannot be read at '{place}'")
        }
        RequestTokenError::Other(text) => escaping::escape_start(text, 300),
    })
}

/// Adapts the HTTP client of this server to the interface of the library.
struct ProviderHttp<'a>(&'a ProviderClient);

impl<'c> AsyncHttpClient<'c> for ProviderHttp<'_> {
    type Error = FetchError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, FetchError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let url = head.uri.to_string();
            let answer = self.0.send(head.method, &url, &head.headers, body).await?;
            let mut response = HttpResponse::new(answer.body.into_bytes());
            *response.status_mut() = hyper::StatusCode::from_u16(answer.status).unwrap_or_default();
            if let Some(value) = answer.headers.get(CONTENT_TYPE) {
                response.headers_mut().insert(CONTENT_TYPE, value.clone());
            }
            Ok(response)
        })
    }
}
