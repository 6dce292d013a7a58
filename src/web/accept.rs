//! The `Accept` header (RFC 9110, section 12.5.1).

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// Returns the media ranges of a request with their qualities.
pub(super) fn ranges(headers: &HeaderMap) -> Vec<(&str, f32)> {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(range).collect()
}

/// True if the request accepts `kind/subtype`. The most specific range decides. A request without
/// the header accepts everything.
pub(super) fn accepts(headers: &HeaderMap, kind: &str, subtype: &str) -> bool {
    if !headers.contains_key(ACCEPT) {
        return true;
    }
    let ranges = ranges(headers);
    let quality = |wanted: &str| {
        let found = ranges.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, quality)| *quality)
    };
    let quality = quality(&format!("{kind}/{subtype}"))
        .or_else(|| quality(&format!("{kind}/*")))
        .or_else(|| quality("*/*"));
    quality.is_some_and(|quality| quality > 0.0)
}

fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q="));
    (name, quality.map_or(1.0, |quality| quality.parse().unwrap_or(0.0)))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        for (accept, is_accepted) in [
            ("text/event-stream", true),
            ("Text/Event-Stream, application/json;q=0.5", true),
            ("text/*", true),
            ("*/*", true),
            ("application/json, */*;q=0.1", true),
            ("application/json", false),
            ("text/event-stream;q=0, */*", false),
            ("text/*;q=0, */*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(accept).expect("a value"));
            assert_eq!(accepts(&headers, "text", "event-stream"), is_accepted, "{accept:?}");
        }
        assert!(accepts(&HeaderMap::new(), "text", "event-stream"));
    }
}
