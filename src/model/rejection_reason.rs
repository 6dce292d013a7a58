//! Why requests are rejected, as a closed list: the label `reason` of metrics. The text of a
//! rejection may hold what a caller sent; these words never do.

use crate::model::error_code::ErrorCode;

/// Why a request was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionReason {
    /// The request is not formed as its endpoint expects.
    MalformedRequest,
    /// The body is larger than `limits.body_size`.
    BodyTooLarge,
    /// The body did not arrive in time.
    BodyTooSlow,
    /// The head is larger than `limits.header_size`.
    HeadTooLarge,
    /// The body has another type than a form or JSON.
    UnsupportedMediaType,
    /// The path does not take the method.
    MethodNotAllowed,
    /// There is nothing at the path.
    PathNotFound,
    /// Credentials or a token stood in the URL.
    CredentialsInUrl,
    /// The request presented no credentials.
    NoCredentials,
    /// The credentials are not valid, for a reason that has no entry of its own.
    AuthenticationFailed,
    /// No client has the presented id.
    UnknownClient,
    /// The secret is not one of the client's.
    WrongSecret,
    /// The secret was the client's and has ended.
    EndedSecret,
    /// The client is disabled.
    ClientDisabled,
    /// The client may not use this authentication method.
    AuthMethodNotPermitted,
    /// An assertion or a token of another issuer is not accepted.
    InvalidAssertion,
    /// The assertion has been used before.
    AssertionReplayed,
    /// The keys of the client or its issuer could not be fetched.
    KeysNotFetched,
    /// The certificate does not authenticate the client.
    InvalidCertificate,
    /// The client must show a certificate and did not.
    CertificateMissing,
    /// The client may not be used from this address.
    AddressNotPermitted,
    /// The client may not use this grant type.
    GrantTypeNotPermitted,
    /// The server does not offer this grant type.
    UnsupportedGrantType,
    /// The authorization endpoint was called, which serves no user.
    UnsupportedResponseType,
    /// The scope cannot be read.
    MalformedScope,
    /// A scope is not granted to the client.
    ScopeNotGranted,
    /// The resource is unknown or not granted to the client.
    ResourceNotGranted,
    /// The client has several resources, and the request chooses none or several.
    ResourceNotChosen,
    /// The DPoP proof is invalid or missing.
    InvalidProof,
    /// The DPoP proof has been used before.
    ProofReplayed,
    /// The DPoP proof needs a nonce of this server.
    NonceMissing,
    /// The client exceeds its token rate.
    TokenRate,
    /// The client exceeds its rate of assertions.
    AssertionRate,
    /// The client exceeds its rate of revocations.
    RevocationRate,
    /// The client has revoked as many tokens as it may.
    RevocationLimit,
    /// There were too many wrong secrets of the client or from the address.
    GuessLimit,
    /// The client has used its share of the replay cache.
    ProofLimit,
    /// The queue of secret hashes is full.
    HashQueueFull,
    /// The replay cache is full.
    ReplayCacheFull,
    /// The database has been away for longer than `directory.max_staleness`.
    DirectoryStale,
    /// The request needs the database, which failed.
    DatabaseUnavailable,
    /// There is no key to sign with.
    SigningKeyMissing,
    /// The client is being changed; a repeated request succeeds.
    ClientChanging,
    /// The server cannot do it now, for a reason that has no entry of its own.
    Unavailable,
    /// The server failed.
    ServerError,
}

impl RejectionReason {
    /// Every reason, in the order of the declaration.
    pub const ALL: [Self; 45] = [
        Self::MalformedRequest,
        Self::BodyTooLarge,
        Self::BodyTooSlow,
        Self::HeadTooLarge,
        Self::UnsupportedMediaType,
        Self::MethodNotAllowed,
        Self::PathNotFound,
        Self::CredentialsInUrl,
        Self::NoCredentials,
        Self::AuthenticationFailed,
        Self::UnknownClient,
        Self::WrongSecret,
        Self::EndedSecret,
        Self::ClientDisabled,
        Self::AuthMethodNotPermitted,
        Self::InvalidAssertion,
        Self::AssertionReplayed,
        Self::KeysNotFetched,
        Self::InvalidCertificate,
        Self::CertificateMissing,
        Self::AddressNotPermitted,
        Self::GrantTypeNotPermitted,
        Self::UnsupportedGrantType,
        Self::UnsupportedResponseType,
        Self::MalformedScope,
        Self::ScopeNotGranted,
        Self::ResourceNotGranted,
        Self::ResourceNotChosen,
        Self::InvalidProof,
        Self::ProofReplayed,
        Self::NonceMissing,
        Self::TokenRate,
        Self::AssertionRate,
        Self::RevocationRate,
        Self::RevocationLimit,
        Self::GuessLimit,
        Self::ProofLimit,
        Self::HashQueueFull,
        Self::ReplayCacheFull,
        Self::DirectoryStale,
        Self::DatabaseUnavailable,
        Self::SigningKeyMissing,
        Self::ClientChanging,
        Self::Unavailable,
        Self::ServerError,
    ];

    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MalformedRequest => "malformed_request",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTooSlow => "body_too_slow",
            Self::HeadTooLarge => "head_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::PathNotFound => "path_not_found",
            Self::CredentialsInUrl => "credentials_in_url",
            Self::NoCredentials => "no_credentials",
            Self::AuthenticationFailed => "authentication_failed",
            Self::UnknownClient => "unknown_client",
            Self::WrongSecret => "wrong_secret",
            Self::EndedSecret => "ended_secret",
            Self::ClientDisabled => "client_disabled",
            Self::AuthMethodNotPermitted => "auth_method_not_permitted",
            Self::InvalidAssertion => "invalid_assertion",
            Self::AssertionReplayed => "assertion_replayed",
            Self::KeysNotFetched => "keys_not_fetched",
            Self::InvalidCertificate => "invalid_certificate",
            Self::CertificateMissing => "certificate_missing",
            Self::AddressNotPermitted => "address_not_permitted",
            Self::GrantTypeNotPermitted => "grant_type_not_permitted",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::MalformedScope => "malformed_scope",
            Self::ScopeNotGranted => "scope_not_granted",
            Self::ResourceNotGranted => "resource_not_granted",
            Self::ResourceNotChosen => "resource_not_chosen",
            Self::InvalidProof => "invalid_proof",
            Self::ProofReplayed => "proof_replayed",
            Self::NonceMissing => "nonce_missing",
            Self::TokenRate => "token_rate",
            Self::AssertionRate => "assertion_rate",
            Self::RevocationRate => "revocation_rate",
            Self::RevocationLimit => "revocation_limit",
            Self::GuessLimit => "guess_limit",
            Self::ProofLimit => "proof_limit",
            Self::HashQueueFull => "hash_queue_full",
            Self::ReplayCacheFull => "replay_cache_full",
            Self::DirectoryStale => "directory_stale",
            Self::DatabaseUnavailable => "database_unavailable",
            Self::SigningKeyMissing => "signing_key_missing",
            Self::ClientChanging => "client_changing",
            Self::Unavailable => "unavailable",
            Self::ServerError => "server_error",
        }
    }

    /// The place in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The reason of a rejection with this code that says nothing else.
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

    /// The limit that was exceeded, if this is about one: the label `limiter` of metrics.
    pub fn limiter(self) -> Option<&'static str> {
        match self {
            Self::TokenRate => Some("tokens_per_client"),
            Self::AssertionRate => Some("assertions_per_client"),
            Self::RevocationRate => Some("revocations_per_client"),
            Self::RevocationLimit => Some("live_revocations_per_client"),
            Self::GuessLimit => Some("guesses"),
            Self::ProofLimit => Some("proofs_per_client"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_reason_has_its_place_and_a_word_of_its_own() {
        for (place, reason) in RejectionReason::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), place, "{reason:?}");
        }
        let words: BTreeSet<_> =
            RejectionReason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(words.len(), RejectionReason::ALL.len());
    }
}
