//! X.509 certificates: those of clients (RFC 8705), their subjects and the roots they chain to; and
//! those of servers, their dates and names.

pub mod certificate;
pub mod server_certificate;
