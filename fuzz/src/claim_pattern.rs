//! The condition of a trust on a claim. An input has three lines: a claim, a pattern and the value
//! in a token.

use super::input::{first_line, text};
use super::subject::Pattern;

/// Asserts that a pattern matches only values of the owner that it names.
pub fn fuzz(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let (claim, rest) = first_line(text);
    let (pattern, value) = first_line(rest);
    let Ok(parsed) = Pattern::parse(claim, pattern) else { return };
    assert_eq!(parsed.as_str(), pattern);
    assert_eq!(Pattern::stored(claim, pattern).as_ref(), Ok(&parsed), "a stored pattern is lost");
    let is_matched = parsed.matches(value);
    let (Some(first), Some(last)) = (pattern.find('*'), pattern.rfind('*')) else {
        assert_eq!(parsed.exact(), Some(pattern));
        assert_eq!(is_matched, value == pattern, "{pattern:?} and {value:?}");
        return;
    };
    assert_eq!(parsed.exact(), None);
    let owner = &pattern[..first];
    assert!(owner.contains(|c| c != '/' && c != ':'), "{pattern:?} names no owner");
    if is_matched {
        assert!(value.starts_with(owner), "{pattern:?} matches another owner: {value:?}");
        assert!(value.ends_with(&pattern[last + 1..]), "{pattern:?} and {value:?}");
        check_segments(pattern, value);
    }
}

/// Asserts that each `*` matches one name, and everything else is equal.
fn check_segments(pattern: &str, value: &str) {
    let separators = |text: &str| text.matches(['/', ':']).collect::<String>();
    assert_eq!(separators(pattern), separators(value), "{pattern:?} and {value:?}");
    let is_github = pattern.starts_with("repo:");
    let mut owner = "";
    for (position, (wanted, found)) in
        pattern.split(['/', ':']).zip(value.split(['/', ':'])).enumerate()
    {
        if wanted == "*" {
            let is_odd = |c: char| c.is_control() || c.is_whitespace() || "?#\\".contains(c);
            let is_name = !["", ".", ".."].contains(&found) && !found.contains(is_odd);
            assert!(is_name, "{pattern:?} matches {value:?}");
            if is_github && position == 2 {
                assert_eq!(owner.contains('@'), found.contains('@'), "{pattern:?} and {value:?}");
            }
            let is_pull_request = is_github && position == 3 && found == "pull_request";
            assert!(!is_pull_request, "{pattern:?} matches {value:?}");
        } else {
            assert_eq!(wanted, found, "{pattern:?} and {value:?}");
        }
        owner = wanted;
    }
}
