//! Escaping of characters that reorder or hide surrounding text.

use crate::text::escaping;

/// The start and end of form fields, whose text must stay unchanged because the form sends it back.
/// Untrusted text cannot contain quotes or angle brackets there.
const FIELDS: [(&str, &str); 2] = [(" value=\"", "\""), ("<textarea", "</textarea")];

/// Escapes hidden characters in the texts of a page, for example as `\u{202e}`.
pub(in crate::web::console) fn escape_hidden_characters(html: String) -> String {
    let is_hidden = |c: char| escaping::is_unsafe(c) && !matches!(c, '\n' | '\r' | '\t');
    if !html.contains(is_hidden) {
        return html;
    }
    let (mut shown, mut rest) = (String::with_capacity(html.len() + 64), html.as_str());
    while !rest.is_empty() {
        let fields = FIELDS
            .iter()
            .filter_map(|(start, end)| rest.find(start).map(|place| (place + start.len(), *end)));
        let (place, end) = fields.min().unwrap_or((rest.len(), ""));
        let (text, field) = rest.split_at(place);
        for c in text.chars() {
            if is_hidden(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
        }
        let (kept, after) = field.split_at(field.find(end).unwrap_or(field.len()));
        shown.push_str(kept);
        rest = after;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::escape_hidden_characters;

    #[test]
    fn a_text_is_shown_with_its_hidden_characters_and_a_field_keeps_them() {
        let html = "<p title=\"a\u{202e}\">\u{200b}\n\t\u{1f600}\u{202f}</p>\
                    <input value=\"b\u{202e}\"><textarea rows=\"2\">c\u{202e}</textarea>\u{feff}";
        assert_eq!(
            escape_hidden_characters(html.to_owned()),
            "<p title=\"a\\u{202e}\">\\u{200b}\n\t\u{1f600}\u{202f}</p>\
             <input value=\"b\u{202e}\"><textarea rows=\"2\">c\u{202e}</textarea>\\u{feff}"
        );
        assert_eq!(escape_hidden_characters("<p>Größe</p>".to_owned()), "<p>Größe</p>");
    }
}
