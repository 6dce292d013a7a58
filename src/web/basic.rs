//! HTTP Basic as OAuth uses it: both parts are form-encoded before they are joined (RFC 6749,
//! section 2.3.1; RFC 7617). Many clients do not encode them, and a client id may contain colons,
//! so [`split`] finds the end of the id.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::model::client::ClientId;
use crate::oauth::caller::HeaderCredentials;
use crate::oauth::error::OAuthError;
use crate::secrets::secret::{self, SecretFormat};

/// The maximum number of colons tried as the end of a client id. It bounds the lookups for a header
/// full of colons.
const MAX_COLONS: usize = 64;

/// Parses the `Authorization` header. A repeated header is rejected. An unreadable header is a
/// failed authentication, and its reason goes only to the log. `is_known` tells if a client with
/// the id exists; it is called only for ambiguous credentials.
pub(super) fn credentials(
    headers: &HeaderMap,
    is_known: impl Fn(&str) -> bool,
) -> Result<HeaderCredentials, OAuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(HeaderCredentials::Absent);
    };
    if values.next().is_some() {
        return Err(OAuthError::invalid_request(
            "The request has more than one Authorization header.",
        ));
    }
    Ok(decode(value.as_bytes(), is_known).unwrap_or_else(HeaderCredentials::Unreadable))
}

fn decode(
    value: &[u8],
    is_known: impl Fn(&str) -> bool,
) -> Result<HeaderCredentials, &'static str> {
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
    let (id, secret) = match split(text, is_known)? {
        Pair::Encoded(id, secret) => (form_decode(id)?, form_decode(secret)?),
        Pair::Plain(id, secret) => (id.to_owned(), secret.to_owned()),
    };
    if id.is_empty() || secret.is_empty() {
        return Err("the Basic credentials lack the id or the secret");
    }
    Ok(HeaderCredentials::Basic(id, SecretString::from(secret)))
}

/// A client id and a secret, and their encoding.
#[derive(Debug, PartialEq, Eq)]
enum Pair<'a> {
    /// Both are form-encoded, as the RFC requires.
    Encoded(&'a str, &'a str),
    /// Both are sent unencoded.
    Plain(&'a str, &'a str),
}

/// Splits credentials into the client id and the secret.
///
/// An encoding client sends exactly one colon. With more colons, either the client did not encode,
/// or its secret contains plain colons. These rules apply in order:
///
/// 1. If a generated secret follows the last colon, the id ends there.
/// 2. Otherwise the longest prefix that is a known id is the id.
/// 3. Otherwise the id ends at the first colon.
///
/// An id with a plain colon was not encoded, so nothing is decoded then.
fn split(text: &str, is_known: impl Fn(&str) -> bool) -> Result<Pair<'_>, &'static str> {
    let (id, secret) = text.split_once(':').ok_or("the Basic credentials have no colon")?;
    if !secret.contains(':') {
        return Ok(one_colon(id, secret, is_known));
    }
    if let Some((id, secret)) = text.rsplit_once(':')
        && secret::format_of(secret) == SecretFormat::Whole
    {
        return Ok(Pair::Plain(id, secret));
    }
    // Every candidate is looked up, so that the time does not reveal a known id.
    let longest = text
        .match_indices(':')
        .take(MAX_COLONS)
        .map(|(position, _)| position)
        .take_while(|position| *position <= ClientId::MAX_LENGTH)
        .filter(|position| is_known(&text[..*position]))
        .last();
    match longest {
        Some(position) if position > id.len() => {
            Ok(Pair::Plain(&text[..position], &text[position + 1..]))
        }
        _ => Ok(Pair::Encoded(id, secret)),
    }
}

/// Handles the usual case. The pair is form-encoded, unless only the undecoded id is known.
fn one_colon<'a>(id: &'a str, secret: &'a str, is_known: impl Fn(&str) -> bool) -> Pair<'a> {
    let is_plain = needs_decoding(id)
        && is_known(id)
        && !form_decode(id).is_ok_and(|decoded| is_known(&decoded));
    if is_plain { Pair::Plain(id, secret) } else { Pair::Encoded(id, secret) }
}

fn needs_decoding(text: &str) -> bool {
    // Without a branch for each byte, the compiler can vectorize the loop.
    text.bytes().fold(false, |found, byte| found | matches!(byte, b'%' | b'+'))
}

/// Decodes `application/x-www-form-urlencoded` text strictly: two hexadecimal digits must follow a
/// percent sign, and the result must be UTF-8.
fn form_decode(text: &str) -> Result<String, &'static str> {
    // Generated ids and secrets need no decoding.
    if !needs_decoding(text) {
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
        read_knowing(value, &[])
    }

    fn read_knowing(value: &str, known: &[&str]) -> Result<(String, String), &'static str> {
        match decode(value.as_bytes(), |id| known.contains(&id))? {
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

    fn generated_secret() -> String {
        let key = secret::TagKey::new(&[1; 32]);
        let id = ClientId::parse("svc:a").expect("an id");
        key.generate(&id).expect("a secret").expose_secret().to_owned()
    }

    /// A generated secret after the last colon ends the credentials, no matter which ids are known.
    #[test]
    fn a_generated_secret_is_found_behind_an_id_with_colons() {
        let secret = generated_secret();
        for id in ["svc:a", "https://agent.example.com/client.json", "a::", "https://a:1/%20+"] {
            let pair = basic(&format!("{id}:{secret}"));
            assert_eq!(read_knowing(&pair, &["svc", "https"]), Ok((id.into(), secret.clone())));
        }
        // A damaged secret is not recognized, so a known id decides.
        let damaged = format!("{}x", &secret[..secret.len() - 1]);
        let damaged = if damaged == secret { format!("{secret}x") } else { damaged };
        let pair = basic(&format!("svc:a:{damaged}"));
        assert_eq!(read_knowing(&pair, &["svc:a"]), Ok(("svc:a".into(), damaged.clone())));
        assert_eq!(read(&pair), Ok(("svc".into(), format!("a:{damaged}"))));
    }

    /// The longest known id decides, otherwise the first colon.
    #[test]
    fn the_longest_known_id_wins_and_the_first_colon_is_the_last_resort() {
        let pair = basic("svc:a:b:p%41s+w");
        let read = |known: &[&str]| read_knowing(&pair, known).expect("a pair");
        assert_eq!(read(&["svc", "svc:a", "svc:a:b"]), ("svc:a:b".into(), "p%41s+w".into()));
        assert_eq!(read(&["svc", "svc:a"]), ("svc:a".into(), "b:p%41s+w".into()));
        // An id without a colon may have been encoded, so the secret is decoded.
        assert_eq!(read(&["svc"]), ("svc".into(), "a:b:pAs w".into()));
        assert_eq!(read(&[]), ("svc".into(), "a:b:pAs w".into()));
    }

    /// The encoded form of an id with colons needs no lookup.
    #[test]
    fn an_encoded_id_with_colons_is_decoded() {
        let never = |_: &str| -> bool { panic!("looked up") };
        let pair = basic("spiffe%3A%2F%2Fexample.org%2Fworker:s3cret");
        let known = ["spiffe://example.org/worker"];
        let expected = (known[0].to_owned(), "s3cret".to_owned());
        assert_eq!(read_knowing(&pair, &known), Ok(expected.clone()));
        assert_eq!(read(&pair), Ok(expected));
        assert!(decode(basic("cl_a:tkd_b").as_bytes(), never).is_ok());
    }

    /// An id with a percent sign or a plus sign, sent unencoded.
    #[test]
    fn an_id_that_is_known_only_in_encoded_form_is_not_decoded() {
        let pair = basic("a%2Fb+c:x%2By");
        let read = |known: &[&str]| read_knowing(&pair, known).expect("a pair");
        assert_eq!(read(&["a%2Fb+c"]), ("a%2Fb+c".into(), "x%2By".into()));
        assert_eq!(read(&["a%2Fb+c", "a/b c"]), ("a/b c".into(), "x+y".into()));
        assert_eq!(read(&[]), ("a/b c".into(), "x+y".into()));
    }

    #[test]
    fn a_header_full_of_colons_costs_a_bounded_number_of_lookups() {
        let lookups = std::cell::Cell::new(0);
        let count = |_: &str| {
            lookups.set(lookups.get() + 1);
            false
        };
        let pair = basic(&":".repeat(8_000).replacen(':', "a:", 1));
        assert!(decode(pair.as_bytes(), count).is_ok());
        assert_eq!(lookups.get(), MAX_COLONS);
    }

    /// N-07.
    #[test]
    fn the_scheme_has_no_case() {
        for scheme in ["basic", "BASIC", "bAsIc"] {
            assert!(read(&basic("a:b").replace("Basic", scheme)).is_ok(), "{scheme}");
        }
    }

    /// C-09, SECURITY 24: malformed credentials are a failed authentication, never a server error.
    #[test]
    fn broken_credentials_are_rejected() {
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
        fn any_header_is_read_or_rejected(value in "(Basic )?.{0,100}") {
            let _ = decode(value.as_bytes(), |id| id.len() % 2 == 0);
        }

        #[test]
        fn any_pair_reads_back_when_it_is_form_encoded(id in ".{1,30}", secret in ".{1,30}") {
            let encode = |text: &str| serde_urlencoded::to_string([("", text)]).map(|t| t[1..].to_owned());
            let pair = format!("{}:{}", encode(&id).expect("id"), encode(&secret).expect("secret"));
            prop_assert_eq!(read(&basic(&pair)), Ok((id, secret)));
        }
    }
}
