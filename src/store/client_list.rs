//! Which clients a list holds, page by page. Each filter with an index finds its first page without
//! a look at every client; what belongs to the clients of a page is read by `registrations`.

use std::collections::BTreeSet;

use crate::model::client::{ClientId, ClientName, ClientState};
use crate::model::labels::{LabelKey, LabelValue};
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::model::scope::ScopeName;
use crate::model::time::Timestamp;
use crate::store::client_labels::label_column;
use crate::store::row::named_row;
use crate::store::statement::{Statement, prepared};
use crate::store::{Store, StoreError, on_pool};

/// Which clients a list holds: those that every given filter matches.
#[derive(Debug, Clone, Default)]
pub struct ClientFilter {
    /// Their state.
    pub state: Option<ClientState>,
    /// Their whole name.
    pub name: Option<ClientName>,
    /// Their owner is one of these; any owner or none if absent.
    pub owners: Option<BTreeSet<Owner>>,
    /// They have each of these labels.
    pub labels: Vec<(LabelKey, LabelValue)>,
    /// A grant that they have.
    pub grant: Option<GrantFilter>,
    /// They have a secret that is valid and expires soon. Such a list begins with the secret that
    /// expires first; every other list is in the order of client ids.
    pub expiring: Option<Expiring>,
    /// They were registered before this time and have not authenticated since.
    pub unused_since: Option<Timestamp>,
    /// A part of their id or name, in any case of ASCII letters.
    pub search: Option<String>,
}

/// Grants to one of these resources.
#[derive(Debug, Clone)]
pub struct GrantFilter {
    /// The resources; at least one.
    pub resources: Vec<ResourceId>,
    /// A scope that the grant includes. Every one of the resources must offer it, because a grant
    /// of all scopes includes what its resource offers.
    pub scope: Option<ScopeName>,
}

/// Secrets that are valid at one time and expire until another.
#[derive(Debug, Clone, Copy)]
pub struct Expiring {
    /// The present time.
    pub now: Timestamp,
    /// The latest expiry.
    pub until: Timestamp,
}

/// A place in a list: a page holds what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    client_id: String,
    expires_at: i64,
    secret_id: String,
}

impl Position {
    /// The place before the first client.
    pub fn start() -> Self {
        Self { client_id: String::new(), expires_at: i64::MIN, secret_id: String::new() }
    }

    /// The client at this place.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }
}

named_row! {
    pub(super) struct PositionRow {
        client_id: String,
        expires_at: i64,
        secret_id: String,
    }
}

impl From<PositionRow> for Position {
    fn from(row: PositionRow) -> Self {
        let PositionRow { client_id, expires_at, secret_id } = row;
        Self { client_id, expires_at, secret_id }
    }
}

impl ClientFilter {
    /// The statement that finds the clients of a page. It leaves `search` out.
    pub fn page(&self, after: &Position, limit: u32) -> Statement {
        let mut statement = Statement::default();
        self.push_page(&mut statement, after, limit, 0);
        statement
    }

    /// Appends the statement that finds the clients of a page, after `offset` others.
    pub(super) fn push_page(
        &self,
        statement: &mut Statement,
        after: &Position,
        limit: u32,
        offset: u32,
    ) {
        statement.push(if self.expiring.is_some() {
            "SELECT t.client_id, t.expires_at, t.secret_id "
        } else {
            "SELECT t.client_id, CAST(0 AS BIGINT) AS expires_at, '' AS secret_id "
        });
        self.push_matching(statement, after);
        statement.push(if self.expiring.is_some() {
            " ORDER BY t.expires_at, t.secret_id"
        } else {
            " ORDER BY t.client_id"
        });
        let bounds = [i64::from(limit).into(), i64::from(offset).into()];
        statement.push_with(" LIMIT ? OFFSET ?", bounds);
    }

    /// The statement for the number of clients after a place, up to `bound`.
    fn count(&self, after: &Position, bound: u32) -> Statement {
        let mut statement = Statement::default();
        statement.push("SELECT COUNT(*) FROM (SELECT 1 AS one ");
        self.push_matching(&mut statement, after);
        statement.push_with(" LIMIT ?) AS following", [i64::from(bound).into()]);
        statement
    }

    /// Appends where the clients come from and every condition. The table `t` comes first in the
    /// order of the list: the one whose index serves the filter best.
    fn push_matching(&self, statement: &mut Statement, after: &Position) {
        let source = self.source();
        match source {
            Source::Secrets(expiring) => push_expiring(statement, expiring, after),
            Source::Label(ref label) => {
                statement.push_with(
                    "FROM client_label t WHERE t.label = ? AND t.client_id > ?",
                    [label.as_str().into(), after.client_id.as_str().into()],
                );
            }
            Source::Grants(resource, scope) => {
                statement.push_with(
                    "FROM client_grant t WHERE t.resource = ? AND t.client_id > ?",
                    [resource.as_str().into(), after.client_id.as_str().into()],
                );
                if let Some(scope) = scope {
                    push_scope(statement, scope, Grants::Listed);
                }
            }
            Source::Clients => {
                let after = after.client_id.as_str().into();
                statement.push_with("FROM client t WHERE t.client_id > ?", [after]);
            }
        }
        let is_of_clients = matches!(source, Source::Clients);
        let clients = if is_of_clients { Clients::Listed } else { Clients::Joined };
        if let Some(state) = self.state {
            let [listed, joined] = ["t.state = ?", "c.state = ?"];
            clients.push(statement, listed, joined, state.as_str().into());
        }
        if let Some(name) = &self.name {
            clients.push(statement, "t.name = ?", "c.name = ?", name.as_str().into());
        }
        self.push_facts(statement, clients);
        if let Some(time) = self.unused_since {
            clients.push(statement, "t.created_at <= ?", "c.created_at <= ?", time.into());
            push_unused(statement, time);
        }
        if let Some(grant) = &self.grant
            && !matches!(source, Source::Grants(..))
        {
            statement.push(
                " AND EXISTS (SELECT 1 FROM client_grant g
                    WHERE g.client_id = t.client_id AND g.resource IN ",
            );
            statement.push_list(grant.resources.iter().map(ResourceId::as_str));
            if let Some(scope) = &grant.scope {
                push_scope(statement, scope, Grants::Joined);
            }
            statement.push(")");
        }
    }
}

impl ClientFilter {
    /// Appends the conditions on owner and labels.
    fn push_facts(&self, statement: &mut Statement, clients: Clients) {
        match &self.owners {
            None => {}
            Some(owners) if owners.is_empty() => {
                statement.push(" AND 1 = 0");
            }
            Some(owners) => {
                clients.open(statement);
                // One owner is found by its index in the order of the list.
                statement.push(clients.column("t.owner IN ", "c.owner IN "));
                statement.push_list(owners.iter().map(Owner::as_str));
                clients.close(statement);
            }
        }
        for (key, value) in &self.labels {
            statement.push_with(
                " AND EXISTS (SELECT 1 FROM client_label l
                    WHERE l.client_id = t.client_id AND l.label = ?)",
                [label_column(key, value).into()],
            );
        }
    }

    /// The table that the list is read from: the one whose index serves the filter best.
    fn source(&self) -> Source<'_> {
        match (&self.expiring, self.labels.first(), &self.grant) {
            (Some(expiring), _, _) => Source::Secrets(*expiring),
            (None, Some((key, value)), _) => Source::Label(label_column(key, value)),
            (None, None, Some(GrantFilter { resources, scope })) if resources.len() == 1 => {
                Source::Grants(&resources[0], scope.as_ref())
            }
            _ => Source::Clients,
        }
    }
}

/// The table that a list is read from.
enum Source<'a> {
    Secrets(Expiring),
    Label(String),
    Grants(&'a ResourceId, Option<&'a ScopeName>),
    Clients,
}

/// Whether a list is read from the clients themselves.
#[derive(Clone, Copy)]
enum Clients {
    Listed,
    Joined,
}

impl Clients {
    /// One of two texts, for a column of a client.
    fn column(self, listed: &'static str, joined: &'static str) -> &'static str {
        match self {
            Self::Listed => listed,
            Self::Joined => joined,
        }
    }

    /// Begins a condition on a client.
    fn open(self, statement: &mut Statement) {
        statement.push(self.column(
            " AND ",
            " AND EXISTS (SELECT 1 FROM client c WHERE c.client_id = t.client_id AND ",
        ));
    }

    /// Ends a condition on a client.
    fn close(self, statement: &mut Statement) {
        statement.push(self.column("", ")"));
    }

    fn push(
        self,
        statement: &mut Statement,
        listed: &'static str,
        joined: &'static str,
        value: crate::store::statement::SqlValue,
    ) {
        self.open(statement);
        statement.push_with(self.column(listed, joined), [value]);
        self.close(statement);
    }
}

/// Whether a list is read from the grants themselves.
#[derive(Clone, Copy)]
enum Grants {
    Listed,
    Joined,
}

/// A client with several such secrets is listed once, at the one that expires first.
fn push_expiring(statement: &mut Statement, expiring: Expiring, after: &Position) {
    let Expiring { now, until } = expiring;
    let first = now.0.saturating_add(1).max(after.expires_at);
    statement.push_with(
        "FROM client_secret t
        WHERE t.expires_at >= ? AND t.expires_at <= ?
            AND (t.expires_at > ? OR t.secret_id > ?)
            AND NOT EXISTS (
                SELECT 1 FROM client_secret e
                WHERE e.client_id = t.client_id AND e.expires_at > ?
                    AND (e.expires_at < t.expires_at
                        OR (e.expires_at = t.expires_at AND e.secret_id < t.secret_id)))",
        [
            first.into(),
            until.into(),
            after.expires_at.into(),
            after.secret_id.as_str().into(),
            now.into(),
        ],
    );
}

/// Scopes are stored as words with spaces between them; NULL stands for all.
fn push_scope(statement: &mut Statement, scope: &ScopeName, grants: Grants) {
    let text = match grants {
        Grants::Listed => {
            " AND (t.scopes IS NULL
                OR replace(' ' || t.scopes || ' ', ?, '') <> ' ' || t.scopes || ' ')"
        }
        Grants::Joined => {
            " AND (g.scopes IS NULL
                OR replace(' ' || g.scopes || ' ', ?, '') <> ' ' || g.scopes || ' ')"
        }
    };
    statement.push_with(text, [format!(" {scope} ").as_str().into()]);
}

fn push_unused(statement: &mut Statement, since: Timestamp) {
    statement.push_with(
        " AND NOT EXISTS (
            SELECT 1 FROM client_use u
            WHERE u.client_id = t.client_id AND u.last_used_at > ?)
        AND NOT EXISTS (
            SELECT 1 FROM client_secret n
            JOIN secret_use u ON u.secret_id = n.secret_id
            WHERE n.client_id = t.client_id AND u.last_used_at > ?)",
        [since.into(), since.into()],
    );
}

impl Store {
    /// How many clients of a list come after a place, counted up to `bound`.
    pub async fn count_clients(
        &self,
        filter: &ClientFilter,
        after: &Position,
        bound: u32,
    ) -> Result<i64, StoreError> {
        let statement = filter.count(after, bound);
        on_pool!(self, |pool| {
            Ok(prepared!(sqlx::query_scalar, statement).fetch_one(pool).await?)
        })
    }

    /// The place of a client in a list; `None` if the list needs a secret that expires soon and the
    /// client has none.
    pub async fn client_position(
        &self,
        filter: &ClientFilter,
        id: &ClientId,
    ) -> Result<Option<Position>, StoreError> {
        const SQL: &str = "
            SELECT client_id, expires_at, secret_id
            FROM client_secret
            WHERE client_id = ? AND expires_at > ? AND expires_at <= ?
            ORDER BY expires_at, secret_id
            LIMIT 1";
        let client_id = id.as_str().to_owned();
        let Some(Expiring { now, until }) = filter.expiring else {
            return Ok(Some(Position { client_id, ..Position::start() }));
        };
        let mut statement = Statement::default();
        statement.push_with(SQL, [id.as_str().into(), now.into(), until.into()]);
        let found = self.read().rows::<PositionRow>(&statement).await?.pop();
        Ok(found.map(Position::from))
    }
}
