//! A client of the admin API.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::output::objects::trust::{SpiffeTrustObject, TrustObject};
use crate::cli::output::objects::{FactsObject, some_time, time};
use crate::cli::output::{self, lifetime};
use crate::model::plural;
use crate::model::time::Timestamp;

/// A client.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ClientObject {
    /// Its id.
    pub(crate) client_id: String,
    /// Its name.
    pub(crate) name: String,
    /// `active` or `disabled`.
    pub(crate) state: String,
    /// What people know of it.
    #[serde(flatten)]
    pub(crate) facts: FactsObject,
    /// The source that it is applied from.
    pub(crate) source: Option<String>,
    /// The owners that it may administer; all if absent.
    pub(crate) admin_of: Option<Vec<String>>,
    /// How it may authenticate.
    #[serde(default)]
    pub(crate) auth_methods: Vec<String>,
    /// The grant types that it may use.
    #[serde(default)]
    pub(crate) grant_types: Vec<String>,
    /// How long its tokens live.
    pub(crate) token_ttl_seconds: Option<i64>,
    /// How many tokens it may have.
    pub(crate) token_rate: Option<String>,
    /// Its public keys, registered at the server.
    pub(crate) jwks: Option<Value>,
    /// Where its public keys are.
    pub(crate) jwks_uri: Option<String>,
    /// True if its tokens must be bound to a key.
    #[serde(default)]
    pub(crate) dpop_bound_access_tokens: bool,
    /// True if its tokens must be bound to a certificate.
    #[serde(default)]
    pub(crate) tls_client_certificate_bound_access_tokens: bool,
    /// From where it may be used; anywhere if empty.
    #[serde(default)]
    pub(crate) networks: Vec<String>,
    /// What the `aud` of its assertions may be in addition to the issuer.
    #[serde(default)]
    pub(crate) assertion_audiences: Vec<String>,
    /// What is done with a secret of it that is reported as leaked.
    pub(crate) leak_policy: Option<String>,
    /// The claims of its tokens.
    #[serde(default)]
    pub(crate) claims: Map<String, Value>,
    /// Its grants.
    #[serde(default)]
    pub(crate) grants: Vec<GrantObject>,
    /// Its secrets.
    #[serde(default)]
    pub(crate) secrets: Vec<SecretObject>,
    /// Its trusts in foreign issuers.
    #[serde(default)]
    pub(crate) trusts: Vec<TrustObject>,
    /// Its trusts in SPIFFE trust domains.
    #[serde(default)]
    pub(crate) spiffe_trusts: Vec<SpiffeTrustObject>,
    /// The use of its credentials other than secrets.
    pub(crate) usage: Option<UsageObject>,
    /// When it was registered.
    #[serde(deserialize_with = "time")]
    pub(crate) created_at: Timestamp,
    /// When it last authenticated.
    #[serde(default, deserialize_with = "some_time")]
    pub(crate) last_used_at: Option<Timestamp>,
    /// The other members, among them the subject of its certificate.
    #[serde(flatten)]
    pub(crate) others: Map<String, Value>,
}

/// A grant.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct GrantObject {
    /// The resource.
    pub(crate) resource: String,
    /// The scopes; all if absent.
    pub(crate) scopes: Option<Vec<String>>,
    /// From where it may be used; anywhere if empty.
    #[serde(default)]
    pub(crate) networks: Vec<String>,
    /// The claims of its tokens.
    #[serde(default)]
    pub(crate) claims: Map<String, Value>,
}

/// A secret, without the secret itself.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SecretObject {
    /// Its id.
    pub(crate) secret_id: String,
    /// Its last characters.
    #[serde(default)]
    pub(crate) suffix: String,
    /// What people call it.
    #[serde(default)]
    pub(crate) label: String,
    /// When it was made.
    #[serde(deserialize_with = "time")]
    pub(crate) created_at: Timestamp,
    /// When it ends.
    #[serde(default, deserialize_with = "some_time")]
    pub(crate) expires_at: Option<Timestamp>,
    /// How long it must be unused to end before that.
    pub(crate) unused_window_seconds: Option<i64>,
    /// When it was first reported as leaked.
    #[serde(default, deserialize_with = "some_time")]
    pub(crate) leaked_at: Option<Timestamp>,
    /// Its use.
    pub(crate) usage: Option<UsageObject>,
    /// Whether it can be ended.
    pub(crate) safe_to_end: Option<SafeToEnd>,
    /// True if it is valid and expires within `secrets.warn_before`.
    #[serde(default)]
    pub(crate) expiring_soon: bool,
}

/// Whether a secret can be ended without a client that fails.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SafeToEnd {
    /// True if something else is used in its place.
    pub(crate) safe: bool,
    /// Why.
    pub(crate) reason: String,
}

/// The use of a secret, or of everything else that a client authenticates by.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct UsageObject {
    /// The last use.
    #[serde(deserialize_with = "time")]
    pub(crate) last_used_at: Timestamp,
    /// How often.
    pub(crate) uses: i64,
    /// Where the last use came from.
    pub(crate) last_address: String,
}

impl ClientObject {
    /// The subject of its certificate, as an option has it.
    pub(crate) fn tls_subject(&self) -> Option<String> {
        let mut subjects = self.others.iter().filter_map(|(name, value)| {
            let kind = name.strip_prefix("tls_client_auth_")?;
            Some(format!("{kind}={}", value.as_str()?))
        });
        subjects.next()
    }

    /// The grant for a resource.
    pub(crate) fn grant(&self, resource: &str) -> Option<&GrantObject> {
        self.grants.iter().find(|grant| grant.resource == resource)
    }
}

impl GrantObject {
    /// The scopes in one line.
    pub(crate) fn scopes_text(&self) -> String {
        self.scopes.as_ref().map_or_else(|| "all scopes".to_owned(), |scopes| scopes.join(" "))
    }

    /// The grant in one line: the resource and its scopes.
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

    /// The secret in one line.
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
