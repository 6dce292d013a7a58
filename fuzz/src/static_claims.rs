//! The static claims of a client: a JSON object, or a NAME=VALUE pair on each line.

use serde_json::Value;

use super::input::text;
use super::subject::StaticClaims;

/// Names that tokens and introspection responses already use.
const OF_THE_SERVER: [&str; 8] = ["iss", "sub", "aud", "exp", "jti", "scope", "cnf", "active"];

/// Asserts that accepted claims keep their values and stay within the bounds.
pub fn fuzz(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let is_object = text.trim_start().starts_with('{');
    let read =
        if is_object { StaticClaims::parse(text) } else { StaticClaims::parse_pairs(text.lines()) };
    let claims = match read {
        Ok(claims) => claims,
        Err(error) => {
            let error = error.to_string();
            assert!(!error.contains(char::is_control), "a control character: {error:?}");
            return;
        }
    };
    let json = claims.json();
    let Ok(Value::Object(members)) = serde_json::from_str(&json) else {
        panic!("not an object: {json}");
    };
    if is_object {
        let given: Value = serde_json::from_str(text).expect("accepted JSON is JSON");
        assert_eq!(given, Value::Object(members.clone()), "a value has changed");
    } else {
        assert_eq!(members.len(), text.lines().count(), "a claim for each line");
    }
    assert!(members.len() <= 32 && json.len() <= 1024, "too large: {json}");
    for (name, value) in &members {
        let is_printable = name.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(is_printable && !name.is_empty(), "{name:?}");
        let is_taken = OF_THE_SERVER.iter().any(|taken| taken.eq_ignore_ascii_case(name));
        assert!(!is_taken, "{name} is reserved");
        check_value(value, 0);
    }
    assert_eq!(StaticClaims::parse(&json).as_ref(), Ok(&claims), "{json} does not read back");
    assert_eq!(StaticClaims::stored(&json).as_ref(), Ok(&claims), "stored claims are lost");
    let token = format!("{{\"iss\":0,{}}}", claims.members());
    let is_complete = members.is_empty() || serde_json::from_str::<Value>(&token).is_ok();
    assert!(is_complete, "not a token: {token}");
}

fn check_value(value: &Value, depth: usize) {
    assert!(depth <= 4, "too deep");
    match value {
        Value::Null => panic!("null was accepted"),
        Value::Bool(_) | Value::String(_) => {}
        Value::Number(number) => {
            let is_exact = number.as_i64().is_some_and(|whole| whole.unsigned_abs() < 1 << 53);
            assert!(is_exact, "{number} was accepted");
        }
        Value::Array(items) => items.iter().for_each(|item| check_value(item, depth + 1)),
        Value::Object(members) => members.values().for_each(|item| check_value(item, depth + 1)),
    }
}
