//! Reading the audit log, and checking that it has not been changed.

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

/// How many events are read at a time.
const PAGE: u32 = 1_000;

/// The maximum number of events of one [`verify_part`] that a caller should ask for.
pub const MAX_PART: u32 = 100_000;

/// What checking the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerificationResult {
    /// Every event is there and fits.
    Intact {
        /// How many there are.
        events: i64,
        /// The hash of the last one, which proves all before it.
        hash: String,
    },
    /// The chain is intact so far; the last event that was checked.
    Unfinished(Head),
    /// The chain is broken.
    Broken {
        /// Where.
        sequence: i64,
        /// What is wrong there.
        problem: &'static str,
    },
}

/// The kinds of actors and of subjects: a text without one stands for each of them.
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

/// The events of a filter that the caller may see: those of its owners at that time. An event
/// without an owner, like every one before schema 10, is for administrators without a limit. Every
/// list and stream of events takes its filter from here.
pub fn restrict_to_caller(principal: &Principal, filter: EventFilter) -> EventFilter {
    let owners = principal.owners_among(filter.owners);
    EventFilter { owners, ..filter }
}

/// The place in a list of events where the next page begins.
pub fn after_page(filter: &EventFilter, order: Order, last: &Event) -> EventFilter {
    let mut rest = filter.clone();
    match order {
        Order::NewestFirst => rest.before = Some(last.sequence),
        Order::OldestFirst => rest.after = Some(last.sequence),
    }
    rest
}

/// The actors that a text names: `cli:ana`, or `ana` for each kind of actor.
pub fn actors(text: &str) -> Vec<String> {
    with_kinds(text, ':', &ACTOR_KINDS)
}

/// The subjects that a text names: `client/billing`, or `billing` for each kind of subject.
pub fn subjects(text: &str) -> Vec<String> {
    with_kinds(text, '/', &SUBJECT_KINDS)
}

/// The same, and the client that alone has this name among those that the caller may see.
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

/// The actions that a text names: `client.updated`, or `client` for each one of that group.
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

/// Checks the whole chain: every event has the hash of its content, is linked to the one before
/// it, and the last one is the end that is stored with the chain. The stored checkpoints must fit
/// it. If events were removed for their age, the chain begins at a signed checkpoint.
pub async fn verify(store: &Store) -> Result<VerificationResult, AdminError> {
    let mut start = Head { sequence: 0, hash: String::new() };
    loop {
        match verify_part(store, start, MAX_PART).await? {
            VerificationResult::Unfinished(end) => start = end,
            finished => return Ok(finished),
        }
    }
}

/// Checks at most `limit` events after `start`, which an earlier call returned; sequence 0 with an
/// empty hash stands for the beginning of the chain. The hash in `start` proves that the events
/// until then are still those that were checked.
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
        // From the very beginning of numbers, so that a row before the first event is seen too.
        let after = if end.sequence == 0 { i64::MIN } else { end.sequence };
        let size = left.min(PAGE);
        let page = store.events(after, size).await?;
        let before = end.sequence;
        if let Some(problem) = follow(&mut end, &page) {
            // Events until there may have been removed for their age since the call began.
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

/// Moves the end of the chain over events; gives what is wrong with the first that does not fit.
fn follow(end: &mut Head, events: &[Event]) -> Option<&'static str> {
    for event in events {
        if let Some(problem) = chain_error(event, end) {
            return Some(problem);
        }
        *end = Head { sequence: event.sequence, hash: event.hash.clone() };
    }
    None
}

/// Compares the last event that was read with the end that is stored.
async fn compare_with_head(store: &Store, end: Head) -> Result<VerificationResult, AdminError> {
    // Only an event that came after the last page had been read may follow this one.
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

    /// Each kind of subject, in the form that is stored.
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
