//! The table of secrets: its row, writing it, and looking secrets up by their identifier after a
//! commit that was not confirmed, or by their last characters when only their text is known.

use crate::model::client::ClientId;
use crate::model::secret::{SecretHash, SecretId, SecretKind, SecretRecord, StoredSecret};
use crate::model::time::Timestamp;
use crate::store::child_rows::ChildRow;
use crate::store::row::{TableRow, table_row};
use crate::store::statement::Statement;
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{Store, StoreError};

table_row! {
    /// A row of `client_secret`.
    pub(super) struct SecretRow in "client_secret" {
        secret_id: String,
        client_id: String,
        kind: String,
        hash: String,
        hint: String,
        label: String,
        created_at: i64,
        expires_at: Option<i64>,
    }
}

impl SecretRow {
    fn of(client_id: &ClientId, secret: &SecretRecord) -> Self {
        Self {
            secret_id: secret.secret_id.as_str().to_owned(),
            client_id: client_id.as_str().to_owned(),
            kind: secret.kind.as_str().to_owned(),
            hash: secret.hash.as_phc().to_owned(),
            hint: secret.suffix.clone(),
            label: secret.label.clone(),
            created_at: secret.created_at.0,
            expires_at: secret.expires_at.map(|end| end.0),
        }
    }

    /// The secret, without its use.
    pub(super) fn decode(self) -> Result<SecretRecord, StoreError> {
        Ok(SecretRecord {
            secret_id: SecretId::parse(&self.secret_id)?,
            kind: SecretKind::parse(&self.kind)?,
            hash: SecretHash::from_phc(&self.hash),
            suffix: self.hint,
            label: self.label,
            created_at: Timestamp(self.created_at),
            expires_at: self.expires_at.map(Timestamp),
            usage: None,
        })
    }
}

impl ChildRow for SecretRow {
    const ORDER: &'static str = " ORDER BY client_id, created_at, secret_id";

    fn client_id(&self) -> &str {
        &self.client_id
    }
}

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

    /// The secrets whose recorded last characters are these. Without an index: every secret is
    /// looked at.
    pub async fn secrets_by_suffix(&self, suffix: &str) -> Result<Vec<StoredSecret>, StoreError> {
        let mut statement = Statement::default();
        statement
            .push(SecretRow::SELECT)
            .push_with("WHERE hint = ? ORDER BY secret_id", [suffix.into()]);
        let rows = self.read().rows::<SecretRow>(&statement).await?;
        rows.into_iter()
            .map(|row| {
                let client_id = ClientId::parse(&row.client_id)?;
                let SecretRecord { secret_id, hash, expires_at, .. } = row.decode()?;
                Ok(StoredSecret { client_id, secret_id, hash, expires_at })
            })
            .collect()
    }
}

impl WriteTransaction {
    /// Adds a secret to a client.
    pub async fn add_secret(
        &mut self,
        client_id: &ClientId,
        secret: &SecretRecord,
    ) -> Result<(), StoreError> {
        self.insert(SecretRow::of(client_id, secret), "secret of that id", "client").await?;
        self.note_creator_of_secret(&secret.secret_id).await
    }

    /// Changes the label and the end of a secret of a client.
    pub async fn update_secret(
        &mut self,
        client_id: &ClientId,
        secret: &SecretRecord,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE client_secret
            SET label = $3, expires_at = $4
            WHERE client_id = $1 AND secret_id = $2";
        on_write!(self, |connection| {
            sqlx::query(SQL)
                .bind(client_id.as_str())
                .bind(secret.secret_id.as_str())
                .bind(&secret.label)
                .bind(secret.expires_at.map(|end| end.0))
                .execute(connection)
                .await?;
            Ok(())
        })
    }

    /// Gives a secret of a client an end; `false` if the client does not have the secret.
    pub async fn expire_secret(
        &mut self,
        client_id: &ClientId,
        secret_id: &SecretId,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE client_secret
            SET expires_at = $3
            WHERE client_id = $1 AND secret_id = $2";
        let rows = on_write!(self, |connection| {
            let done = sqlx::query(SQL)
                .bind(client_id.as_str())
                .bind(secret_id.as_str())
                .bind(expires_at.0)
                .execute(connection)
                .await?;
            Ok(done.rows_affected())
        })?;
        Ok(rows > 0)
    }
}
