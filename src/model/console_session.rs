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

/// The public identifier of a session: `ses_` followed by random letters and digits. A link has the
/// identifier of the session that it opens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionId(Box<str>);

impl SessionId {
    /// Parses an identifier in the form that this server generates.
    ///
    /// # Errors
    /// If it has any other form.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let body = text.strip_prefix("ses_").unwrap_or_default();
        if body.is_empty() || body.len() > 40 || !body.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(Malformed::because("the id of a session begins with ses_"));
        }
        Ok(Self(text.into()))
    }

    /// Returns the identifier as text.
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

/// The limits of an operator who signs in by a link. The default has no limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperatorLimits {
    /// The scopes of `urn:tokend`; `None` means all.
    pub scopes: Option<BTreeSet<AdminScope>>,
    /// The owners whose objects the operator may administer; `None` means all.
    pub owners: Option<BTreeSet<Owner>>,
}

/// A link that opens one session.
#[derive(Debug, Clone)]
pub struct ConsoleLink {
    /// The session that the link opens.
    pub session_id: SessionId,
    /// The name of the operator.
    pub operator: String,
    /// The limits of the session.
    pub limits: OperatorLimits,
    /// The creation time, by the clock of the database.
    pub created_at: Timestamp,
    /// The time at which the link expires.
    pub expires_at: Timestamp,
}

impl ConsoleLink {
    /// The lifetime of a link: 30 minutes.
    pub const TTL_SECONDS: i64 = 1_800;
}

/// The holder of a session: an operator, a client or a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionHolder {
    /// An operator, signed in by a link that was created on the server.
    Operator {
        /// The name of the operator.
        name: String,
        /// The limits of the operator.
        limits: OperatorLimits,
    },
    /// An administrator, signed in with a client id and secret.
    Client {
        /// The client id.
        id: ClientId,
        /// The id of the secret. The session ends when the secret does.
        secret_id: SecretId,
    },
    /// A person, signed in at the identity provider.
    Person {
        /// The person.
        person: Person,
        /// The groups at sign-in. Their rights are determined at each request.
        groups: Vec<String>,
        /// The time at which the provider authenticated the person, if it is known.
        authenticated_at: Option<Timestamp>,
    },
}

impl SessionHolder {
    /// Returns the actor name in events.
    pub fn actor_name(&self) -> String {
        match self {
            Self::Operator { name, .. } => format!("operator:{name}"),
            Self::Client { id, .. } => format!("client:{id}"),
            Self::Person { person, .. } => person.to_string(),
        }
    }

    /// Returns a short display name of the holder.
    pub fn short_name(&self) -> String {
        match self {
            Self::Operator { .. } | Self::Client { .. } => self.actor_name(),
            Self::Person { person, .. } => person.short_name(),
        }
    }

    /// Returns the sign-in method, as recorded in events.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Operator { .. } => "link",
            Self::Client { .. } => "client_secret",
            Self::Person { .. } => "openid_connect",
        }
    }

    /// Returns the maximum duration of a session, in seconds. It is only one hour for a person,
    /// because the provider may have removed a group since.
    pub fn max_seconds(&self) -> i64 {
        match self {
            Self::Operator { .. } | Self::Client { .. } => ConsoleSession::MAX_SECONDS,
            Self::Person { .. } => ConsoleSession::MAX_PERSON_SECONDS,
        }
    }
}

/// A session. Its times come from the clock of the database.
#[derive(Debug, Clone)]
pub struct ConsoleSession {
    /// The public identifier.
    pub session_id: SessionId,
    /// The holder of the session.
    pub holder: SessionHolder,
    /// The sequence of the last event before the sign-in.
    pub sequence: i64,
    /// The time of the sign-in.
    pub signed_in_at: Timestamp,
    /// The time of the last use, accurate to a minute.
    pub seen_at: Timestamp,
    /// The latest end of the session.
    pub ends_at: Timestamp,
    /// The client address at the sign-in.
    pub address: String,
    /// The user agent of the browser.
    pub user_agent: String,
}

impl ConsoleSession {
    /// The idle timeout of a session: 30 minutes.
    pub const IDLE_SECONDS: i64 = 1_800;

    /// The maximum duration of a session: 12 hours.
    pub const MAX_SECONDS: i64 = 43_200;

    /// The maximum duration of a person's session, and thus the maximum age of its groups: one
    /// hour.
    pub const MAX_PERSON_SECONDS: i64 = 3_600;

    /// How long after a sign-in dangerous actions need no new sign-in: 10 minutes.
    pub const FRESH_SECONDS: i64 = 600;

    /// The maximum number of sessions per holder. A new session ends the oldest one.
    pub const MAX_PER_HOLDER: usize = 20;

    /// The maximum length of a stored user agent, in characters.
    pub const MAX_USER_AGENT_CHARS: usize = 200;

    /// True while the session is valid.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now < self.ends_at && now < self.seen_at.plus_seconds(Self::IDLE_SECONDS)
    }

    /// True shortly after the sign-in. A provider may sign in a person it authenticated long ago,
    /// so for a person the authentication time is used.
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
    fn a_session_ends_when_idle_and_at_its_expiry() {
        let mut session = session();
        assert!(session.is_valid(Timestamp(1_799)));
        assert!(!session.is_valid(Timestamp(1_800)));
        session.seen_at = Timestamp(43_000);
        assert!(session.is_valid(Timestamp(43_199)));
        assert!(!session.is_valid(Timestamp(43_200)));
        assert!(session.is_recent(Timestamp(599)) && !session.is_recent(Timestamp(600)));
    }

    #[test]
    fn malformed_ids_are_rejected_and_the_holder_has_an_actor_name() {
        for text in ["", "ses_", "sec_a", "ses_a-b", &format!("ses_{}", "a".repeat(41))] {
            assert!(SessionId::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(session().holder.actor_name(), "operator:ana");
    }
}
