//! Renders a client as rows.

use crate::cli::Global;
use crate::cli::api::Object;
use crate::cli::error::CliError;
use crate::cli::output::objects::client::{ClientObject, SafeToEnd};
use crate::cli::output::objects::trust::{SpiffeTrustObject, TrustObject};
use crate::cli::output::{self, lifetime};
use crate::model::client::AuthenticationMethod;
use crate::model::leak_policy::LeakPolicy;
use crate::model::time::Timestamp;

/// Prints a client with its credentials and grants.
pub(in crate::cli) fn print(
    global: &Global,
    found: &Object<ClientObject>,
    now: Timestamp,
) -> Result<(), CliError> {
    let client = &found.object;
    output::one(global.output, &client.client_id, &found.json, &rows_of(client, now))
}

/// Lists the authentication methods of a client, with the missing credential of each unusable one.
fn methods(client: &ClientObject, now: Timestamp) -> String {
    let has_secret = client.secrets.iter().any(|secret| secret.is_valid(now));
    let has_keys = client.jwks.is_some() || client.jwks_uri.is_some();
    let missing = |method: AuthenticationMethod| match method {
        AuthenticationMethod::ClientSecretBasic | AuthenticationMethod::ClientSecretPost => {
            (!has_secret).then_some("no valid secret")
        }
        AuthenticationMethod::PrivateKeyJwt => {
            (!has_keys && client.trusts.is_empty()).then_some("no public key and no trust yet")
        }
        AuthenticationMethod::SpiffeJwt => {
            client.spiffe_trusts.is_empty().then_some("no SPIFFE trust yet")
        }
        AuthenticationMethod::TlsClientAuth => {
            client.tls_subject().is_none().then_some("no certificate subject yet")
        }
        AuthenticationMethod::SelfSignedTlsClientAuth => {
            (!has_keys).then_some("no certificate yet")
        }
    };
    let describe = |name: &String| match AuthenticationMethod::parse(name).ok().and_then(missing) {
        None => name.clone(),
        Some(missing) => format!("{name} ({missing})"),
    };
    client.auth_methods.iter().map(describe).collect::<Vec<_>>().join(" ")
}

/// Describes a trust and its conditions.
fn trust(trust: &TrustObject) -> String {
    let TrustObject { trust_id, issuer, audience, .. } = trust;
    let conditions = trust.conditions_text();
    let space = if conditions.is_empty() { "" } else { " " };
    format!("{trust_id} {issuer}{space}{conditions} aud={audience}")
}

/// Describes a trust in a SPIFFE trust domain and its conditions.
fn spiffe_trust(trust: &SpiffeTrustObject) -> String {
    let SpiffeTrustObject { trust_id, trust_domain, subject, bundle_endpoint } = trust;
    format!("{trust_id} spiffe://{trust_domain} sub={subject} keys={bundle_endpoint}")
}

pub(in crate::cli) fn rows_of(
    client: &ClientObject,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("client", client.client_id.clone()),
        ("name", client.name.clone()),
        ("state", client.state.clone()),
    ];
    client.facts.add_rows(&mut rows);
    output::objects::add_source(client.source.as_deref(), &mut rows);
    match client.admin_of.as_deref() {
        None => {}
        Some([]) => rows.push(("admin of", "no owner".to_owned())),
        Some(owners) => rows.push(("admin of", owners.join(" "))),
    }
    rows.push(("auth methods", methods(client, now)));
    rows.push(("grant types", client.grant_types.join(" ")));
    add_rules(client, &mut rows);
    let audiences = client.assertion_audiences.iter();
    rows.extend(audiences.map(|url| ("assertion aud", format!("also {url}"))));
    rows.extend(client.claims.iter().map(|(name, value)| ("claim", format!("{name}={value}"))));
    let policy = client.leak_policy.iter().filter(|text| *text != LeakPolicy::default().as_str());
    rows.extend(policy.map(|text| ("leak policy", text.clone())));
    rows.push(("created", output::time(client.created_at, now)));
    let last = client.last_used_at.map(|last| output::time(last, now));
    rows.push(("last used", last.unwrap_or_else(|| "never".to_owned())));
    rows.extend(client.grants.iter().map(|grant| ("grant", grant.describe())));
    rows.extend(client.trusts.iter().map(|known| ("trusts", trust(known))));
    rows.extend(client.spiffe_trusts.iter().map(|known| ("trusts", spiffe_trust(known))));
    for secret in &client.secrets {
        rows.push(("has secret", secret.describe(now)));
        if let Some(SafeToEnd { safe, reason }) = &secret.safe_to_end {
            rows.push(("safe to end", format!("{}: {reason}", if *safe { "yes" } else { "no" })));
        }
    }
    rows
}

/// Adds the restrictions of the client's tokens and requests.
fn add_rules(client: &ClientObject, rows: &mut Vec<(&'static str, String)>) {
    if let Some(seconds) = client.token_ttl_seconds {
        rows.push(("token ttl", lifetime(seconds)));
    }
    if let Some(rate) = &client.token_rate {
        rows.push(("token rate", rate.clone()));
    }
    if client.jwks.is_some() {
        rows.push(("public keys", "registered here".to_owned()));
    }
    if let Some(uri) = &client.jwks_uri {
        rows.push(("public keys", format!("from {uri}")));
    }
    if client.dpop_bound_access_tokens {
        rows.push(("tokens", "bound to a key of its own (DPoP)".to_owned()));
    }
    if let Some(subject) = client.tls_subject() {
        rows.push(("certificate", subject));
    }
    if client.tls_client_certificate_bound_access_tokens {
        rows.push(("tokens", "bound to its certificate".to_owned()));
    }
    if !client.networks.is_empty() {
        rows.push(("only from", client.networks.join(" ")));
    }
}

/// Formats the time of the last use of any credential of the client.
pub(in crate::cli) fn last_used(client: &ClientObject, now: Timestamp) -> String {
    let last = client.last_used_at;
    last.map_or_else(|| "never".to_owned(), |last| output::format_time(last, now))
}

/// Formats the number of valid secrets and the next expiry.
pub(super) fn secrets_summary(client: &ClientObject, now: Timestamp) -> String {
    let live: Vec<_> = client.secrets.iter().filter(|secret| secret.is_valid(now)).collect();
    let next = live.iter().filter_map(|secret| secret.expires_at).min();
    let is_soon = live.iter().any(|secret| secret.expiring_soon);
    let mark = if is_soon { ", soon" } else { "" };
    match (live.len(), next) {
        (0, _) if client.secrets.is_empty() => "none".to_owned(),
        (0, _) => "no valid secret".to_owned(),
        (count, None) => format!("{count} (no end)"),
        (count, Some(end)) => {
            format!("{count} (next ends {}{mark})", output::format_time(end, now))
        }
    }
}
