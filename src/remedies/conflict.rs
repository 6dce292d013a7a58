//! Remedies for conflicts between a change and the stored state.

use crate::admin::master_key::RotationConflict;
use crate::admin::{AdminErrorCode, Conflict, SourceConflict};

pub(super) fn of_conflict(conflict: &Conflict) -> Option<&'static str> {
    use AdminErrorCode as Code;
    of_conflict_code(match conflict {
        Conflict::InLine { conflict, .. } => return of_conflict(conflict),
        Conflict::SecretLimit { .. } => Code::SecretLimitReached,
        Conflict::KeySource => Code::KeySourceConflict,
        Conflict::BuiltInResource(_) => Code::BuiltInResource,
        Conflict::BuiltInScopes(_) => Code::BuiltInScopes,
        Conflict::Import(_) => Code::ImportConflict,
        Conflict::GrantRequestNotNeeded(_) => Code::GrantRequestNotNeeded,
        Conflict::BreaksVerifiers(_) => Code::StepBreaksVerifiers,
        Conflict::GrantRequestLimit { .. } => Code::GrantRequestLimitReached,
        Conflict::Rotation(RotationConflict::InstancesLackKey(_)) => Code::InstancesLackMasterKey,
        Conflict::Rotation(RotationConflict::KeysNotOpened { .. }) => Code::SealedKeysNotOpened,
        Conflict::Source(SourceConflict::Managed { .. }) => Code::ManagedBySource,
        Conflict::Source(SourceConflict::OtherSource { .. }) => Code::OtherSource,
        Conflict::Source(SourceConflict::OtherOwner { .. }) => Code::OtherOwner,
        Conflict::Source(SourceConflict::ChangedMeanwhile { .. }) => Code::ChangedDuringApply,
        Conflict::Source(SourceConflict::TooManyDeletions { .. }) => Code::TooManyDeletions,
        Conflict::AuditLogAltered(_) => Code::AuditLogAltered,
        Conflict::Unreadable(_) => Code::ObjectsUnreadable,
        Conflict::AlreadyExists(_)
        | Conflict::AuditLogEmpty
        | Conflict::GrantRequestEnded { .. }
        | Conflict::NoKeyLost
        | Conflict::SigningKeyLimit { .. }
        | Conflict::MasterKey(_)
        | Conflict::ChangedDuringImport => return None,
    })
}

/// Like [`of_conflict`], but from the code alone: a server sends no other data about a conflict.
pub(super) fn of_conflict_code(code: AdminErrorCode) -> Option<&'static str> {
    use AdminErrorCode as Code;
    Some(match code {
        Code::SecretLimitReached => {
            "End a secret: tokend client expire-secret. Or raise secrets.max_per_client."
        }
        Code::KeySourceConflict => "To remove them: tokend client keys remove ID --all",
        Code::BuiltInResource => {
            "To remove a grant of it: tokend client revoke-grant ID --resource urn:tokend"
        }
        Code::BuiltInScopes => {
            "To offer scopes of your own, register a resource: tokend resource create URI"
        }
        Code::ImportConflict => "To keep what exists: --skip-existing. To change it: --update",
        Code::GrantRequestNotNeeded => {
            "To give the grant: tokend client grant ID --resource URI --scope SCOPE"
        }
        Code::StepBreaksVerifiers => {
            "To let the next key sign when every verifier knows it: tokend key rotate. To take the \
             step anyway: --force"
        }
        Code::InstancesLackMasterKey => {
            "Add the new key to the list of each of them and restart it. Then run the command \
             again. Nothing was changed."
        }
        Code::SealedKeysNotOpened => {
            "Add the master key that sealed them to the end of the list. If it is lost: \
             tokend master-key reset --lost"
        }
        Code::GrantRequestLimitReached => "To end one: tokend grant-request cancel REQUEST",
        Code::ManagedBySource => {
            "Change it in its source and run tokend apply. To change it here: --force"
        }
        Code::OtherSource => "To make it an object of the applied source: --adopt",
        Code::OtherOwner => "If you know the other owner and take the object over from it: --adopt",
        Code::AuditLogAltered => {
            "To find what was altered: tokend audit verify. Keep a copy of the database."
        }
        Code::ObjectsUnreadable => {
            "Correct their rows in the database. To leave them out, name another source or owner: \
             --source, --owner"
        }
        Code::ChangedDuringApply => "Run the command again.",
        Code::TooManyDeletions => {
            "Read the plan. To delete all of them: --yes, or a larger --max-deletions"
        }
        _ => return None,
    })
}
