//! Conditional requests (RFC 9110, section 13): `ETag` in answers, `If-Match` and
//! `If-None-Match` in requests.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;

use crate::admin::AdminError;
use crate::admin::revision::{Precondition, PreconditionError, Revision};
use crate::web::api::Problem;
use crate::web::api::json::Output;

/// A response with the revision of its object as the entity tag.
pub(super) type Tagged<T> = ([(HeaderName, String); 1], Output<T>);

pub(super) fn tagged<T>(revision: &Revision, output: Output<T>) -> Tagged<T> {
    ([(ETAG, format!("\"{}\"", revision.as_str()))], output)
}

/// The precondition of the request.
#[derive(Debug)]
pub(super) struct IfMatch(pub(super) Precondition);

impl IfMatch {
    /// Returns the precondition for a replacement. Without a header, the object must not differ.
    pub(super) fn for_replacement(self) -> Precondition {
        match self.0 {
            Precondition::None => Precondition::Unchanged,
            condition => condition,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    /// A tag that this server did not issue, such as a weak one, matches nothing.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let mut values = parts.headers.get_all(IF_MATCH).iter().peekable();
        let mut absent = parts.headers.get_all(IF_NONE_MATCH).iter();
        let must_be_absent = absent.any(|value| value.as_bytes().trim_ascii() == b"*");
        match (values.peek().is_some(), must_be_absent) {
            (false, false) => return Ok(Self(Precondition::None)),
            (false, true) => return Ok(Self(Precondition::Absent)),
            // `If-Match` requires an object and `If-None-Match: *` excludes it, so nothing can
            // match.
            (true, true) => return Ok(Self(Precondition::Revision(Vec::new()))),
            (true, false) => {}
        }
        let texts = values.filter_map(|value| value.to_str().ok());
        let tags: Vec<&str> = texts.flat_map(|text| text.split(',')).map(str::trim).collect();
        if tags == ["*"] {
            return Ok(Self(Precondition::Exists));
        }
        let tags = tags.iter().filter_map(|tag| strong(tag));
        Ok(Self(Precondition::Revision(tags.map(str::to_owned).collect())))
    }
}

/// Returns the text of an error for the caller. It names the header of a precondition.
pub(super) fn detail_of(error: &AdminError) -> String {
    let AdminError::Precondition(problem) = error else { return error.to_string() };
    match problem {
        PreconditionError::Changed => format!("If-Match: {problem}"),
        PreconditionError::Exists => format!("If-None-Match: {problem}"),
        PreconditionError::RevisionMissing => {
            let text = "If-Match: it is missing, and the object differs; read the object and send \
                        its ETag as If-Match";
            text.to_owned()
        }
    }
}

/// Returns `None` if the object does not exist or the caller may not see it.
pub(super) fn if_visible<T>(found: Result<T, AdminError>) -> Result<Option<T>, Problem> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(AdminError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns the text of a strong entity tag.
fn strong(tag: &str) -> Option<&str> {
    tag.strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[tokio::test]
    async fn strong_tags_are_read_and_others_match_nothing() {
        let named = |names: &[&str]| {
            Precondition::Revision(names.iter().map(|name| (*name).to_owned()).collect())
        };
        for (values, condition) in [
            (vec![], Precondition::None),
            (vec!["*"], Precondition::Exists),
            (vec!["\"a\""], named(&["a"])),
            (vec!["\"a\", \"b\"", "\"c\""], named(&["a", "b", "c"])),
            (vec!["W/\"a\""], named(&[])),
            (vec!["a"], named(&[])),
            (vec![""], named(&[])),
            (vec!["\"a\"", "*"], named(&["a"])),
        ] {
            let mut request = Request::builder();
            for value in &values {
                request = request.header(IF_MATCH, *value);
            }
            let mut parts = request.body(()).expect("a request").into_parts().0;
            let Ok(IfMatch(found)) = IfMatch::from_request_parts(&mut parts, &()).await;
            assert_eq!(found, condition, "{values:?}");
        }
    }

    #[test]
    fn a_precondition_that_is_not_met_names_its_header() {
        for (problem, text) in [
            (
                PreconditionError::Changed,
                "If-Match: the object has changed since it was read; read it again",
            ),
            (PreconditionError::Exists, "If-None-Match: the object exists already"),
            (
                PreconditionError::RevisionMissing,
                "If-Match: it is missing, and the object differs; read the object and send its \
                 ETag as If-Match",
            ),
        ] {
            assert_eq!(detail_of(&problem.into()), text);
        }
    }

    #[tokio::test]
    async fn an_object_may_be_required_to_be_absent() {
        let none_match = |value: &str| Request::builder().header(IF_NONE_MATCH, value);
        for (request, condition) in [
            (none_match("*"), Precondition::Absent),
            (none_match("\"a\""), Precondition::None),
            (none_match("*").header(IF_MATCH, "*"), Precondition::Revision(Vec::new())),
        ] {
            let mut parts = request.body(()).expect("a request").into_parts().0;
            let Ok(IfMatch(found)) = IfMatch::from_request_parts(&mut parts, &()).await;
            assert_eq!(found, condition);
        }
    }
}
