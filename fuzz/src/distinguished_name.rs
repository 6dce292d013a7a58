//! Distinguished names as text (RFC 4514).

use std::fmt::Write;

use super::input::{first_line, text};
use super::subject::{DistinguishedName, TlsSubject};

/// Reads the whole input as a name, and its first line and the rest as two values of names.
pub fn fuzz(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let name = DistinguishedName::parse(text);
    let registered = TlsSubject::parse(&format!("subject_dn={text}"));
    let is_short_line = text.len() <= 500 && !text.contains(char::is_control);
    assert_eq!(registered.is_ok(), name.is_some() && is_short_line, "{text:?}");
    if let Some(name) = name {
        let same = DistinguishedName::parse(&with_spaces(text));
        assert_eq!(same.as_ref(), Some(&name), "spaces between parts mean nothing: {text:?}");
        let longer = DistinguishedName::parse(&format!("CN=x,{text}"));
        assert!(longer.is_some_and(|longer| longer != name), "one part more: {text:?}");
    }
    let (one, other) = first_line(text);
    check_values(one, other);
}

/// Asserts that names are equal exactly if their values are, in any escaped form.
fn check_values(one: &str, other: &str) {
    let hex = |value: &str| DistinguishedName::parse(&format!("CN={},O=x", as_hex(value)));
    let plain = |value: &str| DistinguishedName::parse(&format!("2.5.4.3={},O=x", escaped(value)));
    for value in [one, other] {
        assert_eq!(hex(value), plain(value), "two spellings of {value:?}");
        assert_eq!(hex(value).is_none(), value.is_empty(), "{value:?}");
    }
    assert_eq!(hex(one) == hex(other), one == other, "{one:?} and {other:?}");
}

/// Adds a space after each separator that is not escaped.
fn with_spaces(text: &str) -> String {
    let mut spaced = String::new();
    let mut is_escaped = false;
    for character in text.chars() {
        spaced.push(character);
        if !is_escaped && matches!(character, ',' | '+') {
            spaced.push(' ');
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    spaced
}

/// Escapes each byte as two hexadecimal digits.
fn as_hex(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\{byte:02X}");
        text
    })
}

/// Escapes only the characters that RFC 4514, section 2.4, requires.
fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut text = String::new();
    for (position, character) in value.chars().enumerate() {
        let is_at_an_end = position == 0 || position == last;
        if "\"+,;<>\\".contains(character) || (character == ' ' && is_at_an_end) {
            text.push('\\');
        }
        text.push(character);
    }
    text
}
