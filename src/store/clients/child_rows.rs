//! Reads the rows that belong to clients: secrets, grants and trusts. One statement per table reads
//! the rows of many clients, as a range scan of the index on `client_id`.

use std::collections::HashMap;

use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use crate::model::grant::HeldGrant;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::trust::FederatedCredential;
use crate::store::StoreError;
use crate::store::grants::HeldGrantRow;
use crate::store::reader::Reader;
use crate::store::row::TableRow;
use crate::store::statement::Statement;
use crate::store::trusts::TrustRow;
use crate::store::trusts::spiffe::SpiffeTrustRow;

/// A set of clients, by their identifiers.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) enum ClientSet<'a> {
    /// The listed clients.
    Of(&'a [&'a str]),
    /// The clients after `after`, up to and including `last`.
    Range {
        /// The client before the first one.
        after: &'a str,
        last: &'a str,
    },
}

impl ClientSet<'_> {
    /// Appends the condition that `client_id` is in the set.
    pub(in crate::store) fn push(self, statement: &mut Statement) {
        match self {
            Self::Of(ids) => statement.push("client_id IN ").push_list(ids.iter().copied()),
            Self::Range { after, last } => {
                statement.push_with("client_id > ? AND client_id <= ?", [after.into(), last.into()])
            }
        };
    }
}

/// A row that belongs to a client.
pub(in crate::store) trait ChildRow: TableRow {
    /// The ORDER BY clause. It begins with the client, so that the index returns the rows sorted,
    /// or nearly so.
    const ORDER: &'static str;

    /// Returns the client that owns the row.
    fn client_id(&self) -> &str;
}

/// The child rows of many clients, grouped by client. `S` is the row of a secret.
pub(in crate::store) struct ChildRows<S> {
    secrets: HashMap<String, Vec<S>>,
    grants: HashMap<String, Vec<HeldGrantRow>>,
    trusts: HashMap<String, Vec<TrustRow>>,
    spiffe_trusts: HashMap<String, Vec<SpiffeTrustRow>>,
}

/// The child rows of one client, decoded except for the secrets.
pub(in crate::store) struct Children<S> {
    /// The secrets, oldest first.
    pub(in crate::store) secrets: Vec<S>,
    /// The grants, sorted by resource.
    pub(in crate::store) grants: Vec<HeldGrant>,
    /// The trusts in external issuers, oldest first.
    pub(in crate::store) trusts: Vec<FederatedCredential>,
    /// The trusts in SPIFFE trust domains, oldest first.
    pub(in crate::store) spiffe_trusts: Vec<SpiffeTrust>,
}

impl<S> ChildRows<S>
where
    S: ChildRow + for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
{
    /// Reads the child rows of some clients, in separate statements after the rows of the clients.
    /// A change in between writes an event, which makes a follower read the client again.
    pub(in crate::store) async fn read(
        reader: &mut Reader<'_>,
        clients: ClientSet<'_>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            secrets: by_client(reader, clients).await?,
            grants: by_client(reader, clients).await?,
            trusts: by_client(reader, clients).await?,
            spiffe_trusts: by_client(reader, clients).await?,
        })
    }

    /// Removes and decodes the child rows of one client.
    ///
    /// # Errors
    /// If a row of the client cannot be decoded.
    pub(in crate::store) fn take(&mut self, client_id: &str) -> Result<Children<S>, StoreError> {
        // Remove the rows from all maps before any decoding can fail.
        let secrets = self.secrets.remove(client_id).unwrap_or_default();
        let grants = self.grants.remove(client_id).unwrap_or_default();
        let trusts = self.trusts.remove(client_id).unwrap_or_default();
        let spiffe_trusts = self.spiffe_trusts.remove(client_id).unwrap_or_default();
        let mut grants =
            grants.iter().map(HeldGrantRow::decode).collect::<Result<Vec<_>, StoreError>>()?;
        // The database does not sort them, because its collation may depend on a language.
        grants.sort_by(|one, other| one.grant.resource.cmp(&other.grant.resource));
        Ok(Children {
            secrets,
            grants,
            trusts: trusts.into_iter().map(TrustRow::decode).collect::<Result<_, _>>()?,
            spiffe_trusts: spiffe_trusts
                .iter()
                .map(SpiffeTrustRow::decode)
                .collect::<Result<_, _>>()?,
        })
    }
}

async fn by_client<T>(
    reader: &mut Reader<'_>,
    clients: ClientSet<'_>,
) -> Result<HashMap<String, Vec<T>>, StoreError>
where
    T: ChildRow + for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
{
    let mut statement = Statement::default();
    statement.push(T::SELECT).push("WHERE ");
    clients.push(&mut statement);
    statement.push(T::ORDER);
    let mut found: HashMap<String, Vec<T>> = HashMap::new();
    for row in reader.rows::<T>(&statement).await? {
        match found.get_mut(row.client_id()) {
            Some(rows) => rows.push(row),
            None => {
                found.insert(row.client_id().to_owned(), vec![row]);
            }
        }
    }
    Ok(found)
}
