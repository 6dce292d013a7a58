//! Reading the audit log, and checking that nobody has changed it.

use serde_json::json;

use crate::admin::{Actor, AdminError, Work};
use crate::app::Foundation;
use crate::crypto::chain;
use crate::model::client::ClientId;
use crate::model::event::{Action, Event, Subject};
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
    work.commit().await
}

/// Checks the whole chain: every event has the hash of its content, is linked to the one before
/// it, and the last one is the end that is kept beside the chain.
pub async fn verify(foundation: &Foundation) -> Result<Finding, AdminError> {
    // The end is read first: events that come meanwhile are not missed, only not looked at.
    let head = foundation.store.head().await?;
    let (mut sequence, mut hash) = (0, String::new());
    while sequence < head.sequence {
        let page = foundation.store.events(sequence, PAGE).await?;
        if page.is_empty() {
            let problem = "an event is missing";
            return Ok(Finding::Broken { sequence: sequence + 1, problem });
        }
        for event in page.iter().take_while(|event| event.sequence <= head.sequence) {
            if let Some(problem) = misfit(event, sequence, &hash) {
                return Ok(Finding::Broken { sequence: sequence + 1, problem });
            }
            sequence = event.sequence;
            hash.clone_from(&event.hash);
        }
        if page.last().is_some_and(|last| last.sequence > head.sequence) {
            break;
        }
    }
    if sequence != head.sequence || hash != head.hash {
        return Ok(Finding::Broken {
            sequence: head.sequence,
            problem: "the last event is not the end of the chain",
        });
    }
    Ok(Finding::Intact { events: sequence, hash })
}

fn misfit(event: &Event, before: i64, hash_before: &str) -> Option<&'static str> {
    if event.sequence != before + 1 {
        Some("an event is missing")
    } else if event.previous_hash != hash_before {
        Some("an event is not linked to the one before it")
    } else if event.hash != chain::hash(event) {
        Some("an event has been changed")
    } else {
        None
    }
}
