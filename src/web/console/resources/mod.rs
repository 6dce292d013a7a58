//! Resources: the list, the registration form and the pages of a resource.

pub(super) mod deletion;
pub(super) mod detail;
pub(super) mod edit;
pub(super) mod list;
