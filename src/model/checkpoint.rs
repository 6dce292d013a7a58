//! Checkpoints of the audit log: a signed statement that the log has an event with this hash.

use crate::model::event::Head;
use crate::model::time::Timestamp;

/// A checkpoint as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The event that it names.
    pub head: Head,
    /// The signed statement: a compact JWS.
    pub jws: String,
    /// When it was signed, by the clock of the database.
    pub signed_at: Timestamp,
    /// When all events until this one were given up.
    pub anchored_at: Option<Timestamp>,
}
