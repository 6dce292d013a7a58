//! A client of the admin API, as commands read it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::output::objects::trust::{SpiffeTrustObject, TrustObject};
use crate::cli::output::objects::{FactsObject, some_time, time};
use crate::cli::output::{self, lifetime};
use crate::model::plural;
use crate::model::time::Timestamp;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ClientObject {
    pub(crate) client_id: String,
    pub(crate) name: String,
    /// `active` or `disabled`.
    pub(crate) state: String,
    #[serde(flatten)]
    pub(crate) facts: FactsObject,
    /// The source that manages the client.
    pub(crate) source: Option<String>,
    /// The owners that it may administer; all if absent.
    pub(crate) admin_of: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) auth_methods: Vec<String>,
    #[serde(default)]
    pub(crate) grant_types: Vec<String>,
    pub(crate) token_ttl_seconds: Option<i64>,
    pub(crate) token_rate: Option<String>,
    /// The public keys that are registered at the server.
    pub(crate) jwks: Option<Value>,
    pub(crate) jwks_uri: Option<String>,
    #[serde(default)]
    pub(crate) dpop_bound_access_tokens: bool,
    #[serde(default)]
    pub(crate) tls_client_certificate_bound_access_tokens: bool,
    /// The networks that it may be used from; any if empty.
    #[serde(default)]
    pub(crate) networks: Vec<String>,
    /// The values of `aud` that its assertions may have in addition to the issuer.
    #[serde(default)]
    pub(crate) assertion_audiences: Vec<String>,
    /// The reaction to a secret that is reported as leaked.
    pub(crate) leak_policy: Option<String>,
    /// The static claims of its tokens.
    #[serde(default)]
    pub(crate) claims: Map<String, Value>,
    #[serde(default)]
    pub(crate) grants: Vec<GrantObject>,
    #[serde(default)]
    pub(crate) secrets: Vec<SecretObject>,
    /// The trusts in external issuers.
    #[serde(default)]
    pub(crate) trusts: Vec<TrustObject>,
    #[serde(default)]
    pub(crate) spiffe_trusts: Vec<SpiffeTrustObject>,
    /// The usage of credentials other than secrets.
    pub(crate) usage: Option<UsageObject>,
    #[serde(deserialize_with = "time")]
    pub(crate) created_at: Timestamp,
    /// The time of the last authentication.
    #[serde(default, deserialize_with = "some_time")]
    pub(crate) last_used_at: Option<Timestamp>,
    /// All other members, including the subject of its certificate.
    #[serde(flatten)]
    pub(crate) others: Map<String, Value>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct GrantObject {
    pub(crate) resource: String,
    /// The granted scopes; all if absent.
    pub(crate) scopes: Option<Vec<String>>,
    /// The networks that the grant may be used from; any if empty.
    #[serde(default)]
    pub(crate) networks: Vec<String>,
    /// The static claims of its tokens.
    #[serde(default)]
    pub(crate) claims: Map<String, Value>,
}

/// A secret without its value.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SecretObject {
    pub(crate) secret_id: String,
    #[serde(default)]
    pub(crate) suffix: String,
    #[serde(default)]
    pub(crate) label: String,
    #[serde(deserialize_with = "time")]
    pub(crate) created_at: Timestamp,
    #[serde(default, deserialize_with = "some_time")]
    pub(crate) expires_at: Option<Timestamp>,
    /// The unused time, in seconds, after which the secret ends early.
    pub(crate) unused_window_seconds: Option<i64>,
    /// The time of the first leak report.
    #[serde(default, deserialize_with = "some_time")]
    pub(crate) leaked_at: Option<Timestamp>,
    pub(crate) usage: Option<UsageObject>,
    pub(crate) safe_to_end: Option<SafeToEnd>,
    /// True if it is valid and expires within `secrets.warn_before`.
    #[serde(default)]
    pub(crate) expiring_soon: bool,
}

/// Assessment of whether a secret can be ended without breaking a client.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SafeToEnd {
    /// True if the client uses another credential instead.
    pub(crate) safe: bool,
    pub(crate) reason: String,
}

/// Usage of a secret, or of all other credentials of a client.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct UsageObject {
    #[serde(deserialize_with = "time")]
    pub(crate) last_used_at: Timestamp,
    pub(crate) uses: i64,
    pub(crate) last_address: String,
}

impl ClientObject {
    /// Returns the subject of the client's certificate, in the form of the option.
    pub(crate) fn tls_subject(&self) -> Option<String> {
        let mut subjects = self.others.iter().filter_map(|(name, value)| {
            let kind = name.strip_prefix("tls_client_auth_")?;
            Some(format!("{kind}={}", value.as_str()?))
        });
        subjects.next()
    }

    /// Returns the grant for a resource.
    pub(crate) fn grant(&self, resource: &str) -> Option<&GrantObject> {
        self.grants.iter().find(|grant| grant.resource == resource)
    }
}

impl GrantObject {
    /// Formats the scopes on one line.
    pub(crate) fn scopes_text(&self) -> String {
        self.scopes.as_ref().map_or_else(|| "all scopes".to_owned(), |scopes| scopes.join(" "))
    }

    /// Formats the grant on one line: resource, scopes, networks and claims.
    pub(crate) fn describe(&self) -> String {
        let mut text = format!("{} ({})", self.resource, self.scopes_text());
        if !self.networks.is_empty() {
            text.push_str(&format!(" only from {}", self.networks.join(" ")));
        }
        if !self.claims.is_empty() {
            text.push_str(&format!(" claims {}", Value::from(self.claims.clone())));
        }
        text
    }
}

impl SecretObject {
    /// True if the secret is valid at `now`.
    pub(crate) fn is_valid(&self, now: Timestamp) -> bool {
        now.is_before(self.expires_at)
    }

    /// Formats the secret on one line.
    pub(crate) fn describe(&self, now: Timestamp) -> String {
        let mut text = self.secret_id.clone();
        if !self.suffix.is_empty() {
            text.push_str(" …");
            text.push_str(&self.suffix);
        }
        if !self.label.is_empty() {
            text.push(' ');
            text.push_str(&self.label);
        }
        text.push_str(", made ");
        text.push_str(&output::time(self.created_at, now));
        match self.expires_at {
            None => text.push_str(", no end"),
            Some(end) => {
                text.push_str(if self.is_valid(now) { ", ends " } else { ", ended " });
                if let Some(window) = self.unused_window_seconds.filter(|_| self.is_valid(now)) {
                    let window = lifetime(window);
                    text.push_str(&format!("when unused for {window}, at the latest "));
                }
                text.push_str(&output::time(end, now));
            }
        }
        if let Some(leaked) = self.leaked_at {
            text.push_str(", reported as leaked ");
            text.push_str(&output::time(leaked, now));
        }
        match &self.usage {
            None => text.push_str(", never used"),
            Some(UsageObject { last_used_at, uses, last_address }) => {
                let last = output::time(*last_used_at, now);
                let times = plural::counted(*uses, "time", "times");
                text.push_str(&format!(", last used {last} from {last_address}, {times}"));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_of_a_newer_server_is_read() {
        let json = json!({
            "client_id": "billing", "name": "Billing", "state": "active", "owner": "payments",
            "labels": { "env": "prod" }, "created_at": "2026-11-24T13:36:43Z",
            "tls_client_auth_san_dns": "worker.example.com", "new_member": { "a": [1] },
            "grants": [
                { "resource": "urn:a", "scopes": null, "networks": ["10.0.0.0/8"], "claims": {} },
            ],
        });
        let client = ClientObject::deserialize(&json).expect("a client");
        assert_eq!(client.tls_subject().as_deref(), Some("san_dns=worker.example.com"));
        assert_eq!(client.grants[0].describe(), "urn:a (all scopes) only from 10.0.0.0/8");
        assert_eq!(client.facts.owner_cell(), "payments");
        assert!(client.last_used_at.is_none() && client.grant("urn:b").is_none());
    }
}
