//! Obtains the access token of the command line. Finds the issuer through the metadata of the
//! server and requests a token for `urn:tokend` with `client_credentials`.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Request, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;
use zeroize::Zeroizing;

use crate::cli::api::connection::{Answer, Connector};
use crate::cli::api::credentials::{Credentials, Proof, basic};
use crate::cli::api::server_url::ServerUrl;
use crate::cli::error::CliError;
use crate::cli::remedies::command::ServerRemedy;
use crate::config::command_variables::ISSUER_URL_VARIABLE;
use crate::config::environment;
use crate::model::resource::ResourceId;
use crate::model::time::Clock;

/// Metadata of a protected resource (RFC 9728, section 2).
#[derive(Deserialize)]
struct ResourceMetadata {
    #[serde(default)]
    authorization_servers: Vec<String>,
}

/// Metadata of an authorization server (RFC 8414, section 2).
#[derive(Deserialize)]
struct IssuerMetadata {
    issuer: String,
    token_endpoint: String,
}

/// A successful response of the token endpoint (RFC 6749, section 5.1).
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    token_type: String,
}

/// An error response of the token endpoint (RFC 6749, section 5.2).
#[derive(Deserialize)]
struct TokenRejection {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// Requests an access token for the admin API of a server.
///
/// # Errors
/// If the issuer cannot be found, or does not issue the token.
pub(super) async fn request(
    connector: &Connector,
    server: &ServerUrl,
    credentials: &Credentials,
) -> Result<SecretString, CliError> {
    let issuer = issuer(connector, server).await?;
    let url = issuer.well_known("oauth-authorization-server");
    let metadata: IssuerMetadata = read(connector, &url).await?;
    // RFC 8414, section 3.3: the metadata of another issuer could name an attacker's endpoint.
    if metadata.issuer != issuer.as_issuer() {
        return Err(CliError::server(format!(
            "{url}: its issuer is {:?}, not {issuer}",
            metadata.issuer
        ))
        .with_remedy(ServerRemedy::GiveIssuer));
    }
    let endpoint = ServerUrl::parse("token_endpoint of the issuer", &metadata.token_endpoint)
        .map_err(|error| CliError::server(error.text()))?;
    let request = token_request(credentials, issuer.as_issuer())?;
    let answer = exchange(connector, &endpoint.join("")?, request).await?;
    token_of(&endpoint, &answer)
}

/// Returns the issuer from the environment, or else the first one that the server names (RFC 9728).
async fn issuer(connector: &Connector, server: &ServerUrl) -> Result<ServerUrl, CliError> {
    let environment = environment();
    let given =
        environment.iter().find(|(name, value)| name == ISSUER_URL_VARIABLE && !value.is_empty());
    if let Some((name, url)) = given {
        return ServerUrl::parse(name, url);
    }
    let url = server.well_known("oauth-protected-resource");
    let metadata: ResourceMetadata = read(connector, &url).await?;
    let Some(first) = metadata.authorization_servers.first() else {
        return Err(CliError::server(format!("{url} names no authorization server"))
            .with_remedy(ServerRemedy::GiveIssuer));
    };
    ServerUrl::parse("the issuer of the server", first)
        .map_err(|error| CliError::server(error.text()))
}

async fn read<T: DeserializeOwned>(connector: &Connector, url: &Url) -> Result<T, CliError> {
    let Answer { status, body } = exchange(connector, url, Request::new(Full::default())).await?;
    if status != StatusCode::OK {
        return Err(CliError::server(format!("{url} answers {status}"))
            .with_remedy(ServerRemedy::FindIssuer));
    }
    serde_json::from_slice(&body)
        .map_err(|error| CliError::server(format!("{url} is not the expected metadata: {error}")))
}

fn token_request(
    credentials: &Credentials,
    issuer: &str,
) -> Result<Request<Full<Bytes>>, CliError> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    form.append_pair("resource", ResourceId::SERVER);
    let mut authorization = None;
    match &credentials.proof {
        Proof::Secret(secret) => authorization = Some(basic(&credentials.client_id, secret)),
        Proof::Key(signer) => {
            let assertion = signer.sign(&credentials.client_id, issuer, Clock::System.now());
            let assertion = assertion.map_err(|error| CliError::failed(error.to_string()))?;
            form.append_pair("client_id", &credentials.client_id);
            form.append_pair("client_assertion_type", crate::model::client::JWT_BEARER_ASSERTION);
            form.append_pair("client_assertion", assertion.expose_secret());
        }
    }
    let mut request = Request::post("/").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(text) = authorization {
        request = request.header(AUTHORIZATION, sensitive(&text)?);
    }
    let body = Full::new(Bytes::from(form.finish()));
    request.body(body).map_err(|error| CliError::failed(error.to_string()))
}

/// Returns a header value that is marked as sensitive, so that it is not logged.
pub(super) fn sensitive(text: &Zeroizing<String>) -> Result<HeaderValue, CliError> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| CliError::failed("the credential cannot be sent in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn token_of(endpoint: &ServerUrl, answer: &Answer) -> Result<SecretString, CliError> {
    if answer.status == StatusCode::OK {
        // An error of serde would quote a part of the text, which contains the token.
        let token: TokenAnswer = serde_json::from_slice(&answer.body)
            .map_err(|_| CliError::server(format!("{endpoint}: the answer is not a token")))?;
        if !token.token_type.eq_ignore_ascii_case("bearer") {
            return Err(CliError::server(format!(
                "{endpoint}: the token is bound to a key (token_type {:?}), and commands use \
                 bearer tokens",
                token.token_type
            )));
        }
        return Ok(token.access_token);
    }
    let Ok(rejection) = serde_json::from_slice::<TokenRejection>(&answer.body) else {
        let status = answer.status;
        return Err(CliError::server(format!("{endpoint} answers {status}, without an error")));
    };
    let TokenRejection { error, error_description } = rejection;
    let text = format!("{endpoint} gives no token for urn:tokend: {error}: {error_description}");
    Err(match answer.status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => CliError::server(text),
        status if status.is_server_error() => CliError::server(text),
        _ => CliError::not_allowed(text).with_remedy(ServerRemedy::CompareCredentials),
    })
}

async fn exchange(
    connector: &Connector,
    url: &Url,
    request: Request<Full<Bytes>>,
) -> Result<Answer, CliError> {
    let answer = connector.exchange(url, request).await;
    answer.map_err(|error| CliError::server(error.text()).with_remedy(ServerRemedy::Reach))
}
