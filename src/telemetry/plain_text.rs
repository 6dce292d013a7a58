//! Whether a text needs a look at its characters. Each line of the log is asked more than once, so
//! this looks at eight bytes at a time.

/// True for printable ASCII: what no terminal obeys.
pub(super) fn is_printable(text: &[u8]) -> bool {
    every_word(text, |word| !is_unprintable(word))
}

/// True for printable ASCII in which JSON escapes nothing.
pub(super) fn is_plain_json(text: &[u8]) -> bool {
    every_word(text, |word| {
        !is_unprintable(word) && !has_byte(word, b'"') && !has_byte(word, b'\\')
    })
}

/// Eight times the byte.
const fn repeated(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Asks for eight bytes at a time; the last ones are filled up with spaces.
fn every_word(text: &[u8], is_plain: impl Fn(u64) -> bool) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [b' '; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    words.iter().chain([&last]).all(|word| is_plain(u64::from_ne_bytes(*word)))
}

/// True if one of the bytes is below a space, above a tilde, or not ASCII.
fn is_unprintable(word: u64) -> bool {
    const HIGH: u64 = repeated(0x80);
    // With the highest bit clear, no sum and no difference touches the next byte.
    let ascii = word & !HIGH;
    let at_least_space = ascii + repeated(0x80 - b' ');
    let beyond_tilde = ascii + repeated(0x7f - b'~');
    ((word | beyond_tilde | !at_least_space) & HIGH) != 0
}

fn has_byte(word: u64, byte: u8) -> bool {
    let difference = word ^ repeated(byte);
    difference.wrapping_sub(repeated(1)) & !difference & repeated(0x80) != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_byte_is_judged_at_each_place() {
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
