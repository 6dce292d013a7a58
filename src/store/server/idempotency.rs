//! Stored answers to requests with an `Idempotency-Key`. They are not changes and have no events.

use crate::model::signing_key::Sealed;
use crate::model::time::Timestamp;
use crate::store::row::{TableRow, insertion, named_row, table_row};
use crate::store::statement::{Statement, prepared};
use crate::store::transaction::{Transaction, on_transaction};
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{Store, StoreError, on_pool};

/// The maximum number of unexpired keys per caller.
pub const MAX_KEYS_PER_CALLER: i64 = 10_000;

/// How long a key is stored, in seconds.
pub const KEY_TTL_SECONDS: i64 = 600;

/// The number of seconds after which a request without an answer is treated as abandoned, because
/// its server has ended. No request runs for so long.
const ABANDONED_AFTER_SECONDS: i64 = 180;

/// The number of rows that one statement deletes.
const BATCH_SIZE: i64 = 500;

/// A key and the request that contains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// A hash of the caller and the key.
    pub key_hash: String,
    /// The caller.
    pub caller: String,
    /// A hash of the request.
    pub request_hash: String,
}

/// The state of a key when a request with it arrives.
#[derive(Debug, PartialEq, Eq)]
pub enum IdempotencyState {
    /// The key is new: the caller runs the request and stores its answer.
    Claimed,
    /// The key was used for a different request.
    OtherRequest,
    /// The same request is in progress.
    InFlight,
    /// The same request has been answered.
    Answered(Sealed),
    /// The caller has reached [`MAX_KEYS_PER_CALLER`].
    TooMany,
}

/// A sealed answer that is stored for a key.
#[derive(Debug)]
pub struct SealedAnswer {
    /// A hash of the caller and the key.
    pub key_hash: String,
    /// The answer.
    pub answer: Sealed,
}

impl SealedAnswer {
    /// Returns the name that is bound to the seal.
    pub fn name(&self) -> String {
        seal_name(&self.key_hash)
    }
}

/// Returns the name that is bound to the seal of an answer, so that the answer cannot be moved to
/// another key.
pub fn seal_name(key_hash: &str) -> String {
    format!("idempotency_key/{key_hash}")
}

named_row! {
    struct AnswerRow {
        key_hash: String,
        answer: String,
    }
}

table_row! {
    /// A row of `idempotency_key`.
    struct KeyRow in "idempotency_key" {
        key_hash: String,
        caller: String,
        request_hash: String,
        answer: Option<String>,
        started_at: i64,
        expires_at: i64,
    }
}

impl Store {
    /// Claims a key for a request, at the time of [`Store::time`]. Of several concurrent requests,
    /// only one claims it.
    pub async fn claim_key(
        &self,
        request: &IdempotentRequest,
        now: Timestamp,
    ) -> Result<IdempotencyState, StoreError> {
        let mut transaction = self.transaction().await?;
        let expired = "DELETE FROM idempotency_key WHERE key_hash = ? AND expires_at <= ?";
        let mut statement = Statement::default();
        statement.push_with(expired, [request.key_hash.as_str().into(), now.into()]);
        transaction.run(&statement).await?;
        let state = if let Some(known) = find(&mut transaction, &request.key_hash).await? {
            state_of(&mut transaction, request, known, now).await?
        } else if count(&mut transaction, &request.caller).await? >= MAX_KEYS_PER_CALLER {
            IdempotencyState::TooMany
        } else {
            insert(&mut transaction, request, now).await?
        };
        transaction.commit().await?;
        Ok(state)
    }

    /// Stores the answer to a request that has claimed a key.
    pub async fn store_answer(&self, key_hash: &str, answer: &Sealed) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE idempotency_key SET answer = $2 WHERE key_hash = $1 AND answer IS NULL";
        on_pool!(self, |pool| {
            sqlx::query(SQL).bind(key_hash).bind(&answer.0).execute(pool).await?;
            Ok(())
        })
    }

    /// Returns the first `limit` answers after the key `after` that have not expired by `now`, in
    /// the order of keys. `now` is the time of [`Store::time`].
    pub async fn sealed_answers(
        &self,
        after: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<SealedAnswer>, StoreError> {
        let mut statement = Statement::default();
        statement.push_with(
            "SELECT key_hash, answer FROM idempotency_key \
             WHERE key_hash > ? AND answer IS NOT NULL AND expires_at > ? \
             ORDER BY key_hash LIMIT ?",
            [after.into(), now.into(), i64::from(limit).into()],
        );
        let rows = self.read().rows::<AnswerRow>(&statement).await?;
        let decode =
            |row: AnswerRow| SealedAnswer { key_hash: row.key_hash, answer: Sealed(row.answer) };
        Ok(rows.into_iter().map(decode).collect())
    }

    /// Replaces the seal of a stored answer. Returns `false` if the stored seal is no longer `old`.
    pub async fn reseal_answer(
        &self,
        old: &SealedAnswer,
        new: &Sealed,
    ) -> Result<bool, StoreError> {
        const SQL: &str =
            "UPDATE idempotency_key SET answer = $3 WHERE key_hash = $1 AND answer = $2";
        on_pool!(self, |pool| {
            let sealing = sqlx::query(SQL).bind(&old.key_hash).bind(&old.answer.0).bind(&new.0);
            Ok(sealing.execute(pool).await?.rows_affected() > 0)
        })
    }

    /// Releases a claimed key: the request changed nothing, so the caller may repeat it.
    pub async fn release_key(&self, key_hash: &str) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM idempotency_key WHERE key_hash = $1 AND answer IS NULL";
        on_pool!(self, |pool| {
            sqlx::query(SQL).bind(key_hash).execute(pool).await?;
            Ok(())
        })
    }

    /// Deletes keys that have expired by `now`, the time of [`Store::time`], in small batches.
    pub async fn purge_keys(&self, now: Timestamp) -> Result<(), StoreError> {
        const SQL: &str = "
            DELETE FROM idempotency_key
            WHERE key_hash IN
                (SELECT key_hash FROM idempotency_key WHERE expires_at <= $1 LIMIT $2)";
        self.delete_in_batches(SQL, now.0, BATCH_SIZE).await
    }
}

impl WriteTransaction {
    /// Deletes all stored answers, because none can be opened. Returns their number.
    pub async fn remove_answers(&mut self) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM idempotency_key WHERE answer IS NOT NULL";
        on_write!(self, |connection| {
            Ok(sqlx::query(SQL).execute(connection).await?.rows_affected())
        })
    }
}

/// Returns the state of an existing key. An abandoned key is claimed again.
async fn state_of(
    transaction: &mut Transaction,
    request: &IdempotentRequest,
    known: KeyRow,
    now: Timestamp,
) -> Result<IdempotencyState, StoreError> {
    if known.request_hash != request.request_hash {
        return Ok(IdempotencyState::OtherRequest);
    }
    if let Some(answer) = known.answer {
        return Ok(IdempotencyState::Answered(Sealed(answer)));
    }
    let abandoned_by = now.minus_seconds(ABANDONED_AFTER_SECONDS);
    if known.started_at > abandoned_by.0 {
        return Ok(IdempotencyState::InFlight);
    }
    let mut statement = Statement::default();
    statement.push_with(
        "UPDATE idempotency_key SET started_at = ?, expires_at = ? \
         WHERE key_hash = ? AND started_at = ? AND answer IS NULL",
        [
            now.into(),
            now.plus_seconds(KEY_TTL_SECONDS).into(),
            known.key_hash.into(),
            known.started_at.into(),
        ],
    );
    Ok(if transaction.run(&statement).await? > 0 {
        IdempotencyState::Claimed
    } else {
        IdempotencyState::InFlight
    })
}

async fn find(transaction: &mut Transaction, key_hash: &str) -> Result<Option<KeyRow>, StoreError> {
    let mut statement = Statement::default();
    statement.push(KeyRow::SELECT).push_with("WHERE key_hash = ?", [key_hash.into()]);
    on_transaction!(transaction, |connection| {
        Ok(prepared!(sqlx::query_as, statement, connection).fetch_optional(connection).await?)
    })
}

async fn count(transaction: &mut Transaction, caller: &str) -> Result<i64, StoreError> {
    let mut statement = Statement::default();
    statement
        .push_with("SELECT COUNT(key_hash) FROM idempotency_key WHERE caller = ?", [caller.into()]);
    on_transaction!(transaction, |connection| {
        Ok(prepared!(sqlx::query_scalar, statement, connection).fetch_one(connection).await?)
    })
}

/// Inserts a key. On Postgres, another instance may insert the same key at the same time.
async fn insert(
    transaction: &mut Transaction,
    request: &IdempotentRequest,
    now: Timestamp,
) -> Result<IdempotencyState, StoreError> {
    let IdempotentRequest { key_hash, caller, request_hash } = request.clone();
    let mut statement = insertion([KeyRow {
        key_hash,
        caller,
        request_hash,
        answer: None,
        started_at: now.0,
        expires_at: now.plus_seconds(KEY_TTL_SECONDS).0,
    }]);
    statement.push(" ON CONFLICT (key_hash) DO NOTHING");
    if transaction.run(&statement).await? > 0 {
        return Ok(IdempotencyState::Claimed);
    }
    match find(transaction, &request.key_hash).await? {
        Some(known) if known.request_hash != request.request_hash => {
            Ok(IdempotencyState::OtherRequest)
        }
        _ => Ok(IdempotencyState::InFlight),
    }
}
