//! Formatting of values for pages.

use askama::Template;
use askama::filters::HtmlSafe;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::model::client::ClientState;
use crate::model::plural;
use crate::model::time::{Timestamp, in_words};
use crate::store::StoreError;

/// The characters to percent-encode in a path segment or query value: all but the unreserved ones
/// (RFC 3986, section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Encodes a text as a path segment.
pub(in crate::web::console) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

pub(in crate::web::console) struct Unreadable {
    pub(in crate::web::console) id: String,
    pub(in crate::web::console) problem: String,
}

impl Unreadable {
    pub(in crate::web::console) fn new(id: String, problem: &StoreError) -> Self {
        Self { id, problem: problem.to_string() }
    }

    pub(in crate::web::console) fn list(found: Vec<(String, StoreError)>) -> Vec<Self> {
        found.into_iter().map(|(id, problem)| Self::new(id, &problem)).collect()
    }
}

pub(in crate::web::console) fn client_path(id: &str) -> String {
    format!("/console/clients/{}", segment(id))
}

pub(in crate::web::console) fn credentials_path(id: &str) -> String {
    format!("{}/credentials", client_path(id))
}

pub(in crate::web::console) fn resource_path(id: &str) -> String {
    format!("/console/resources/{}", segment(id))
}

/// A time: relative in the text, exact in the tooltip.
#[derive(Debug, Clone, Template)]
#[template(path = "console/page_parts/time.html")]
pub(in crate::web::console) struct Time {
    exact: String,
    words: String,
}

// The template escapes each value.
impl HtmlSafe for Time {}

impl Time {
    pub(in crate::web::console) fn of(time: Timestamp, now: Timestamp) -> Self {
        let seconds = now.seconds_since(time);
        let words = match seconds {
            0..120 => "just now".to_owned(),
            120.. => format!("{} ago", in_words(seconds)),
            _ => format!("in {}", in_words(seconds.saturating_neg())),
        };
        Self { exact: time.to_string(), words }
    }

    /// Like [`Self::of`], for an optional time.
    pub(in crate::web::console) fn maybe(time: Option<Timestamp>, now: Timestamp) -> Option<Self> {
        time.map(|time| Self::of(time, now))
    }

    /// Returns the date.
    pub(in crate::web::console) fn day(&self) -> &str {
        self.exact.get(..10).unwrap_or(&self.exact)
    }
}

/// A state as text with a color class. The text alone is sufficient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web::console) struct Badge {
    pub(in crate::web::console) class: &'static str,
    pub(in crate::web::console) word: &'static str,
}

impl Badge {
    pub(in crate::web::console) const fn new(class: &'static str, word: &'static str) -> Self {
        Self { class, word }
    }

    pub(in crate::web::console) fn of_client(state: ClientState) -> Self {
        match state {
            ClientState::Active => Self::new("good", "active"),
            ClientState::Disabled => Self::new("off", "disabled"),
        }
    }
}

pub(in crate::web::console) struct Choice {
    pub(in crate::web::console) value: String,
    pub(in crate::web::console) name: String,
    pub(in crate::web::console) is_chosen: bool,
}

impl Choice {
    pub(in crate::web::console) fn list(choices: &[(&str, &str)], chosen: &str) -> Vec<Self> {
        let choice = |(value, name): &(&str, &str)| Self {
            value: (*value).to_owned(),
            name: (*name).to_owned(),
            is_chosen: *value == chosen,
        };
        choices.iter().map(choice).collect()
    }
}

/// Formats a number with narrow spaces between thousands.
pub(in crate::web::console) fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    if value < 0 { format!("-{text}") } else { text }
}

/// Formats a number with its noun: `1 token`, `2 tokens`.
pub(in crate::web::console) fn counted(value: i64, one: &str, many: &str) -> String {
    format!("{} {}", number(value), plural::noun(value, one, many))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_are_written_for_people() {
        let now = Timestamp(1_800_000_000);
        let words = |seconds: i64| Time::of(Timestamp(now.0 + seconds), now).words;
        assert_eq!(words(0), "just now");
        assert_eq!(words(-7_200), "2 hours ago");
        assert_eq!(words(-7_199), "119 minutes ago");
        assert_eq!(words(86_400 + 3_600), "in 25 hours");
        assert_eq!(words(86_400 * 12), "in 12 days");
        assert_eq!(words(61), "in 61 s");
        assert_eq!((counted(0, "a", "b"), counted(1, "a", "b")), ("0 b".into(), "1 a".into()));
        assert_eq!(number(12_430), "12\u{202f}430");
        assert_eq!(number(-5), "-5");
        assert_eq!(segment("https://a.example/b c"), "https%3A%2F%2Fa.example%2Fb%20c");
        assert_eq!(segment("x$(a)!*-._~"), "x%24%28a%29%21%2A-._~");
    }
}
