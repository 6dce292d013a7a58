//! Errors of a sign-in by the identity provider.

use crate::crypto::CryptoError;
use crate::jose::id_token::IdTokenError;

/// Why a sign-in failed, for the operator. It contains no secret.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The provider cannot be reached, or its documents cannot be used.
    #[error("the identity provider cannot be used: {0}")]
    Provider(String),
    /// The browser sent no cookie of a sign-in, or one from elsewhere.
    #[error("the browser has no cookie of a sign-in that began here")]
    NoCookie,
    /// The sign-in started too long ago.
    #[error("the sign-in took longer than 10 minutes")]
    TooLate,
    /// The settings of the provider were changed during the sign-in.
    #[error("console.oidc.issuer or console.oidc.client_id was changed during the sign-in")]
    OtherProvider,
    /// A parameter of the response is repeated.
    #[error("the authorization response has the parameter {0} twice")]
    Duplicate(&'static str),
    /// The response belongs to another sign-in.
    #[error("state is not that of the sign-in of this browser")]
    State,
    /// The response comes from another provider (RFC 9207).
    #[error("iss of the authorization response is {0}")]
    Issuer(String),
    /// The provider did not authenticate the person.
    #[error("the identity provider answered {0}")]
    Denied(String),
    /// The response has no code.
    #[error("the authorization response has no code")]
    NoCode,
    /// The provider rejected the exchange of the code.
    #[error("the code was not exchanged: {0}")]
    Exchange(String),
    /// The ID token is not valid.
    #[error("the ID token is not accepted: {0}")]
    IdToken(#[from] IdTokenError),
    /// The subject cannot be stored.
    #[error("the ID token is not accepted: {0}")]
    Subject(String),
    /// The `UserInfo` endpoint did not return claims of the person.
    #[error("the UserInfo endpoint cannot be used: {0}")]
    UserInfo(String),
    /// The settings and the metadata do not form a valid request.
    #[error("the redirect URI is not a URL")]
    RedirectUri,
    /// Random bytes or sealing failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}
