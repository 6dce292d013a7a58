//! Members that a JSON text has twice. RFC 8259 leaves open which of them a reader takes, so a change
//! with such a member is not what another program read.

use std::borrow::Cow;
use std::collections::HashSet;

/// What surrounds a place in the text.
enum Frame<'a> {
    /// An object, with the names of its members so far.
    Object { names: HashSet<Cow<'a, str>>, last: Cow<'a, str> },
    /// An array, with the index of the element.
    Array(usize),
}

/// The first member that its object has twice, as a JSON pointer (RFC 6901). The text is valid JSON.
pub(super) fn pointer(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut frames: Vec<Frame<'_>> = Vec::new();
    let (mut place, mut is_name) = (0, false);
    while let Some(byte) = bytes.get(place) {
        place += 1;
        match byte {
            b'{' => {
                frames.push(Frame::Object { names: HashSet::new(), last: Cow::Borrowed("") });
                is_name = true;
            }
            b'[' => {
                frames.push(Frame::Array(0));
                is_name = false;
            }
            b'}' | b']' => {
                frames.pop();
                is_name = false;
            }
            b',' => match frames.last_mut() {
                Some(Frame::Array(index)) => *index += 1,
                Some(Frame::Object { .. }) => is_name = true,
                None => {}
            },
            b'"' => {
                let end = end_of_string(bytes, place);
                if is_name && let Some(Frame::Object { names, last }) = frames.last_mut() {
                    *last = unescaped(&text[place - 1..=end]);
                    if !names.insert(last.clone()) {
                        return Some(written(&frames));
                    }
                }
                is_name = false;
                place = end + 1;
            }
            _ => {}
        }
    }
    None
}

/// The place of the quote that ends a string, whose first character is at `place`.
fn end_of_string(bytes: &[u8], mut place: usize) -> usize {
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'"' => return place,
            b'\\' => place += 2,
            _ => place += 1,
        }
    }
    bytes.len().saturating_sub(1)
}

/// A name without its quotes. Two names are the same whether or not they are escaped.
fn unescaped(quoted: &str) -> Cow<'_, str> {
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    if inner.contains('\\') {
        Cow::Owned(serde_json::from_str(quoted).unwrap_or_default())
    } else {
        Cow::Borrowed(inner)
    }
}

fn written(frames: &[Frame<'_>]) -> String {
    let mut pointer = String::new();
    for frame in frames {
        pointer.push('/');
        match frame {
            Frame::Object { last, .. } => {
                pointer.push_str(&last.replace('~', "~0").replace('/', "~1"));
            }
            Frame::Array(index) => pointer.push_str(&index.to_string()),
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::pointer;

    #[test]
    fn a_member_that_an_object_has_twice_is_found() {
        for (text, found) in [
            (r#"{"a":1,"a":2}"#, Some("/a")),
            (r#"{"a":1,"\u0061":2}"#, Some("/a")),
            (r#"{"a":[{"b":1},{"b":1,"c":[1,2],"b":2}]}"#, Some("/a/1/b")),
            (r#"{"a":{"b/~":"x","b/~":[]}}"#, Some("/a/b~1~0")),
            (r#"{ "a" : "x,\"a\":1" , "a" : 1e400 }"#, Some("/a")),
            (r#"{"":1,"":1}"#, Some("/")),
            (r#"{"a":{"a":{"a":["a","a"]}},"b":"a"}"#, None),
            (r#"[{"a":1},{"a":1},"a","a"]"#, None),
            (r#"{"a\\":1,"a":"\\","b":"{\"a\":1"}"#, None),
            ("1e400", None),
        ] {
            assert_eq!(pointer(text).as_deref(), found, "{text}");
        }
    }
}
