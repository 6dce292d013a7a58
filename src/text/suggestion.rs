//! Suggests the known name that a mistyped one resembles.

/// Returns the member of `known` that is nearest to `text`, if it is near enough. The maximum edit
/// distance is a third of the length of `text`, but at least three.
pub fn nearest(text: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let max_distance = (text.chars().count() / 3).max(3);
    known
        .map(|name| (strsim::damerau_levenshtein(&name, text), name))
        .filter(|(distance, name)| *distance <= max_distance && *distance < name.chars().count())
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_gets_a_suggestion_and_another_word_gets_none() {
        let known = ["https://orders.example.com", "https://invoices.example.com", "read"];
        let nearest = |text: &str| nearest(text, known.iter().map(|name| (*name).to_owned()));
        assert_eq!(nearest("https://order.example.com").as_deref(), Some(known[0]));
        assert_eq!(nearest("raed").as_deref(), Some("read"));
        assert_eq!(nearest("x"), None);
    }
}
