//! Revocations of single tokens and of all tokens of a client.

pub mod live;

use crate::model::client::ClientId;
use crate::model::time::Timestamp;
use crate::model::token::{
    REVOCATION_MARGIN_SECONDS, RevocationEpoch, RevokedClient, RevokedToken, TokenId,
};
use crate::store::row::{TableRow, readable, table_row};
use crate::store::statement::Statement;
use crate::store::write_transaction::{WriteTransaction, on_write};
use crate::store::{Store, StoreError};

/// The number of rows that one statement deletes.
const BATCH_SIZE: i64 = 500;

table_row! {
    /// A row of `revoked_client`.
    struct RevokedClientRow in "revoked_client" {
        client_id: String,
        revoked_until: i64,
        expires_at: i64,
        evt: Option<i64>,
        iat_before: Option<i64>,
    }
}

table_row! {
    /// A row of `revoked_token`.
    struct RevokedTokenRow in "revoked_token" {
        jti: String,
        client_id: Option<String>,
        expires_at: i64,
    }
}

impl RevokedClientRow {
    fn decode(self) -> Result<RevokedClient, StoreError> {
        let revoked_until = Timestamp(self.revoked_until);
        let epoch = match (self.evt, self.iat_before) {
            (Some(evt), Some(before)) => RevocationEpoch { evt, iat_before: Timestamp(before) },
            _ => RevocationEpoch::until(revoked_until),
        };
        let client_id = ClientId::parse(&self.client_id)?;
        let expires_at = Timestamp(self.expires_at);
        Ok(RevokedClient { client_id, epoch, revoked_until, expires_at })
    }
}

impl RevokedTokenRow {
    fn decode(self) -> Result<RevokedToken, StoreError> {
        Ok(RevokedToken {
            jti: TokenId::parse(&self.jti)?,
            // An unreadable client id is ignored: it only tells which client the token belonged to.
            client_id: self.client_id.as_deref().and_then(|id| ClientId::parse(id).ok()),
            expires_at: Timestamp(self.expires_at),
        })
    }
}

impl Store {
    /// Returns the first `limit` revoked tokens after `after`, and the last identifier read. Omits
    /// rows whose identifier is not a valid token id.
    pub async fn revoked_tokens(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Option<(Vec<RevokedToken>, String)>, StoreError> {
        let mut statement = Statement::default();
        statement.push(RevokedTokenRow::SELECT).push_with(
            "WHERE jti > ? ORDER BY jti LIMIT ?",
            [after.into(), i64::from(limit).into()],
        );
        let rows = self.read().rows::<RevokedTokenRow>(&statement).await?;
        let Some(last) = rows.last().map(|row| row.jti.clone()) else { return Ok(None) };
        Ok(Some((readable("a revoked token", rows, RevokedTokenRow::decode), last)))
    }

    /// Returns the revocation of a token, if it was revoked.
    pub async fn revoked_token(&self, jti: &TokenId) -> Result<Option<RevokedToken>, StoreError> {
        let mut statement = Statement::default();
        statement.push(RevokedTokenRow::SELECT).push_with("WHERE jti = ?", [jti.as_str().into()]);
        let row = self.read().rows::<RevokedTokenRow>(&statement).await?.pop();
        row.map(RevokedTokenRow::decode).transpose()
    }

    /// Returns the first `limit` clients with revoked tokens after `after`, and the last identifier
    /// read. Omits rows whose identifier is not a valid client id.
    pub async fn revoked_clients(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Option<(Vec<RevokedClient>, String)>, StoreError> {
        let mut statement = Statement::default();
        statement.push(RevokedClientRow::SELECT).push_with(
            "WHERE client_id > ? ORDER BY client_id LIMIT ?",
            [after.into(), i64::from(limit).into()],
        );
        let rows = self.read().rows::<RevokedClientRow>(&statement).await?;
        let Some(last) = rows.last().map(|row| row.client_id.clone()) else { return Ok(None) };
        Ok(Some((readable("the revocation of a client", rows, RevokedClientRow::decode), last)))
    }

    /// Returns the revocation of all tokens of a client, if there is one.
    pub async fn revoked_client(&self, id: &ClientId) -> Result<Option<RevokedClient>, StoreError> {
        let mut statement = Statement::default();
        statement
            .push(RevokedClientRow::SELECT)
            .push_with("WHERE client_id = ?", [id.as_str().into()]);
        let row = self.read().rows::<RevokedClientRow>(&statement).await?.pop();
        row.map(RevokedClientRow::decode).transpose()
    }

    /// Deletes revocations of tokens that expired at least seven days before `now`, in small
    /// batches. `now` is the time of [`Store::time`].
    pub async fn purge_revocations(&self, now: Timestamp) -> Result<(), StoreError> {
        const TOKENS: &str = "
            DELETE FROM revoked_token
            WHERE jti IN (SELECT jti FROM revoked_token WHERE expires_at <= $1 LIMIT $2)";
        const CLIENTS: &str = "
            DELETE FROM revoked_client
            WHERE client_id IN
                (SELECT client_id FROM revoked_client WHERE expires_at <= $1 LIMIT $2)";
        let expired_by = now.minus_seconds(REVOCATION_MARGIN_SECONDS);
        for sql in [TOKENS, CLIENTS] {
            self.delete_in_batches(sql, expired_by.0, BATCH_SIZE).await?;
        }
        Ok(())
    }
}

impl WriteTransaction {
    /// Revokes a token. Returns `false` if it was already revoked for at least as long.
    pub async fn revoke_token(&mut self, token: &RevokedToken) -> Result<bool, StoreError> {
        const SQL: &str = "
            INSERT INTO revoked_token (jti, client_id, expires_at)
            VALUES ($1, $2, $3)
            ON CONFLICT (jti) DO UPDATE
            SET expires_at = excluded.expires_at
            WHERE excluded.expires_at > revoked_token.expires_at";
        let rows = on_write!(self, |connection| {
            let done = sqlx::query(SQL)
                .bind(token.jti.as_str())
                .bind(token.client_id.as_ref().map(ClientId::as_str))
                .bind(token.expires_at.0)
                .execute(connection)
                .await?;
            Ok(done.rows_affected())
        })?;
        Ok(rows > 0)
    }

    /// Revokes all tokens issued to a client so far. The new epoch replaces an earlier one. Its
    /// event is later, so it covers the earlier epoch regardless of clocks.
    pub async fn revoke_client(&mut self, client: &RevokedClient) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO revoked_client (client_id, revoked_until, expires_at, evt, iat_before)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (client_id) DO UPDATE
            SET revoked_until = CASE
                    WHEN excluded.revoked_until > revoked_client.revoked_until
                    THEN excluded.revoked_until ELSE revoked_client.revoked_until END,
                expires_at = CASE
                    WHEN excluded.expires_at > revoked_client.expires_at
                    THEN excluded.expires_at ELSE revoked_client.expires_at END,
                evt = excluded.evt,
                iat_before = excluded.iat_before";
        on_write!(self, |connection| {
            sqlx::query(SQL)
                .bind(client.client_id.as_str())
                .bind(client.revoked_until.0)
                .bind(client.expires_at.0)
                .bind(client.epoch.evt)
                .bind(client.epoch.iat_before.0)
                .execute(connection)
                .await?;
            Ok(())
        })
    }
}
