//! The stable codes of [`AdminError`](crate::admin::AdminError). `docs/errors.md` is generated from
//! them.

/// Declares the codes, each with its meaning as its documentation and with its name, so that none
/// can be missing in one of the lists.
macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $code:ident => $name:literal,)+) => {
        /// The stable code of an [`AdminError`](crate::admin::AdminError), for programs.
        /// `docs/errors.md` lists all of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum AdminErrorCode {
            $($(#[doc = $meaning])+ $code,)+
        }

        impl AdminErrorCode {
            /// Every code, in the order of `docs/errors.md`.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$code),+];

            /// The code of this name, if this version knows it.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|code| code.as_str() == name)
            }

            /// The code as programs see it. It never changes.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }

            /// True if what a request names does not exist.
            pub fn is_not_found(self) -> bool {
                self == Self::ClientNotInList || self.as_str().ends_with("_not_found")
            }

            /// What it means, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$code => concat!($($meaning),+).trim_start(),)+
                }
            }
        }
    };
}

codes! {
    /// The client does not exist.
    ClientNotFound => "client_not_found",
    /// The client after which a page begins is not in the list.
    ClientNotInList => "client_not_in_list",
    /// The resource does not exist.
    ResourceNotFound => "resource_not_found",
    /// The resource or the grant lacks the scope.
    ScopeNotFound => "scope_not_found",
    /// The client has no grant for the resource.
    GrantNotFound => "grant_not_found",
    /// The client has no secret with this id.
    SecretNotFound => "secret_not_found",
    /// The client has no key with this `kid`.
    KeyNotFound => "key_not_found",
    /// The client has no trust with this id.
    TrustNotFound => "trust_not_found",
    /// No rejection with this request id is stored.
    RejectionNotFound => "rejection_not_found",
    /// No signing key has this id.
    SigningKeyNotFound => "signing_key_not_found",
    /// The identifier is taken.
    AlreadyExists => "already_exists",
    /// The client would have more valid secrets than `secrets.max_per_client`.
    SecretLimitReached => "secret_limit_reached",
    /// The client has keys and would get a `jwks_uri`, or the reverse.
    KeySourceConflict => "key_source_conflict",
    /// The resource is the server itself and cannot be deleted.
    BuiltInResource => "built_in_resource",
    /// The server's scopes cannot be changed.
    BuiltInScopes => "built_in_scopes",
    /// A grant of the server itself names each scope.
    AllServerScopes => "all_server_scopes",
    /// The step with signing keys breaks tokens or verifiers, and is not forced.
    StepBreaksVerifiers => "step_breaks_verifiers",
    /// The key set has the maximum number of keys.
    SigningKeyLimitReached => "signing_key_limit_reached",
    /// The master key opens every key of the database.
    NoKeyLost => "no_key_lost",
    /// The master key cannot be read.
    MasterKeyUnusable => "master_key_unusable",
    /// The secrets of a client changed during an import.
    ChangedDuringImport => "changed_during_import",
    /// Clients of an import exist already.
    ImportConflict => "import_conflict",
    /// The import could not be written in time. Split the file.
    ImportTooLong => "import_too_long",
    /// The object is applied from a source, and the change comes from elsewhere.
    ManagedBySource => "managed_by_source",
    /// The object exists and is not of the source that is applied.
    OtherSource => "other_source",
    /// The object exists, and the applied one has another owner.
    OtherOwner => "other_owner",
    /// An object changed between the plan and its execution.
    ChangedDuringApply => "changed_during_apply",
    /// The plan deletes more objects than are allowed.
    TooManyDeletions => "too_many_deletions",
    /// A value is not allowed.
    InvalidValue => "invalid_value",
    /// The change would leave a grant without scopes.
    GrantWithoutScopes => "grant_without_scopes",
    /// The keys of an issuer are neither given nor can they be discovered.
    IssuerKeysMissing => "issuer_keys_missing",
    /// A trust has no audience, and `issuer` is not set.
    AudienceMissing => "audience_missing",
    /// `tls_client_auth` is permitted without a subject of the certificate.
    TlsSubjectMissing => "tls_subject_missing",
    /// The client or the grant lacks the static claim.
    ClaimNotFound => "claim_not_found",
    /// The name of a static claim is reserved.
    ClaimReserved => "claim_reserved",
    /// A static claim is malformed.
    ClaimInvalid => "claim_invalid",
    /// The static claims of a client and a grant together are too many or too large.
    ClaimLimitExceeded => "claim_limit_exceeded",
    /// The token would be refused.
    TokenRefused => "token_refused",
    /// The token is not valid.
    TokenInvalid => "token_invalid",
    /// A token for the server itself is not issued in the name of a client.
    TokenForServer => "token_for_server",
    /// The issuer is not set, and no server has started yet.
    IssuerMissing => "issuer_missing",
    /// The caller lacks a scope of `urn:tokend`.
    ScopeMissing => "scope_missing",
    /// The client holds scopes of `urn:tokend` that the caller lacks, or is less restricted.
    ClientMorePowerful => "client_more_powerful",
    /// The caller would grant scopes of `urn:tokend` that it lacks.
    RightsNotHeld => "rights_not_held",
    /// The caller is limited to other owners.
    OwnerNotHeld => "owner_not_held",
    /// The caller is limited to owners, and the change is not.
    AdministratorLimited => "administrator_limited",
    /// The owners of the caller changed meanwhile.
    AdministratorLimitChanged => "administrator_limit_changed",
    /// The owner of the resource has not approved the grant.
    GrantApprovalNeeded => "grant_approval_needed",
    /// The grant request does not exist.
    GrantRequestNotFound => "grant_request_not_found",
    /// The client and the resource have the same owner.
    GrantRequestNotNeeded => "grant_request_not_needed",
    /// The grant request is not pending any more.
    GrantRequestEnded => "grant_request_ended",
    /// The client has too many pending grant requests.
    GrantRequestLimitReached => "grant_request_limit_reached",
    /// The grant request changed since the caller read it.
    RevisionChanged => "revision_changed",
    /// The object has another state than the caller has read (`If-Match`).
    PreconditionFailed => "precondition_failed",
    /// The object differs, and `If-Match` does not say which state is replaced.
    PreconditionRequired => "precondition_required",
    /// The owner has no policy of its own.
    OwnerPolicyNotFound => "owner_policy_not_found",
    /// The policy of the owner requires an expiry of each secret, or an earlier one.
    OwnerPolicySecretExpiry => "owner_policy_secret_expiry",
    /// The policy of the owner does not allow the authentication method.
    OwnerPolicyAuthMethod => "owner_policy_auth_method",
    /// The owner would have more clients than its policy allows.
    OwnerPolicyClientLimit => "owner_policy_client_limit",
    /// Too many secrets are being hashed. Try again.
    HashQueueFull => "hash_queue_full",
    /// The database does not answer, or a statement failed. Try again.
    DatabaseFailed => "database_failed",
    /// The database did not confirm the change: it was made, or it was not. Read the audit log.
    OutcomeUnknown => "outcome_unknown",
    /// The database holds what cannot be read.
    DatabaseUnreadable => "database_unreadable",
    /// A key or a secret cannot be generated, sealed or opened.
    CryptographyFailed => "cryptography_failed",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_word_of_lower_case_and_belongs_to_one_code() {
        for (position, code) in AdminErrorCode::ALL.into_iter().enumerate() {
            let name = code.as_str();
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            let first = AdminErrorCode::ALL.iter().position(|other| other.as_str() == name);
            assert_eq!(first, Some(position), "{name}");
        }
    }
}
