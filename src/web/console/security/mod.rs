//! Protection of pages: cookies, security headers, form origins and console errors.

pub(super) mod cookie;
pub(super) mod headers;
pub(super) mod origin;
pub(super) mod problems;
