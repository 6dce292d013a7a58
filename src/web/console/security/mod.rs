//! What protects each page: its cookies and headers, where a form comes from, and what is rejected.

pub(super) mod cookie;
pub(super) mod headers;
pub(super) mod origin;
pub(super) mod problems;
