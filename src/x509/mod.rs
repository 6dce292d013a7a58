//! X.509 certificates: those of clients with their subjects and root CAs (RFC 8705), and those of
//! servers with their dates and names.

pub mod certificate;
pub mod server_certificate;
