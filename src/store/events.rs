//! Reading events: by the followers, and by whoever reads or checks the audit log.

use crate::model::event::{Event, Head};
use crate::model::time::Timestamp;
use crate::store::{Store, StoreError, on_pool};

type Row = (i64, i64, String, String, String, String, String, String);

fn event((sequence, at, actor, action, subject, detail, previous_hash, hash): Row) -> Event {
    Event { sequence, at: Timestamp(at), actor, action, subject, detail, previous_hash, hash }
}

impl Store {
    /// The end of the chain.
    pub async fn head(&self) -> Result<Head, StoreError> {
        const SQL: &str = "SELECT sequence, hash FROM event_head WHERE id = 1";
        on_pool!(self, |pool| {
            let (sequence, hash): (i64, String) = sqlx::query_as(SQL).fetch_one(pool).await?;
            Ok(Head { sequence, hash })
        })
    }

    /// At most `limit` events whose sequence is greater than `after`, oldest first.
    pub async fn events(&self, after: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        const SQL: &str = "
            SELECT sequence, at, actor, action, subject, detail, previous_hash, hash
            FROM event
            WHERE sequence > $1
            ORDER BY sequence
            LIMIT $2";
        on_pool!(self, |pool| {
            let rows: Vec<Row> =
                sqlx::query_as(SQL).bind(after).bind(i64::from(limit)).fetch_all(pool).await?;
            Ok(rows.into_iter().map(event).collect())
        })
    }
}
