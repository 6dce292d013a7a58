//! Sessions of the console and links that open one, valid on all instances. Rows contain only
//! digests of secrets. Using a session is not a change and has no event.

use std::collections::BTreeSet;

use serde_json::json;

use crate::model::admin_scope::AdminScope;
use crate::model::client::ClientId;
use crate::model::console_session::{
    ConsoleLink, ConsoleSession, OperatorLimits, SessionHolder, SessionId,
};
use crate::model::owner::Owner;
use crate::model::person::{Person, PersonSubject};
use crate::model::secret::SecretId;
use crate::model::time::Timestamp;
use crate::model::trust::ExternalIssuer;
use crate::store::row::{TableRow, readable, table_row};
use crate::store::statement::Statement;
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{Store, StoreError, on_pool};

/// The number of rows that one statement deletes.
const BATCH_SIZE: i64 = 500;

/// Excludes client sessions without a secret, which an earlier version could write. They are
/// treated as ended.
const HAS_SECRET: &str = "(client_id IS NULL OR secret_id IS NOT NULL)";

/// The maximum number of listed sessions.
const MAX_LISTED: i64 = 500;

table_row! {
    /// A row of `console_link`.
    struct LinkRow in "console_link" {
        link_hash: String,
        session_id: String,
        operator: String,
        scopes: Option<String>,
        owners: Option<String>,
        created_at: i64,
        expires_at: i64,
    }
}

table_row! {
    /// A row of `console_session`.
    struct SessionRow in "console_session" {
        session_hash: String,
        session_id: String,
        operator: Option<String>,
        scopes: Option<String>,
        owners: Option<String>,
        client_id: Option<String>,
        secret_id: Option<String>,
        issuer: Option<String>,
        subject: Option<String>,
        person_groups: Option<String>,
        authenticated_at: Option<i64>,
        sequence: i64,
        signed_in_at: i64,
        seen_at: i64,
        ends_at: i64,
        address: String,
        user_agent: String,
    }
}

fn scopes_column(limits: &OperatorLimits) -> Option<String> {
    let words = |scopes: &BTreeSet<AdminScope>| {
        scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
    };
    limits.scopes.as_ref().map(words)
}

fn owners_column(limits: &OperatorLimits) -> Option<String> {
    let words =
        |owners: &BTreeSet<Owner>| owners.iter().map(Owner::as_str).collect::<Vec<_>>().join(" ");
    limits.owners.as_ref().map(words)
}

/// Parses the limits of an operator. Unknown scopes are dropped: they grant nothing.
fn limits(scopes: Option<&str>, owners: Option<&str>) -> OperatorLimits {
    let known = |text: &str| {
        text.split_whitespace().filter_map(|word| AdminScope::parse(word).ok()).collect()
    };
    let owners = owners.map(|text| text.split_whitespace().map(Owner::stored).collect());
    OperatorLimits { scopes: scopes.map(known), owners }
}

/// Parses a list of groups. An unreadable list is empty: it grants nothing.
fn groups(text: Option<&str>) -> Vec<String> {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

impl LinkRow {
    fn decode(self) -> Result<ConsoleLink, StoreError> {
        Ok(ConsoleLink {
            session_id: SessionId::parse(&self.session_id)?,
            limits: limits(self.scopes.as_deref(), self.owners.as_deref()),
            operator: self.operator,
            created_at: Timestamp(self.created_at),
            expires_at: Timestamp(self.expires_at),
        })
    }
}

impl SessionRow {
    fn of(session_hash: &str, session: &ConsoleSession) -> Self {
        let mut row = Self {
            session_hash: session_hash.to_owned(),
            session_id: session.session_id.as_str().to_owned(),
            operator: None,
            scopes: None,
            owners: None,
            client_id: None,
            secret_id: None,
            issuer: None,
            subject: None,
            person_groups: None,
            authenticated_at: None,
            sequence: session.sequence,
            signed_in_at: session.signed_in_at.0,
            seen_at: session.seen_at.0,
            ends_at: session.ends_at.0,
            address: session.address.clone(),
            user_agent: session.user_agent.clone(),
        };
        match &session.holder {
            SessionHolder::Operator { name, limits } => {
                row.operator = Some(name.clone());
                (row.scopes, row.owners) = (scopes_column(limits), owners_column(limits));
            }
            SessionHolder::Client { id, secret_id } => {
                row.client_id = Some(id.as_str().to_owned());
                row.secret_id = Some(secret_id.as_str().to_owned());
            }
            SessionHolder::Person { person, groups, authenticated_at } => {
                // Schema 27 reads a row without a client as an operator's session: give it no
                // rights.
                (row.scopes, row.owners) = (Some(String::new()), Some(String::new()));
                row.issuer = Some(person.issuer.as_str().to_owned());
                row.subject = Some(person.subject.as_str().to_owned());
                row.person_groups = Some(json!(groups).to_string());
                row.authenticated_at = authenticated_at.map(|at| at.0);
            }
        }
        row
    }

    fn decode(self) -> Result<ConsoleSession, StoreError> {
        let holder = match (self.client_id, self.issuer, self.subject) {
            (Some(id), _, _) => SessionHolder::Client {
                id: ClientId::parse(&id)?,
                secret_id: SecretId::parse(self.secret_id.as_deref().unwrap_or_default())?,
            },
            (None, Some(issuer), Some(subject)) => SessionHolder::Person {
                person: Person {
                    issuer: ExternalIssuer::stored(&issuer),
                    subject: PersonSubject::stored(&subject),
                },
                groups: groups(self.person_groups.as_deref()),
                authenticated_at: self.authenticated_at.map(Timestamp),
            },
            (None, _, _) => SessionHolder::Operator {
                name: self.operator.unwrap_or_default(),
                limits: limits(self.scopes.as_deref(), self.owners.as_deref()),
            },
        };
        Ok(ConsoleSession {
            session_id: SessionId::parse(&self.session_id)?,
            holder,
            sequence: self.sequence,
            signed_in_at: Timestamp(self.signed_in_at),
            seen_at: Timestamp(self.seen_at),
            ends_at: Timestamp(self.ends_at),
            address: self.address,
            user_agent: self.user_agent,
        })
    }
}

impl Store {
    /// Returns the link with this digest, if it exists and can be decoded.
    pub async fn console_link(&self, link_hash: &str) -> Result<Option<ConsoleLink>, StoreError> {
        let mut statement = Statement::default();
        statement.push(LinkRow::SELECT).push_with("WHERE link_hash = ?", [link_hash.into()]);
        let rows = self.read().rows::<LinkRow>(&statement).await?;
        Ok(readable("a link", rows, LinkRow::decode).pop())
    }

    /// Returns the session with this digest, if it exists and can be decoded.
    pub async fn console_session(
        &self,
        session_hash: &str,
    ) -> Result<Option<ConsoleSession>, StoreError> {
        let mut statement = Statement::default();
        statement
            .push(SessionRow::SELECT)
            .push_with("WHERE session_hash = ? AND ", [session_hash.into()])
            .push(HAS_SECRET);
        let rows = self.read().rows::<SessionRow>(&statement).await?;
        Ok(readable("a session", rows, SessionRow::decode).pop())
    }

    /// Returns the sessions that are active at `now`, latest sign-in first. Omits sessions that
    /// cannot be decoded: they cannot be used.
    pub async fn console_sessions(
        &self,
        now: Timestamp,
    ) -> Result<Vec<ConsoleSession>, StoreError> {
        let mut statement = Statement::default();
        let idle = now.minus_seconds(ConsoleSession::IDLE_SECONDS);
        statement
            .push(SessionRow::SELECT)
            .push_with("WHERE ends_at > ? AND seen_at > ? AND ", [now.into(), idle.into()]);
        statement
            .push(HAS_SECRET)
            .push_with(" ORDER BY signed_in_at DESC, session_id LIMIT ?", [MAX_LISTED.into()]);
        let rows = self.read().rows::<SessionRow>(&statement).await?;
        Ok(readable("a session", rows, SessionRow::decode))
    }

    /// Records that a session was used.
    pub async fn touch_console_session(
        &self,
        session_hash: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE console_session SET seen_at = $2 WHERE session_hash = $1 AND seen_at < $2";
        on_pool!(self, |pool| {
            sqlx::query(SQL).bind(session_hash).bind(now.0).execute(pool).await?;
            Ok(())
        })
    }

    /// Deletes links and sessions that have ended by `now`, the time of [`Store::time`].
    pub async fn purge_console(&self, now: Timestamp) -> Result<(), StoreError> {
        const LINKS: &str = "
            DELETE FROM console_link
            WHERE link_hash IN
                (SELECT link_hash FROM console_link WHERE expires_at <= $1 LIMIT $2)";
        const SESSIONS: &str = "
            DELETE FROM console_session
            WHERE session_hash IN
                (SELECT session_hash FROM console_session WHERE ends_at <= $1 LIMIT $2)";
        self.delete_in_batches(LINKS, now.0, BATCH_SIZE).await?;
        self.delete_in_batches(SESSIONS, now.0, BATCH_SIZE).await
    }
}

impl WriteTransaction {
    /// Adds a link.
    pub async fn add_console_link(
        &mut self,
        link_hash: &str,
        link: &ConsoleLink,
    ) -> Result<(), StoreError> {
        let row = LinkRow {
            link_hash: link_hash.to_owned(),
            session_id: link.session_id.as_str().to_owned(),
            operator: link.operator.clone(),
            scopes: scopes_column(&link.limits),
            owners: owners_column(&link.limits),
            created_at: link.created_at.0,
            expires_at: link.expires_at.0,
        };
        self.insert(row, "link", "link").await
    }

    /// Deletes a link. Returns `false` if it no longer exists, so a link opens only one session.
    pub async fn take_console_link(&mut self, link_hash: &str) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM console_link WHERE link_hash = $1";
        let rows = on_write!(self, |connection| {
            let done = sqlx::query(SQL).bind(link_hash).execute(connection).await?;
            Ok(done.rows_affected())
        })?;
        Ok(rows > 0)
    }

    /// Adds a session, and keeps only the latest `others` other sessions of the same holder.
    pub async fn add_console_session(
        &mut self,
        session_hash: &str,
        session: &ConsoleSession,
        others: usize,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            DELETE FROM console_session
            WHERE session_hash IN
                (SELECT session_hash
                 FROM console_session
                 WHERE COALESCE(operator, '') = $1 AND COALESCE(client_id, '') = $2
                     AND COALESCE(issuer, '') = $5 AND COALESCE(subject, '') = $6
                 ORDER BY signed_in_at DESC, session_id
                 LIMIT $4 OFFSET $3)";
        let row = SessionRow::of(session_hash, session);
        let others = i64::try_from(others).unwrap_or(i64::MAX);
        let [operator, client, issuer, subject] =
            [&row.operator, &row.client_id, &row.issuer, &row.subject]
                .map(|column| column.clone().unwrap_or_default());
        on_write!(self, |connection| {
            let query =
                sqlx::query(SQL).bind(&operator).bind(&client).bind(others).bind(BATCH_SIZE);
            query.bind(&issuer).bind(&subject).execute(connection).await?;
            Ok(())
        })?;
        self.insert(row, "session", "session").await
    }

    /// Ends a session. Returns `false` if it no longer exists.
    pub async fn end_console_session(&mut self, id: &SessionId) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM console_session WHERE session_id = $1";
        let rows = on_write!(self, |connection| {
            let done = sqlx::query(SQL).bind(id.as_str()).execute(connection).await?;
            Ok(done.rows_affected())
        })?;
        Ok(rows > 0)
    }
}
