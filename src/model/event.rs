//! Events: one row per change. They are both the audit log and the change feed.

use std::fmt;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::model::Malformed;
use crate::model::client::ClientId;
use crate::model::console_session::SessionId;
use crate::model::grant_request::GrantRequestId;
use crate::model::owner::Owner;
use crate::model::owner_policy::PolicyScope;
use crate::model::resource::ResourceId;
use crate::model::signing_key::KeyId;
use crate::model::time::Timestamp;
use crate::model::token::TokenId;

/// The object of a change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventSubject {
    /// A client with its secrets and grants.
    Client(ClientId),
    /// A resource with its scopes.
    Resource(ResourceId),
    /// A signing key.
    SigningKey(KeyId),
    /// An issued token.
    Token(TokenId),
    /// A request for a grant.
    GrantRequest(GrantRequestId),
    /// The master key and everything that it seals.
    MasterKey,
    /// The policy of an owner.
    OwnerPolicy(PolicyScope),
    /// The audit log itself.
    AuditLog,
    /// A console session and the link that opens it.
    ConsoleSession(SessionId),
}

impl EventSubject {
    /// Parses the stored form, such as `client/cl_x`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        match text.split_once('/') {
            Some(("client", id)) => ClientId::parse(id).map(Self::Client),
            Some(("resource", id)) => ResourceId::parse(id).map(Self::Resource),
            Some(("key", id)) => KeyId::parse(id).map(Self::SigningKey),
            Some(("master-key", "database")) => Ok(Self::MasterKey),
            Some(("audit-log", "events")) => Ok(Self::AuditLog),
            Some(("owner-policy", scope)) => PolicyScope::parse(scope).map(Self::OwnerPolicy),
            Some(("grant-request", id)) => GrantRequestId::parse(id).map(Self::GrantRequest),
            Some(("token", id)) => TokenId::parse(id).map(Self::Token),
            Some(("console-session", id)) => SessionId::parse(id).map(Self::ConsoleSession),
            _ => Err(Malformed::because("a subject is a kind, a slash and an identifier")),
        }
    }
}

impl fmt::Display for EventSubject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(id) => write!(formatter, "client/{id}"),
            Self::Resource(id) => write!(formatter, "resource/{id}"),
            Self::SigningKey(id) => write!(formatter, "key/{id}"),
            Self::Token(id) => write!(formatter, "token/{id}"),
            Self::GrantRequest(id) => write!(formatter, "grant-request/{id}"),
            Self::MasterKey => formatter.write_str("master-key/database"),
            Self::OwnerPolicy(scope) => write!(formatter, "owner-policy/{scope}"),
            Self::AuditLog => formatter.write_str("audit-log/events"),
            Self::ConsoleSession(id) => write!(formatter, "console-session/{id}"),
        }
    }
}

impl Serialize for EventSubject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A client was registered.
    ClientCreated,
    /// A client was imported from another system.
    ClientImported,
    /// Fields of a client were changed.
    ClientUpdated,
    /// A client was enabled and may get tokens again.
    ClientEnabled,
    /// A client was disabled and may not get tokens.
    ClientDisabled,
    /// A client was deleted, with its secrets and grants.
    ClientDeleted,
    /// A secret was added to a client.
    SecretAdded,
    /// A secret of a client was rotated: a new one was added, and the older ones got an expiry.
    SecretRotated,
    /// A secret was given an expiry.
    SecretExpired,
    /// A secret expires soon.
    SecretExpiring,
    /// A secret was reported as leaked.
    SecretLeaked,
    /// A grant of a client was added, or its scopes were changed.
    GrantChanged,
    /// A grant of a client was removed.
    GrantRevoked,
    /// A team requested a grant of another team's resource.
    GrantRequestCreated,
    /// The content of a grant request was changed.
    GrantRequestChanged,
    /// The administrators of the resource approved a grant request.
    GrantRequestApproved,
    /// The administrators of the resource rejected a grant request.
    GrantRequestRejected,
    /// A grant request was cancelled.
    GrantRequestCancelled,
    /// A grant request expired without a decision.
    GrantRequestExpired,
    /// The public keys of a client were set or extended.
    ClientKeysAdded,
    /// Public keys of a client were removed.
    ClientKeysRemoved,
    /// A trust in an external issuer was added to a client.
    TrustAdded,
    /// A trust in an external issuer was removed from a client.
    TrustRemoved,
    /// A resource was registered.
    ResourceCreated,
    /// Fields or scopes of a resource were changed.
    ResourceUpdated,
    /// A resource was deleted, with all grants for it.
    ResourceDeleted,
    /// A signing key was created and published.
    KeyCreated,
    /// A signing key was retired: no instance needs its algorithm, or an operator retired it.
    KeyRetired,
    /// A retired signing key signs again, because an instance needs its algorithm again.
    KeyRestored,
    /// An operator changed the time at which a signing key starts to sign.
    KeyRescheduled,
    /// A signing key starts to sign later, because readers of the key set do not know it yet.
    KeyPostponed,
    /// A signing key was removed from the key set early, which invalidates its tokens.
    KeyRevoked,
    /// An operator issued a token in the name of a client.
    TokenIssuedByOperator,
    /// A token was revoked.
    TokenRevoked,
    /// All tokens of a client were revoked.
    ClientTokensRevoked,
    /// All keys in the database were sealed under another master key.
    MasterKeyRotated,
    /// The master key was lost: sealed keys were removed, and new keys are created.
    MasterKeyReset,
    /// The policy of an owner was created or changed.
    OwnerPolicyChanged,
    /// The policy of an owner was deleted.
    OwnerPolicyDeleted,
    /// Old events were deleted; the log now starts at a checkpoint.
    AuditEventsRemoved,
    /// An operator created a link that opens a console session.
    ConsoleLinkCreated,
    /// An operator or an administrator signed in to the console.
    ConsoleSignedIn,
    /// A console session was ended early.
    ConsoleSessionEnded,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 43] = [
        Self::ClientCreated,
        Self::ClientImported,
        Self::ClientUpdated,
        Self::ClientEnabled,
        Self::ClientDisabled,
        Self::ClientDeleted,
        Self::SecretAdded,
        Self::SecretRotated,
        Self::SecretExpired,
        Self::SecretExpiring,
        Self::SecretLeaked,
        Self::GrantChanged,
        Self::GrantRevoked,
        Self::GrantRequestCreated,
        Self::GrantRequestChanged,
        Self::GrantRequestApproved,
        Self::GrantRequestRejected,
        Self::GrantRequestCancelled,
        Self::GrantRequestExpired,
        Self::ClientKeysAdded,
        Self::ClientKeysRemoved,
        Self::TrustAdded,
        Self::TrustRemoved,
        Self::ResourceCreated,
        Self::ResourceUpdated,
        Self::ResourceDeleted,
        Self::KeyCreated,
        Self::KeyRetired,
        Self::KeyRestored,
        Self::KeyRescheduled,
        Self::KeyPostponed,
        Self::KeyRevoked,
        Self::TokenIssuedByOperator,
        Self::TokenRevoked,
        Self::ClientTokensRevoked,
        Self::MasterKeyRotated,
        Self::MasterKeyReset,
        Self::OwnerPolicyChanged,
        Self::OwnerPolicyDeleted,
        Self::AuditEventsRemoved,
        Self::ConsoleLinkCreated,
        Self::ConsoleSignedIn,
        Self::ConsoleSessionEnded,
    ];

    /// Returns the stored text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientCreated => "client.created",
            Self::ClientImported => "client.imported",
            Self::ClientUpdated => "client.updated",
            Self::ClientEnabled => "client.enabled",
            Self::ClientDisabled => "client.disabled",
            Self::ClientDeleted => "client.deleted",
            Self::SecretAdded => "secret.added",
            Self::SecretRotated => "secret.rotated",
            Self::SecretExpired => "secret.expired",
            Self::SecretExpiring => "secret.expiring",
            Self::SecretLeaked => "secret.leaked",
            Self::GrantChanged => "grant.changed",
            Self::GrantRevoked => "grant.revoked",
            Self::GrantRequestCreated => "grant_request.created",
            Self::GrantRequestChanged => "grant_request.changed",
            Self::GrantRequestApproved => "grant_request.approved",
            Self::GrantRequestRejected => "grant_request.rejected",
            Self::GrantRequestCancelled => "grant_request.cancelled",
            Self::GrantRequestExpired => "grant_request.expired",
            Self::ClientKeysAdded => "client.keys_added",
            Self::ClientKeysRemoved => "client.keys_removed",
            Self::TrustAdded => "client.trust_added",
            Self::TrustRemoved => "client.trust_removed",
            Self::ResourceCreated => "resource.created",
            Self::ResourceUpdated => "resource.updated",
            Self::ResourceDeleted => "resource.deleted",
            Self::KeyCreated => "key.created",
            Self::KeyRetired => "key.retired",
            Self::KeyRestored => "key.restored",
            Self::KeyRescheduled => "key.rescheduled",
            Self::KeyPostponed => "key.postponed",
            Self::KeyRevoked => "key.revoked",
            Self::TokenIssuedByOperator => "token.issued_by_operator",
            Self::TokenRevoked => "token.revoked",
            Self::ClientTokensRevoked => "client.tokens_revoked",
            Self::MasterKeyRotated => "master_key.rotated",
            Self::MasterKeyReset => "master_key.reset",
            Self::OwnerPolicyChanged => "owner_policy.changed",
            Self::OwnerPolicyDeleted => "owner_policy.deleted",
            Self::AuditEventsRemoved => "audit.events_removed",
            Self::ConsoleLinkCreated => "console.link_created",
            Self::ConsoleSignedIn => "console.signed_in",
            Self::ConsoleSessionEnded => "console.session_ended",
        }
    }
}

/// The owners at the time of an event. They stay when its subject gets another owner or is deleted,
/// so that the event stays visible to the right team.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventOwners {
    /// The owner of the subject.
    #[schema(required = true)]
    pub owner: Option<Owner>,
    /// The owner of the other side: of the resource of a grant, or the one before a change of
    /// owner.
    #[schema(required = true)]
    pub other_owner: Option<Owner>,
}

impl EventOwners {
    /// Returns the owners of a subject whose owner may have changed: the current and the previous
    /// owner.
    pub fn changed(before: Option<Owner>, now: Option<Owner>) -> Self {
        let other_owner = before.filter(|before| Some(before) != now.as_ref());
        Self { owner: now, other_owner }
    }

    /// True if neither side has an owner, as in every event before schema 10.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An event of the audit log, with texts as they are stored: a row can be read, hashed and shown
/// even if it was changed by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Event {
    /// The position in the log: 1, 2, 3 without a gap, in the order of commits.
    #[schema(examples(41))]
    pub sequence: i64,
    /// When the change was made.
    pub at: Timestamp,
    /// The actor, such as `cli:ana` or `server`.
    #[schema(examples("client:ops"))]
    pub actor: String,
    /// The action, such as `client.created`.
    #[schema(examples("client.created"))]
    pub action: String,
    /// The object of the change, such as `client/acme`.
    #[schema(examples("client/acme"))]
    pub subject: String,
    /// Details as JSON; never a secret. Stored and hashed as this text, shown as an object.
    #[serde(serialize_with = "as_object")]
    #[schema(value_type = Object)]
    pub detail: String,
    /// The owners of its objects at that time.
    #[serde(flatten)]
    pub owners: EventOwners,
    /// The hash of the event before it; empty for the first one.
    #[schema(examples("80a00f0b51c6d51dc228b0b2b1f4fb3a510da55c0aaef2a956d7c488180d68f9"))]
    pub previous_hash: String,
    /// SHA-256 over all members above.
    #[schema(examples("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"))]
    pub hash: String,
}

/// Serializes the detail as JSON. Text that is not JSON, because the row was edited by hand,
/// becomes a string.
fn as_object<S: Serializer>(detail: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match serde_json::from_str::<serde_json::Value>(detail) {
        Ok(value) => value.serialize(serializer),
        Err(_) => serializer.serialize_str(detail),
    }
}

/// The end of the hash chain. It is stored separately, so that the removal of the last event is
/// detected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The sequence of the last event; 0 if there is none.
    pub sequence: i64,
    /// The hash of the last event; empty if there is none.
    pub hash: String,
}

impl Head {
    /// Parses `SEQUENCE:HASH`, the format that `tokend audit verify` prints for safekeeping.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let parts = text.split_once(':').and_then(|(sequence, hash)| {
            let sequence = sequence.parse().ok().filter(|sequence| *sequence > 0)?;
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            let is_hash = hash.len() == 43 && hash.bytes().all(is_part);
            is_hash.then(|| Self { sequence, hash: hash.to_owned() })
        });
        parts.ok_or_else(|| {
            Malformed::because(format!(
                "'{text}' is not an event and its hash; write SEQUENCE:HASH, as the verification of the audit log prints it"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_head_is_parsed_and_malformed_text_is_rejected() {
        let hash = "aZ0-_".repeat(8) + "abc";
        let head = Head::parse(&format!("12:{hash}")).expect("a head");
        assert_eq!(head, Head { sequence: 12, hash: hash.clone() });
        for text in ["", "12", &hash, &format!("0:{hash}"), &format!("x:{hash}"), "12:abc"] {
            assert!(Head::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_names_of_actions_are_unique() {
        let words = BTreeSet::from(Action::ALL.map(Action::as_str));
        assert_eq!(words.len(), Action::ALL.len());
    }

    #[test]
    fn stored_subjects_round_trip() {
        let stored = "client/a/b c;master-key/database;resource/https://a.example/b;key/abc;\
                      grant-request/grq_a;audit-log/events;console-session/ses_a";
        for text in stored.split(';') {
            let subject = EventSubject::parse(text).expect("a subject");
            assert_eq!(subject.to_string(), text);
        }
        assert!(EventSubject::parse("client").is_err());
    }
}
