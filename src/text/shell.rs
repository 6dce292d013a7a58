//! Quoting for shell commands that a person copies.

/// Quotes a text as one word of a POSIX shell, if it needs quotes.
pub fn quote(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:-@=".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_a_shell_would_interpret_are_quoted() {
        for plain in ["repo:acme@1/api@2:x", "/tmp/tokend-a_1"] {
            assert_eq!(quote(plain), plain);
        }
        for (text, quoted) in [("", "''"), ("a*", "'a*'"), ("a b", "'a b'"), ("it's", r"'it'\''s'")]
        {
            assert_eq!(quote(text), quoted);
        }
    }
}
