//! The status of each error of a verb (RFC 9110, section 15).

use axum::http::StatusCode;

use crate::admin::AdminErrorCode as Code;

/// The status of a verb's error.
pub(super) fn status(code: Code) -> StatusCode {
    match code {
        code if code.is_not_found() => StatusCode::NOT_FOUND,
        Code::AlreadyExists
        | Code::SecretLimitReached
        | Code::KeySourceConflict
        | Code::BuiltInResource
        | Code::BuiltInScopes
        | Code::NoKeyLost
        | Code::StepBreaksVerifiers
        | Code::SigningKeyLimitReached
        | Code::ChangedDuringImport
        | Code::ImportConflict
        | Code::OwnerPolicyClientLimit
        | Code::GrantRequestNotNeeded
        | Code::GrantRequestEnded
        | Code::GrantRequestLimitReached
        | Code::ManagedBySource
        | Code::OtherSource
        | Code::OtherOwner
        | Code::ChangedDuringApply
        | Code::TooManyDeletions => StatusCode::CONFLICT,
        Code::InvalidValue
        | Code::GrantWithoutScopes
        | Code::AllServerScopes
        | Code::IssuerKeysMissing
        | Code::AudienceMissing
        | Code::TlsSubjectMissing
        | Code::OwnerPolicySecretExpiry
        | Code::OwnerPolicyAuthMethod
        | Code::ClaimReserved
        | Code::ClaimInvalid
        | Code::ClaimLimitExceeded
        | Code::TokenRefused
        | Code::TokenInvalid
        | Code::TokenForServer
        | Code::IssuerMissing => StatusCode::UNPROCESSABLE_ENTITY,
        Code::ScopeMissing
        | Code::ClientMorePowerful
        | Code::RightsNotHeld
        | Code::OwnerNotHeld
        | Code::AdministratorLimited
        | Code::AdministratorLimitChanged
        | Code::GrantApprovalNeeded => StatusCode::FORBIDDEN,
        Code::ImportTooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Code::RevisionChanged | Code::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Code::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        Code::HashQueueFull | Code::DatabaseFailed | Code::OutcomeUnknown => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new code has a status of its own.
    #[test]
    fn few_codes_are_faults_of_the_server() {
        let faults = Code::ALL.into_iter().filter(|code| status(*code) == 500);
        let names: Vec<_> = faults.map(Code::as_str).collect();
        assert_eq!(names, ["master_key_unusable", "database_unreadable", "cryptography_failed"]);
    }
}
