//! The HTTP status for each error of an operation (RFC 9110, section 15).

use axum::http::StatusCode;

use crate::admin::{AdminErrorCode as Code, AdminErrorKind as Kind};

pub(super) fn status(code: Code) -> StatusCode {
    match code {
        Code::ImportTooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Code::RevisionChanged | Code::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Code::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        code => match code.kind() {
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::NotAllowed => StatusCode::FORBIDDEN,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fault tells the caller nothing useful, so only a few codes may be one.
    #[test]
    fn only_three_codes_have_status_500() {
        let faults = Code::ALL.into_iter().filter(|code| status(*code) == 500);
        let names: Vec<_> = faults.map(Code::as_str).collect();
        assert_eq!(names, ["master_key_unusable", "database_unreadable", "cryptography_failed"]);
    }
}
