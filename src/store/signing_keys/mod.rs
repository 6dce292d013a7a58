//! Signing keys and the other sealed keys.

mod readers;

use crate::model::Malformed;
use crate::model::signing_key::{Algorithm, KeyId, Sealed, SigningKeyRecord};
use crate::model::time::Timestamp;
use crate::store::reader::Reader;
use crate::store::row::{TableRow, named_row, readable, table_row};
use crate::store::statement::Statement;
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{Store, StoreError, on_pool};

table_row! {
    /// A row of `signing_key`.
    struct SigningKeyRow in "signing_key" {
        kid: String,
        algorithm: String,
        sealed: String,
        created_at: i64,
        signs_from: i64,
        retired_at: Option<i64>,
        public_jwk: Option<String>,
        revoked_at: Option<i64>,
        postponed_at: Option<i64>,
    }
}

impl SigningKeyRow {
    fn of(key: &SigningKeyRecord) -> Self {
        Self {
            kid: key.kid.as_str().to_owned(),
            algorithm: key.algorithm.as_str().to_owned(),
            sealed: key.sealed.as_ref().map(|sealed| sealed.0.clone()).unwrap_or_default(),
            created_at: key.created_at.0,
            signs_from: key.signs_from.0,
            retired_at: key.retired_at.map(|time| time.0),
            public_jwk: key.public_jwk.clone(),
            revoked_at: key.revoked_at.map(|time| time.0),
            postponed_at: key.postponed_at.map(|time| time.0),
        }
    }

    fn decode(self) -> Result<SigningKeyRecord, StoreError> {
        Ok(SigningKeyRecord {
            kid: KeyId::parse(&self.kid)?,
            algorithm: Algorithm::parse(&self.algorithm)?,
            // The column is empty if the private key was removed.
            sealed: Some(Sealed(self.sealed)).filter(|sealed| !sealed.0.is_empty()),
            public_jwk: self.public_jwk,
            created_at: Timestamp(self.created_at),
            signs_from: Timestamp(self.signs_from),
            // The `retired_at` of a revoked key is meant only for earlier versions.
            retired_at: self.retired_at.filter(|_| self.revoked_at.is_none()).map(Timestamp),
            revoked_at: self.revoked_at.map(Timestamp),
            postponed_at: self.postponed_at.map(Timestamp),
        })
    }
}

named_row! {
    struct SealRow {
        sealed: String,
    }
}

impl Reader<'_> {
    /// Returns the sealed key with this name.
    pub async fn sealed_key(&mut self, name: &str) -> Result<Option<Sealed>, StoreError> {
        let mut statement = Statement::default();
        statement.push_with("SELECT sealed FROM sealed_key WHERE name = ?", [name.into()]);
        let rows = self.rows::<SealRow>(&statement).await?;
        Ok(rows.into_iter().next().map(|row| Sealed(row.sealed)))
    }

    /// Returns all signing keys that can be decoded, in the order in which they sign. A key that
    /// cannot be decoded neither signs nor verifies.
    pub async fn signing_keys(&mut self) -> Result<Vec<SigningKeyRecord>, StoreError> {
        let rows = self.signing_key_rows().await?;
        Ok(readable("a signing key", rows, SigningKeyRow::decode))
    }

    /// Returns all signing keys, for callers that must not omit any.
    ///
    /// # Errors
    /// If any key cannot be decoded.
    pub async fn all_signing_keys(&mut self) -> Result<Vec<SigningKeyRecord>, StoreError> {
        let decode = |row: SigningKeyRow| {
            let kid = row.kid.clone();
            row.decode().map_err(|problem| {
                Malformed::because(format!("signing key {kid}: {problem}")).into()
            })
        };
        self.signing_key_rows().await?.into_iter().map(decode).collect()
    }

    /// Returns the signing keys that cannot be decoded: the `kid` and the reason.
    pub async fn unreadable_signing_keys(
        &mut self,
    ) -> Result<Vec<(String, StoreError)>, StoreError> {
        let rows = self.signing_key_rows().await?.into_iter();
        let problem = |row: SigningKeyRow| Some((row.kid.clone(), row.decode().err()?));
        Ok(rows.filter_map(problem).collect())
    }

    async fn signing_key_rows(&mut self) -> Result<Vec<SigningKeyRow>, StoreError> {
        let mut statement = Statement::default();
        statement.push(SigningKeyRow::SELECT).push("ORDER BY signs_from, created_at, kid");
        self.rows::<SigningKeyRow>(&statement).await
    }
}

impl Store {
    /// Returns all signing keys that can be decoded, in the order in which they sign.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StoreError> {
        self.read().signing_keys().await
    }

    /// Returns the sealed key with this name.
    pub async fn sealed_key(&self, name: &str) -> Result<Option<Sealed>, StoreError> {
        self.read().sealed_key(name).await
    }

    /// True if the database contains anything that requires a master key.
    pub async fn holds_sealed_keys(&self) -> Result<bool, StoreError> {
        const SQL: &str = "
            SELECT (SELECT COUNT(*) FROM sealed_key)
                 + (SELECT COUNT(*) FROM signing_key WHERE sealed <> '')";
        on_pool!(self, |pool| {
            let count: i64 = sqlx::query_scalar(SQL).fetch_one(pool).await?;
            Ok(count > 0)
        })
    }

    /// Stores the public key of a signing key that has none yet.
    pub async fn keep_public_jwk(&self, kid: &KeyId, public_jwk: &str) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE signing_key
            SET public_jwk = $2
            WHERE kid = $1 AND public_jwk IS NULL";
        on_pool!(self, |pool| {
            sqlx::query(SQL).bind(kid.as_str()).bind(public_jwk).execute(pool).await?;
            Ok(())
        })
    }

    /// Stores a sealed key unless the name already exists, and returns the stored one. Concurrent
    /// processes all get the same key.
    pub async fn keep_sealed_key(&self, name: &str, sealed: &Sealed) -> Result<Sealed, StoreError> {
        const INSERT: &str = "
            INSERT INTO sealed_key (name, sealed)
            VALUES ($1, $2)
            ON CONFLICT (name) DO NOTHING";
        const SELECT: &str = "SELECT sealed FROM sealed_key WHERE name = $1";
        on_pool!(self, |pool| {
            sqlx::query(INSERT).bind(name).bind(&sealed.0).execute(pool).await?;
            Ok(Sealed(sqlx::query_scalar(SELECT).bind(name).fetch_one(pool).await?))
        })
    }
}

impl WriteTransaction {
    /// Replaces the seal of a sealed key.
    pub async fn reseal_key(&mut self, name: &str, sealed: &Sealed) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE sealed_key SET sealed = $2 WHERE name = $1";
        on_write!(self, |connection| {
            sqlx::query(SQL).bind(name).bind(&sealed.0).execute(connection).await?;
            Ok(())
        })
    }

    /// Replaces the seal of a signing key.
    pub async fn reseal_signing_key(
        &mut self,
        kid: &KeyId,
        sealed: &Sealed,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE signing_key SET sealed = $2 WHERE kid = $1";
        on_write!(self, |connection| {
            sqlx::query(SQL).bind(kid.as_str()).bind(&sealed.0).execute(connection).await?;
            Ok(())
        })
    }

    /// Removes a sealed key.
    pub async fn remove_sealed_key(&mut self, name: &str) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM sealed_key WHERE name = $1";
        on_write!(self, |connection| {
            sqlx::query(SQL).bind(name).execute(connection).await?;
            Ok(())
        })
    }

    /// Removes the private key of a signing key, because no master key opens it. The key never
    /// signs again. It is retired at `retired_at` and verifies as long as any other retired key.
    pub async fn lose_signing_key(
        &mut self,
        kid: &KeyId,
        retired_at: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE signing_key
            SET sealed = '', retired_at = COALESCE(retired_at, $2)
            WHERE kid = $1";
        on_write!(self, |connection| {
            sqlx::query(SQL).bind(kid.as_str()).bind(retired_at.0).execute(connection).await?;
            Ok(())
        })
    }

    /// Adds a signing key.
    pub async fn create_signing_key(&mut self, key: &SigningKeyRecord) -> Result<(), StoreError> {
        self.insert(SigningKeyRow::of(key), "signing key of that id", "signing key").await
    }

    /// Stops a signing key from signing at `retired_at`; `None` lets it sign again.
    pub async fn retire_signing_key(
        &mut self,
        kid: &KeyId,
        retired_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE signing_key SET retired_at = $2 WHERE kid = $1";
        on_write!(self, |connection| {
            sqlx::query(SQL)
                .bind(kid.as_str())
                .bind(retired_at.map(|retired_at| retired_at.0))
                .execute(connection)
                .await?;
            Ok(())
        })
    }
    /// Moves the start of a signing key that does not sign yet.
    pub async fn reschedule_signing_key(
        &mut self,
        kid: &KeyId,
        signs_from: Timestamp,
        postponed_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE signing_key
            SET signs_from = $2, postponed_at = COALESCE($3, postponed_at)
            WHERE kid = $1";
        on_write!(self, |connection| {
            sqlx::query(SQL)
                .bind(kid.as_str())
                .bind(signs_from.0)
                .bind(postponed_at.map(|time| time.0))
                .execute(connection)
                .await?;
            Ok(())
        })
    }

    /// Removes a signing key from the key set permanently, and deletes its private key. Instances
    /// of earlier versions do not read `revoked_at`. For them, the key is retired before it starts
    /// to sign, so it also leaves their key set.
    pub async fn revoke_signing_key(
        &mut self,
        kid: &KeyId,
        revoked_at: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE signing_key
            SET sealed = '', revoked_at = $2, retired_at = signs_from - 1
            WHERE kid = $1";
        on_write!(self, |connection| {
            sqlx::query(SQL).bind(kid.as_str()).bind(revoked_at.0).execute(connection).await?;
            Ok(())
        })
    }
}
