//! Recent rejections of requests, for `tokend explain`. They are not changes, so they have no
//! events.

use std::collections::BTreeSet;

use crate::model::client::ClientId;
use crate::model::owner::Owner;
use crate::model::rejection::RejectionRecord;
use crate::model::remedy::Remedy;
use crate::model::time::Timestamp;
use crate::model::token::RevocationEpoch;
use crate::store::row::{TableRow, insertion, table_row};
use crate::store::statement::Statement;
use crate::store::{Store, StoreError};

/// The maximum number of stored rejections.
const MAX_REJECTIONS: i64 = 10_000;

/// The maximum number of stored rejections without a known client.
const MAX_OF_UNKNOWN: i64 = MAX_REJECTIONS / 2;

/// The number of rows that one statement inserts.
const BATCH_SIZE: usize = 500;

table_row! {
    /// A row of `refusal`.
    struct RejectionRow in "refusal" {
        request_id: String,
        at: i64,
        status: i64,
        error: String,
        address: String,
        client_id: Option<String>,
        reason: String,
        remedy: Option<String>,
        hint: Option<String>,
    }
}

impl From<&RejectionRecord> for RejectionRow {
    fn from(record: &RejectionRecord) -> Self {
        Self {
            request_id: record.request_id.clone(),
            at: record.at.0,
            status: record.status.into(),
            error: record.error.clone(),
            address: record.address.clone(),
            client_id: record.client_id.clone(),
            reason: record.reason.clone(),
            remedy: record.remedy.as_ref().map(|remedy| remedy.encode().into_owned()),
            hint: record.suffix.clone(),
        }
    }
}

impl From<RejectionRow> for RejectionRecord {
    fn from(row: RejectionRow) -> Self {
        Self {
            request_id: row.request_id,
            at: Timestamp(row.at),
            status: u16::try_from(row.status).unwrap_or_default(),
            error: row.error,
            address: row.address,
            client_id: row.client_id,
            reason: row.reason,
            remedy: row.remedy.map(Remedy::decode),
            suffix: row.hint,
        }
    }
}

/// A filter of rejections: a rejection must match every given condition.
#[derive(Debug, Clone, Default)]
pub struct RejectionFilter {
    /// The client that the request named, if it exists.
    pub client_id: Option<ClientId>,
    /// The owners that the client may have now. `None` matches all rejections, including those
    /// without a known client. A rejection that is older than its client has no owner.
    pub owners: Option<BTreeSet<Owner>>,
    /// The earliest time.
    pub since: Option<Timestamp>,
    /// The latest time.
    pub until: Option<Timestamp>,
    /// The exact error code, or a part of the reason, ignoring case.
    pub reason: Option<String>,
    /// The position in the list after which the result starts.
    pub after: Option<RejectionPosition>,
}

/// A position in the list of rejections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectionPosition {
    /// The time.
    pub at: Timestamp,
    /// The id of the request.
    pub request_id: String,
}

impl RejectionFilter {
    fn push_conditions(&self, statement: &mut Statement) {
        let since = self.since.unwrap_or(Timestamp(i64::MIN));
        statement.push_with("at >= ?", [since.into()]);
        if let Some(until) = self.until {
            statement.push_with(" AND at <= ?", [until.into()]);
        }
        if let Some(RejectionPosition { at, request_id }) = &self.after {
            statement.push_with(
                " AND at <= ? AND (at < ? OR request_id > ?)",
                [(*at).into(), (*at).into(), request_id.as_str().into()],
            );
        }
        if let Some(id) = &self.client_id {
            statement.push_with(" AND client_id = ?", [id.as_str().into()]);
        }
        if let Some(owners) = &self.owners {
            statement.push(" AND client_id IN (SELECT client_id FROM client WHERE owner IN ");
            statement.push_list(owners.iter().map(Owner::as_str));
            // The two times may come from different clocks.
            let difference = RevocationEpoch::CLOCK_DIFFERENCE_SECONDS;
            statement.push_with(" AND created_at <= at + ?)", [difference.into()]);
        }
        if let Some(reason) = &self.reason {
            let reason = reason.to_ascii_lowercase();
            let reason = reason.as_str();
            statement.push_with(
                " AND (error = ? OR replace(lower(reason), ?, '') <> lower(reason))",
                [reason.into(), reason.into()],
            );
        }
    }
}

impl Store {
    /// Stores rejections.
    pub async fn add_rejections(&self, rejections: &[RejectionRecord]) -> Result<(), StoreError> {
        let mut transaction = self.transaction().await?;
        for batch in rejections.chunks(BATCH_SIZE) {
            let mut statement = insertion(batch.iter().map(RejectionRow::from));
            transaction.run(statement.push(" ON CONFLICT (request_id) DO NOTHING")).await?;
        }
        transaction.commit().await
    }

    /// Returns the stored rejection of a request, if known.
    pub async fn rejection(&self, request_id: &str) -> Result<Option<RejectionRecord>, StoreError> {
        let mut statement = Statement::default();
        statement.push(RejectionRow::SELECT).push_with("WHERE request_id = ?", [request_id.into()]);
        let row = self.read().rows::<RejectionRow>(&statement).await?.pop();
        Ok(row.map(RejectionRecord::from))
    }

    /// Returns the newest `limit` rejections that match a filter.
    pub async fn rejections(
        &self,
        filter: &RejectionFilter,
        limit: u32,
    ) -> Result<Vec<RejectionRecord>, StoreError> {
        let mut statement = Statement::default();
        statement.push(RejectionRow::SELECT).push("WHERE ");
        filter.push_conditions(&mut statement);
        let limit = i64::from(limit).into();
        statement.push_with(" ORDER BY at DESC, request_id LIMIT ?", [limit]);
        let rows = self.read().rows::<RejectionRow>(&statement).await?;
        Ok(rows.into_iter().map(RejectionRecord::from).collect())
    }

    /// Counts the rejections that match a filter.
    pub async fn count_rejections(&self, filter: &RejectionFilter) -> Result<i64, StoreError> {
        let mut statement = Statement::default();
        statement.push("SELECT COUNT(*) FROM refusal WHERE ");
        filter.push_conditions(&mut statement);
        self.number(&statement).await
    }

    /// Deletes rejections up to `until`, and the oldest ones beyond the maximum. Rejections without
    /// a known client get at most half of the rows, so that a flood does not displace the others.
    pub async fn purge_rejections(&self, until: Timestamp) -> Result<(), StoreError> {
        const OLD: &str = "
            DELETE FROM refusal
            WHERE request_id IN (SELECT request_id FROM refusal WHERE at <= $1 LIMIT $2)";
        const UNKNOWN: &str = "
            DELETE FROM refusal
            WHERE request_id IN
                (SELECT request_id
                 FROM refusal
                 WHERE client_id IS NULL
                 ORDER BY at DESC, request_id
                 LIMIT $2 OFFSET $1)";
        const ANY: &str = "
            DELETE FROM refusal
            WHERE request_id IN
                (SELECT request_id
                 FROM refusal
                 ORDER BY at DESC, request_id
                 LIMIT $2 OFFSET $1)";
        self.delete_in_batches(OLD, until.0, 500).await?;
        self.delete_in_batches(UNKNOWN, MAX_OF_UNKNOWN, 2_000).await?;
        self.delete_in_batches(ANY, MAX_REJECTIONS, 2_000).await
    }
}
