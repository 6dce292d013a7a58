//! The paths of the public listener.

/// The path of the token endpoint below the issuer.
pub const TOKEN_PATH: &str = "/v1/oauth/token";

/// The path of the authorization endpoint below the issuer.
pub const AUTHORIZATION_PATH: &str = "/v1/oauth/authorize";

/// The path of the introspection endpoint below the issuer.
pub const INTROSPECTION_PATH: &str = "/v1/oauth/introspect";

/// The path of the revocation endpoint below the issuer.
pub const REVOCATION_PATH: &str = "/v1/oauth/revoke";

/// The path of the check endpoint for gateways below the issuer.
pub const CHECK_PATH: &str = "/v1/oauth/check";

/// The path of the revocation list below the issuer.
pub const REVOCATION_LIST_PATH: &str = "/v1/oauth/revocations";

/// The path of the key set below the issuer.
pub const KEY_SET_PATH: &str = "/.well-known/jwks.json";
