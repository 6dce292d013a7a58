//! Owners: whose objects a caller changes, what a change of the owner ends, and policies.

pub(super) mod change;
pub(super) mod ownership;
pub mod policy;
