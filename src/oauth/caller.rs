//! The caller of a request, as the request identifies it. Nothing is verified here.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use secrecy::SecretString;

use crate::model::client::{AuthenticationMethod, ClientId, JWT_BEARER_ASSERTION, JWT_SPIFFE};
use crate::oauth::error::OAuthError;
use crate::oauth::parameters::Parameters;
use crate::x509::certificate::ClientCertificate;

const SEVERAL_METHODS: &str = "The request has two client authentication methods. Use the Authorization header, a secret in the body or a client assertion.";

/// Origin of a request, as given by the connection or a trusted proxy.
#[derive(Debug, Clone)]
pub struct RequestOrigin {
    /// The client's address.
    pub address: IpAddr,
    /// The certificate that the client presented.
    pub certificate: PresentedCertificate,
    /// True if the peer is a trusted proxy, whose headers describe the request that it forwards.
    pub is_trusted_proxy: bool,
}

/// Client certificate of a request.
#[derive(Debug, Clone)]
pub enum PresentedCertificate {
    /// No certificate was presented.
    Nothing,
    /// A certificate was presented and parsed.
    Certificate(Arc<ClientCertificate>),
    /// A trusted proxy sent a header that is not a valid certificate.
    Unreadable,
}

impl PresentedCertificate {
    /// Returns the certificate, if one was presented and could be read.
    pub fn certificate(&self) -> Option<&Arc<ClientCertificate>> {
        match self {
            Self::Certificate(certificate) => Some(certificate),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

/// Caller of an endpoint, before authentication.
#[derive(Debug)]
pub struct Caller {
    /// The credentials, if the request has any.
    pub credentials: Option<Credentials>,
    /// The `client_id` of the body. It proves nothing.
    pub client_id: Option<String>,
    /// Without credentials: a parameter that was probably meant to be one of them, sanitized for a
    /// description.
    pub misspelt: Option<String>,
    /// The origin of the request.
    pub origin: RequestOrigin,
}

/// The credentials of a caller.
#[derive(Debug)]
pub enum Credentials {
    /// A client secret.
    Secret(SecretCredentials),
    /// A signed assertion (RFC 7523).
    Assertion(AssertionCredentials),
    /// A certificate, with the client id of the request (RFC 8705, section 2).
    Certificate(String, Arc<ClientCertificate>),
}

/// A client id and a secret, with the method by which they were sent.
pub struct SecretCredentials {
    /// The client id that the caller presents.
    pub client_id: String,
    /// The secret.
    pub secret: SecretString,
    /// The method by which they were sent.
    pub method: SecretMethod,
}

/// Method by which a client id and a secret are sent (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretMethod {
    /// In the `Authorization` header, by HTTP Basic.
    Basic,
    /// In the body.
    Post,
}

impl From<SecretMethod> for AuthenticationMethod {
    fn from(method: SecretMethod) -> Self {
        match method {
            SecretMethod::Basic => Self::ClientSecretBasic,
            SecretMethod::Post => Self::ClientSecretPost,
        }
    }
}

/// Type of a client assertion, from `client_assertion_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionType {
    /// A JWT of the client itself or of a trusted issuer (RFC 7523, section 2.2).
    JwtBearer,
    /// A JWT-SVID (draft-ietf-oauth-spiffe-client-auth-02, section 3.1).
    JwtSpiffe,
}

impl AssertionType {
    fn parse(text: &str) -> Option<Self> {
        match text {
            JWT_BEARER_ASSERTION => Some(Self::JwtBearer),
            JWT_SPIFFE => Some(Self::JwtSpiffe),
            _ => None,
        }
    }
}

/// A client assertion, not yet parsed.
pub struct AssertionCredentials {
    /// The type of the assertion.
    pub assertion_type: AssertionType,
    /// The client id of the request, if sent in addition to the assertion.
    pub client_id: Option<String>,
    /// The assertion: a JWT.
    pub assertion: SecretString,
}

impl fmt::Debug for SecretCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretCredentials({:?})", self.method)
    }
}

impl fmt::Debug for AssertionCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AssertionCredentials(…)")
    }
}

/// The content of the `Authorization` header.
#[derive(Debug)]
pub enum HeaderCredentials {
    /// The header is absent.
    Absent,
    /// HTTP Basic, decoded: client id and secret (RFC 6749, section 2.3.1).
    Basic(String, SecretString),
    /// Not readable as Basic. The reason is for the log.
    Unreadable(&'static str),
}

impl Caller {
    /// Takes the parameters of the caller out of a request.
    pub fn new(
        parameters: &mut Parameters,
        header: HeaderCredentials,
        origin: RequestOrigin,
    ) -> Result<Self, OAuthError> {
        let assertion = assertion(parameters)?;
        let client_id = parameters.take("client_id");
        let secret = parameters.take("client_secret").map(SecretString::from);
        let misspelt = || {
            ["client_id", "client_secret", "client_assertion", "client_assertion_type"]
                .into_iter()
                .find_map(|name| parameters.misspelt(name))
        };
        let credentials = credentials(header, client_id.clone(), secret, assertion)
            .map_err(|error| error.with_misspelt(misspelt().as_deref()))?;
        let credentials = match (credentials, &client_id, origin.certificate.certificate()) {
            (None, Some(client_id), Some(certificate)) => {
                Some(Credentials::Certificate(client_id.clone(), certificate.clone()))
            }
            (credentials, _, _) => credentials,
        };
        let presented = credentials.as_ref().and_then(Credentials::client_id);
        if presented.or(client_id.as_deref()).is_some_and(is_too_long) {
            return Err(OAuthError::authentication_failed("the client id is too long"));
        }
        // Only needed to explain missing credentials.
        let misspelt = if credentials.is_none() { misspelt() } else { None };
        Ok(Self { credentials, client_id, misspelt, origin })
    }
}

fn is_too_long(client_id: &str) -> bool {
    client_id.len() > ClientId::MAX_LENGTH
}

impl Credentials {
    /// Returns the client id that the caller presents, if the request has one outside of an
    /// assertion.
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::Secret(secret) => Some(&secret.client_id),
            Self::Assertion(assertion) => assertion.client_id.as_deref(),
            Self::Certificate(client_id, _) => Some(client_id),
        }
    }
}

/// Returns the credentials of the caller. Rejects two methods in one request (RFC 6749, section
/// 2.3).
fn credentials(
    header: HeaderCredentials,
    body_id: Option<String>,
    body_secret: Option<SecretString>,
    assertion: Option<(AssertionType, SecretString)>,
) -> Result<Option<Credentials>, OAuthError> {
    let secret = |client_id, secret, method| {
        Ok(Some(Credentials::Secret(SecretCredentials { client_id, secret, method })))
    };
    match (header, body_id, body_secret, assertion) {
        (HeaderCredentials::Absent, client_id, None, Some((assertion_type, assertion))) => {
            let credentials = AssertionCredentials { assertion_type, client_id, assertion };
            Ok(Some(Credentials::Assertion(credentials)))
        }
        (HeaderCredentials::Absent, Some(client_id), Some(given), None) => {
            secret(client_id, given, SecretMethod::Post)
        }
        (HeaderCredentials::Absent, None, Some(_), None) => {
            Err(OAuthError::invalid_request("The body has client_secret but no client_id."))
        }
        (HeaderCredentials::Absent, _, None, None) => Ok(None),
        (_, _, Some(_), _) | (_, _, _, Some(_)) => Err(OAuthError::invalid_request(SEVERAL_METHODS)),
        (HeaderCredentials::Unreadable(why), _, None, None) => {
            Err(OAuthError::authentication_failed(why).with_remedy(
                "Send Authorization: Basic, followed by ID:SECRET in Base64, both form-encoded first. With curl: -u ID:SECRET.",
            ))
        }
        (HeaderCredentials::Basic(client_id, given), body_id, None, None) => {
            if body_id.is_some_and(|body_id| body_id != client_id) {
                return Err(OAuthError::invalid_request(
                    "The client_id in the body is not the one in the Authorization header.",
                ));
            }
            secret(client_id, given, SecretMethod::Basic)
        }
    }
}

/// Takes a client assertion and its type (RFC 7521, section 4.2; C-130).
fn assertion(
    parameters: &mut Parameters,
) -> Result<Option<(AssertionType, SecretString)>, OAuthError> {
    let kind = parameters.take("client_assertion_type");
    let assertion = parameters.take("client_assertion").map(SecretString::from);
    let known = kind.as_deref().and_then(AssertionType::parse);
    match (kind, assertion) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(OAuthError::invalid_request(
            "The request has client_assertion_type but no client_assertion.",
        )),
        (_, Some(assertion)) => match known {
            Some(known) => Ok(Some((known, assertion))),
            None => Err(OAuthError::invalid_request(format!(
                "A client_assertion comes with client_assertion_type={JWT_BEARER_ASSERTION}, or {JWT_SPIFFE} for a JWT-SVID."
            ))),
        },
    }
}
