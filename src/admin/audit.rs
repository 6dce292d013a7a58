//! Reading the audit log, and checking that nobody has changed it.

use serde_json::json;

use crate::admin::{Actor, AdminError, Work};
use crate::app::Foundation;
use crate::crypto::chain;
use crate::model::client::ClientId;
use crate::model::event::{Action, Event, Head, Subject};
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;

/// How many events are read at a time.
const PAGE: u32 = 1_000;

/// What checking the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Every event is there and fits.
    Intact {
        /// How many there are.
        events: i64,
        /// The hash of the last one, which proves all before it.
        hash: String,
    },
    /// The chain is broken.
    Broken {
        /// Where.
        sequence: i64,
        /// What is wrong there.
        problem: &'static str,
    },
}

/// At most `limit` events after `after`, oldest first.
pub async fn list(
    foundation: &Foundation,
    after: i64,
    limit: u32,
) -> Result<Vec<Event>, AdminError> {
    Ok(foundation.store.events(after, limit).await?)
}

/// The event of that number, if there is one.
pub async fn event(foundation: &Foundation, sequence: i64) -> Result<Option<Event>, AdminError> {
    let found = foundation.store.events(sequence.saturating_sub(1), 1).await?;
    Ok(found.into_iter().find(|event| event.sequence == sequence))
}

/// Notes that an operator has made a token in a client's name.
pub async fn note_issue(
    foundation: &Foundation,
    actor: &Actor,
    client: &ClientId,
    resource: &ResourceId,
    scope: &Scopes,
) -> Result<(), AdminError> {
    let mut work = Work::begin(foundation, actor).await?;
    let detail = json!({ "resource": resource, "scope": scope });
    work.record(Action::TokenIssuedByOperator, Subject::Client(client.clone()), detail).await?;
    work.commit().await?;
    Ok(())
}

/// Checks the whole chain: every event has the hash of its content, is linked to the one before
/// it, and the last one is the end that is kept beside the chain.
pub async fn verify(foundation: &Foundation) -> Result<Finding, AdminError> {
    let store = &foundation.store;
    let broken = |sequence, problem| Ok(Finding::Broken { sequence, problem });
    let mut end = Head { sequence: 0, hash: String::new() };
    // From the very beginning of numbers, so that a row before the first event is seen too.
    let mut after = i64::MIN;
    loop {
        let page = store.events(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.sequence;
        for event in &page {
            if let Some(problem) = misfit(event, &end) {
                return broken(end.sequence + 1, problem);
            }
            end = Head { sequence: event.sequence, hash: event.hash.clone() };
        }
    }
    // An event that came after the last page had been read is the only one that may lie beyond.
    let head = store.head().await?;
    let next = store.events(end.sequence, 1).await?;
    if end == head || next.first().is_some_and(|next| misfit(next, &end).is_none()) {
        return Ok(Finding::Intact { events: end.sequence, hash: end.hash });
    }
    broken(head.sequence.max(end.sequence), "the last event is not the end of the chain")
}

fn misfit(event: &Event, end: &Head) -> Option<&'static str> {
    if event.sequence > end.sequence + 1 {
        Some("an event is missing")
    } else if event.sequence < end.sequence + 1 {
        Some("there is a row before the first event")
    } else if event.previous_hash != end.hash {
        Some("an event is not linked to the one before it")
    } else if event.hash != chain::hash(event) {
        Some("an event has been changed")
    } else {
        None
    }
}
