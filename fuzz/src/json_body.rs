//! The body of a token request as a JSON object.

use form_urlencoded::Serializer;
use serde_json::Value;

use super::input::text;
use super::subject::{Parameters, assert_parameters, assert_sendable};

/// Reads the input as JSON. An accepted object and a form with the same parameters are read alike.
pub fn fuzz(data: &[u8]) {
    let Some(body) = text(data) else { return };
    if let Err(error) = Parameters::from_json(body) {
        return assert_sendable(&error);
    }
    let Ok(Value::Object(members)) = serde_json::from_str(body) else {
        panic!("another text than a JSON object was accepted");
    };
    assert!(members.len() <= 64, "{} members", members.len());
    // Members that are not strings have names that the server does not know.
    let pairs: Vec<(String, String)> = members
        .into_iter()
        .map(|(name, value)| (name, value.as_str().unwrap_or_default().to_owned()))
        .collect();
    assert_parameters(|| Parameters::from_json(body).expect("the same body"), &pairs);
    let form = Serializer::new(String::new()).extend_pairs(&pairs).finish();
    assert_parameters(|| Parameters::from_form(&form).expect("the same parameters"), &pairs);
}
