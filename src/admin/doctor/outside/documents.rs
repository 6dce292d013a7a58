//! Checks of the metadata of a server: its issuer and its endpoints.

use serde_json::{Map, Value};
use url::Url;

use crate::admin::doctor::code::CheckCode;
use crate::admin::doctor::finding::{CheckState, Finding};
use crate::admin::doctor::fix::Fix;
use crate::admin::doctor::outside::{MAX_SHOWN, OPENID, json_object, text_of};
use crate::config::Issuer;
use crate::outbound::Probe;
use crate::telemetry;
use crate::text::escaping::escape_start;

/// The endpoints that every client or verifier needs.
const REQUIRED: [&str; 2] = ["token_endpoint", "jwks_uri"];

const OPTIONAL: [&str; 5] = [
    "authorization_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "revocation_list_uri",
    "check_endpoint",
];

/// Checks the metadata without further requests.
pub(super) fn examine(issuer: &Issuer, metadata: &Map<String, Value>) -> Vec<Finding> {
    let of_issuer = metadata_issuer(issuer, metadata);
    let of_endpoints = match of_issuer.state {
        CheckState::Ok => endpoints(issuer, metadata),
        _ => Finding::skipped(CheckCode::Endpoints, "the issuer in the metadata comes first"),
    };
    vec![of_issuer, of_endpoints]
}

/// Checks that the issuer in the metadata exactly matches the URL of the metadata (RFC 8414,
/// section 3.3).
fn metadata_issuer(issuer: &Issuer, metadata: &Map<String, Value>) -> Finding {
    let code = CheckCode::MetadataIssuer;
    match text_of(metadata, "issuer") {
        found if found == issuer.as_str() => Finding::ok(code, found),
        "" => Finding::error(code, "the metadata has no issuer", Fix::CompareIssuer),
        found => {
            let found = escape_start(found, MAX_SHOWN);
            Finding::error(code, format!("the metadata has the issuer {found}"), Fix::CompareIssuer)
        }
    }
}

fn endpoints(issuer: &Issuer, metadata: &Map<String, Value>) -> Finding {
    let code = CheckCode::Endpoints;
    let missing = REQUIRED.iter().filter(|name| text_of(metadata, name).is_empty());
    let mut problems: Vec<_> = missing.map(|name| format!("{name} is missing")).collect();
    let present = || REQUIRED.iter().chain(&OPTIONAL).filter(|name| metadata.contains_key(**name));
    for name in present() {
        let found = text_of(metadata, name);
        if !found.is_empty() && !is_below(issuer, found) {
            problems.push(format!("{name} is {}", escape_start(found, MAX_SHOWN)));
        }
    }
    if problems.is_empty() {
        return Finding::ok(code, format!("{} endpoints are below the issuer", present().count()));
    }
    let fix = "tokend makes every endpoint of `issuer`. Look for what changes or caches the metadata \
               between the server and here.";
    Finding::error(code, problems.join("; "), fix)
}

pub(super) fn is_below(issuer: &Issuer, url: &str) -> bool {
    url.strip_prefix(issuer.as_str()).is_some_and(|rest| rest.starts_with('/'))
}

/// Checks the document that OpenID Connect libraries read instead of the metadata.
pub(super) async fn openid_configuration(
    probe: &Probe,
    issuer: &Issuer,
    metadata: &Map<String, Value>,
) -> Finding {
    let code = CheckCode::OpenidConfiguration;
    let text = format!("{}/.well-known/{OPENID}", issuer.as_str());
    let Ok(url) = Url::parse(&text) else { return Finding::skipped(code, "the URL has no host") };
    let fix = "Forward /.well-known/openid-configuration to the public listener of tokend as well.";
    let answer = match probe.get(&url, &[]).await {
        Ok(answer) if answer.status == 404 => {
            return Finding::skipped(code, "it is not served");
        }
        Ok(answer) => answer,
        Err(error) => return Finding::warning(code, telemetry::with_causes(&error), fix),
    };
    let document = match json_object(&answer) {
        Ok(document) => document,
        Err(problem) => return Finding::warning(code, problem, fix),
    };
    let differs = |name: &&str| text_of(&document, name) != text_of(metadata, name);
    let others: Vec<_> =
        ["issuer", "token_endpoint", "jwks_uri"].into_iter().filter(differs).collect();
    if others.is_empty() {
        return Finding::ok(code, "it agrees with the metadata");
    }
    Finding::error(code, format!("it differs from the metadata in {}", others.join(", ")), fix)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn issuer() -> Issuer {
        Issuer::parse("https://id.example.com/t").expect("an issuer")
    }

    #[test]
    fn only_a_url_below_the_issuer_is_its_endpoint() {
        let base = issuer();
        for (endpoint, is_below_it) in [
            ("https://id.example.com/t/v1", true),
            ("https://id.example.com/tt/v1", false),
            ("https://id.example.com.evil.example/t/v1", false),
            ("http://id.example.com/t/v1", false),
        ] {
            assert_eq!(is_below(&base, endpoint), is_below_it, "{endpoint}");
        }
    }

    #[test]
    fn metadata_of_another_issuer_or_without_a_key_set_is_an_error() {
        let states = |document: Value| {
            let Value::Object(document) = document else { panic!("an object") };
            examine(&issuer(), &document).iter().map(|finding| finding.state).collect::<Vec<_>>()
        };
        let good = json!({
            "issuer": "https://id.example.com/t",
            "token_endpoint": "https://id.example.com/t/token",
            "jwks_uri": "https://id.example.com/t/jwks",
        });
        assert_eq!(states(good.clone()), [CheckState::Ok, CheckState::Ok]);
        let mut other = good.clone();
        other["issuer"] = json!("https://id.example.com/t/");
        assert_eq!(states(other), [CheckState::Error, CheckState::Skipped]);
        let mut other = good.clone();
        other["check_endpoint"] = json!("http://10.0.0.7:8080/v1/oauth/check");
        assert_eq!(states(other), [CheckState::Ok, CheckState::Error]);
        let mut other = good;
        other["jwks_uri"] = json!(7);
        assert_eq!(states(other), [CheckState::Ok, CheckState::Error]);
        assert_eq!(states(json!({})), [CheckState::Error, CheckState::Skipped]);
    }
}
