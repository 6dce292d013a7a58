//! Checkpoints of the audit log, and the public keys that verify them.

use crate::model::checkpoint::Checkpoint;
use crate::model::event::Head;
use crate::model::signing_key::KeyId;
use crate::model::time::Timestamp;
use crate::store::reader::Reader;
use crate::store::row::{TableRow, table_row};
use crate::store::statement::Statement;
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{Store, StoreError, on_pool};

table_row! {
    /// A row of `audit_checkpoint`.
    struct CheckpointRow in "audit_checkpoint" {
        sequence: i64,
        hash: String,
        jws: String,
        signed_at: i64,
        anchored_at: Option<i64>,
    }
}

impl From<CheckpointRow> for Checkpoint {
    fn from(row: CheckpointRow) -> Self {
        Self {
            head: Head { sequence: row.sequence, hash: row.hash },
            jws: row.jws,
            signed_at: Timestamp(row.signed_at),
            anchored_at: row.anchored_at.map(Timestamp),
        }
    }
}

impl Store {
    /// Returns the public keys of all audit keys (RFC 7517), newest first.
    pub async fn audit_keys(&self) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "SELECT public_jwk FROM audit_key ORDER BY created_at DESC, kid";
        on_pool!(self, |pool| { Ok(sqlx::query_scalar(SQL).fetch_all(pool).await?) })
    }

    /// Stores the public key of an audit key, unless it is already stored.
    pub async fn keep_audit_key(
        &self,
        kid: &KeyId,
        public_jwk: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO audit_key (kid, public_jwk, created_at)
            VALUES ($1, $2, $3)
            ON CONFLICT (kid) DO NOTHING";
        on_pool!(self, |pool| {
            let keeping = sqlx::query(SQL).bind(kid.as_str()).bind(public_jwk).bind(now.0);
            keeping.execute(pool).await?;
            Ok(())
        })
    }

    /// Returns the newest `limit` checkpoints of events before `before`, newest first.
    pub async fn checkpoints(
        &self,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        let mut statement = Statement::default();
        statement.push(CheckpointRow::SELECT);
        let bounds = [before.unwrap_or(i64::MAX).into(), i64::from(limit).into()];
        statement.push_with("WHERE sequence < ? ORDER BY sequence DESC LIMIT ?", bounds);
        self.found(&statement).await
    }

    /// Returns the checkpoints of events after `after`, up to and including `until`, oldest first.
    pub async fn checkpoints_between(
        &self,
        after: i64,
        until: i64,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        let mut statement = Statement::default();
        statement.push(CheckpointRow::SELECT);
        let bounds = [after.into(), until.into()];
        statement.push_with("WHERE sequence > ? AND sequence <= ? ORDER BY sequence", bounds);
        self.found(&statement).await
    }

    /// Returns the checkpoint at which the log starts, because earlier events were deleted. `None`
    /// if the log starts with the first event.
    pub async fn audit_anchor(&self) -> Result<Option<Checkpoint>, StoreError> {
        let mut statement = Statement::default();
        statement.push(CheckpointRow::SELECT);
        statement.push("WHERE anchored_at IS NOT NULL ORDER BY sequence DESC LIMIT 1");
        Ok(self.found(&statement).await?.pop())
    }

    /// Returns the time of the newest signature of a checkpoint.
    pub async fn last_checkpoint_at(&self) -> Result<Option<Timestamp>, StoreError> {
        const SQL: &str = "SELECT MAX(signed_at) FROM audit_checkpoint";
        on_pool!(self, |pool| {
            let last: Option<i64> = sqlx::query_scalar(SQL).fetch_one(pool).await?;
            Ok(last.map(Timestamp))
        })
    }

    async fn found(&self, statement: &Statement) -> Result<Vec<Checkpoint>, StoreError> {
        let rows = self.read().rows::<CheckpointRow>(statement).await?;
        Ok(rows.into_iter().map(Checkpoint::from).collect())
    }
}

impl Reader<'_> {
    /// Returns the checkpoint of the latest event that has one.
    pub async fn newest_checkpoint(&mut self) -> Result<Option<Checkpoint>, StoreError> {
        let mut statement = Statement::default();
        statement.push(CheckpointRow::SELECT).push("ORDER BY sequence DESC LIMIT 1");
        let rows = self.rows::<CheckpointRow>(&statement).await?;
        Ok(rows.into_iter().next().map(Checkpoint::from))
    }
}

impl WriteTransaction {
    /// Makes the log start after the event of a checkpoint. Returns `false` if it already starts
    /// there or later.
    pub async fn anchor_checkpoint(
        &mut self,
        sequence: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE audit_checkpoint
            SET anchored_at = $2
            WHERE sequence = $1
              AND NOT EXISTS (SELECT 1
                              FROM audit_checkpoint AS later
                              WHERE later.sequence >= $1 AND later.anchored_at IS NOT NULL)";
        on_write!(self, |connection| {
            let anchored = sqlx::query(SQL).bind(sequence).bind(now.0).execute(connection).await?;
            Ok(anchored.rows_affected() > 0)
        })
    }

    /// Stores a checkpoint, replacing an older one of the same event. Returns `false` without
    /// writing if the older one has another hash for the event.
    pub async fn put_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<bool, StoreError> {
        const SQL: &str = "
            INSERT INTO audit_checkpoint (sequence, hash, jws, signed_at)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (sequence)
            DO UPDATE SET jws = excluded.jws, signed_at = excluded.signed_at
            WHERE audit_checkpoint.hash = excluded.hash";
        let Checkpoint { head: Head { sequence, hash }, jws, signed_at, .. } = checkpoint;
        on_write!(self, |connection| {
            let putting = sqlx::query(SQL)
                .bind(*sequence)
                .bind(hash.as_str())
                .bind(jws.as_str())
                .bind(signed_at.0);
            Ok(putting.execute(connection).await?.rows_affected() > 0)
        })
    }
}
