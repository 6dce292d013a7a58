//! Commands at the server that `--server` names, and the files that they keep until its response is
//! read.

pub(super) mod apply;
pub(super) mod import;
pub(super) mod leftover;
mod pending_apply;
mod pending_request;
pub(super) mod secret;
