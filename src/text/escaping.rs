//! Makes untrusted text safe to show in a terminal, a log line or a stored reason.
//!
//! Escapes characters that affect how the surrounding text is displayed. Otherwise a caller could
//! move the cursor, reorder a line (CVE-2021-42574), or hide a part of it.

use std::borrow::Cow;
use std::fmt::Write;

/// Escapes a text for a single line, for example as `\u{202e}`.
pub fn escape(text: &str) -> Cow<'_, str> {
    replace(text, is_unsafe, |out, c| {
        let _ = write!(out, "{}", c.escape_unicode());
    })
}

/// Escapes a text of several lines; line breaks are kept.
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    replace(
        text,
        |c| c != '\n' && is_unsafe(c),
        |out, c| {
            let _ = write!(out, "{}", c.escape_unicode());
        },
    )
}

/// Escapes a JSON text, for example as `\u202e` (RFC 8259, section 7). The result is equivalent
/// JSON: these characters occur only inside strings, and a serializer has already escaped those
/// below U+0020.
pub fn escape_json(text: &str) -> Cow<'_, str> {
    replace(
        text,
        |c| c >= '\u{7f}' && is_unsafe(c),
        |out, c| {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        },
    )
}

/// Escapes a text and shortens it to about `max` characters.
pub fn escape_start(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => escape(text).into_owned(),
        Some((end, _)) => format!("{}...", escape(&text[..end])),
    }
}

/// True for control characters (C0, DEL, C1), line and paragraph separators, and every character
/// that reorders text or has no width.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Soft hyphen, combining grapheme joiner, Arabic letter mark, Hangul and Khmer fillers.
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            // Mongolian variation selectors and vowel separator.
            | '\u{180b}'..='\u{180f}'
            // Zero width, directional marks.
            | '\u{200b}'..='\u{200f}'
            // Line and paragraph separator, embeddings and overrides.
            | '\u{2028}'..='\u{202e}'
            // Word joiner, invisible operators, isolates, deprecated format characters.
            | '\u{2060}'..='\u{206f}'
            // Hangul filler, variation selectors, byte order mark, half-width filler.
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            // Interlinear annotation.
            | '\u{fff9}'..='\u{fffb}'
            // Shorthand and musical format controls.
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            // Tags and more variation selectors.
            | '\u{e0000}'..='\u{e0fff}')
}

fn replace(
    text: &str,
    is_replaced: impl Fn(char) -> bool,
    write: impl Fn(&mut String, char),
) -> Cow<'_, str> {
    let Some(first) = text.find(&is_replaced) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        if is_replaced(c) {
            write(&mut out, c);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// S-10: each of these used to be printed unescaped.
    const HOSTILE: [&str; 12] = [
        "\u{1b}[31m",
        "\u{9b}31m",
        "\u{85}",
        "\u{7f}",
        "\u{202e}",
        "\u{2066}",
        "\u{200b}",
        "\u{2028}",
        "\u{2029}",
        "\u{feff}",
        "\u{e0041}",
        "\r\n",
    ];

    #[test]
    fn unsafe_characters_are_escaped_and_others_are_kept() {
        for hostile in HOSTILE {
            let escaped = escape(hostile);
            assert!(!escaped.chars().any(is_unsafe), "{escaped}");
            assert!(escaped.starts_with("\\u{"), "{escaped}");
        }
        assert_eq!(escape("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(escape_lines("a\nb\u{9b}"), "a\nb\\u{9b}");
        for harmless in ["", "kid-1", "Größe", "名前", "a b", "🔑"] {
            assert!(matches!(escape(harmless), Cow::Borrowed(text) if text == harmless));
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(escape_start("äöü", 2), "äö...");
        assert_eq!(escape_start("äö", 2), "äö");
    }

    proptest! {
        #[test]
        fn escaped_json_is_the_same_json(text in "\\PC{0,40}|.{0,40}") {
            let json = serde_json::Value::from(format!("{text}\u{e0041}\u{2028}")).to_string();
            let escaped = escape_json(&json);
            prop_assert!(!escaped.chars().any(is_unsafe));
            let read: serde_json::Value = serde_json::from_str(&escaped).expect("JSON");
            prop_assert_eq!(read.to_string(), json);
        }
    }
}
