//! Which clients a list holds. `query_plan` says how they are found, `page` finds them;
//! what belongs to the clients of a page is read by `registrations`.

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    /// The place of a client in the order of ids.
    pub fn of_client(id: &ClientId) -> Self {
        Self { client_id: id.as_str().to_owned(), ..Self::start() }
    }

    /// The place of a secret in the order of expiry.
    pub fn of_secret(id: &ClientId, expires_at: Timestamp, secret_id: &SecretId) -> Self {
        let (client_id, secret_id) = (id.as_str().to_owned(), secret_id.as_str().to_owned());
        Self { client_id, expires_at: expires_at.0, secret_id }
    }

    /// The expiry of the secret at this place, and its id.
    pub fn secret(&self) -> (Timestamp, &str) {
        (Timestamp(self.expires_at), &self.secret_id)
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
    /// Appends every condition but that of the source, on its rows `t` and their clients `c`. What
    /// the index `client_walk` holds comes first: a walk reads nothing else of most clients.
    pub(super) fn push_rest(&self, statement: &mut Statement, source: Option<&Source>) {
        let is_left = |this: Source| source != Some(&this);
        if let Some(time) = self.unused_since {
            statement.push_with(
                " AND c.active_at <= ? AND c.created_at <= ?",
                [time.into(), time.into()],
            );
        }
        // Joined with an empty text, a column has no index: one would replace the order of a walk.
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

/// The table by whose rows a client is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// `t`, the secrets.
    Secrets,
    /// `c`, the clients.
    Clients,
}

/// Appends the conditions of secrets `t` that expire soon, after a place.
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

/// The same up to the end of a walk, and the condition that a client with several such secrets is
/// listed once, at the one that expires first.
///
/// The last condition is about the client of `table`: if that is `c`, the other conditions on the
/// client are looked at before it.
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

/// Scopes are stored as words with spaces between them; NULL stands for all.
fn push_grant(statement: &mut Statement, grant: &GrantFilter) {
    let Some(scope) = &grant.scope else {
        statement.push(
            " AND EXISTS (SELECT 1 FROM client_grant g
                WHERE g.client_id = c.client_id AND g.resource IN ",
        );
        statement.push_list(grant.resources.iter().map(ResourceId::as_str)).push(")");
        return;
    };
    // Grants are found by the client, however many resources there are.
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

/// The exact times. They are read for a client whose `active_at` is old enough alone.
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
        let Some(Expiring { now, until }) = filter.expiring else {
            return Ok(Some(Position::of_client(id)));
        };
        let mut statement = Statement::default();
        statement.push_with(SQL, [id.as_str().into(), now.into(), until.into()]);
        let found = self.read().rows::<PositionRow>(&statement).await?.pop();
        Ok(found.map(Position::from))
    }
}
