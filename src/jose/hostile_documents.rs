//! Tests of parsers with documents that only a hostile host would send.

use proptest::prelude::*;
use serde_json::Value;

use crate::jose::assertion::ISSUER_ALGS;
use crate::jose::external_jwks::{ExternalJwks, ExternalJwksError};

/// S-2: a remote JSON document that is not a key set is always an error.
#[test]
fn a_document_that_is_not_a_set_is_an_error() {
    let others = [
        "",
        "[]",
        "\"busy\"",
        "1",
        "-0.5",
        "true",
        "false",
        "null",
        "{}",
        "[[]]",
        "[{\"keys\":[]}]",
        "{\"keys\":null}",
        "{\"keys\":{}}",
        "{\"keys\":\"\"}",
        "{\"keys\":1}",
        "{\"keys\":[]",
        "<html>",
        "\u{feff}{\"keys\":[]}",
    ];
    for text in others {
        let fetched = ExternalJwks::fetched(text).map(|keys| keys.names());
        assert_eq!(fetched, Err(ExternalJwksError::NotASet), "{text}");
        assert!(ExternalJwks::registered(text, &ISSUER_ALGS).is_err(), "{text}");
        assert!(ExternalJwks::stored(text).is_err(), "{text}");
    }
    let odd = r#"{"keys":[[],"busy",1,true,null,{},{"kty":1},{"kty":"EC","crv":[]},{"alg":{}}]}"#;
    assert!(ExternalJwks::fetched(odd).expect("a set").names().is_empty());
    assert!(ExternalJwks::registered(odd, &ISSUER_ALGS).is_err());
}

/// Generates any JSON, much of it similar to a key set.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        "(EC|RSA|OKP|oct|P-256|P-521|Ed25519|sig|enc|ES256|RS256|HS256|EdDSA|AQAB)"
            .prop_map(Value::from),
        "[A-Za-z0-9_-]{0,90}".prop_map(Value::from),
    ];
    let name = prop_oneof!["(keys|kty|crv|x|y|n|e|d|k|alg|use|key_ops|kid|x5c|x5t)", "[ -~]{0,6}",];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// No remote document makes the parser panic.
    #[test]
    fn any_document_is_a_set_or_an_error(value in json(), bytes in any::<Vec<u8>>()) {
        let keys = serde_json::json!({ "keys": [value.clone()] });
        let several = serde_json::json!({ "keys": value.clone() });
        let texts = [
            value.to_string(), keys.to_string(), several.to_string(),
            String::from_utf8_lossy(&bytes).into_owned(),
        ];
        for text in texts {
            let _ = ExternalJwks::fetched(&text);
            let _ = ExternalJwks::registered(&text, &ISSUER_ALGS);
            let _ = ExternalJwks::stored(&text);
        }
    }
}
