//! What came in, as data: who says to be whom, and what is asked for.

use std::fmt;
use std::net::IpAddr;

use secrecy::SecretString;

use crate::model::client::AuthenticationMethod;
use crate::oauth::error::{ErrorCode, OAuthError, echo};
use crate::oauth::parameters::Parameters;

/// The longest client id that is looked at, in bytes.
const LONGEST_CLIENT_ID: usize = 256;

/// A client id and a secret, and how they were presented. Nothing about them is proved.
pub struct Credentials {
    /// Who the caller says to be.
    pub client_id: String,
    /// The secret.
    pub secret: SecretString,
    /// Where they stood.
    pub method: AuthenticationMethod,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Credentials({})", self.method.as_str())
    }
}

/// What the `Authorization` header says.
#[derive(Debug)]
pub enum HeaderCredentials {
    /// There is no such header.
    Absent,
    /// HTTP Basic, decoded: client id and secret (RFC 6749, section 2.3.1).
    Basic(String, SecretString),
    /// It cannot be read as Basic; why is for the log.
    Unreadable(&'static str),
}

/// A token request (RFC 6749, section 4.4.2) whose shape is right.
#[derive(Debug)]
pub struct TokenRequest {
    /// Who asks, if anybody says so.
    pub credentials: Option<Credentials>,
    /// The grant that is asked for.
    pub grant: GrantRequest,
    /// Where the request comes from.
    pub address: IpAddr,
}

/// The grant that is asked for.
#[derive(Debug)]
pub enum GrantRequest {
    /// RFC 6749, section 4.4.
    ClientCredentials(Wanted),
}

/// What the token should be for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The resources named by `resource` (RFC 8707) or `audience`, without repetition.
    pub resources: Vec<String>,
    /// The text of `scope`, unread.
    pub scope: Option<String>,
}

impl TokenRequest {
    /// Puts a request together from its parts and checks its shape.
    pub fn new(
        mut parameters: Parameters,
        header: HeaderCredentials,
        address: IpAddr,
    ) -> Result<Self, OAuthError> {
        let grant_type = parameters.take("grant_type").ok_or_else(|| {
            OAuthError::invalid_request(
                "Parameter 'grant_type' is missing. For a machine client send grant_type=client_credentials.",
            )
        })?;
        if grant_type != "client_credentials" {
            return Err(OAuthError::new(
                ErrorCode::UnsupportedGrantType,
                format!(
                    "'{}' is not offered here. This server offers: client_credentials.",
                    echo(&grant_type)
                ),
            ));
        }
        let credentials = credentials(&mut parameters, header)?;
        let mut resources = parameters.take_all("resource");
        resources.extend(parameters.take("audience"));
        resources.sort_unstable();
        resources.dedup();
        let scope = parameters.take("scope");
        Ok(Self {
            credentials,
            grant: GrantRequest::ClientCredentials(Wanted { resources, scope }),
            address,
        })
    }
}

/// Finds the one way in which the caller authenticates (RFC 6749, section 2.3: not two).
fn credentials(
    parameters: &mut Parameters,
    header: HeaderCredentials,
) -> Result<Option<Credentials>, OAuthError> {
    let body_id = parameters.take("client_id");
    let body_secret = parameters.take("client_secret").map(SecretString::from);
    let found = match (header, body_id, body_secret) {
        (HeaderCredentials::Absent, Some(client_id), Some(secret)) => {
            Some(Credentials { client_id, secret, method: AuthenticationMethod::ClientSecretPost })
        }
        (HeaderCredentials::Absent, None, Some(_)) => {
            return Err(OAuthError::invalid_request(
                "The body has client_secret but no client_id.",
            ));
        }
        (HeaderCredentials::Absent, _, None) => None,
        (_, _, Some(_)) => {
            return Err(OAuthError::invalid_request(
                "Two ways of client authentication in one request: use the Authorization header or the body, not both.",
            ));
        }
        (HeaderCredentials::Unreadable(why), _, None) => {
            return Err(OAuthError::authentication_failed(why));
        }
        (HeaderCredentials::Basic(client_id, secret), body_id, None) => {
            if body_id.is_some_and(|body_id| body_id != client_id) {
                return Err(OAuthError::invalid_request(
                    "The client_id in the body is not the one in the Authorization header.",
                ));
            }
            Some(Credentials { client_id, secret, method: AuthenticationMethod::ClientSecretBasic })
        }
    };
    if found.as_ref().is_some_and(|found| found.client_id.len() > LONGEST_CLIENT_ID) {
        return Err(OAuthError::authentication_failed("the client id is too long"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(form: &str, header: HeaderCredentials) -> Result<TokenRequest, OAuthError> {
        TokenRequest::new(Parameters::from_form(form)?, header, [127, 0, 0, 1].into())
    }

    fn basic(id: &str) -> HeaderCredentials {
        HeaderCredentials::Basic(id.into(), SecretString::from("s"))
    }

    const GRANT: &str = "grant_type=client_credentials";

    /// C-04, C-38, K-04, K-16.
    #[test]
    fn there_is_one_way_to_authenticate_in_a_request() {
        let code = |form: String, header| request(&form, header).expect_err("a refusal").code();
        let both = format!("{GRANT}&client_id=a&client_secret=s");
        assert_eq!(code(both, basic("a")), ErrorCode::InvalidRequest);
        let other = format!("{GRANT}&client_id=b");
        assert_eq!(code(other, basic("a")), ErrorCode::InvalidRequest);
        let equal = format!("{GRANT}&client_id=a");
        assert!(request(&equal, basic("a")).is_ok());
    }

    /// C-02: an id alone is no authentication.
    #[test]
    fn a_client_id_alone_is_nobody() {
        let request = request(&format!("{GRANT}&client_id=a"), HeaderCredentials::Absent);
        assert!(request.expect("a request").credentials.is_none());
    }

    /// C-25, C-37.
    #[test]
    fn the_grant_type_is_exact() {
        let code = |form| request(form, HeaderCredentials::Absent).expect_err("a refusal").code();
        assert_eq!(code("scope=a"), ErrorCode::InvalidRequest);
        assert_eq!(code("grant_type="), ErrorCode::InvalidRequest);
        assert_eq!(code("grant_type=Client_Credentials"), ErrorCode::UnsupportedGrantType);
        assert_eq!(code("grant_type=client_credentials%20"), ErrorCode::UnsupportedGrantType);
    }

    #[test]
    fn resource_and_audience_say_the_same() {
        let form = format!("{GRANT}&resource=urn:a&audience=urn:a&resource=urn:b");
        let GrantRequest::ClientCredentials(wanted) =
            request(&form, HeaderCredentials::Absent).expect("a request").grant;
        assert_eq!(wanted.resources, ["urn:a", "urn:b"]);
    }
}
