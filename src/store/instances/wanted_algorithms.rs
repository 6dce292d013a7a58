//! Records the signing algorithms for which each instance needs keys.

use crate::model::signing_key::Algorithm;
use crate::model::time::Timestamp;
use crate::store::{Store, StoreError, on_pool};

/// The number of seconds after which the row of an ended instance is deleted.
const KEPT_SECONDS: i64 = 86_400;

impl Store {
    /// Records that an instance needs keys of an algorithm.
    pub async fn note_wanted_algorithm(
        &self,
        instance: &str,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const NOTE: &str = "
            INSERT INTO wanted_algorithm (instance, algorithm, wanted_at)
            VALUES ($1, $2, $3)
            ON CONFLICT (instance, algorithm) DO UPDATE
            SET wanted_at = excluded.wanted_at";
        const CLEAN: &str = "DELETE FROM wanted_algorithm WHERE wanted_at < $1";
        on_pool!(self, |pool| {
            let note = sqlx::query(NOTE).bind(instance).bind(algorithm.as_str()).bind(now.0);
            note.execute(pool).await?;
            sqlx::query(CLEAN).bind(now.0 - KEPT_SECONDS).execute(pool).await?;
            Ok(())
        })
    }

    /// Returns the algorithms that other instances have needed since `since`.
    pub async fn algorithms_wanted_by_others(
        &self,
        instance: &str,
        since: Timestamp,
    ) -> Result<Vec<Algorithm>, StoreError> {
        const SQL: &str = "
            SELECT DISTINCT algorithm
            FROM wanted_algorithm
            WHERE instance <> $1 AND wanted_at >= $2";
        on_pool!(self, |pool| {
            let names: Vec<String> =
                sqlx::query_scalar(SQL).bind(instance).bind(since.0).fetch_all(pool).await?;
            // A newer version may need an algorithm that this version does not know and has no key
            // for.
            Ok(names.iter().filter_map(|name| Algorithm::parse(name).ok()).collect())
        })
    }
}
