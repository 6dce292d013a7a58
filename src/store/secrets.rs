//! Looking secrets up: by their identifier after a commit that was not confirmed, and by their last
//! characters when only their text is known.

use crate::model::client::ClientId;
use crate::model::secret::{SecretHash, SecretId, StoredSecret};
use crate::model::time::Timestamp;
use crate::store::write_transaction::on_write;
use crate::store::{Store, StoreError, on_pool};

impl Store {
    /// Whether the change that adds this secret was committed.
    ///
    /// The answer is final: it is read on a new connection under the lock of the event chain, which
    /// that change held until its end.
    pub async fn is_secret_committed(&self, secret_id: &SecretId) -> Result<bool, StoreError> {
        let store = self.bulk_reader();
        let answer = store.is_secret_there(secret_id).await;
        store.close().await;
        answer
    }

    async fn is_secret_there(&self, secret_id: &SecretId) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM client_secret WHERE secret_id = $1";
        let mut change = self.begin().await?;
        let count: i64 = on_write!(change, |connection| {
            Ok(sqlx::query_scalar(SQL).bind(secret_id.as_str()).fetch_one(connection).await?)
        })?;
        Ok(count > 0)
    }

    /// The secrets whose recorded last characters are these. There is no index: every secret is
    /// looked at.
    pub async fn secrets_by_suffix(&self, suffix: &str) -> Result<Vec<StoredSecret>, StoreError> {
        const SQL: &str = "
            SELECT client_id, secret_id, hash, expires_at
            FROM client_secret
            WHERE hint = $1
            ORDER BY secret_id";
        on_pool!(self, |pool| {
            let rows: Vec<(String, String, String, Option<i64>)> =
                sqlx::query_as(SQL).bind(suffix).fetch_all(pool).await?;
            rows.into_iter()
                .map(|(client_id, secret_id, hash, expires_at)| {
                    Ok(StoredSecret {
                        client_id: ClientId::parse(&client_id)?,
                        secret_id: SecretId::parse(&secret_id)?,
                        hash: SecretHash::from_phc(&hash),
                        expires_at: expires_at.map(Timestamp),
                    })
                })
                .collect()
        })
    }
}
