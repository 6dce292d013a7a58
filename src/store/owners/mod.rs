//! The owners of clients and resources, their policies, and the sources of objects.

pub(super) mod facts;
pub mod policies;
mod sources;
