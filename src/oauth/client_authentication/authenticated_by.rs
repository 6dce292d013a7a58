//! The credential that authenticated a client, for the log.

use crate::model::client::AuthenticationMethod;

/// Credential that authenticated a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthenticatedBy {
    /// A registered method.
    Method(AuthenticationMethod),
    /// An assertion of an issuer that the client trusts.
    Trust,
    /// An operator, acting for the client.
    Operator,
}

impl AuthenticatedBy {
    /// Returns the name for the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Method(method) => method.as_str(),
            Self::Trust => "trust",
            Self::Operator => "operator",
        }
    }

    /// True if a certificate authenticated the client.
    pub(super) fn is_certificate(self) -> bool {
        matches!(self, Self::Method(method) if method.is_by_certificate())
    }
}
