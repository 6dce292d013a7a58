//! Error codes of OAuth responses.

/// The error code of a rejection (RFC 6749, section 5.2; RFC 8707, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request is malformed.
    InvalidRequest,
    /// Client authentication failed or is missing.
    InvalidClient,
    /// The client may not use this grant.
    UnauthorizedClient,
    /// The assertion used as the grant is invalid (RFC 7521, section 4.1.1).
    InvalidGrant,
    /// The server does not support the grant type.
    UnsupportedGrantType,
    /// No response type is supported (RFC 6749, section 4.1.2.1).
    UnsupportedResponseType,
    /// A scope is malformed, unknown or not granted.
    InvalidScope,
    /// The resource is unknown or not granted, or a required resource is missing.
    InvalidTarget,
    /// A proof of possession is invalid or missing (RFC 9449, section 5).
    InvalidDpopProof,
    /// A DPoP proof needs a nonce of this server (RFC 9449, section 8).
    UseDpopNonce,
    /// The client exceeds its rate limit. No code is registered for this, so the response uses
    /// `temporarily_unavailable`.
    TooManyRequests,
    /// The server cannot handle the request right now.
    TemporarilyUnavailable,
    /// The server failed.
    ServerError,
    /// The path does not exist. This code is not registered, and no OAuth endpoint returns it.
    NotFound,
}

impl ErrorCode {
    /// All codes.
    pub const ALL: [Self; 14] = [
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::UnauthorizedClient,
        Self::InvalidGrant,
        Self::UnsupportedGrantType,
        Self::UnsupportedResponseType,
        Self::InvalidScope,
        Self::InvalidTarget,
        Self::InvalidDpopProof,
        Self::UseDpopNonce,
        Self::TooManyRequests,
        Self::TemporarilyUnavailable,
        Self::ServerError,
        Self::NotFound,
    ];

    /// Returns the index in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Returns the value of the parameter `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::TooManyRequests | Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
            Self::NotFound => "not_found",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_at_its_index() {
        for (place, code) in ErrorCode::ALL.into_iter().enumerate() {
            assert_eq!(code.index(), place, "{code:?}");
        }
    }
}
