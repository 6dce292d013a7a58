//! The trace of a request, from its header `traceparent` (W3C Trace Context).

use std::fmt;

/// The length of a header of version 00, in bytes.
const LENGTH: usize = 55;

/// Id of a trace; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(pub u128);

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// Span of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The id of the trace.
    pub trace_id: TraceId,
    /// The id of the span; never 0.
    pub span_id: u64,
    /// True if the caller has recorded the span.
    pub is_sampled: bool,
}

impl TraceParent {
    /// Parses the header (section 3.2). A malformed header is treated as absent (section 4.3).
    pub fn parse(value: &[u8]) -> Option<Self> {
        let is_shaped = |(place, byte): (usize, &u8)| match place {
            2 | 35 | 52 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        };
        // A later version may append fields, but must keep these four.
        let (head, rest) = value.split_at_checked(LENGTH)?;
        if !head.iter().enumerate().all(is_shaped) || head.starts_with(b"ff") {
            return None;
        }
        if !rest.is_empty() && (head.starts_with(b"00") || !rest.starts_with(b"-")) {
            return None;
        }
        let text = str::from_utf8(head).ok()?;
        let trace_id = u128::from_str_radix(text.get(3..35)?, 16).ok()?;
        let span_id = u64::from_str_radix(text.get(36..52)?, 16).ok()?;
        let flags = u8::from_str_radix(text.get(53..55)?, 16).ok()?;
        let is_valid = trace_id != 0 && span_id != 0;
        let parent = Self { trace_id: TraceId(trace_id), span_id, is_sampled: flags & 1 == 1 };
        is_valid.then_some(parent)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-53995c3f42cd8ad8-01";

    #[test]
    fn a_valid_header_is_read() {
        let parent = TraceParent::parse(VALID.as_bytes()).expect("a parent");
        assert_eq!(parent.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((parent.span_id, parent.is_sampled), (0x5399_5c3f_42cd_8ad8, true));
        let unsampled = TraceParent::parse(VALID.replace("-01", "-00").as_bytes());
        assert!(unsampled.is_some_and(|parent| !parent.is_sampled));
        // Headers of later versions.
        for later in [VALID.replacen("00", "cc", 1), VALID.replacen("00", "01", 1) + "-what-else"] {
            assert_eq!(TraceParent::parse(later.as_bytes()), Some(parent), "{later}");
        }
    }

    #[test]
    fn a_malformed_header_is_treated_as_absent() {
        for value in [
            "",
            "00",
            &VALID.to_uppercase(),
            &VALID.replacen("00", "ff", 1),
            &VALID.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &VALID.replace("53995c3f42cd8ad8", &"0".repeat(16)),
            &VALID.replace('-', "_"),
            &VALID.replacen("4bf", "+bf", 1),
            &format!("{VALID}-"),
            &format!("{VALID}0"),
            &format!(" {VALID}"),
            &VALID.replacen("00", "01", 1).replace("-01", "-01x"),
            &VALID[..54],
            &VALID.replace('b', "\u{e4}"),
        ] {
            assert_eq!(TraceParent::parse(value.as_bytes()), None, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn any_value_is_read_or_not(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = TraceParent::parse(&value);
        }
    }
}
