//! Requests about a token as data, for introspection and revocation.

use crate::oauth::caller::{Caller, HeaderCredentials, RequestOrigin};
use crate::oauth::error::OAuthError;
use crate::oauth::parameters::Parameters;

/// A request about a token: introspection (RFC 7662, section 2.1) and revocation (RFC 7009,
/// section 2.1). `token_type_hint` is ignored: there is one type of token.
pub struct TokenQuery {
    /// The caller.
    pub caller: Caller,
    /// The token in question.
    pub token: String,
}

impl TokenQuery {
    /// Builds a request from its parts and checks its form.
    pub fn new(
        mut parameters: Parameters,
        header: HeaderCredentials,
        origin: RequestOrigin,
    ) -> Result<Self, OAuthError> {
        let caller = Caller::new(&mut parameters, header, origin)?;
        let token = parameters
            .take("token")
            .ok_or_else(|| OAuthError::invalid_request("Parameter 'token' is missing."))?;
        Ok(Self { caller, token })
    }
}
