//! Tests which claims are accepted, and the errors for others.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::reserved_claims::{OF_THE_SERVER, REGISTERED};

/// The registered names that may be set: the authorization claims of RFC 9068, section 2.2.3.1, and
/// the profile claims of OpenID Connect Core 1.0, section 5.1.
const SETTABLE: [&str; 22] = [
    "roles",
    "groups",
    "entitlements",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
];

/// The "Last Updated" date of the registry, which then had 163 names.
const REGISTRY_DATE: &str = "2026-07-20";

/// True if an error has the expected reason.
type IsExpected = fn(&ClaimsError) -> bool;

fn pairs(texts: &[&str]) -> Result<StaticClaims, ClaimsError> {
    StaticClaims::parse_pairs(texts.iter().copied())
}

#[test]
fn a_value_has_the_type_that_json_gives_it() {
    let texts = [
        "a=acme",
        "b=true",
        "c=1",
        "d=\"1\"",
        "e=[\"x\",2]",
        "f={\"k\":false}",
        "g=a=b",
        "h=True",
        "i=01",
        "j= -7 ",
        "k=tab\tand é",
    ];
    let expected = json!({
        "a": "acme", "b": true, "c": 1, "d": "1", "e": ["x", 2], "f": {"k": false}, "g": "a=b",
        "h": "True", "i": "01", "j": -7, "k": "tab\tand é",
    });
    let claims = pairs(&texts).expect("claims");
    assert_eq!(json!(claims), expected);
    assert_eq!(StaticClaims::parse(&expected.to_string()), Ok(claims.clone()));
    assert_eq!(StaticClaims::stored(&claims.json()), Ok(claims));
}

#[test]
fn a_text_that_is_not_a_claim_is_rejected_by_its_reason() {
    let cases: [(&str, IsExpected); 18] = [
        ("tenant", |error| matches!(error, ClaimsError::NotAPair(_))),
        ("tenant=", |error| matches!(error, ClaimsError::NotAPair(_))),
        ("tenant=  ", |error| matches!(error, ClaimsError::NotAPair(_))),
        ("=acme", |error| matches!(error, ClaimsError::Name(_))),
        ("a b=1", |error| matches!(error, ClaimsError::Name(_))),
        ("t\u{e9}nant=1", |error| matches!(error, ClaimsError::Name(_))),
        ("a=[1", |error| matches!(error, ClaimsError::NotJson { .. })),
        ("a=\"x", |error| matches!(error, ClaimsError::NotJson { .. })),
        ("a={'k':1}", |error| matches!(error, ClaimsError::NotJson { .. })),
        ("a=null", |error| matches!(error, ClaimsError::Null(_))),
        ("a=[{\"b\":null}]", |error| matches!(error, ClaimsError::Null(_))),
        ("a=1.5", |error| matches!(error, ClaimsError::Number { .. })),
        ("a=1.0", |error| matches!(error, ClaimsError::Number { .. })),
        ("a=1e3", |error| matches!(error, ClaimsError::Number { .. })),
        ("a=1e999", |error| matches!(error, ClaimsError::Number { .. })),
        ("a=-0", |error| matches!(error, ClaimsError::Number { .. })),
        ("a=[9007199254740992]", |error| matches!(error, ClaimsError::Number { .. })),
        ("a={\"k\":1,\"k\":1}", |error| matches!(error, ClaimsError::Duplicate { .. })),
    ];
    for (text, is_expected) in cases {
        let error = pairs(&[text]).expect_err(text);
        assert!(is_expected(&error), "{text}: {error:?}");
    }
    let twice = pairs(&["a=1", "a=2"]).expect_err("a duplicate");
    assert_eq!(twice.to_string(), "claim 'a': 'a' is given twice; each name is allowed once");
    let number = pairs(&["rate=0.25"]).expect_err("a fraction");
    assert_eq!(
        number.to_string(),
        "claim 'rate': 0.25 is not a whole number from -9007199254740991 to 9007199254740991; give \
         it as a string: \"0.25\""
    );
    for json in ["", "[]", "7", "{", "{\"a\":1} x", "{\"a\":1,\"a\":1}", "{\"a\":null}"] {
        assert!(StaticClaims::parse(json).is_err(), "{json}");
    }
}

/// The limits that the documentation states.
#[test]
fn each_bound_is_exact() {
    let max = StaticClaims::MAX_INTEGER;
    assert!(pairs(&[&format!("a={max}"), &format!("b=-{max}")]).is_ok());
    assert!(pairs(&[&format!("b=-{}", max + 1)]).is_err());
    assert!(pairs(&["a=[[[[1]]]]"]).is_ok());
    assert_eq!(pairs(&["a=[[[[[]]]]]"]), Err(ClaimsError::Depth("a".to_owned())));
    let many = |count: usize| {
        let texts: Vec<_> = (0..count).map(|number| format!("n{number}=1")).collect();
        StaticClaims::parse_pairs(texts.iter().map(String::as_str))
    };
    assert!(many(32).is_ok());
    assert_eq!(many(33), Err(ClaimsError::Names(33)));
    // With a name of one letter, the braces, quotes, colon and name take eight bytes.
    let long = |bytes: usize| pairs(&[&format!("a={}", "é".repeat((bytes - 8) / 2))]);
    assert_eq!(long(1024).expect("claims").json().len(), 1024);
    assert_eq!(long(1026), Err(ClaimsError::Bytes(1026)));
    let name = "n".repeat(128);
    assert!(pairs(&[&format!("{name}=1")]).is_ok());
    assert!(pairs(&[&format!("{name}n=1")]).is_err());
    assert!(StaticClaims::parse(&format!("{{{}}}", " ".repeat(20_000))).is_err());
}

#[test]
fn each_reserved_name_is_rejected_in_any_case() {
    for name in OF_THE_SERVER.into_iter().chain(REGISTERED) {
        for name in [name.to_owned(), name.to_ascii_uppercase()] {
            let error = pairs(&[&format!("{name}=1")]).expect_err(&name);
            assert_eq!(error, ClaimsError::Reserved(name));
        }
    }
    for name in SETTABLE {
        assert!(pairs(&[&format!("{name}=x")]).is_ok(), "{name}");
    }
}

/// Together, the lists contain each name of the registry once: 163 names at its date.
#[test]
fn the_lists_contain_each_registered_name_once() {
    let unregistered = ["evt", "scp", "active", "token_type", "username", "test"];
    let all = OF_THE_SERVER.into_iter().chain(REGISTERED).chain(SETTABLE);
    let registered: Vec<_> = all.filter(|name| !unregistered.contains(name)).collect();
    let distinct: BTreeSet<_> = registered.iter().map(|name| name.to_ascii_lowercase()).collect();
    assert_eq!((registered.len(), distinct.len()), (163, 163));
}

/// A grant replaces a claim of the client as a whole: objects are not merged.
#[test]
fn claims_are_merged_by_name() {
    let client = pairs(&["tenant=acme", "limits={\"a\":1,\"b\":2}"]).expect("claims");
    let grant = pairs(&["limits={\"a\":3}", "roles=[\"reader\"]"]).expect("claims");
    let expected = json!({"tenant": "acme", "limits": {"a": 3}, "roles": ["reader"]});
    assert_eq!(json!(client.merged(&grant)), expected);
    let edited =
        client.merged(&grant).edited(&pairs(&["x=1"]).expect("one"), &["limits".to_owned()]);
    assert_eq!(json!(edited), json!({"tenant": "acme", "roles": ["reader"], "x": 1}));
    assert_eq!(&*pairs(&["a=1", "b=\"x\""]).expect("claims").members(), "\"a\":1,\"b\":\"x\"");
    assert_eq!(&*StaticClaims::default().members(), "");
}

/// A longer list in a later version does not remove stored claims, except those that the server
/// writes.
#[test]
fn stored_claims_stay_readable() {
    let stored = StaticClaims::stored("{\"vct\":1.5,\"ttl\":null,\"scope\":\"all\"}");
    assert_eq!(json!(stored.expect("claims")), json!({"vct": 1.5, "ttl": null}));
    assert!(StaticClaims::stored("[1]").is_err());
}

/// Generates JSON of any shape, including deeper and larger values than claims may have.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

proptest! {
    #[test]
    fn accepted_claims_round_trip_within_their_bounds(value in any_json()) {
        let text = value.to_string();
        match StaticClaims::parse(&text) {
            Ok(claims) => {
                prop_assert_eq!(json!(claims), value.clone());
                prop_assert!(claims.json().len() <= StaticClaims::MAX_BYTES);
                prop_assert!(depth(&value) <= StaticClaims::MAX_DEPTH + 1);
                prop_assert!(!text.contains("null") || text.contains("null\"") || text.contains("\"null"));
                prop_assert_eq!(StaticClaims::parse(&claims.json()), Ok(claims.clone()));
                prop_assert_eq!(StaticClaims::stored(&claims.json()), Ok(claims));
            }
            Err(error) => prop_assert!(!error.to_string().contains(char::is_control)),
        }
    }

    #[test]
    fn any_pair_is_read_or_rejected(text in "\\PC{0,80}") {
        if let Ok(claims) = StaticClaims::parse_pairs([text.as_str()].into_iter()) {
            prop_assert_eq!(claims.iter().count(), 1);
        }
    }
}

/// The page lists all reserved names in the order of the code.
#[test]
fn the_page_has_the_closed_list() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/claims.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let list = |heading: &str| -> Vec<String> {
        let section = page.split_once(&format!("\n### {heading}\n")).expect("a heading").1;
        let section = section.split("\n#").next().unwrap_or_default();
        let block = section.split("```").nth(1).expect("a list");
        block.trim_start_matches("text").split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(list("Names of the server"), OF_THE_SERVER);
    assert_eq!(list("Registered names"), REGISTERED);
    // The first three names are in the text of the page, the others in the block.
    assert_eq!(list("Registered names that can be set"), SETTABLE[3..]);
    assert!(page.contains(&format!("as of {REGISTRY_DATE}, its 163 names")));
}
