//! Sessions of the console, and the one-time links that open one.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::Malformed;
use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientId;
use crate::model::owner::Owner;
use crate::model::person::Person;
use crate::model::secret::SecretId;
use crate::model::time::Timestamp;

/// The public identifier of a session: `ses_` and random letters and digits. A link has that of the
/// session which it opens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionId(Box<str>);

impl SessionId {
    /// Reads an identifier as this server makes it.
    ///
    /// # Errors
    /// If it has another form.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let body = text.strip_prefix("ses_").unwrap_or_default();
        if body.is_empty() || body.len() > 40 || !body.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(Malformed::because("the id of a session begins with ses_"));
        }
        Ok(Self(text.into()))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// What an operator who signs in by a link may do. Without a limit: everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperatorLimits {
    /// The scopes of `urn:tokend`; every right if absent.
    pub scopes: Option<BTreeSet<AdminScope>>,
    /// The owners whose objects it administers; all objects if absent.
    pub owners: Option<BTreeSet<Owner>>,
}

/// A link that opens one session.
#[derive(Debug, Clone)]
pub struct ConsoleLink {
    /// The session that it opens.
    pub session_id: SessionId,
    /// The name of the operator.
    pub operator: String,
    /// What the session may do.
    pub limits: OperatorLimits,
    /// When it was made, by the clock of the database.
    pub created_at: Timestamp,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}

impl ConsoleLink {
    /// How long a link can be used: 30 minutes.
    pub const TTL_SECONDS: i64 = 1_800;
}

/// The person or operator who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionHolder {
    /// An operator, by a link that was made on the server.
    Operator {
        /// The name.
        name: String,
        /// What it may do.
        limits: OperatorLimits,
    },
    /// An administrator, by its client id and secret.
    Client {
        /// The client.
        id: ClientId,
        /// The secret. When it ends, the session ends.
        secret_id: SecretId,
    },
    /// A person, by the identity provider.
    Person {
        /// The person.
        person: Person,
        /// Its groups at the sign-in. What they permit is decided at each request.
        groups: Vec<String>,
        /// When the provider authenticated the person, if it said so.
        authenticated_at: Option<Timestamp>,
    },
}

impl SessionHolder {
    /// The name that events carry.
    pub fn actor_name(&self) -> String {
        match self {
            Self::Operator { name, .. } => format!("operator:{name}"),
            Self::Client { id, .. } => format!("client:{id}"),
            Self::Person { person, .. } => person.to_string(),
        }
    }

    /// A short name for the one that is signed in.
    pub fn short_name(&self) -> String {
        match self {
            Self::Operator { .. } | Self::Client { .. } => self.actor_name(),
            Self::Person { person, .. } => person.short_name(),
        }
    }

    /// The method of the sign-in, in events.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Operator { .. } => "link",
            Self::Client { .. } => "client_secret",
            Self::Person { .. } => "openid_connect",
        }
    }

    /// How long a session lasts at the most, in seconds. That of a person ends when its groups are
    /// an hour old: the provider may have taken one away since.
    pub fn max_seconds(&self) -> i64 {
        match self {
            Self::Operator { .. } | Self::Client { .. } => ConsoleSession::MAX_SECONDS,
            Self::Person { .. } => ConsoleSession::MAX_PERSON_SECONDS,
        }
    }
}

/// A session. Its times are by the clock of the database.
#[derive(Debug, Clone)]
pub struct ConsoleSession {
    /// Its public identifier.
    pub session_id: SessionId,
    /// The person or operator who is signed in.
    pub holder: SessionHolder,
    /// The sequence of the last event before the sign-in.
    pub sequence: i64,
    /// When it began.
    pub signed_in_at: Timestamp,
    /// When it was last used, to a minute.
    pub seen_at: Timestamp,
    /// When it ends at the latest.
    pub ends_at: Timestamp,
    /// Where it was opened from.
    pub address: String,
    /// The browser, as it named itself.
    pub user_agent: String,
}

impl ConsoleSession {
    /// How long a session lasts without use: 30 minutes.
    pub const IDLE_SECONDS: i64 = 1_800;

    /// How long a session lasts at the most: 12 hours.
    pub const MAX_SECONDS: i64 = 43_200;

    /// How long a session of a person lasts at the most, and how old its groups become: an hour.
    pub const MAX_PERSON_SECONDS: i64 = 3_600;

    /// How long after a sign-in dangerous actions need no other one: 10 minutes.
    pub const FRESH_SECONDS: i64 = 600;

    /// How many sessions one operator or client may have at a time. A new one ends the oldest.
    pub const MAX_PER_HOLDER: usize = 20;

    /// The longest name of a browser that is kept, in characters.
    pub const MAX_USER_AGENT_CHARS: usize = 200;

    /// True while the session lasts.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now < self.ends_at && now < self.seen_at.plus_seconds(Self::IDLE_SECONDS)
    }

    /// True shortly after the sign-in. A provider may let a person in whom it authenticated long
    /// ago, so of a person the time of that is decisive.
    pub fn is_recent(&self, now: Timestamp) -> bool {
        let authenticated_at = match &self.holder {
            SessionHolder::Operator { .. } | SessionHolder::Client { .. } => self.signed_in_at,
            SessionHolder::Person { authenticated_at: Some(at), .. } => *at,
            SessionHolder::Person { authenticated_at: None, .. } => return false,
        };
        now < authenticated_at.plus_seconds(Self::FRESH_SECONDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> ConsoleSession {
        ConsoleSession {
            session_id: SessionId::parse("ses_a1").expect("an id"),
            holder: SessionHolder::Operator {
                name: "ana".to_owned(),
                limits: OperatorLimits::default(),
            },
            sequence: 0,
            signed_in_at: Timestamp(0),
            seen_at: Timestamp(0),
            ends_at: Timestamp(ConsoleSession::MAX_SECONDS),
            address: "192.0.2.7".to_owned(),
            user_agent: String::new(),
        }
    }

    #[test]
    fn a_session_ends_when_it_is_idle_and_at_its_end() {
        let mut session = session();
        assert!(session.is_valid(Timestamp(1_799)));
        assert!(!session.is_valid(Timestamp(1_800)));
        session.seen_at = Timestamp(43_000);
        assert!(session.is_valid(Timestamp(43_199)));
        assert!(!session.is_valid(Timestamp(43_200)));
        assert!(session.is_recent(Timestamp(599)) && !session.is_recent(Timestamp(600)));
    }

    #[test]
    fn ids_are_read_back_and_holders_have_names() {
        for text in ["", "ses_", "sec_a", "ses_a-b", &format!("ses_{}", "a".repeat(41))] {
            assert!(SessionId::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(session().holder.actor_name(), "operator:ana");
    }
}
