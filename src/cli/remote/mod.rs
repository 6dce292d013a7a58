//! Commands at the server that `--server` names, and what they keep until its answer is
//! read.

pub(super) mod apply;
pub(super) mod import;
pub(super) mod leftover;
mod pending_apply;
mod pending_request;
pub(super) mod secret;
