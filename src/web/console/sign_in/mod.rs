//! Signing in: the page with its methods, the gate that each request passes, and the sessions.

pub(super) mod form;
pub(super) mod gate;
pub(super) mod oidc;
pub(super) mod oidc_cookie;
pub(super) mod sessions;
