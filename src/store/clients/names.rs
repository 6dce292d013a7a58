//! Looks up clients by their identifier, their name or the suffix of a secret.

use std::collections::BTreeSet;

use crate::model::client::{ClientId, ClientName};
use crate::model::owner::Owner;
use crate::model::rejection::UnknownId;
use crate::store::reader::Reader;
use crate::store::row::named_row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError, on_pool};

named_row! {
    pub(in crate::store) struct ClientIdRow {
        client_id: String,
    }
}

impl Reader<'_> {
    /// Returns the first `limit` client ids after `after`, in alphabetical order.
    ///
    /// # Errors
    /// If the database fails, or a stored id cannot be decoded.
    pub async fn client_ids(
        &mut self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<ClientId>, StoreError> {
        let mut statement = Statement::default();
        statement.push_with(
            "SELECT client_id FROM client WHERE client_id > ? ORDER BY client_id LIMIT ?",
            [after.into(), i64::from(limit).into()],
        );
        let rows = self.rows::<ClientIdRow>(&statement).await?;
        rows.iter().map(|row| Ok(ClientId::parse(&row.client_id)?)).collect()
    }
}

impl Store {
    /// True if a client with this id exists.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn has_client(&self, id: &ClientId) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM client WHERE client_id = $1";
        on_pool!(self, |pool| {
            let count: i64 = sqlx::query_scalar(SQL).bind(id.as_str()).fetch_one(pool).await?;
            Ok(count > 0)
        })
    }

    /// Returns the first `limit` ids of clients with exactly this name, in alphabetical order. With
    /// `owners`, only clients of these owners match.
    ///
    /// # Errors
    /// If the database fails, or a stored id cannot be decoded.
    pub async fn clients_named(
        &self,
        name: &ClientName,
        owners: Option<&BTreeSet<Owner>>,
        limit: u32,
    ) -> Result<Vec<ClientId>, StoreError> {
        const SQL: &str = "SELECT client_id FROM client WHERE name = ?";
        let mut statement = Statement::default();
        statement.push_with(SQL, [name.as_str().into()]);
        if let Some(owners) = owners {
            statement.push(" AND owner IN ").push_list(owners.iter().map(Owner::as_str));
        }
        statement.push_with(" ORDER BY client_id LIMIT ?", [i64::from(limit).into()]);
        let rows = self.read().rows::<ClientIdRow>(&statement).await?;
        Ok(rows.iter().map(|row| ClientId::parse(&row.client_id)).collect::<Result<_, _>>()?)
    }

    /// Returns the first `limit` client ids that begin with `start`, in alphabetical order.
    ///
    /// # Errors
    /// If the database fails, or a stored id cannot be decoded.
    pub async fn client_ids_starting_with(
        &self,
        start: &str,
        limit: u32,
    ) -> Result<Vec<ClientId>, StoreError> {
        const SQL: &str = "
            SELECT client_id
            FROM client
            WHERE substr(client_id, 1, length($1)) = $1
            ORDER BY client_id
            LIMIT $2";
        on_pool!(self, |pool| {
            let ids: Vec<String> =
                sqlx::query_scalar(SQL).bind(start).bind(i64::from(limit)).fetch_all(pool).await?;
            Ok(ids.iter().map(|id| ClientId::parse(id)).collect::<Result<_, _>>()?)
        })
    }

    /// Returns up to three clients whose names have the same length and first characters as an
    /// unknown client id.
    pub async fn clients_named_like(&self, id: &UnknownId) -> Result<Vec<ClientId>, StoreError> {
        const SQL: &str = "
            SELECT client_id
            FROM client
            WHERE length(name) = $1 AND substr(name, 1, 4) = $2
            ORDER BY client_id
            LIMIT 3";
        let length = i64::try_from(id.length).unwrap_or(i64::MAX);
        on_pool!(self, |pool| {
            let ids: Vec<String> =
                sqlx::query_scalar(SQL).bind(length).bind(&id.start).fetch_all(pool).await?;
            Ok(ids.iter().map(|id| ClientId::parse(id)).collect::<Result<_, _>>()?)
        })
    }

    /// Returns up to three clients that have a secret with this suffix.
    pub async fn clients_by_suffix(&self, suffix: &str) -> Result<Vec<ClientId>, StoreError> {
        const SQL: &str = "
            SELECT DISTINCT client_id
            FROM client_secret
            WHERE hint = $1
            LIMIT 3";
        on_pool!(self, |pool| {
            let ids: Vec<String> = sqlx::query_scalar(SQL).bind(suffix).fetch_all(pool).await?;
            Ok(ids.iter().map(|id| ClientId::parse(id)).collect::<Result<_, _>>()?)
        })
    }
}
