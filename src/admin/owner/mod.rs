//! Owners: their objects, a change of the owner, and policies.

pub(super) mod change;
pub(super) mod ownership;
pub mod policy;
