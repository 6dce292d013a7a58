//! Formats numbers with their nouns.

use std::fmt::Display;

/// Returns the singular for 1, otherwise the plural.
pub fn noun<'a, N: Copy + PartialEq + From<u8>>(count: N, one: &'a str, many: &'a str) -> &'a str {
    if count == N::from(1) { one } else { many }
}

/// Returns a number with its noun: `1 use`, `2 uses`.
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(
    count: N,
    one: &str,
    many: &str,
) -> String {
    format!("{count} {}", noun(count, one, many))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_uses_the_singular() {
        let uses = [0_i64, 1, 2].map(|count| counted(count, "use", "uses"));
        assert_eq!(uses, ["0 uses", "1 use", "2 uses"]);
        assert_eq!(noun(1_usize, "key", "keys"), "key");
    }
}
