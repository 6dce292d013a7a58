//! The closed list of reasons for rejections: the label `reason` of metrics. The text of a
//! rejection may contain input of the caller; these codes never do.

use crate::model::error_code::ErrorCode;

/// Declares the reasons, each with its code and meaning.
macro_rules! reasons {
    ($($variant:ident $word:literal $meaning:literal;)*) => {
        /// The reason of a rejection.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ReasonCode {
            $(#[doc = $meaning] $variant,)*
        }

        impl ReasonCode {
            /// Every reason, in the order of the declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the word in metrics.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Returns the meaning, for operators.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                }
            }
        }
    };
}

reasons! {
    MalformedRequest "malformed_request"
        "The request does not have the form that its endpoint expects.";
    BodyTooLarge "body_too_large" "The body is larger than `limits.body_size`.";
    BodyTooSlow "body_too_slow" "The body did not arrive in time.";
    HeadTooLarge "head_too_large" "The head is larger than `limits.header_size`.";
    UnsupportedMediaType "unsupported_media_type" "The body has another type than a form or JSON.";
    MethodNotAllowed "method_not_allowed" "The path does not take the method.";
    PathNotFound "path_not_found" "There is nothing at the path.";
    CredentialsInUrl "credentials_in_url" "Credentials or a token were in the URL.";
    NoCredentials "no_credentials" "The request presented no credentials.";
    AuthenticationFailed "authentication_failed"
        "The credentials are not valid, for a reason that has no entry of its own.";
    UnknownClient "unknown_client" "No client has the presented id.";
    WrongSecret "wrong_secret" "The secret is not one of the client's.";
    ExpiredSecret "ended_secret" "The secret was the client's and has ended.";
    ClientDisabled "client_disabled" "The client is disabled.";
    AuthMethodNotPermitted "auth_method_not_permitted"
        "The client may not use this authentication method.";
    InvalidAssertion "invalid_assertion"
        "An assertion or a token of another issuer is not accepted.";
    AssertionReplayed "assertion_replayed" "The assertion has been used before.";
    KeysNotFetched "keys_not_fetched" "The keys of the client or its issuer could not be fetched.";
    InvalidCertificate "invalid_certificate" "The certificate does not authenticate the client.";
    CertificateMissing "certificate_missing" "The client must show a certificate and did not.";
    AddressNotPermitted "address_not_permitted" "The client may not be used from this address.";
    GrantTypeNotPermitted "grant_type_not_permitted" "The client may not use this grant type.";
    UnsupportedGrantType "unsupported_grant_type" "The server does not offer this grant type.";
    UnsupportedResponseType "unsupported_response_type"
        "The authorization endpoint was called, which serves no user.";
    MalformedScope "malformed_scope" "The scope cannot be read.";
    ScopeNotGranted "scope_not_granted" "A scope is not granted to the client.";
    ResourceNotGranted "resource_not_granted"
        "The resource is unknown or not granted to the client.";
    ResourceNotChosen "resource_not_chosen"
        "The client has several resources, and the request chooses none or several.";
    InvalidProof "invalid_proof" "The DPoP proof is invalid or missing.";
    ProofReplayed "proof_replayed" "The DPoP proof has been used before.";
    NonceMissing "nonce_missing" "The DPoP proof needs a nonce of this server.";
    TokenRate "token_rate" "The client exceeds its token rate.";
    AssertionRate "assertion_rate" "The client exceeds its rate of assertions.";
    RevocationRate "revocation_rate" "The client exceeds its rate of revocations.";
    RevocationLimit "revocation_limit" "The client has revoked as many tokens as it may.";
    GuessLimit "guess_limit" "There were too many wrong secrets of the client or from the address.";
    ProofLimit "proof_limit" "The client has used its share of the replay cache.";
    AssertionShareUsed "assertion_share_used"
        "The client has used its share of the memory of client assertions.";
    HashQueueFull "hash_queue_full" "The queue of secret hashes is full.";
    ReplayCacheFull "replay_cache_full" "The replay cache is full.";
    AssertionMemoryFull "assertion_memory_full" "The memory of client assertions is full.";
    DirectoryStale "directory_stale"
        "The database has been unavailable for longer than `directory.max_staleness`.";
    DatabaseUnavailable "database_unavailable" "The request needs the database, which failed.";
    SigningKeyMissing "signing_key_missing" "A key to sign with is missing.";
    ClientChanging "client_changing" "The client is being changed; a repeated request succeeds.";
    Unavailable "unavailable"
        "The server cannot do it now, for a reason that has no entry of its own.";
    ServerError "server_error" "The server failed.";
}

impl ReasonCode {
    /// Returns the index in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Returns the default reason of an error code, for rejections that set no other.
    pub fn usual(code: ErrorCode) -> Self {
        match code {
            ErrorCode::InvalidRequest => Self::MalformedRequest,
            ErrorCode::InvalidClient => Self::AuthenticationFailed,
            ErrorCode::UnauthorizedClient => Self::GrantTypeNotPermitted,
            ErrorCode::InvalidGrant => Self::InvalidAssertion,
            ErrorCode::UnsupportedGrantType => Self::UnsupportedGrantType,
            ErrorCode::UnsupportedResponseType => Self::UnsupportedResponseType,
            ErrorCode::InvalidScope => Self::ScopeNotGranted,
            ErrorCode::InvalidTarget => Self::ResourceNotGranted,
            ErrorCode::InvalidDpopProof => Self::InvalidProof,
            ErrorCode::UseDpopNonce => Self::NonceMissing,
            ErrorCode::TooManyRequests => Self::TokenRate,
            ErrorCode::TemporarilyUnavailable => Self::Unavailable,
            ErrorCode::ServerError => Self::ServerError,
            ErrorCode::NotFound => Self::PathNotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_reason_is_at_its_index_and_has_a_unique_name() {
        for (place, reason) in ReasonCode::ALL.iter().enumerate() {
            assert_eq!(reason.index(), place, "{reason:?}");
        }
        let words: BTreeSet<_> = ReasonCode::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(words.len(), ReasonCode::ALL.len());
    }
}
