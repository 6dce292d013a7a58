//! Token requests as data: the requester, the authorization grant and the requested access.

use secrecy::SecretString;

use crate::app::App;
use crate::model::client::GrantType;
use crate::model::token::TokenUse;
use crate::oauth::caller::{Caller, HeaderCredentials, RequestOrigin};
use crate::oauth::client_authentication::{self, AuthenticatedClient, AuthenticationPurpose};
use crate::oauth::error::{ErrorCode, OAuthError, quote_input};
use crate::oauth::parameters::Parameters;
use crate::oauth::token::sender_constraint::PresentedProof;

/// A token request (RFC 6749, section 4.4.2) whose form is valid.
#[derive(Debug)]
pub struct TokenRequest {
    /// The requester and its credentials.
    pub requester: Requester,
    /// The authorization grant.
    pub authorization_grant: AuthorizationGrant,
    /// The access that the token should have.
    pub requested: RequestedAccess,
    /// The proof of the key to which the token is to be bound.
    pub proof: Option<PresentedProof>,
}

/// The requester of a token.
#[derive(Debug)]
pub enum Requester {
    /// A client, with its credentials.
    Caller(Caller),
    /// An operator, acting for a client.
    Operator(AuthenticatedClient, TokenUse),
}

/// The authorization grant of a token request (RFC 6749, section 1.3).
#[derive(Debug)]
pub enum AuthorizationGrant {
    /// RFC 6749, section 4.4.
    ClientCredentials,
    /// RFC 7523, section 2.1: the token of a trusted issuer is both grant and credential.
    JwtBearer(SecretString),
}

impl AuthorizationGrant {
    /// Returns the value of `grant_type`.
    pub fn grant_type(&self) -> GrantType {
        match self {
            Self::ClientCredentials => GrantType::ClientCredentials,
            Self::JwtBearer(_) => GrantType::JwtBearer,
        }
    }
}

/// Access that a token should have.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RequestedAccess {
    /// The resources of `resource` (RFC 8707) and `audience`, without duplicates.
    pub resources: Vec<String>,
    /// The text of `scope`, not yet parsed.
    pub scope: Option<String>,
}

impl TokenRequest {
    /// Builds a request from its parts and checks its form.
    pub fn new(
        mut parameters: Parameters,
        header: HeaderCredentials,
        origin: RequestOrigin,
    ) -> Result<Self, OAuthError> {
        let grant_type = parameters.take("grant_type");
        let grant_type = grant_type.ok_or_else(|| {
            OAuthError::invalid_request(
                "Parameter 'grant_type' is missing. For a machine client send grant_type=client_credentials.",
            )
            .with_misspelt(parameters.misspelt("grant_type").as_deref())
        })?;
        let assertion = assertion(&mut parameters, &grant_type)?;
        let caller = Caller::new(&mut parameters, header, origin)?;
        let mut resources = parameters.take_all("resource");
        resources.extend(parameters.take("audience"));
        resources.sort_unstable();
        resources.dedup();
        let scope = parameters.take("scope");
        let requested = RequestedAccess { resources, scope };
        let authorization_grant =
            assertion.map_or(AuthorizationGrant::ClientCredentials, AuthorizationGrant::JwtBearer);
        Ok(Self {
            requester: Requester::Caller(caller),
            authorization_grant,
            requested,
            proof: None,
        })
    }
}

/// Returns the assertion of a jwt-bearer grant; `None` for client credentials.
fn assertion(
    parameters: &mut Parameters,
    grant_type: &str,
) -> Result<Option<SecretString>, OAuthError> {
    match grant_type {
        "client_credentials" => Ok(None),
        GrantType::JWT_BEARER => match parameters.take("assertion") {
            Some(assertion) => Ok(Some(SecretString::from(assertion))),
            None => Err(OAuthError::invalid_request(
                "Parameter 'assertion' is missing: with this grant type it is a JWT of an issuer that the client trusts.",
            )),
        },
        other => Err(OAuthError::new(
            ErrorCode::UnsupportedGrantType,
            format!(
                "'{}' is not offered here. This server offers: client_credentials, {}.",
                quote_input(other),
                GrantType::JWT_BEARER
            ),
        )),
    }
}

impl TokenRequest {
    /// Builds the request of an operator acting for a client.
    pub fn by_operator(
        client: AuthenticatedClient,
        requested: RequestedAccess,
        token_use: TokenUse,
    ) -> Self {
        Self {
            requester: Requester::Operator(client, token_use),
            authorization_grant: AuthorizationGrant::ClientCredentials,
            requested,
            proof: None,
        }
    }

    /// Step 1, authentication: returns the client and the use of its token.
    pub(super) async fn authenticate(
        &self,
        app: &App,
    ) -> Result<(AuthenticatedClient, TokenUse), OAuthError> {
        let client = match (&self.requester, &self.authorization_grant) {
            (Requester::Operator(client, token_use), _) => return Ok((client.clone(), *token_use)),
            (Requester::Caller(caller), AuthorizationGrant::ClientCredentials) => {
                let purpose = AuthenticationPurpose::TokenRequest;
                client_authentication::authenticate(app, caller, purpose).await?
            }
            (Requester::Caller(caller), AuthorizationGrant::JwtBearer(assertion)) => {
                // Boxed, so that the future of other requests does not hold its state.
                let authenticated =
                    client_authentication::authenticate_by_assertion_grant(app, caller, assertion);
                Box::pin(authenticated).await?
            }
        };
        Ok((client, TokenUse::Access))
    }

    /// Adds a proof of possession.
    #[must_use]
    pub fn with_proof(self, proof: Option<PresentedProof>) -> Self {
        Self { proof, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::caller::PresentedCertificate;

    fn request(form: &str, header: HeaderCredentials) -> Result<TokenRequest, OAuthError> {
        TokenRequest::new(
            Parameters::from_form(form)?,
            header,
            RequestOrigin {
                address: [127, 0, 0, 1].into(),
                certificate: PresentedCertificate::Nothing,
                is_trusted_proxy: false,
            },
        )
    }

    fn basic(id: &str) -> HeaderCredentials {
        HeaderCredentials::Basic(id.into(), SecretString::from("s"))
    }

    const GRANT: &str = "grant_type=client_credentials";

    /// C-04, C-38, K-04, K-16.
    #[test]
    fn a_request_has_one_authentication_method() {
        let code = |form: String, header| request(&form, header).expect_err("a rejection").code();
        let both = format!("{GRANT}&client_id=a&client_secret=s");
        assert_eq!(code(both, basic("a")), ErrorCode::InvalidRequest);
        let other = format!("{GRANT}&client_id=b");
        assert_eq!(code(other, basic("a")), ErrorCode::InvalidRequest);
        let equal = format!("{GRANT}&client_id=a");
        assert!(request(&equal, basic("a")).is_ok());
    }

    /// C-02: an id alone does not authenticate.
    #[test]
    fn a_client_id_alone_is_not_a_credential() {
        let request = request(&format!("{GRANT}&client_id=a"), HeaderCredentials::Absent);
        let Requester::Caller(caller) = request.expect("a request").requester else {
            panic!("another requester");
        };
        assert!(caller.credentials.is_none());
    }

    /// C-25, C-37.
    #[test]
    fn the_grant_type_is_exact() {
        let code = |form| request(form, HeaderCredentials::Absent).expect_err("a rejection").code();
        assert_eq!(code("scope=a"), ErrorCode::InvalidRequest);
        assert_eq!(code("grant_type="), ErrorCode::InvalidRequest);
        assert_eq!(code("grant_type=Client_Credentials"), ErrorCode::UnsupportedGrantType);
        assert_eq!(code("grant_type=client_credentials%20"), ErrorCode::UnsupportedGrantType);
    }

    #[test]
    fn resource_and_audience_are_synonyms() {
        let form = format!("{GRANT}&resource=urn:a&audience=urn:a&resource=urn:b");
        let request = request(&form, HeaderCredentials::Absent).expect("a request");
        assert_eq!(request.requested.resources, ["urn:a", "urn:b"]);
    }
}
