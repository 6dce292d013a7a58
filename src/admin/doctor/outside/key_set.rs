//! Checks of the key set of a server: the usability of its keys for verifiers, and its cache
//! lifetime.

use serde_json::{Map, Value};
use url::Url;

use crate::admin::doctor::code::CheckCode;
use crate::admin::doctor::finding::Finding;
use crate::admin::doctor::first_of;
use crate::admin::doctor::fix::Fix;
use crate::admin::doctor::outside::{MAX_SHOWN, documents, json_object, text_of};
use crate::config::Issuer;
use crate::jose::external_jwks::{ExternalJwks, ExternalJwksError};
use crate::outbound::{Probe, ProbeAnswer};
use crate::telemetry;
use crate::text::escaping::escape_start;

/// The maximum time for which verifiers may cache the key set, in seconds. A new key is published a
/// day before it signs (`keys.publish_before`).
const MAX_CACHE_SECONDS: u64 = 86_400;

/// The maximum number of keys that a finding names.
const MAX_NAMED: usize = 4;

/// Fetches and checks the key set at the `jwks_uri` of the metadata.
pub(super) async fn examine(
    probe: &Probe,
    issuer: &Issuer,
    metadata: &Map<String, Value>,
) -> Vec<Finding> {
    let place = text_of(metadata, "jwks_uri");
    let skipped = |reason: &str| vec![Finding::skipped(CheckCode::KeySet, reason)];
    // A document of an untrusted server must not make this machine connect to another host.
    if !documents::is_below(issuer, place) {
        return skipped("jwks_uri is not below the issuer");
    }
    let Ok(url) = Url::parse(place) else { return skipped("jwks_uri is not a URL") };
    let fix = "Forward the path of jwks_uri to the public listener of tokend. Without the key set no \
               verifier accepts a token.";
    let answer = match probe.get(&url, &[]).await {
        Ok(answer) => answer,
        Err(error) => {
            let text = telemetry::with_causes(&error);
            return vec![Finding::error(CheckCode::KeySet, text, fix)];
        }
    };
    if let Err(problem) = json_object(&answer) {
        return vec![Finding::error(CheckCode::KeySet, problem, fix)];
    }
    vec![keys(&answer.body), cache(&answer)]
}

fn keys(text: &str) -> Finding {
    let code = CheckCode::KeySet;
    let keys = match ExternalJwks::examine(text) {
        Ok(keys) => keys,
        Err(problem @ ExternalJwksError::HasPrivatePart(_)) => {
            let fix = "tokend never publishes a private key: another program answers here. Take it \
                       down, and treat the key as leaked.";
            return Finding::error(code, problem.to_string(), fix);
        }
        Err(problem) => {
            let fix = "Another program answers at jwks_uri. Forward it to tokend.";
            return Finding::error(code, problem.to_string(), fix);
        }
    };
    let shown = |text: &str| escape_start(text, MAX_SHOWN);
    let (mut usable, mut unusable) = (Vec::new(), Vec::new());
    for (kid, outcome) in &keys {
        match outcome {
            Ok(algorithms) => usable.push(format!("{} {}", algorithms, shown(kid))),
            Err(problem) => unusable.push(format!("{}: {problem}", shown(kid))),
        }
    }
    match (usable.is_empty(), unusable.is_empty()) {
        (true, _) => Finding::error(
            code,
            "the key set has no key that verifiers can use",
            Fix::FindPublishedKeys,
        ),
        (false, true) => Finding::ok(code, first_of(&usable, MAX_NAMED)),
        (false, false) => Finding::warning(
            code,
            format!("keys that verifiers cannot use: {}", first_of(&unusable, MAX_NAMED)),
            "Look for what changes the key set between the server and here.",
        ),
    }
}

/// Checks `Cache-Control`. Without a limit each verifier chooses one, and without a cache each
/// token costs a request.
fn cache(answer: &ProbeAnswer) -> Finding {
    let values = answer.headers.get_all("cache-control").iter();
    let text: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
    cacheability(&text.join(", "))
}

fn cacheability(text: &str) -> Finding {
    let code = CheckCode::KeySetCache;
    let fix = "Let the proxy pass Cache-Control of tokend on: public, max-age=300.";
    let directives: Vec<_> = text.split(',').map(|part| part.trim().to_ascii_lowercase()).collect();
    let has = |name: &str| directives.iter().any(|directive| directive == name);
    let max_age = directives
        .iter()
        .find_map(|directive| directive.strip_prefix("max-age="))
        .and_then(|seconds| seconds.trim_matches('"').parse::<u64>().ok());
    let shown = escape_start(text, MAX_SHOWN);
    match max_age {
        _ if text.is_empty() => Finding::warning(code, "the answer has no Cache-Control", fix),
        _ if has("no-store") || has("private") || has("no-cache") => {
            Finding::warning(code, format!("verifiers may not cache it: {shown}"), fix)
        }
        None | Some(0) => Finding::warning(code, format!("it has no max-age: {shown}"), fix),
        Some(seconds) if seconds > MAX_CACHE_SECONDS => Finding::warning(
            code,
            format!("verifiers may cache it for {seconds} s: a new key signs before they know it"),
            fix,
        ),
        Some(seconds) => Finding::ok(code, format!("verifiers may cache it for {seconds} s")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::finding::CheckState;

    #[test]
    fn a_key_set_may_be_cached_for_a_while() {
        for (text, state) in [
            ("public, max-age=300, stale-if-error=86400", CheckState::Ok),
            ("Max-Age=86400", CheckState::Ok),
            ("max-age=86401", CheckState::Warning),
            ("max-age=0", CheckState::Warning),
            ("no-store", CheckState::Warning),
            ("private, max-age=300", CheckState::Warning),
            ("public", CheckState::Warning),
            ("max-age=soon", CheckState::Warning),
            ("", CheckState::Warning),
        ] {
            assert_eq!(cacheability(text).state, state, "{text:?}");
        }
    }

    #[test]
    fn unusable_keys_are_reported() {
        let good = r#"{"kty":"OKP","crv":"Ed25519","kid":"a","alg":"EdDSA",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let odd = r#"{"kty":"EC","crv":"P-256","kid":"b","x":"AA","y":"AA"}"#;
        let private = good.replace("\"kid\"", "\"d\":\"AA\",\"kid\"");
        for (keys, state, word) in [
            (vec![good], CheckState::Ok, "'a'"),
            (vec![good, odd], CheckState::Warning, "'b'"),
            (vec![odd], CheckState::Error, "no key"),
            (vec![], CheckState::Error, "no key"),
            (vec![good, &private], CheckState::Error, "private"),
        ] {
            let finding = keys_of(&keys);
            assert_eq!(finding.state, state, "{finding:?}");
            assert!(finding.found.contains(word), "{finding:?}");
        }
        assert_eq!(keys("{}").state, CheckState::Error);
    }

    fn keys_of(keys: &[&str]) -> Finding {
        super::keys(&format!("{{\"keys\":[{}]}}", keys.join(",")))
    }
}
