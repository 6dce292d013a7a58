//! Parsing of the `Authorization` header with an access token (RFC 6750, section 2.1; RFC 9449,
//! section 7.1). The check endpoint and the admin API use it.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use crate::oauth::check::Scheme;

/// The maximum length of a token in bytes.
const MAX_TOKEN_BYTES: usize = 16 << 10;

/// The error description for [`HeaderError::Malformed`].
pub(super) const MALFORMED: &str =
    "The Authorization header is not one scheme and one access token.";

/// Why a request presents no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderError {
    /// The header is absent or has another scheme. HTTP Basic, for example, is not an attempt to
    /// present a token.
    Missing,
    /// The header is repeated, is too long, or is not a scheme and a token.
    Malformed,
}

/// Returns the scheme and the token of a request.
pub(super) fn presented(headers: &HeaderMap) -> Result<(Scheme, &str), HeaderError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(HeaderError::Missing)?;
    if values.next().is_some() {
        return Err(HeaderError::Malformed);
    }
    let text = value.to_str().map_err(|_| HeaderError::Malformed)?;
    let (scheme, token) = text.split_once(' ').ok_or(HeaderError::Malformed)?;
    let scheme = named(scheme).ok_or(HeaderError::Missing)?;
    if token.len() > MAX_TOKEN_BYTES {
        return Err(HeaderError::Malformed);
    }
    Ok((scheme, token.trim()))
}

/// Returns the scheme of the token, even if the token is malformed.
pub(super) fn presented_scheme(headers: &HeaderMap) -> Option<Scheme> {
    named(headers.get(AUTHORIZATION)?.to_str().ok()?.split(' ').next()?)
}

fn named(scheme: &str) -> Option<Scheme> {
    match scheme {
        name if name.eq_ignore_ascii_case("bearer") => Some(Scheme::Bearer),
        name if name.eq_ignore_ascii_case("dpop") => Some(Scheme::Dpop),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(values: &[&str]) -> Result<(Scheme, String), HeaderError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).expect("a value"));
        }
        presented(&headers).map(|(scheme, token)| (scheme, token.to_owned()))
    }

    /// C-60, C-61: the scheme is case-insensitive, and a repeated header is rejected.
    #[test]
    fn one_scheme_and_one_token_are_read() {
        let token = |scheme| Ok((scheme, "a.b.c".to_owned()));
        assert_eq!(read(&["Bearer a.b.c"]), token(Scheme::Bearer));
        assert_eq!(read(&["dpop  a.b.c"]), token(Scheme::Dpop));
        assert_eq!(read(&[]), Err(HeaderError::Missing));
        assert_eq!(read(&["Basic YTpi"]), Err(HeaderError::Missing));
        let long = format!("Bearer {}", "a".repeat(MAX_TOKEN_BYTES + 1));
        for values in [&["Bearer"][..], &["Bearer a", "Bearer b"], &["Bearer \u{e4}"], &[&long]] {
            assert_eq!(read(values), Err(HeaderError::Malformed), "{values:?}");
        }
    }
}
