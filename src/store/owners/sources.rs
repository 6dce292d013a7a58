//! Looks up clients by the source that applies them.

use crate::model::source::SourceName;
use crate::store::clients::names::ClientIdRow;
use crate::store::row::named_row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

impl Store {
    /// Returns the first `limit` client ids of a source after `after`, in the order of ids. `None`
    /// selects clients without a source.
    pub async fn clients_of_source(
        &self,
        source: Option<&SourceName>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let mut statement = Statement::default();
        statement.push("SELECT client_id FROM client WHERE ");
        match source {
            Some(source) => statement.push_with("source = ? ", [source.as_str().into()]),
            None => statement.push("source IS NULL "),
        };
        statement.push_with(
            "AND client_id > ? ORDER BY client_id LIMIT ?",
            [after.into(), i64::from(limit).into()],
        );
        let rows = self.read().rows::<ClientIdRow>(&statement).await?;
        Ok(rows.into_iter().map(|row| row.client_id).collect())
    }

    /// Returns the names of all sources of clients, in alphabetical order.
    pub async fn client_sources(&self) -> Result<Vec<SourceName>, StoreError> {
        let mut statement = Statement::default();
        statement.push("SELECT DISTINCT source FROM client WHERE source IS NOT NULL");
        let rows = self.read().rows::<SourceRow>(&statement).await?;
        let mut names: Vec<_> =
            rows.iter().filter_map(|row| row.source.as_deref()).map(SourceName::stored).collect();
        names.sort();
        Ok(names)
    }
}

named_row! {
    struct SourceRow {
        source: Option<String>,
    }
}
