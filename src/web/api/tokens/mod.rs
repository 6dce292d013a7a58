//! `/v1/tokens`, and the tokens of one client.

mod inspection;
mod issue;
mod preview;
mod revocation;

pub(super) use inspection::{inspect, verify};
pub(super) use issue::issue;
pub(in crate::web) use issue::issue_for;
pub(super) use preview::preview;
pub(super) use revocation::{revoke, revoke_all};
