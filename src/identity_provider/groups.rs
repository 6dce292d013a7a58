//! Groups of a person, from the claims of the provider.

use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{HeaderMap, Method};
use serde_json::{Map, Value};
use url::Url;

use crate::identity_provider::SignInError;
use crate::identity_provider::exchange::ExchangedTokens;
use crate::model::person::Person;
use crate::model::trust;
use crate::outbound::ProviderClient;
use crate::telemetry;

/// Reads the groups in a claim, which is an array of strings or one string. `None` if the claim is
/// absent or has another type. Empty and too long names are omitted.
pub(super) fn read(claims: &Value, claim: &str) -> Option<Vec<String>> {
    let is_name = |name: &&str| !name.is_empty() && name.len() <= Person::MAX_GROUP_BYTES;
    match trust::lookup(claims, claim)? {
        Value::String(name) => {
            Some([name.as_str()].into_iter().filter(is_name).map(str::to_owned).collect())
        }
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str).filter(is_name);
            Some(names.map(str::to_owned).collect())
        }
        _ => None,
    }
}

/// Fetches the claims of the `UserInfo` endpoint, which must be of the same person (OpenID Connect
/// Core, section 5.3).
pub(super) async fn user_info(
    client: &ProviderClient,
    url: &Url,
    tokens: &ExchangedTokens,
    subject: &str,
) -> Result<Value, SignInError> {
    let problem = |what: &str| SignInError::UserInfo(what.to_owned());
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", tokens.access_token()))
        .map_err(|_| problem("the access token is not a header"))?;
    bearer.set_sensitive(true);
    let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
    let answer = client.send(Method::GET, url.as_str(), &headers, Vec::new()).await;
    let answer = answer.map_err(|error| SignInError::UserInfo(telemetry::with_causes(&error)))?;
    if answer.status != 200 {
        return Err(SignInError::UserInfo(format!("it answered with status {}", answer.status)));
    }
    // The message of the parser may contain claims of the person.
    let claims: Map<String, Value> = serde_json::from_str(&answer.body)
        .map_err(|_| problem("it did not answer with a JSON object"))?;
    if claims.get("sub").and_then(Value::as_str) != Some(subject) {
        return Err(problem("its sub is not that of the ID token"));
    }
    Ok(Value::Object(claims))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_are_a_list_of_texts_or_one_text() {
        let groups = |claims: Value, claim: &str| read(&claims, claim);
        let two = Some(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(groups(json!({ "groups": ["a", "b"] }), "groups"), two);
        assert_eq!(groups(json!({ "groups": ["a", 7, null, ["c"], "", "b"] }), "groups"), two);
        assert_eq!(groups(json!({ "groups": "a" }), "groups"), Some(vec!["a".to_owned()]));
        assert_eq!(groups(json!({ "groups": [] }), "groups"), Some(Vec::new()));
        assert_eq!(groups(json!({ "groups": ["x".repeat(513)] }), "groups"), Some(Vec::new()));
        let roles = json!({ "realm_access": { "roles": ["a", "b"] } });
        assert_eq!(groups(roles, "/realm_access/roles"), two);
        let namespaced = json!({ "https://a.example/groups": ["a", "b"] });
        assert_eq!(groups(namespaced, "https://a.example/groups"), two);
        for absent in [json!({}), json!({ "groups": null }), json!({ "groups": { "a": true } })] {
            assert_eq!(groups(absent, "groups"), None);
        }
    }
}
