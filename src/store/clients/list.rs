//! Filters of lists of clients. `query_plan` chooses an index, `page` finds the clients of a page,
//! and `registrations` reads their rows.

use std::collections::BTreeSet;

use crate::model::client::{ClientId, ClientName, ClientState};
use crate::model::labels::{self, LabelKey, LabelValue};
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::model::scope::ScopeName;
use crate::model::secret::SecretId;
use crate::model::time::Timestamp;
use crate::store::clients::query_plan::Source;
use crate::store::row::named_row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// A filter of clients: a client must match every given condition.
#[derive(Debug, Clone, Default)]
pub struct ClientFilter {
    /// The state of the client.
    pub state: Option<ClientState>,
    /// The exact name.
    pub name: Option<ClientName>,
    /// The owners, of which the client has one. `None` matches any client, with or without an
    /// owner.
    pub owners: Option<BTreeSet<Owner>>,
    /// The labels, all of which the client has.
    pub labels: Vec<(LabelKey, LabelValue)>,
    /// A grant of the client.
    pub grant: Option<GrantFilter>,
    /// Matches clients with a valid secret that expires soon. Such a list is sorted by the earliest
    /// expiry. All other lists are sorted by client id.
    pub expiring: Option<Expiring>,
    /// Matches clients that were registered before this time and have not authenticated since.
    pub unused_since: Option<Timestamp>,
    /// A part of the id or name, ignoring the case of ASCII letters.
    pub search: Option<String>,
}

/// A filter for grants to one of several resources.
#[derive(Debug, Clone)]
pub struct GrantFilter {
    /// The resources; never empty.
    pub resources: Vec<ResourceId>,
    /// A scope that the grant includes. Every listed resource must offer it, because a grant of all
    /// scopes includes everything that its resource offers.
    pub scope: Option<ScopeName>,
}

/// Secrets that are valid at `now` and expire by `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiring {
    /// The current time.
    pub now: Timestamp,
    /// The latest expiry that matches.
    pub until: Timestamp,
}

/// A position in a list: the next page starts after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    client_id: String,
    expires_at: i64,
    secret_id: String,
}

impl Position {
    /// Returns the position before the first client.
    pub fn start() -> Self {
        Self { client_id: String::new(), expires_at: i64::MIN, secret_id: String::new() }
    }

    /// Returns the position of a client in a list sorted by id.
    pub fn of_client(id: &ClientId) -> Self {
        Self { client_id: id.as_str().to_owned(), ..Self::start() }
    }

    /// Returns the position of a secret in a list sorted by expiry.
    pub fn of_secret(id: &ClientId, expires_at: Timestamp, secret_id: &SecretId) -> Self {
        let (client_id, secret_id) = (id.as_str().to_owned(), secret_id.as_str().to_owned());
        Self { client_id, expires_at: expires_at.0, secret_id }
    }

    /// Returns the expiry and the id of the secret at this position.
    pub fn secret(&self) -> (Timestamp, &str) {
        (Timestamp(self.expires_at), &self.secret_id)
    }

    /// Returns the client at this position.
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
    /// Appends every condition except that of the source, on rows `t` of the source and clients
    /// `c`. Conditions on columns of the index `client_walk` come first, so that a walk reads only
    /// the index for most clients.
    pub(super) fn push_rest(&self, statement: &mut Statement, source: Option<&Source>) {
        let is_left = |this: Source| source != Some(&this);
        if let Some(time) = self.unused_since {
            statement.push_with(
                " AND c.active_at <= ? AND c.created_at <= ?",
                [time.into(), time.into()],
            );
        }
        // Concatenating an empty text disables the index of a column. With it, the walk would lose
        // its order.
        let is_walk = source.is_none() && self.expiring.is_none();
        if let Some(state) = self.state.filter(|_| is_left(Source::State)) {
            let condition = if is_walk { " AND c.state || '' = ?" } else { " AND c.state = ?" };
            statement.push_with(condition, [state.as_str().into()]);
        }
        if let Some(owners) = self.owners.as_ref().filter(|_| is_left(Source::Owners)) {
            statement.push(if is_walk { " AND c.owner || '' IN " } else { " AND c.owner IN " });
            statement.push_list(owners.iter().map(Owner::as_str));
        }
        for (index, (key, value)) in self.labels.iter().enumerate() {
            if is_left(Source::Label(index)) {
                statement.push_with(
                    " AND EXISTS (SELECT 1 FROM client_label l
                        WHERE l.client_id = c.client_id AND l.label = ?)",
                    [labels::text(key, value).into()],
                );
            }
        }
        if let Some(grant) = &self.grant
            && !matches!(source, Some(Source::Resource | Source::Scopes(_)))
        {
            push_grant(statement, grant);
        }
        if let Some(name) = self.name.as_ref().filter(|_| is_left(Source::Name)) {
            statement.push_with(" AND c.name = ?", [name.as_str().into()]);
        }
        if let Some(text) = &self.search {
            statement.push_with(
                " AND (replace(lower(c.client_id), lower(?), '') <> lower(c.client_id)
                    OR replace(lower(c.name), lower(?), '') <> lower(c.name))",
                [text.as_str().into(), text.as_str().into()],
            );
        }
        if let Some(time) = self.unused_since {
            push_unused(statement, time);
        }
    }
}

/// The table whose column `client_id` a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// `t`, the secrets.
    Secrets,
    /// `c`, the clients.
    Clients,
}

/// Appends the conditions for secrets `t` that expire soon and follow the position `after`.
pub(super) fn push_secrets(statement: &mut Statement, expiring: Expiring, after: &Position) {
    let first = expiring.now.0.saturating_add(1).max(after.expires_at);
    statement.push_with(
        "t.expires_at >= ? AND t.expires_at <= ? AND (t.expires_at > ? OR t.secret_id > ?)",
        [
            first.into(),
            expiring.until.into(),
            after.expires_at.into(),
            after.secret_id.as_str().into(),
        ],
    );
}

/// Like [`push_secrets`], but up to the end of a walk. Lists a client with several such secrets
/// only once, at the secret that expires first.
///
/// The last condition compares the client of `table`. If that is `c`, the database evaluates the
/// other conditions on the client first.
pub(super) fn push_expiring(
    statement: &mut Statement,
    expiring: Expiring,
    after: &Position,
    end: Option<&Position>,
    table: Table,
) {
    let until = end.map_or(expiring.until, |end| expiring.until.min(Timestamp(end.expires_at)));
    push_secrets(statement, Expiring { until, ..expiring }, after);
    if let Some(end) = end {
        statement.push_with(
            " AND (t.expires_at < ? OR t.secret_id <= ?)",
            [end.expires_at.into(), end.secret_id.as_str().into()],
        );
    }
    statement.push(match table {
        Table::Secrets => {
            " AND NOT EXISTS (SELECT 1 FROM client_secret e WHERE e.client_id = t.client_id"
        }
        Table::Clients => {
            " AND NOT EXISTS (SELECT 1 FROM client_secret e WHERE e.client_id = c.client_id"
        }
    });
    statement.push_with(
        " AND e.expires_at > ?
                AND (e.expires_at < t.expires_at
                    OR (e.expires_at = t.expires_at AND e.secret_id < t.secret_id)))",
        [expiring.now.into()],
    );
}

/// Scopes are stored as a space-separated text; NULL means all scopes.
fn push_grant(statement: &mut Statement, grant: &GrantFilter) {
    let Some(scope) = &grant.scope else {
        statement.push(
            " AND EXISTS (SELECT 1 FROM client_grant g
                WHERE g.client_id = c.client_id AND g.resource IN ",
        );
        statement.push_list(grant.resources.iter().map(ResourceId::as_str)).push(")");
        return;
    };
    // Forces a lookup by client, regardless of the number of resources.
    statement.push(
        " AND EXISTS (SELECT 1 FROM client_grant g
            WHERE g.client_id = c.client_id AND g.resource || '' IN ",
    );
    statement.push_list(grant.resources.iter().map(ResourceId::as_str));
    statement.push_with(
        " AND (g.scopes IS NULL
                OR replace(' ' || g.scopes || ' ', ?, '') <> ' ' || g.scopes || ' '))",
        [format!(" {scope} ").as_str().into()],
    );
}

/// Compares the exact times. The database reads them only for clients whose `active_at` is old
/// enough.
fn push_unused(statement: &mut Statement, since: Timestamp) {
    statement.push_with(
        " AND NOT EXISTS (
            SELECT 1 FROM client_use u
            WHERE u.client_id = c.client_id AND u.last_used_at > ?)
        AND NOT EXISTS (
            SELECT 1 FROM client_secret n
            JOIN secret_use u ON u.secret_id = n.secret_id
            WHERE n.client_id = c.client_id AND u.last_used_at > ?)",
        [since.into(), since.into()],
    );
}

impl Store {
    /// Returns the position of a client in a list. `None` if the list is sorted by expiry and the
    /// client has no secret that expires soon.
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
        let Some(Expiring { now, until }) = filter.expiring else {
            return Ok(Some(Position::of_client(id)));
        };
        let mut statement = Statement::default();
        statement.push_with(SQL, [id.as_str().into(), now.into(), until.into()]);
        let found = self.read().rows::<PositionRow>(&statement).await?.pop();
        Ok(found.map(Position::from))
    }
}
