//! Checks whether a text has characters that need escaping. Each token and each log line is checked
//! several times, so the checks process eight bytes at a time.

/// True if all bytes are printable ASCII, which no terminal interprets as a control code.
pub fn is_printable(text: &[u8]) -> bool {
    no_word(text, unprintable)
}

/// True if all bytes are printable ASCII and JSON escapes none of them.
pub fn is_plain_json(text: &[u8]) -> bool {
    no_word(text, |word| unprintable(word) | equal(word, b'"') | equal(word, b'\\'))
}

/// Returns a word in which all eight bytes equal `byte`.
const fn repeated(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The highest bit of each byte of a word.
const HIGH: u64 = repeated(0x80);

/// True if `flags` sets no highest bit in any of the eight-byte words. Every word is checked,
/// without an early exit, so that the compiler can vectorize the loop.
fn no_word(text: &[u8], flags: impl Fn(u64) -> u64) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    // The last eight bytes, some of which may be checked twice. A shorter text is padded with
    // spaces.
    let last = text.last_chunk::<8>().copied().unwrap_or_else(|| {
        let mut last = [b' '; 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        last
    });
    let all =
        words.iter().chain([&last]).fold(0, |found, word| found | flags(u64::from_ne_bytes(*word)));
    all & HIGH == 0
}

/// Sets the highest bit of each byte that is below a space, above a tilde, or not ASCII.
fn unprintable(word: u64) -> u64 {
    // With the highest bit of each byte clear, an addition cannot carry into the next byte.
    let ascii = word & !HIGH;
    let at_least_space = ascii + repeated(0x80 - b' ');
    let beyond_tilde = ascii + repeated(0x7f - b'~');
    word | beyond_tilde | !at_least_space
}

/// Sets the highest bit of at least one byte if a byte of the word equals `byte`.
fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ repeated(byte);
    difference.wrapping_sub(repeated(1)) & !difference
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_byte_is_classified_at_every_position() {
        for byte in 0..=u8::MAX {
            let printable = matches!(byte, b' '..=b'~');
            let plain = printable && !matches!(byte, b'"' | b'\\');
            for (length, place) in (1..20).flat_map(|length| (0..length).map(move |p| (length, p)))
            {
                for filling in [b' ', b'a', b'~', b'!', b'#', b'[', b']'] {
                    let mut text = vec![filling; length];
                    text[place] = byte;
                    assert_eq!(is_printable(&text), printable, "{text:?}");
                    assert_eq!(is_plain_json(&text), plain, "{text:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_text_is_plain_if_each_byte_is(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let is_one = |byte: &u8| matches!(byte, b' '..=b'~');
            prop_assert_eq!(is_printable(&text), text.iter().all(is_one));
            let json = |byte: &u8| is_one(byte) && !matches!(byte, b'"' | b'\\');
            prop_assert_eq!(is_plain_json(&text), text.iter().all(json));
        }
    }
}
