//! Reading of the audit log, and verification that it has not been changed.

pub mod checkpoint;
pub mod csv;
pub mod retention;
mod signatures;

use crate::admin::audit::signatures::Signatures;
use crate::admin::error::invalid_value::InvalidValue;
use crate::admin::{AdminError, Principal};
use crate::model::client::ClientName;
use crate::model::event::{Action, Event, EventSubject, Head};
use crate::services::event_chain;
use crate::store::Store;
use crate::store::events::{EventFilter, Order};
use crate::text::suggestion;

/// The number of events that are read at a time.
const PAGE: u32 = 1_000;

/// The maximum number of events that a caller should request from one [`verify_part`].
pub const MAX_PART: u32 = 100_000;

/// The result of a verification of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerificationResult {
    /// Every event exists and fits.
    Intact {
        /// The number of events.
        events: i64,
        /// The hash of the last event, which covers all earlier ones.
        hash: String,
    },
    /// The chain is intact up to this event; later ones have not been checked yet.
    Unfinished(Head),
    /// The chain is broken.
    Broken {
        /// The sequence of the first event that does not fit.
        sequence: i64,
        /// The problem of that event.
        problem: &'static str,
    },
}

/// The kinds of actors and of subjects. A text without a kind matches all of them.
const ACTOR_KINDS: [&str; 4] = ["cli", "client", "operator", "oidc"];
const SUBJECT_KINDS: [&str; 9] = [
    "client",
    "resource",
    "key",
    "token",
    "grant-request",
    "master-key",
    "owner-policy",
    "audit-log",
    "console-session",
];

/// Restricts a filter to the events that the caller may see: those that belonged to its owners at
/// the time. Only administrators without a limit see events without an owner, as all were before
/// schema 10. Every list and stream of events must use this filter.
pub fn restrict_to_caller(principal: &Principal, filter: EventFilter) -> EventFilter {
    let owners = principal.owners_among(filter.owners);
    EventFilter { owners, ..filter }
}

/// Returns the filter for the next page of a list of events.
pub fn after_page(filter: &EventFilter, order: Order, last: &Event) -> EventFilter {
    let mut rest = filter.clone();
    match order {
        Order::NewestFirst => rest.before = Some(last.sequence),
        Order::OldestFirst => rest.after = Some(last.sequence),
    }
    rest
}

/// Returns the actors that a text matches: `cli:ana`, or `ana` with each kind of actor.
pub fn actors(text: &str) -> Vec<String> {
    with_kinds(text, ':', &ACTOR_KINDS)
}

/// Returns the subjects that a text matches: `client/billing`, or `billing` with each kind of
/// subject.
pub fn subjects(text: &str) -> Vec<String> {
    with_kinds(text, '/', &SUBJECT_KINDS)
}

/// Like [`subjects`], and adds the client with this name if the caller can see exactly one.
pub async fn subjects_named(
    store: &Store,
    principal: &Principal,
    text: &str,
) -> Result<Vec<String>, AdminError> {
    let mut subjects = subjects(text);
    if let Ok(name) = ClientName::parse(text)
        && let [id] = &store.clients_named(&name, principal.owners(), 2).await?[..]
    {
        subjects.push(EventSubject::Client(id.clone()).to_string());
    }
    Ok(subjects)
}

fn with_kinds(text: &str, separator: char, kinds: &[&str]) -> Vec<String> {
    let is_whole = text.split_once(separator).is_some_and(|(kind, _)| kinds.contains(&kind));
    let mut texts = vec![text.to_owned()];
    if !is_whole {
        texts.extend(kinds.iter().map(|kind| format!("{kind}{separator}{text}")));
    }
    texts
}

/// Returns the actions that a text matches: `client.updated`, or `client` for all of that group.
pub fn actions(text: &str) -> Result<Vec<String>, AdminError> {
    let known = || Action::ALL.into_iter().map(Action::as_str);
    let group = format!("{text}.");
    let meant: Vec<String> = known()
        .filter(|action| *action == text || action.starts_with(&group))
        .map(str::to_owned)
        .collect();
    if !meant.is_empty() {
        return Ok(meant);
    }
    let suggestion = suggestion::nearest(text, known().map(str::to_owned));
    let problem = InvalidValue::UnknownAction { text: text.to_owned(), suggestion };
    Err(AdminError::invalid("action", problem))
}

/// Verifies the whole chain. Every event must have the hash of its content and be linked to the
/// event before it. The last event must be the stored end of the chain, and the stored checkpoints
/// must match. If old events were removed, the chain begins at a signed checkpoint.
pub async fn verify(store: &Store) -> Result<VerificationResult, AdminError> {
    let mut start = Head { sequence: 0, hash: String::new() };
    loop {
        match verify_part(store, start, MAX_PART).await? {
            VerificationResult::Unfinished(end) => start = end,
            finished => return Ok(finished),
        }
    }
}

/// Verifies at most `limit` events after `start`, which an earlier call returned. Sequence 0 with
/// an empty hash means the beginning of the chain. The hash in `start` proves that the events up to
/// there have not changed since they were checked.
pub async fn verify_part(
    store: &Store,
    start: Head,
    limit: u32,
) -> Result<VerificationResult, AdminError> {
    let signatures = Signatures::read(store).await?;
    let (mut end, mut left) = (start, limit);
    if end.sequence == 0 {
        match signatures.beginning().await? {
            Ok(beginning) => end = beginning,
            Err(broken) => return Ok(broken),
        }
    }
    while left > 0 {
        // Starts below zero, so that a row before the first event is found too.
        let after = if end.sequence == 0 { i64::MIN } else { end.sequence };
        let size = left.min(PAGE);
        let page = store.events(after, size).await?;
        let before = end.sequence;
        if let Some(problem) = follow(&mut end, &page) {
            // Retention may have removed events up to there since the call began.
            match signatures.beginning().await? {
                Ok(beginning) if beginning.sequence > end.sequence => end = beginning,
                Ok(_) => {
                    let sequence = end.sequence + 1;
                    return Ok(VerificationResult::Broken { sequence, problem });
                }
                Err(broken) => return Ok(broken),
            }
            continue;
        }
        if let Some(broken) = signatures.compare(before, &page).await? {
            return Ok(broken);
        }
        if page.len() < size as usize {
            if let Some(broken) = signatures.beyond(end.sequence).await?
                && store.head().await?.sequence == end.sequence
            {
                return Ok(broken);
            }
            return compare_with_head(store, end).await;
        }
        left -= size;
    }
    Ok(VerificationResult::Unfinished(end))
}

/// Advances the end of the chain over events. Returns the problem of the first event that does not
/// fit.
fn follow(end: &mut Head, events: &[Event]) -> Option<&'static str> {
    for event in events {
        if let Some(problem) = chain_error(event, end) {
            return Some(problem);
        }
        *end = Head { sequence: event.sequence, hash: event.hash.clone() };
    }
    None
}

/// Compares the last event that was read with the stored end.
async fn compare_with_head(store: &Store, end: Head) -> Result<VerificationResult, AdminError> {
    // Only an event that was added after the last page was read may follow this one.
    let head = store.head().await?;
    let next = store.events(end.sequence, 1).await?;
    if end == head || next.first().is_some_and(|next| chain_error(next, &end).is_none()) {
        return Ok(VerificationResult::Intact { events: end.sequence, hash: end.hash });
    }
    let problem = "the last event is not the end of the chain";
    Ok(VerificationResult::Broken { sequence: head.sequence.max(end.sequence), problem })
}

pub(super) fn chain_error(event: &Event, end: &Head) -> Option<&'static str> {
    if event.sequence > end.sequence + 1 {
        Some("an event is missing")
    } else if event.sequence < end.sequence + 1 {
        Some("there is a row before the first event")
    } else if event.previous_hash != end.hash {
        Some("an event is not linked to the one before it")
    } else if event.hash != event_chain::hash(event) {
        Some("an event has been changed")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers each kind of subject, in the stored form.
    #[test]
    fn each_kind_of_subject_is_known() {
        for text in [
            "client/a",
            "resource/urn:a",
            "key/a",
            "token/AAAAAAAAAAAAAAAAAAAAAA",
            "grant-request/grq_a",
            "master-key/database",
            "owner-policy/*",
            "owner-policy/a",
            "audit-log/events",
            "console-session/ses_a",
        ] {
            let Ok(subject) = EventSubject::parse(text) else { panic!("{text} is not a subject") };
            // A new kind needs a line above and a name in the list.
            match subject {
                EventSubject::Client(_)
                | EventSubject::Resource(_)
                | EventSubject::SigningKey(_)
                | EventSubject::Token(_)
                | EventSubject::GrantRequest(_)
                | EventSubject::MasterKey
                | EventSubject::OwnerPolicy(_)
                | EventSubject::AuditLog
                | EventSubject::ConsoleSession(_) => {}
            }
            assert_eq!(subject.to_string(), text);
            let (kind, name) = text.split_once('/').expect("a kind");
            assert_eq!(subjects(text), [text], "{kind} is a kind");
            assert!(subjects(name).contains(&text.to_owned()), "{name}");
        }
    }

    #[test]
    fn a_filter_without_a_kind_matches_every_kind() {
        assert_eq!(actors("cli:ana"), ["cli:ana"]);
        assert_eq!(
            actors("server"),
            ["server", "cli:server", "client:server", "operator:server", "oidc:server"]
        );
        assert_eq!(actors("oidc:https://a.example#ana"), ["oidc:https://a.example#ana"]);
        assert_eq!(subjects("client/a"), ["client/a"]);
        let resource = subjects("https://a.example/b");
        assert!(resource.contains(&"resource/https://a.example/b".to_owned()), "{resource:?}");
        assert_eq!(actions("secret").expect("a group").len(), 5);
        assert_eq!(actions("grant.changed").expect("an action"), ["grant.changed"]);
        let wrong = actions("client.update").expect_err("not an action").to_string();
        assert!(wrong.contains("did you mean client.updated?"), "{wrong}");
    }
}
