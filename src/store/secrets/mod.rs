//! The table of secrets: its row, writing it, and looking up secrets. Secrets are looked up by id
//! after a commit that was not confirmed, and by suffix or digest when only their text is known.

pub mod creators;
pub mod life;

use crate::model::client::ClientId;
use crate::model::secret::{
    LoadedSecret, SecretHash, SecretId, SecretKind, SecretRecord, StoredSecret,
};
use crate::model::secret_digest::SecretDigest;
use crate::model::time::{Lifetime, Timestamp};
use crate::store::clients::child_rows::ChildRow;
use crate::store::row::{TableRow, readable, table_row};
use crate::store::statement::Statement;
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{Store, StoreError};

table_row! {
    /// A row of `client_secret`.
    pub(super) struct SecretRow in "client_secret" {
        /// The columns of `client_secret` that token requests need.
        token: struct TokenSecretRow {
            secret_id: String,
            client_id: String,
            kind: String,
            hash: String,
            digest: Option<String>,
            hint: String,
            expires_at: Option<i64>,
        },
        label: String,
        created_at: i64,
        replaced_by: Option<String>,
        unused_window: Option<i64>,
        warned_at: Option<i64>,
        leaked_at: Option<i64>,
    }
}

impl SecretRow {
    fn of(client_id: &ClientId, secret: &SecretRecord) -> Self {
        Self {
            token: TokenSecretRow {
                secret_id: secret.secret_id.as_str().to_owned(),
                client_id: client_id.as_str().to_owned(),
                kind: secret.kind.as_str().to_owned(),
                hash: secret.hash.as_phc().to_owned(),
                digest: secret.hash.digest().map(ToString::to_string),
                hint: secret.suffix.clone(),
                expires_at: secret.expires_at.map(|end| end.0),
            },
            label: secret.label.clone(),
            created_at: secret.created_at.0,
            replaced_by: secret.replaced_by.as_ref().map(|id| id.as_str().to_owned()),
            unused_window: secret.unused_window.map(Lifetime::seconds),
            warned_at: secret.warned_at.map(|time| time.0),
            leaked_at: secret.leaked_at.map(|time| time.0),
        }
    }

    /// Decodes the secret without its usage.
    pub(super) fn decode(self) -> Result<SecretRecord, StoreError> {
        let LoadedSecret { secret_id, kind, hash, suffix, expires_at } = self.token.decode()?;
        Ok(SecretRecord {
            secret_id,
            kind,
            hash,
            suffix: suffix.into(),
            label: self.label,
            created_at: Timestamp(self.created_at),
            expires_at,
            replaced_by: self.replaced_by.as_deref().map(SecretId::parse).transpose()?,
            unused_window: self.unused_window.map(Lifetime::stored),
            warned_at: self.warned_at.map(Timestamp),
            leaked_at: self.leaked_at.map(Timestamp),
            usage: None,
            status: None,
        })
    }
}

impl TokenSecretRow {
    /// Decodes the fields of the secret that token requests need.
    pub(super) fn decode(self) -> Result<LoadedSecret, StoreError> {
        let (kind, hash) = match &self.digest {
            Some(digest) => {
                (SecretKind::Digest, SecretHash::from_digest(SecretDigest::parse(digest)?))
            }
            None => (SecretKind::parse(&self.kind)?, SecretHash::from_phc(&self.hash)),
        };
        Ok(LoadedSecret {
            secret_id: SecretId::parse(&self.secret_id)?,
            kind,
            hash,
            suffix: self.hint.into(),
            expires_at: self.expires_at.map(Timestamp),
        })
    }
}

impl ChildRow for SecretRow {
    const ORDER: &'static str = TokenSecretRow::ORDER;

    fn client_id(&self) -> &str {
        &self.token.client_id
    }
}

impl ChildRow for TokenSecretRow {
    const ORDER: &'static str = " ORDER BY client_id, created_at, secret_id";

    fn client_id(&self) -> &str {
        &self.client_id
    }
}

impl Store {
    /// True if the change that adds this secret was committed.
    ///
    /// The answer is final: it is read on a new connection under the lock of the hash chain, which
    /// that change held until it ended.
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

    /// Returns the secrets with this recorded suffix.
    pub async fn secrets_by_suffix(&self, suffix: &str) -> Result<Vec<StoredSecret>, StoreError> {
        self.secrets_by_text(&[suffix], &[]).await
    }

    /// Returns the secrets with one of these suffixes or digests. Each one is a bound value of one
    /// statement, so there may be at most a few hundred. Omits secrets that cannot be decoded:
    /// their clients get no tokens.
    pub async fn secrets_by_text(
        &self,
        suffixes: &[&str],
        digests: &[SecretDigest],
    ) -> Result<Vec<StoredSecret>, StoreError> {
        let mut statement = Statement::default();
        statement.push(SecretRow::SELECT).push("WHERE hint IN ");
        statement.push_list(suffixes.iter().copied()).push(" OR digest IN ");
        statement.push_list(digests.iter().map(ToString::to_string)).push(" ORDER BY secret_id");
        let rows = self.read().rows::<SecretRow>(&statement).await?;
        Ok(readable("a secret", rows, |row| {
            let client_id = ClientId::parse(&row.token.client_id)?;
            let SecretRecord { secret_id, hash, suffix, expires_at, .. } = row.decode()?;
            Ok(StoredSecret { client_id, secret_id, hash, suffix, expires_at })
        }))
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

    /// Replaces the mutable fields of a secret: its label, its expiry and its history.
    pub async fn update_secret(
        &mut self,
        client_id: &ClientId,
        secret: &SecretRecord,
    ) -> Result<(), StoreError> {
        self.update(SecretRow::of(client_id, secret)).await?;
        Ok(())
    }

    /// Makes the server verify every generated secret by its hash, like an imported one, because
    /// the key of their tags was lost. Returns the number of these secrets.
    pub async fn check_secrets_by_hash(&mut self) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE client_secret SET kind = 'imported' WHERE kind = 'minted'";
        on_write!(self, |connection| {
            Ok(sqlx::query(SQL).execute(connection).await?.rows_affected())
        })
    }
}
