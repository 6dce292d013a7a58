//! The stable codes of [`AdminError`](crate::admin::AdminError). `docs/errors.md` is generated from
//! them.

/// The action that a caller can take after an error. It determines the status of a response and the
/// exit code of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminErrorKind {
    /// The request names an object that does not exist.
    NotFound,
    /// The request conflicts with the stored state.
    Conflict,
    /// The request is not possible.
    Invalid,
    /// The caller does not have the right.
    NotAllowed,
    /// The same request may succeed later.
    Unavailable,
    /// The server has a fault.
    Fault,
}

/// Declares the codes, each with its meaning as a doc comment, its kind and its name, so that no
/// list can lack a code.
macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $code:ident: $kind:ident => $name:literal,)+) => {
        /// The stable code of an [`AdminError`](crate::admin::AdminError), for programs.
        /// `docs/errors.md` lists all of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum AdminErrorCode {
            $($(#[doc = $meaning])+ $code,)+
        }

        impl AdminErrorCode {
            /// All codes, in the order of `docs/errors.md`.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$code),+];

            /// Returns the code with this name, if this version knows it.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|code| code.as_str() == name)
            }

            /// Returns the stable name for programs.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }

            /// Returns the kind of the code.
            pub fn kind(self) -> AdminErrorKind {
                match self {
                    $(Self::$code => AdminErrorKind::$kind,)+
                }
            }

            /// Returns the meaning of the code, in one sentence.
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
    ClientNotFound: NotFound => "client_not_found",
    /// The client after which a page begins is not in the list.
    ClientNotInList: NotFound => "client_not_in_list",
    /// The resource does not exist.
    ResourceNotFound: NotFound => "resource_not_found",
    /// The resource or the grant lacks the scope.
    ScopeNotFound: NotFound => "scope_not_found",
    /// The client has no grant for the resource.
    GrantNotFound: NotFound => "grant_not_found",
    /// The client has no secret with this id.
    SecretNotFound: NotFound => "secret_not_found",
    /// The client has no key with this `kid`.
    KeyNotFound: NotFound => "key_not_found",
    /// The client has no trust with this id.
    TrustNotFound: NotFound => "trust_not_found",
    /// No rejection with this request id is stored.
    RejectionNotFound: NotFound => "rejection_not_found",
    /// No signing key has this id.
    SigningKeyNotFound: NotFound => "signing_key_not_found",
    /// The identifier is taken.
    AlreadyExists: Conflict => "already_exists",
    /// The client would have more valid secrets than `secrets.max_per_client`.
    SecretLimitReached: Conflict => "secret_limit_reached",
    /// The client has keys and would get a `jwks_uri`, or the reverse.
    KeySourceConflict: Conflict => "key_source_conflict",
    /// The resource is the server itself and cannot be deleted.
    BuiltInResource: Conflict => "built_in_resource",
    /// The server's scopes cannot be changed.
    BuiltInScopes: Conflict => "built_in_scopes",
    /// A grant of the server itself names each scope.
    AllServerScopes: Invalid => "all_server_scopes",
    /// The step with signing keys breaks tokens or verifiers, and is not forced.
    StepBreaksVerifiers: Conflict => "step_breaks_verifiers",
    /// The key set has the maximum number of keys.
    SigningKeyLimitReached: Conflict => "signing_key_limit_reached",
    /// The master key opens every key of the database.
    NoKeyLost: Conflict => "no_key_lost",
    /// Running instances do not have the first master key.
    InstancesLackMasterKey: Conflict => "instances_lack_master_key",
    /// The master key does not open every key of the database.
    SealedKeysNotOpened: Conflict => "sealed_keys_not_opened",
    /// The master key cannot be read.
    MasterKeyUnusable: Fault => "master_key_unusable",
    /// The audit log has no event that a checkpoint could name.
    AuditLogEmpty: Conflict => "audit_log_empty",
    /// The audit log does not fit a checkpoint that was signed earlier. Verify it.
    AuditLogAltered: Conflict => "audit_log_altered",
    /// The secrets of a client changed during an import.
    ChangedDuringImport: Conflict => "changed_during_import",
    /// Clients of an import exist already.
    ImportConflict: Conflict => "import_conflict",
    /// The import could not be written in time. Split the file.
    ImportTooLong: Conflict => "import_too_long",
    /// The object is applied from a source, and the change comes from elsewhere.
    ManagedBySource: Conflict => "managed_by_source",
    /// The object exists and is not of the source that is applied.
    OtherSource: Conflict => "other_source",
    /// The object exists, and the applied one has another owner.
    OtherOwner: Conflict => "other_owner",
    /// An object changed between the plan and its execution.
    ChangedDuringApply: Conflict => "changed_during_apply",
    /// The plan deletes more objects than are allowed.
    TooManyDeletions: Conflict => "too_many_deletions",
    /// The database contains objects that cannot be read, and the response needs them.
    ObjectsUnreadable: Conflict => "objects_unreadable",
    /// A value is not allowed.
    InvalidValue: Invalid => "invalid_value",
    /// The change would leave a grant without scopes.
    GrantWithoutScopes: Invalid => "grant_without_scopes",
    /// The keys of an issuer are neither given nor can they be discovered.
    IssuerKeysMissing: Invalid => "issuer_keys_missing",
    /// A trust has no audience, and `issuer` is not set.
    AudienceMissing: Invalid => "audience_missing",
    /// `tls_client_auth` is permitted without a subject of the certificate.
    TlsSubjectMissing: Invalid => "tls_subject_missing",
    /// The client or the grant lacks the static claim.
    ClaimNotFound: NotFound => "claim_not_found",
    /// The name of a static claim is reserved.
    ClaimReserved: Invalid => "claim_reserved",
    /// A static claim is malformed.
    ClaimInvalid: Invalid => "claim_invalid",
    /// The static claims of a client and a grant together are too many or too large.
    ClaimLimitExceeded: Invalid => "claim_limit_exceeded",
    /// The token would be rejected.
    TokenRefused: Invalid => "token_refused",
    /// The token is not valid.
    TokenInvalid: Invalid => "token_invalid",
    /// A token for the server itself is not issued in the name of a client.
    TokenForServer: Invalid => "token_for_server",
    /// The issuer is not set, and no server has started yet.
    IssuerMissing: Invalid => "issuer_missing",
    /// The caller lacks a scope of `urn:tokend`.
    ScopeMissing: NotAllowed => "scope_missing",
    /// The client holds scopes of `urn:tokend` that the caller lacks, or is less restricted.
    ClientMorePowerful: NotAllowed => "client_more_powerful",
    /// The caller would grant scopes of `urn:tokend` that it lacks.
    RightsNotHeld: NotAllowed => "rights_not_held",
    /// The caller is limited to other owners.
    OwnerNotHeld: NotAllowed => "owner_not_held",
    /// The caller is limited to owners, and the change is not.
    AdministratorLimited: NotAllowed => "administrator_limited",
    /// The owners of the caller changed meanwhile.
    AdministratorLimitChanged: NotAllowed => "administrator_limit_changed",
    /// The owner of the resource has not approved the grant.
    GrantApprovalNeeded: NotAllowed => "grant_approval_needed",
    /// The grant request does not exist.
    GrantRequestNotFound: NotFound => "grant_request_not_found",
    /// The client and the resource have the same owner.
    GrantRequestNotNeeded: Conflict => "grant_request_not_needed",
    /// The grant request is no longer pending.
    GrantRequestEnded: Conflict => "grant_request_ended",
    /// The client has too many pending grant requests.
    GrantRequestLimitReached: Conflict => "grant_request_limit_reached",
    /// The grant request changed since the caller read it.
    RevisionChanged: Conflict => "revision_changed",
    /// The object has another state than the caller has read (`If-Match`).
    PreconditionFailed: Conflict => "precondition_failed",
    /// The object differs, and `If-Match` does not say which state is replaced.
    PreconditionRequired: Conflict => "precondition_required",
    /// The owner has no policy of its own.
    OwnerPolicyNotFound: NotFound => "owner_policy_not_found",
    /// The policy of the owner requires an expiry of each secret, or an earlier one.
    OwnerPolicySecretExpiry: Invalid => "owner_policy_secret_expiry",
    /// The policy of the owner does not allow the authentication method.
    OwnerPolicyAuthMethod: Invalid => "owner_policy_auth_method",
    /// The owner would have more clients than its policy allows.
    OwnerPolicyClientLimit: Conflict => "owner_policy_client_limit",
    /// Too many secrets are being hashed. Try again.
    HashQueueFull: Unavailable => "hash_queue_full",
    /// The database does not answer, or a statement failed. Try again.
    DatabaseFailed: Unavailable => "database_failed",
    /// The database did not confirm the change: it was made, or it was not. Read the audit log.
    OutcomeUnknown: Unavailable => "outcome_unknown",
    /// Something in the database cannot be read.
    DatabaseUnreadable: Fault => "database_unreadable",
    /// A key or a secret cannot be generated, sealed or opened.
    CryptographyFailed: Fault => "cryptography_failed",
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
