//! The cookies of the console: the session secret and the theme.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::model::console_session::ConsoleSession;

/// The length of a session secret: 256 bits in base64url.
const SECRET_LENGTH: usize = 43;

/// The lifetime of the theme cookie in seconds: one year.
const THEME_SECONDS: u32 = 31_536_000;

const THEME: &str = "tokend_theme";

/// The session cookie. Over https its name has the prefix `__Host-`, which restricts it to this
/// host, to https and to the path `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web::console) enum SessionCookie {
    Secure,
    /// Over plain HTTP on a loopback address.
    Loopback,
}

impl SessionCookie {
    fn name(self) -> &'static str {
        match self {
            Self::Secure => "__Host-tokend_session",
            Self::Loopback => "tokend_session",
        }
    }

    fn attributes(self) -> &'static str {
        match self {
            Self::Secure => "Path=/; HttpOnly; SameSite=Strict; Secure",
            Self::Loopback => "Path=/; HttpOnly; SameSite=Strict",
        }
    }

    /// Reads the secret from a request.
    pub(in crate::web::console) fn read(self, headers: &HeaderMap) -> Option<SecretString> {
        let value = value(headers, self.name())?;
        is_secret(value).then(|| SecretString::from(value))
    }

    pub(in crate::web::console) fn set(self, secret: &SecretString) -> Option<HeaderValue> {
        let (name, age) = (self.name(), ConsoleSession::MAX_SECONDS);
        let (secret, attributes) = (secret.expose_secret(), self.attributes());
        let text = format!("{name}={secret}; Max-Age={age}; {attributes}");
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Returns the header that removes the cookie.
    pub(in crate::web::console) fn remove(self) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("{}=; Max-Age=0; {}", self.name(), self.attributes())).ok()
    }
}

/// True if the text has the format of a session or link secret.
pub(in crate::web::console) fn is_secret(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() == SECRET_LENGTH && text.bytes().all(is_part)
}

/// Returns the value of a cookie (RFC 6265, section 4.2).
pub(in crate::web::console) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| {
        let (known, value) = pair.trim().split_once('=')?;
        (known == name).then_some(value)
    });
    pairs.next()
}

/// The color theme of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web::console) enum Theme {
    /// The theme of the system.
    System,
    Light,
    Dark,
}

impl Theme {
    pub(in crate::web::console) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub(in crate::web::console) fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(in crate::web::console) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text)
    }

    /// Reads the theme from a request.
    pub(in crate::web::console) fn read(headers: &HeaderMap) -> Self {
        value(headers, THEME).and_then(Self::parse).unwrap_or(Self::System)
    }

    /// Returns the header that stores the theme in the browser.
    pub(in crate::web::console) fn set(self) -> Option<HeaderValue> {
        let name = self.as_str();
        let text =
            format!("{THEME}={name}; Max-Age={THEME_SECONDS}; Path=/console; SameSite=Strict");
        HeaderValue::from_str(&text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_by_its_whole_name() {
        let secret = "a".repeat(SECRET_LENGTH);
        let mut headers = HeaderMap::new();
        let text = format!("x_tokend_session=b; tokend_session={secret};tokend_theme=dark");
        headers.insert(COOKIE, HeaderValue::from_str(&text).expect("a header"));
        let read = SessionCookie::Loopback.read(&headers).expect("a secret");
        assert_eq!(read.expose_secret(), secret);
        assert!(SessionCookie::Secure.read(&headers).is_none());
        assert_eq!(Theme::read(&headers), Theme::Dark);
        let set = SessionCookie::Secure.set(&read).expect("a header");
        let set = set.to_str().expect("a text");
        assert!(set.starts_with("__Host-tokend_session=") && set.ends_with("; Secure"), "{set}");
    }

    #[test]
    fn a_value_of_another_form_is_not_a_secret() {
        for text in ["", "a", &"a".repeat(42), &"a".repeat(44), &" ".repeat(43), &"é".repeat(43)] {
            assert!(!is_secret(text), "{text:?}");
        }
    }
}
