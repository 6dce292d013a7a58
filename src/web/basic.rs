//! HTTP Basic as OAuth uses it: both parts are form-encoded before they are joined (RFC 6749,
//! section 2.3.1; RFC 7617).

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::oauth::caller::HeaderCredentials;
use crate::oauth::error::OAuthError;

/// Reads the `Authorization` header. Two of them are refused; one that cannot be read is a failed
/// authentication, whose reason is for the log.
pub(super) fn credentials(headers: &HeaderMap) -> Result<HeaderCredentials, OAuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(HeaderCredentials::Absent);
    };
    if values.next().is_some() {
        return Err(OAuthError::invalid_request(
            "The request has more than one Authorization header.",
        ));
    }
    Ok(decode(value.as_bytes()).unwrap_or_else(HeaderCredentials::Unreadable))
}

fn decode(value: &[u8]) -> Result<HeaderCredentials, &'static str> {
    let value = std::str::from_utf8(value).map_err(|_| "the Authorization header is not text")?;
    let (scheme, encoded) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err("the Authorization header has another scheme than Basic");
    }
    let bytes = BASE64_STANDARD
        .decode(encoded.trim())
        .map(Zeroizing::new)
        .map_err(|_| "the Authorization header is not Base64")?;
    let text = std::str::from_utf8(&bytes).map_err(|_| "the Basic credentials are not UTF-8")?;
    let (id, secret) = text.split_once(':').ok_or("the Basic credentials have no colon")?;
    let id = form_decode(id)?;
    let secret = form_decode(secret)?;
    if id.is_empty() || secret.is_empty() {
        return Err("the Basic credentials lack the id or the secret");
    }
    Ok(HeaderCredentials::Basic(id, SecretString::from(secret)))
}

/// Decodes `application/x-www-form-urlencoded` text strictly: a percent sign is followed by two
/// hexadecimal digits, and the result is UTF-8.
fn form_decode(text: &str) -> Result<String, &'static str> {
    // What we mint has nothing to decode.
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Ok(text.to_owned());
    }
    let mut rest = text;
    while let Some(position) = rest.find('%') {
        let digits = rest.as_bytes().get(position + 1..position + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err("the Basic credentials have a broken percent sequence");
        }
        rest = &rest[position + 3..];
    }
    let spaced = Zeroizing::new(text.replace('+', " "));
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| "the Basic credentials are not UTF-8")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn read(value: &str) -> Result<(String, String), &'static str> {
        match decode(value.as_bytes())? {
            HeaderCredentials::Basic(id, secret) => Ok((id, secret.expose_secret().to_owned())),
            other => panic!("{other:?}"),
        }
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(pair))
    }

    /// The test vector of RFC 6749, section 2.3.1.
    #[test]
    fn the_vector_of_the_rfc_is_read() {
        let read = read("Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW");
        assert_eq!(read, Ok(("s6BhdRkqt3".into(), "gX1fBat3bV".into())));
    }

    /// C-09: both parts are form-decoded.
    #[test]
    fn both_parts_are_form_decoded() {
        assert_eq!(read(&basic("id:a%2Bb%252F%3Ac")), Ok(("id".into(), "a+b%2F:c".into())));
        assert_eq!(read(&basic("cl%5Fa:x+y")), Ok(("cl_a".into(), "x y".into())));
        assert_eq!(read(&basic("id:with:colon")), Ok(("id".into(), "with:colon".into())));
    }

    /// N-07.
    #[test]
    fn the_scheme_has_no_case() {
        for scheme in ["basic", "BASIC", "bAsIc"] {
            assert!(read(&basic("a:b").replace("Basic", scheme)).is_ok(), "{scheme}");
        }
    }

    /// C-09: whatever is broken is a failed authentication, never a failure of ours.
    #[test]
    fn broken_credentials_are_refused() {
        let broken =
            ["Basic", "Basic ", "Basic !!!", "Basic YQ", "Bearer abc", "Basic YWI6Yw== trailing"];
        for value in broken {
            assert!(read(value).is_err(), "{value:?} was read");
        }
        for pair in ["nocolon", ":b", "a:", "a:%", "a:%4", "a:%zz", "%ff:b", "a:%C3"] {
            assert!(read(&basic(pair)).is_err(), "{pair:?} was read");
        }
        let not_utf8 = format!("Basic {}", BASE64_STANDARD.encode([0xFF, b':', b'a']));
        assert!(read(&not_utf8).is_err());
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(value in "(Basic )?.{0,100}") {
            let _ = decode(value.as_bytes());
        }

        #[test]
        fn any_pair_reads_back_when_it_is_form_encoded(id in ".{1,30}", secret in ".{1,30}") {
            let encode = |text: &str| serde_urlencoded::to_string([("", text)]).map(|t| t[1..].to_owned());
            let pair = format!("{}:{}", encode(&id).expect("id"), encode(&secret).expect("secret"));
            prop_assert_eq!(read(&basic(&pair)), Ok((id, secret)));
        }
    }
}
