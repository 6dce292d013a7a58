//! Readers of the key set on all instances. Writing them is not a change: it has no event and does
//! not wait for other changes.

use crate::model::key_set_reader::KeySetReader;
use crate::model::time::Timestamp;
use crate::store::reader::Reader;
use crate::store::row::{TableRow, insertion, table_row};
use crate::store::statement::Statement;
use crate::store::{Store, StoreError, on_pool};

/// The maximum number of readers. Those seen on the fewest days are deleted first.
const MAX_READERS: i64 = 1_000;

/// The number of seconds after which a reader that was not seen again is deleted.
const KEPT_SECONDS: i64 = 30 * 86_400;

/// The number of readers that one statement writes.
const BATCH_SIZE: usize = 500;

table_row! {
    /// A row of `key_set_reader`.
    struct KeySetReaderRow in "key_set_reader" {
        network: String,
        user_agent: String,
        first_seen_at: i64,
        last_seen_at: i64,
        days: i64,
        newest_key_at: i64,
    }
}

impl From<&KeySetReader> for KeySetReaderRow {
    fn from(reader: &KeySetReader) -> Self {
        Self {
            network: reader.network.clone(),
            user_agent: reader.user_agent.clone(),
            first_seen_at: reader.first_seen_at.0,
            last_seen_at: reader.last_seen_at.0,
            days: reader.days,
            newest_key_at: reader.newest_key_at.0,
        }
    }
}

impl From<KeySetReaderRow> for KeySetReader {
    fn from(row: KeySetReaderRow) -> Self {
        Self {
            network: row.network,
            user_agent: row.user_agent,
            first_seen_at: Timestamp(row.first_seen_at),
            last_seen_at: Timestamp(row.last_seen_at),
            days: row.days,
            newest_key_at: Timestamp(row.newest_key_at),
        }
    }
}

const OR_ADD: &str = "
    ON CONFLICT (network, user_agent) DO UPDATE SET
        days = key_set_reader.days + CASE
            WHEN excluded.last_seen_at / 86400 > key_set_reader.last_seen_at / 86400
            THEN 1 ELSE 0 END,
        last_seen_at = CASE
            WHEN excluded.last_seen_at > key_set_reader.last_seen_at
            THEN excluded.last_seen_at ELSE key_set_reader.last_seen_at END,
        newest_key_at = CASE
            WHEN excluded.newest_key_at > key_set_reader.newest_key_at
            THEN excluded.newest_key_at ELSE key_set_reader.newest_key_at END";

impl Reader<'_> {
    /// Returns the stored readers of the key set, those seen on the most days first.
    pub async fn key_set_readers(&mut self) -> Result<Vec<KeySetReader>, StoreError> {
        let mut statement = Statement::default();
        statement.push(KeySetReaderRow::SELECT).push_with(
            "ORDER BY days DESC, last_seen_at DESC, network, user_agent LIMIT ?",
            [MAX_READERS.into()],
        );
        let rows = self.rows::<KeySetReaderRow>(&statement).await?;
        Ok(rows.into_iter().map(KeySetReader::from).collect())
    }
}

impl Store {
    /// Merges readers of the key set into the stored ones, all or nothing.
    pub async fn add_key_set_readers(&self, readers: &[KeySetReader]) -> Result<(), StoreError> {
        let mut transaction = self.transaction().await?;
        for batch in readers.chunks(BATCH_SIZE) {
            let mut statement = insertion(batch.iter().map(KeySetReaderRow::from));
            transaction.run(statement.push(OR_ADD)).await?;
        }
        transaction.commit().await
    }

    /// Deletes readers that were not seen recently, and those beyond the maximum.
    pub async fn purge_key_set_readers(&self, now: Timestamp) -> Result<(), StoreError> {
        const GONE: &str = "DELETE FROM key_set_reader WHERE last_seen_at < $1";
        // SQLite does not support OFFSET without LIMIT.
        const BEYOND: &str = "
            DELETE FROM key_set_reader
            WHERE (network, user_agent) IN (
                SELECT network, user_agent
                FROM key_set_reader
                ORDER BY days DESC, last_seen_at DESC, network, user_agent
                LIMIT 1000000 OFFSET $1
            )";
        on_pool!(self, |pool| {
            let gone = sqlx::query(GONE).bind(now.minus_seconds(KEPT_SECONDS).0);
            gone.execute(pool).await?;
            sqlx::query(BEYOND).bind(MAX_READERS).execute(pool).await?;
            Ok(())
        })
    }
}
