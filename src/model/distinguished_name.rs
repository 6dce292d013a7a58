//! Distinguished names (RFC 4514), parsed so that different spellings of one name are equal.

/// A name: its parts in the order of the text, each with its pairs of type and value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistinguishedName(Vec<Vec<(String, Vec<u8>)>>);

/// The canonical names of attribute types and their aliases. RFC 4514 uses object identifiers for
/// most types, and programs differ in the names of the others.
const KINDS: [(&str, &[&str]); 14] = [
    ("CN", &["2.5.4.3", "COMMONNAME"]),
    ("SURNAME", &["2.5.4.4", "SN"]),
    ("SERIALNUMBER", &["2.5.4.5"]),
    ("C", &["2.5.4.6", "COUNTRYNAME"]),
    ("L", &["2.5.4.7", "LOCALITYNAME"]),
    ("ST", &["2.5.4.8", "S", "STATEORPROVINCENAME"]),
    ("STREET", &["2.5.4.9", "STREETADDRESS"]),
    ("O", &["2.5.4.10", "ORGANIZATIONNAME"]),
    ("OU", &["2.5.4.11", "ORGANIZATIONALUNITNAME", "ORGANIZATIONALUNIT"]),
    ("TITLE", &["2.5.4.12"]),
    ("GIVENNAME", &["2.5.4.42", "GN"]),
    ("DC", &["0.9.2342.19200300.100.1.25", "DOMAINCOMPONENT"]),
    ("UID", &["0.9.2342.19200300.100.1.1", "USERID"]),
    ("EMAIL", &["1.2.840.113549.1.9.1", "E", "EMAILADDRESS"]),
];

impl DistinguishedName {
    /// Parses a name such as `CN=worker,O=Acme`; `None` if a part lacks its type or value.
    pub fn parse(text: &str) -> Option<Self> {
        let part = |part: &str| {
            let pairs = split(part, '+').into_iter().map(pair);
            let mut pairs = pairs.collect::<Option<Vec<_>>>()?;
            // The pairs form a set, so their order does not matter.
            pairs.sort();
            Some(pairs)
        };
        split(text, ',').into_iter().map(part).collect::<Option<_>>().map(Self)
    }
}

/// Splits at each separator that is not escaped.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut is_escaped) = (0, false);
    for (position, character) in text.char_indices() {
        if character == separator && !is_escaped {
            pieces.push(&text[start..position]);
            start = position + character.len_utf8();
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    pieces.push(&text[start..]);
    pieces
}

fn pair(text: &str) -> Option<(String, Vec<u8>)> {
    let (kind, value) = text.split_once('=')?;
    let kind = kind.trim_matches(' ').to_ascii_uppercase();
    let known = KINDS.iter().find(|(name, others)| *name == kind || others.contains(&&*kind));
    let kind = known.map_or(kind, |(name, _)| (*name).to_owned());
    // Only unescaped spaces around the value are ignored. Other white space is part of it.
    let value = unescaped(value.trim_start_matches(' '))?;
    (!kind.is_empty() && !value.is_empty()).then_some((kind, value))
}

/// Removes escapes from a value (RFC 4514, section 2.4). A backslash and two hexadecimal digits
/// encode a byte; a backslash and any other character encode that character.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    let (mut value, mut kept, mut position) = (Vec::new(), 0, 0);
    while let Some(byte) = bytes.get(position) {
        if *byte == b'\\' {
            let two = text.get(position + 1..position + 3);
            let hex = two.filter(|two| two.bytes().all(|byte| byte.is_ascii_hexdigit()));
            if let Some(hex) = hex {
                value.push(u8::from_str_radix(hex, 16).ok()?);
                position += 3;
            } else {
                value.push(*bytes.get(position + 1)?);
                position += 2;
            }
            kept = value.len();
        } else {
            value.push(*byte);
            position += 1;
            if *byte != b' ' {
                kept = value.len();
            }
        }
    }
    value.truncate(kept);
    Some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> DistinguishedName {
        DistinguishedName::parse(text).unwrap_or_else(|| panic!("{text} was rejected"))
    }

    #[test]
    fn spellings_of_one_name_are_equal() {
        for (one, other) in [
            ("CN=a,O=b c", "cn=a, O=b c"),
            (r"O=Acme\, Inc.", r"O=Acme\2C Inc."),
            ("CN=M\u{fc}nchen", r"CN=M\C3\BCnchen"),
            ("emailAddress=a@b.example,CN=a", "Email=a@b.example,2.5.4.3=a"),
            ("street=x", "2.5.4.9=x"),
            ("CN=a+OU=b,O=c", "OU=b+CN=a,O=c"),
            ("CN=a ,O=b", "CN=a,O=b"),
            (r"CN=a\=b", r"CN=a\3Db"),
        ] {
            assert_eq!(name(one), name(other));
        }
    }

    #[test]
    fn names_that_only_look_alike_are_not() {
        for (one, other) in [
            ("CN=a,O=b", "O=b,CN=a"),
            ("CN=a", "CN=A"),
            ("CN=a", "CN=\u{a0}a"),
            ("CN=a", "CN=\ta"),
            ("CN=a", r"CN=\ a"),
            (r"CN=a\,O=b", "CN=a,O=b"),
            ("CN=a+OU=b", "CN=a,OU=b"),
            (r"CN=a\\,O=b", r"CN=a\,O=b"),
        ] {
            assert_ne!(name(one), name(other));
        }
    }

    #[test]
    fn an_invalid_name_is_rejected() {
        for bad in ["", "worker", "CN=", "CN= ", "=a", "CN=a,", "CN=a,O=", r"CN=a\"] {
            assert!(DistinguishedName::parse(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"\PC{0,40}|[A-Z=+,\\ 0-9a-f]{0,40}") {
            let _ = DistinguishedName::parse(&text);
        }
    }
}
