//! The longest token lifetime that any instance has ever allowed.

use crate::model::time::Lifetime;
use crate::store::reader::Reader;
use crate::store::row::named_row;
use crate::store::statement::Statement;
use crate::store::{Store, StoreError, on_pool};

named_row! {
    struct LongestLifetimeRow {
        seconds: i64,
    }
}

impl Reader<'_> {
    /// Returns the longest token lifetime that any instance has ever allowed.
    pub async fn longest_lifetime(&mut self) -> Result<Option<Lifetime>, StoreError> {
        let mut statement = Statement::default();
        statement.push("SELECT seconds FROM longest_lifetime");
        let row = self.rows::<LongestLifetimeRow>(&statement).await?.pop();
        Ok(row.map(|row| Lifetime::stored(row.seconds)))
    }
}

impl Store {
    /// Records the maximum token lifetime of this instance, if it exceeds the recorded one.
    pub async fn note_lifetime(&self, longest: Lifetime) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO longest_lifetime (one, seconds)
            VALUES (1, $1)
            ON CONFLICT (one) DO UPDATE
            SET seconds = excluded.seconds
            WHERE excluded.seconds > longest_lifetime.seconds";
        if self.longest_lifetime().await?.is_some_and(|noted| noted >= longest) {
            return Ok(());
        }
        on_pool!(self, |pool| {
            sqlx::query(SQL).bind(longest.seconds()).execute(pool).await?;
            Ok(())
        })
    }

    /// Returns the longest token lifetime that any instance has ever allowed.
    pub async fn longest_lifetime(&self) -> Result<Option<Lifetime>, StoreError> {
        self.read().longest_lifetime().await
    }
}
