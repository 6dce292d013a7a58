//! Base62 encoding: 32 bytes as 43 letters and digits, so that a secret needs no escaping anywhere.

/// The length of 32 bytes in base62.
pub const LENGTH: usize = 43;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Encodes a 256-bit number, most significant digit first.
pub fn encode(bytes: &[u8; 32]) -> String {
    let mut number = *bytes;
    let mut digits = [b'0'; LENGTH];
    for place in digits.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = (remainder << 8) | u32::from(*byte);
            *byte = (value / 62).to_le_bytes()[0];
            remainder = value % 62;
        }
        *place = DIGITS[remainder as usize];
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// Decodes the output of [`encode`]; `None` for another length, another character, or a number of
/// more than 256 bits.
pub fn decode(text: &str) -> Option<[u8; 32]> {
    if text.len() != LENGTH {
        return None;
    }
    let mut number = [0_u8; 32];
    for digit in text.bytes() {
        let mut carry = value_of(digit)?;
        for byte in number.iter_mut().rev() {
            let value = u32::from(*byte) * 62 + carry;
            *byte = value.to_le_bytes()[0];
            carry = value >> 8;
        }
        if carry > 0 {
            return None;
        }
    }
    Some(number)
}

/// Encodes a 32-bit number as six digits, which is enough for all of them.
pub fn encode_u32(mut number: u32) -> [u8; 6] {
    let mut digits = [b'0'; 6];
    for place in digits.iter_mut().rev() {
        *place = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    digits
}

/// Encodes the last ten digits of a 64-bit number, which hold 59 of its bits.
pub fn encode_u64(mut number: u64) -> [u8; 10] {
    let mut digits = [b'0'; 10];
    for place in digits.iter_mut().rev() {
        *place = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    digits
}

fn value_of(digit: u8) -> Option<u32> {
    match digit {
        b'0'..=b'9' => Some(u32::from(digit - b'0')),
        b'A'..=b'Z' => Some(u32::from(digit - b'A') + 10),
        b'a'..=b'z' => Some(u32::from(digit - b'a') + 36),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_limits_of_the_range_round_trip_and_overflow_is_rejected() {
        for bytes in [[0_u8; 32], [0xFF; 32]] {
            assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
        assert_eq!(decode(&"z".repeat(LENGTH)), None);
        assert_eq!(encode_u32(u32::MAX), *b"4gfFC3");
    }

    proptest! {
        #[test]
        fn every_number_round_trips(bytes: [u8; 32]) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }

        #[test]
        fn any_text_is_read_or_rejected(text in ".{0,60}") {
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
