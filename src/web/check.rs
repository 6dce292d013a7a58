//! The check endpoint for gateways that cannot verify a JWT: nginx `auth_request`, Traefik
//! `forwardAuth`, Caddy `forward_auth`, `HAProxy`. It responds with a status and headers only.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::Response;

use crate::app::App;
use crate::model::scope::Scopes;
use crate::model::signing_key::Algorithm;
use crate::oauth::caller::RequestOrigin;
use crate::oauth::check::{
    self, CheckError, CheckedToken, NonceRule, PresentedToken, ProofOfRequest, RequiredAccess,
    Scheme,
};
use crate::web::access_log::LoggedClient;
use crate::web::bearer::{self, HeaderError};

/// The client of a valid token.
const CLIENT_ID: &str = "x-auth-client-id";

/// The scopes of a valid token, separated by spaces.
const SCOPE: &str = "x-auth-scope";

/// The remaining lifetime of a valid token in seconds.
const EXPIRES_IN: &str = "x-auth-expires-in";

/// The maximum length of a description in a challenge, in bytes. Gateways bound the size of
/// response headers, and the description may repeat a URL of the caller.
const MAX_DESCRIPTION_BYTES: usize = 300;

/// Answers a check. All methods are treated alike, including `OPTIONS`: some gateways forward the
/// caller's method, and 204 admits that request. The body is not read.
pub(super) fn answer(app: &App, origin: &RequestOrigin, request: &Request) -> Response {
    let checked = required_access(request.uri()).map_err(Denial::from).and_then(|required| {
        let presented = presented_token(origin, request.headers())?;
        let checked = check::check(app, &required, &presented, origin);
        checked.map_err(|error| Denial::of(error, presented.scheme, required.scopes.to_string()))
    });
    match checked {
        Ok(token) => allowed(&token),
        Err(denial) => denial.into_response(),
    }
}

/// Parses `resource` and `scope` from the query.
fn required_access(uri: &Uri) -> Result<RequiredAccess, CheckError> {
    let misconfigured = |problem: String| Err(CheckError::Misconfigured(problem));
    let (mut resource, mut scope) = (None, None);
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let known = match &*name {
            "resource" => &mut resource,
            "scope" => &mut scope,
            _ => return misconfigured(format!("{name} is not a parameter: resource, scope")),
        };
        if known.replace(value.into_owned()).is_some() {
            return misconfigured(format!("{name} is given twice"));
        }
    }
    let Some(resource) = resource else {
        return misconfigured("resource is missing: the resource that the API is".to_owned());
    };
    let scopes = scope.as_deref().filter(|text| !text.is_empty()).map(Scopes::parse);
    match scopes.transpose() {
        Ok(scopes) => Ok(RequiredAccess { resource, scopes: scopes.unwrap_or_default() }),
        Err(malformed) => misconfigured(format!("scope: {malformed}")),
    }
}

/// Reads the token of the API's caller. The DPoP proof is read only if a trusted proxy forwards it.
fn presented_token(origin: &RequestOrigin, headers: &HeaderMap) -> Result<PresentedToken, Denial> {
    let (scheme, token) = bearer::presented(headers).map_err(|error| match error {
        HeaderError::Missing => Denial::missing(),
        HeaderError::Malformed => CheckError::InvalidToken(bearer::MALFORMED).into(),
    })?;
    let proof = forwarded_proof(headers).filter(|_| origin.is_trusted_proxy);
    Ok(PresentedToken { scheme, token: token.to_owned(), proof })
}

/// Reads the proof and the request that it was made for, as Traefik and Caddy forward them.
fn forwarded_proof(headers: &HeaderMap) -> Option<ProofOfRequest> {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    };
    let (scheme, host) = (one("x-forwarded-proto")?, one("x-forwarded-host")?);
    let url = forwarded_url(scheme, host, one("x-forwarded-uri")?)?;
    let (proof, method) = (one("dpop")?.to_owned(), one("x-forwarded-method")?.to_owned());
    Some(ProofOfRequest { proof, method, urls: vec![url], nonce: NonceRule::Ignore })
}

/// Builds the URL of the caller's request. Scheme and host are validated: a `Host` of
/// `api.example.com/orders?` would otherwise turn any path into a query.
fn forwarded_url(scheme: &str, host: &str, target: &str) -> Option<String> {
    let is_host = |byte: u8| byte.is_ascii_graphic() && !br"/?#@\,".contains(&byte);
    let is_target = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    let is_valid = matches!(scheme, "http" | "https")
        && !host.is_empty()
        && host.bytes().all(is_host)
        && target.starts_with('/')
        && target.bytes().all(is_target);
    is_valid.then(|| format!("{scheme}://{host}{target}"))
}

/// The rejection of a request, with the parameters of its challenge.
struct Denial {
    error: Option<CheckError>,
    scheme: Scheme,
    scope: String,
}

impl From<CheckError> for Denial {
    fn from(error: CheckError) -> Self {
        Self::of(error, Scheme::Bearer, String::new())
    }
}

impl Denial {
    /// Creates the answer to a request without a token. Its challenge has no error code (RFC 6750,
    /// section 3.1).
    fn missing() -> Self {
        Self { error: None, scheme: Scheme::Bearer, scope: String::new() }
    }

    fn of(error: CheckError, scheme: Scheme, scope: String) -> Self {
        Self { error: Some(error), scheme, scope }
    }

    fn into_response(self) -> Response {
        match &self.error {
            None => self.challenge(StatusCode::UNAUTHORIZED, None),
            Some(CheckError::InvalidToken(text)) => {
                self.challenge(StatusCode::UNAUTHORIZED, Some(("invalid_token", text)))
            }
            Some(CheckError::InvalidProof { text, .. }) => {
                self.challenge(StatusCode::UNAUTHORIZED, Some(("invalid_dpop_proof", text)))
            }
            Some(CheckError::InsufficientScope) => {
                let text = "The access token lacks a scope.";
                self.challenge(StatusCode::FORBIDDEN, Some(("insufficient_scope", text)))
            }
            Some(CheckError::Misconfigured(problem)) => {
                tracing::info!(?problem, "a gateway requested a check that no token can pass");
                with(StatusCode::BAD_REQUEST, &[("x-tokend-error", problem)])
            }
            Some(CheckError::Unavailable(reason)) => {
                tracing::error!(%reason, "a token cannot be checked");
                with(StatusCode::SERVICE_UNAVAILABLE, &[(RETRY_AFTER.as_str(), "2")])
            }
        }
    }

    /// Builds the challenge of RFC 6750, section 3, or of RFC 9449, section 7.1.
    fn challenge(&self, status: StatusCode, error: Option<(&str, &str)>) -> Response {
        let mut challenge = match self.scheme {
            Scheme::Bearer => "Bearer realm=\"tokend\"".to_owned(),
            Scheme::Dpop => {
                format!("DPoP algs=\"{}\"", Algorithm::ALL.map(Algorithm::as_str).join(" "))
            }
        };
        if let Some((code, description)) = error {
            let mut description = description.replace(['"', '\\'], "'");
            description.truncate(description.floor_char_boundary(MAX_DESCRIPTION_BYTES));
            challenge.push_str(&format!(", error=\"{code}\", error_description=\"{description}\""));
        }
        if status == StatusCode::FORBIDDEN {
            challenge.push_str(&format!(", scope=\"{}\"", self.scope));
        }
        with(status, &[(WWW_AUTHENTICATE.as_str(), &challenge)])
    }
}

fn allowed(token: &CheckedToken) -> Response {
    let expires_in = token.expires_in.to_string();
    let mut response = with(
        StatusCode::NO_CONTENT,
        &[(CLIENT_ID, &token.client_id), (SCOPE, &token.scope), (EXPIRES_IN, &expires_in)],
    );
    response.extensions_mut().insert(LoggedClient(token.client_id.clone()));
    response
}

/// Builds a response without a body. Values that are not valid in a header are omitted.
fn with(status: StatusCode, values: &[(&str, &str)]) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in values {
        let name = HeaderName::try_from(*name);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_request_has_no_second_host_and_no_second_path() {
        let url = |scheme, host, target| forwarded_url(scheme, host, target);
        let good = url("https", "api.example.com:8443", "/orders/7?page=2");
        assert_eq!(good.as_deref(), Some("https://api.example.com:8443/orders/7?page=2"));
        assert!(url("http", "[::1]:80", "/").is_some());
        for host in ["", "a/orders/7?", "a?", "a#", "user@a", "a\\b", "a, b", "a b", "\u{e4}"] {
            assert_eq!(url("https", host, "/x"), None, "{host}");
        }
        for target in ["", "*", "orders", "https://a/orders", "/a b", "/a\\b", "/a\tb"] {
            assert_eq!(url("https", "a", target), None, "{target}");
        }
        for scheme in ["", "HTTPS", "file", "https://b/?"] {
            assert_eq!(url(scheme, "a", "/x"), None, "{scheme}");
        }
    }
}
