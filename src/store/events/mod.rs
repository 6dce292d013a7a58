//! Reads events: for followers, and for queries and verification of the audit log.

pub mod change_listener;
mod checkpoints;

use std::collections::BTreeSet;

use crate::model::event::{Event, EventOwners, Head};
use crate::model::owner::Owner;
use crate::model::time::Timestamp;
use crate::store::row::{TableRow, table_row};
use crate::store::statement::Statement;
use crate::store::{Store, StoreError, on_pool};

table_row! {
    /// A row of `event`.
    pub(super) struct EventRow in "event" {
        sequence: i64,
        at: i64,
        actor: String,
        action: String,
        subject: String,
        detail: String,
        owner: Option<String>,
        other_owner: Option<String>,
        previous_hash: String,
        hash: String,
    }
}

impl EventRow {
    pub(super) fn of(event: &Event) -> Self {
        Self {
            sequence: event.sequence,
            at: event.at.0,
            actor: event.actor.clone(),
            action: event.action.clone(),
            subject: event.subject.clone(),
            detail: event.detail.clone(),
            owner: event.owners.owner.as_ref().map(|owner| owner.as_str().to_owned()),
            other_owner: event.owners.other_owner.as_ref().map(|owner| owner.as_str().to_owned()),
            previous_hash: event.previous_hash.clone(),
            hash: event.hash.clone(),
        }
    }
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        Self {
            sequence: row.sequence,
            at: Timestamp(row.at),
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            detail: row.detail,
            owners: EventOwners {
                owner: row.owner.as_deref().map(Owner::stored),
                other_owner: row.other_owner.as_deref().map(Owner::stored),
            },
            previous_hash: row.previous_hash,
            hash: row.hash,
        }
    }
}

/// The maximum number of events to sort for a page.
const MAX_SORTED: u32 = 10_000;

/// A filter of events: an event must match every given condition.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Matches events with a greater sequence number.
    pub after: Option<i64>,
    /// Matches events with a smaller sequence number.
    pub before: Option<i64>,
    /// The earliest time.
    pub since: Option<Timestamp>,
    /// The latest time.
    pub until: Option<Timestamp>,
    /// Matches events with one of these actors; empty matches all.
    pub actors: Vec<String>,
    /// Matches events with one of these actions; empty matches all.
    pub actions: Vec<String>,
    /// Matches events with one of these subjects; empty matches all.
    pub subjects: Vec<String>,
    /// Matches events of which one side had one of these owners at that time. `None` matches all
    /// events.
    pub owners: Option<BTreeSet<Owner>>,
}

/// The order of events in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The order of commits.
    OldestFirst,
    /// The reverse order of commits.
    NewestFirst,
}

/// The method by which events are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// In the order of the list, until the page is full.
    InOrder,
    /// By the index of the time condition, then sorted.
    Sorted,
}

impl EventFilter {
    /// Returns the statement that finds up to `limit` events.
    pub fn select(&self, access: Access, order: Order, limit: u32) -> Statement {
        let mut statement = Statement::default();
        statement.push(EventRow::SELECT).push("WHERE ");
        self.push_conditions(&mut statement, access);
        // A computed expression has no index, so the index of another condition is used.
        let tail = match (order, access) {
            (Order::OldestFirst, Access::InOrder) => " ORDER BY sequence LIMIT ?",
            (Order::NewestFirst, Access::InOrder) => " ORDER BY sequence DESC LIMIT ?",
            (Order::OldestFirst, Access::Sorted) => " ORDER BY sequence + 0 LIMIT ?",
            (Order::NewestFirst, Access::Sorted) => " ORDER BY sequence + 0 DESC LIMIT ?",
        };
        statement.push_with(tail, [i64::from(limit).into()]);
        statement
    }

    /// Returns the statement for the number of events in the requested time range, up to `bound`.
    /// `None` if the filter has no time range.
    fn count_in_time(&self, bound: u32) -> Option<Statement> {
        if self.since.is_none() && self.until.is_none() {
            return None;
        }
        let (since, until) = (self.since.map_or(i64::MIN, |it| it.0), self.until);
        let bounds = [since.into(), until.map_or(i64::MAX, |it| it.0).into()];
        let mut statement = Statement::default();
        statement
            .push("SELECT COUNT(*) FROM (SELECT 1 AS one FROM event ")
            .push_with("WHERE at >= ? AND at <= ?", bounds)
            .push_with(" LIMIT ?) AS timely", [i64::from(bound).into()]);
        Some(statement)
    }

    fn push_conditions(&self, statement: &mut Statement, access: Access) {
        // Starts at the smallest number, so that a row before the first event is found too.
        let after = self.after.unwrap_or(i64::MIN);
        let [from, to] = match access {
            Access::InOrder => ["sequence > ?", " AND sequence < ?"],
            Access::Sorted => ["sequence + 0 > ?", " AND sequence + 0 < ?"],
        };
        statement.push_with(from, [after.into()]);
        if let Some(before) = self.before {
            statement.push_with(to, [before.into()]);
        }
        if let Some(since) = self.since {
            statement.push_with(" AND at >= ?", [since.into()]);
        }
        if let Some(until) = self.until {
            statement.push_with(" AND at <= ?", [until.into()]);
        }
        for (text, values) in [
            (" AND actor IN ", &self.actors),
            (" AND action IN ", &self.actions),
            (" AND subject IN ", &self.subjects),
        ] {
            if !values.is_empty() {
                statement.push(text).push_list(values.iter().map(String::as_str));
            }
        }
        if let Some(owners) = &self.owners {
            let names = || owners.iter().map(Owner::as_str);
            statement.push(" AND (owner IN ").push_list(names());
            statement.push(" OR other_owner IN ").push_list(names()).push(")");
        }
    }
}

impl Store {
    /// Returns the end of the hash chain.
    pub async fn head(&self) -> Result<Head, StoreError> {
        const SQL: &str = "SELECT sequence, hash FROM event_head WHERE id = 1";
        on_pool!(self, |pool| {
            let (sequence, hash): (i64, String) = sqlx::query_as(SQL).fetch_one(pool).await?;
            Ok(Head { sequence, hash })
        })
    }

    /// Returns the first `limit` events with a sequence greater than `after`, oldest first.
    pub async fn events(&self, after: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let filter = EventFilter { after: Some(after), ..EventFilter::default() };
        self.find_events(&filter, Order::OldestFirst, limit).await
    }

    /// Returns the first `limit` events that match a filter.
    pub async fn find_events(
        &self,
        filter: &EventFilter,
        order: Order,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let statement = filter.select(self.access(filter).await?, order, limit);
        let rows = self.read().rows::<EventRow>(&statement).await?;
        Ok(rows.into_iter().map(Event::from).collect())
    }

    /// Chooses how to find events. A short time range is found by its index. The result must be
    /// sorted, because a clock may have been set back.
    async fn access(&self, filter: &EventFilter) -> Result<Access, StoreError> {
        // A stream requests the few events between two sequence numbers, which the sequence finds.
        let is_short = filter
            .after
            .zip(filter.before)
            .is_some_and(|(after, before)| before.saturating_sub(after) <= i64::from(MAX_SORTED));
        if is_short {
            return Ok(Access::InOrder);
        }
        let Some(statement) = filter.count_in_time(MAX_SORTED) else {
            return Ok(Access::InOrder);
        };
        let events = self.number(&statement).await?;
        Ok(if events < i64::from(MAX_SORTED) { Access::Sorted } else { Access::InOrder })
    }

    /// Counts the events that match a filter, up to `bound`.
    pub async fn count_events(&self, filter: &EventFilter, bound: u32) -> Result<i64, StoreError> {
        let mut statement = Statement::default();
        statement.push("SELECT COUNT(*) FROM (SELECT 1 AS one FROM event WHERE ");
        filter.push_conditions(&mut statement, self.access(filter).await?);
        statement.push_with(" LIMIT ?) AS matching", [i64::from(bound).into()]);
        self.number(&statement).await
    }
}

impl Store {
    /// Returns the actor of the first event; `None` for an empty log.
    pub async fn first_actor(&self) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT actor FROM event ORDER BY sequence LIMIT 1";
        on_pool!(self, |pool| { Ok(sqlx::query_scalar(SQL).fetch_optional(pool).await?) })
    }

    /// Returns the subject of the first event that created a client, such as `client/billing`.
    pub async fn first_client(&self) -> Result<Option<String>, StoreError> {
        const SQL: &str = "
            SELECT subject
            FROM event
            WHERE action IN ('client.created', 'client.imported')
            ORDER BY sequence
            LIMIT 1";
        on_pool!(self, |pool| { Ok(sqlx::query_scalar(SQL).fetch_optional(pool).await?) })
    }

    /// Returns the sequence of the first event later than `time`; `None` if all events are earlier
    /// or equal.
    pub async fn first_event_after(&self, time: Timestamp) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "SELECT MIN(sequence) FROM event WHERE at > $1";
        on_pool!(self, |pool| { Ok(sqlx::query_scalar(SQL).bind(time.0).fetch_one(pool).await?) })
    }

    /// Deletes the oldest events up to and including `until`, about `count` at a time. Returns
    /// `false` if there are none. The log must start after `until`: see [`Store::audit_anchor`].
    pub async fn delete_events(&self, until: i64, count: i64) -> Result<bool, StoreError> {
        const SQL: &str = "
            DELETE FROM event
            WHERE sequence <= $1 AND sequence < (SELECT MIN(sequence) + $2 FROM event)";
        on_pool!(self, |pool| {
            let deleted = sqlx::query(SQL).bind(until).bind(count).execute(pool).await?;
            Ok(deleted.rows_affected() > 0)
        })
    }
}
