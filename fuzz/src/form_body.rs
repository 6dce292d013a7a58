//! The body of a token request as a form.

use form_urlencoded::Serializer;
use serde_json::{Map, Value};

use super::input::text;
use super::subject::{Parameters, assert_parameters, assert_sendable};

/// Reads the input as a form. An accepted form and a JSON object with the same parameters are read
/// alike.
pub fn fuzz(data: &[u8]) {
    let Some(body) = text(data) else { return };
    if let Err(error) = Parameters::from_form(body) {
        return assert_sendable(&error);
    }
    let pairs: Vec<(String, String)> = form_urlencoded::parse(data).into_owned().collect();
    assert!(pairs.len() <= 64, "{} parameters", pairs.len());
    let again = Serializer::new(String::new()).extend_pairs(&pairs).finish();
    for form in [body, &again] {
        assert_parameters(|| Parameters::from_form(form).expect("the same form"), &pairs);
    }
    let members: Map<String, Value> =
        pairs.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    if members.len() == pairs.len() {
        let json = Value::Object(members).to_string();
        assert_parameters(|| Parameters::from_json(&json).expect("the same parameters"), &pairs);
    }
}
