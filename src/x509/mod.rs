//! X.509 client certificates (RFC 8705): reading them, their subjects, and the roots they chain to.

pub mod certificate;
