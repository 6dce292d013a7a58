//! Changes that conflict with the source of an object.

use crate::admin::{AdminErrorCode, ObjectKind};
use crate::model::owner::Owner;
use crate::model::source::SourceName;

/// Why a change conflicts with the source of an object.
#[derive(Debug, thiserror::Error)]
pub enum SourceConflict {
    /// The object is applied from a source, and the change comes from elsewhere.
    #[error("{kind} {id} is applied from the source {holder}, which would undo this change")]
    Managed {
        /// The kind of the object.
        kind: ObjectKind,
        /// The identifier of the object.
        id: String,
        /// The source that the object is applied from.
        holder: SourceName,
    },
    /// The object exists, but does not belong to the applied source.
    #[error("{kind} {id} exists and is {}, not {}", of_source(.holder.as_ref()), of_source(.applied.as_ref()))]
    OtherSource {
        /// The kind of the object.
        kind: ObjectKind,
        /// The identifier of the object.
        id: String,
        /// The source that the object is applied from.
        holder: Option<SourceName>,
        /// The source that is applied.
        applied: Option<SourceName>,
    },
    /// The object exists, but its owner differs from the applied one.
    #[error("{kind} {id} exists and is of the owner {holder}, not {}", of_owner(.applied.as_ref()))]
    OtherOwner {
        /// The kind of the object.
        kind: ObjectKind,
        /// The identifier of the object.
        id: String,
        /// The owner of the object.
        holder: Owner,
        /// The owner that is applied.
        applied: Option<Owner>,
    },
    /// The object changed between the plan and its execution.
    #[error("{kind} {id} changed after the plan was made; nothing was applied")]
    ChangedMeanwhile {
        /// The kind of the object.
        kind: ObjectKind,
        /// The identifier of the object.
        id: String,
    },
    /// The plan deletes more objects than the caller allows.
    #[error("the plan deletes {count} objects; without confirmation at most {max} are deleted")]
    TooManyDeletions {
        /// The number of deletions in the plan.
        count: usize,
        /// The maximum number of deletions.
        max: usize,
    },
}

fn of_source(source: Option<&SourceName>) -> String {
    source.map_or_else(|| "of no source".to_owned(), |name| format!("of the source {name}"))
}

fn of_owner(owner: Option<&Owner>) -> String {
    owner.map_or_else(|| "of no owner".to_owned(), |name| format!("of the owner {name}"))
}

impl SourceConflict {
    pub(in crate::admin) fn code(&self) -> AdminErrorCode {
        match self {
            Self::Managed { .. } => AdminErrorCode::ManagedBySource,
            Self::OtherSource { .. } => AdminErrorCode::OtherSource,
            Self::OtherOwner { .. } => AdminErrorCode::OtherOwner,
            Self::ChangedMeanwhile { .. } => AdminErrorCode::ChangedDuringApply,
            Self::TooManyDeletions { .. } => AdminErrorCode::TooManyDeletions,
        }
    }
}
