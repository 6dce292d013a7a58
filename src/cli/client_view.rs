//! How a client looks on the screen.

use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::{Global, client_secret, facts};
use crate::model::client::{AuthenticationMethod, GrantType, Registration};
use crate::model::leak_policy::LeakPolicy;
use crate::model::secret_status::{SafeToEnd, SecretStatus};
use crate::model::security::KeySource;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::time::Timestamp;
use crate::model::trust::FederatedCredential;

/// Prints a client with all that belongs to it.
pub(super) fn print(global: &Global, found: &Registration, now: Timestamp) -> Result<(), CliError> {
    let id = found.client.client_id.as_str();
    output::one(global.output, id, found, &rows_of(found, now))
}

/// The methods of a client; of each that cannot work yet it says what is missing.
fn methods(found: &Registration, now: Timestamp) -> String {
    let security = &found.client.security;
    let has_secret = found.secrets.iter().any(|secret| secret.is_live(now));
    let missing = |method: AuthenticationMethod| match method {
        AuthenticationMethod::ClientSecretBasic | AuthenticationMethod::ClientSecretPost => {
            (!has_secret).then_some("no valid secret")
        }
        AuthenticationMethod::PrivateKeyJwt => (security.keys.is_none() && found.trusts.is_empty())
            .then_some("no public key and no trust yet"),
        AuthenticationMethod::SpiffeJwt => {
            found.spiffe_trusts.is_empty().then_some("no SPIFFE trust yet")
        }
        AuthenticationMethod::TlsClientAuth => {
            security.tls_subject.is_none().then_some("no certificate subject yet")
        }
        AuthenticationMethod::SelfSignedTlsClientAuth => {
            security.keys.is_none().then_some("no certificate yet")
        }
    };
    let describe = |method: &AuthenticationMethod| match missing(*method) {
        None => method.as_str().to_owned(),
        Some(missing) => format!("{} ({missing})", method.as_str()),
    };
    found.client.auth_methods.iter().map(describe).collect::<Vec<_>>().join(" ")
}

/// A trust with what a token must say to meet it.
fn trust(trust: &FederatedCredential) -> String {
    let mut text = format!("{} {}", trust.trust_id, trust.issuer);
    for (claim, pattern) in trust.conditions.iter() {
        text.push_str(&format!(" {claim}={}", pattern.as_str()));
    }
    text.push_str(&format!(" aud={}", trust.audience));
    text
}

/// A trust in a SPIFFE trust domain with what a JWT-SVID must say to meet it.
fn spiffe_trust(trust: &SpiffeTrust) -> String {
    let (id, source) = (&trust.trust_id, &trust.source);
    let (domain, endpoint) = (source.trust_domain(), source.bundle_endpoint());
    format!("{id} spiffe://{domain} sub={} keys={endpoint}", source.subject())
}

/// A client as its rows say it.
pub(super) fn rows_of(found: &Registration, now: Timestamp) -> Vec<(&'static str, String)> {
    let client = &found.client;
    let types: Vec<_> = client.grant_types.iter().map(GrantType::as_str).collect();
    let mut rows = vec![
        ("client", client.client_id.to_string()),
        ("name", client.name.as_str().to_owned()),
        ("state", client.state.as_str().to_owned()),
    ];
    facts::add_rows(&client.facts, &mut rows);
    facts::add_source(client.source.as_ref(), &mut rows);
    if let Some(owners) = &client.admin_of {
        rows.push(("admin of", facts::describe_admin_of(owners)));
    }
    rows.push(("auth methods", methods(found, now)));
    rows.push(("grant types", types.join(" ")));
    if let Some(lifetime) = client.token_lifetime {
        rows.push(("token ttl", lifetime.to_string()));
    }
    if let Some(rate) = client.token_rate {
        rows.push(("token rate", rate.to_string()));
    }
    match &client.security.keys {
        Some(KeySource::Inline(_)) => rows.push(("public keys", "registered here".to_owned())),
        Some(KeySource::Remote(uri)) => rows.push(("public keys", format!("from {uri}"))),
        None => {}
    }
    if client.security.dpop_bound {
        rows.push(("tokens", "bound to a key of its own (DPoP)".to_owned()));
    }
    if let Some(subject) = &client.security.tls_subject {
        rows.push(("certificate", subject.to_string()));
    }
    if client.security.certificate_bound {
        rows.push(("tokens", "bound to its certificate".to_owned()));
    }
    if !client.security.networks.is_anywhere() {
        rows.push(("only from", client.security.networks.to_string()));
    }
    let audiences = client.security.assertion_audiences.iter();
    rows.extend(audiences.map(|url| ("assertion aud", format!("also {url}"))));
    rows.extend(client.claims.iter().map(|(name, value)| ("claim", format!("{name}={value}"))));
    if client.leak_policy != LeakPolicy::default() {
        rows.push(("leak policy", client.leak_policy.as_str().to_owned()));
    }
    rows.push(("created", output::time(client.created_at, now)));
    let last = last_use(found).map(|last| output::time(last, now));
    rows.push(("last used", last.unwrap_or_else(|| "never".to_owned())));
    rows.extend(found.grants.iter().map(|grant| ("grant", output::grant(grant))));
    rows.extend(found.trusts.iter().map(|known| ("trusts", trust(known))));
    rows.extend(found.spiffe_trusts.iter().map(|known| ("trusts", spiffe_trust(known))));
    for secret in &found.secrets {
        rows.push(("has secret", client_secret::describe(secret, now)));
        if let Some(SecretStatus { safe_to_end: SafeToEnd { safe, reason }, .. }) = &secret.status {
            rows.push(("safe to end", format!("{}: {reason}", if *safe { "yes" } else { "no" })));
        }
    }
    rows
}

/// When any of its secrets, or anything else that proves it, was last used.
pub(super) fn last_used(found: &Registration, now: Timestamp) -> String {
    last_use(found).map_or_else(|| "never".to_owned(), |last| output::format_time(last, now))
}

fn last_use(found: &Registration) -> Option<Timestamp> {
    let of_secrets = found.secrets.iter().filter_map(|secret| secret.usage);
    of_secrets.chain(found.usage).map(|usage| usage.last_used_at).max()
}

/// How many valid secrets it has, and which ends next.
pub(super) fn secrets_summary(found: &Registration, now: Timestamp) -> String {
    let live: Vec<_> = found.secrets.iter().filter(|secret| secret.is_live(now)).collect();
    let next = live.iter().filter_map(|secret| secret.expires_at).min();
    let mut statuses = live.iter().filter_map(|secret| secret.status.as_ref());
    let mark = if statuses.any(|status| status.expiring_soon) { ", soon" } else { "" };
    match (live.len(), next) {
        (0, _) if found.secrets.is_empty() => "none".to_owned(),
        (0, _) => "no valid secret".to_owned(),
        (count, None) => format!("{count} (no end)"),
        (count, Some(end)) => {
            format!("{count} (next ends {}{mark})", output::format_time(end, now))
        }
    }
}
