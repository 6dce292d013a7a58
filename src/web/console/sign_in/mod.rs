//! Sign-in: the methods, the gate of every request, and the sessions.

pub(super) mod form;
pub(super) mod gate;
pub(super) mod oidc;
pub(super) mod oidc_cookie;
pub(super) mod sessions;
