//! Sessions of people whom the identity provider has authenticated. A session stores the groups of
//! its person; at each request the settings map them to rights.

use serde_json::json;

use crate::admin::console::{OpenedSession, Visitor, digest_of, new_id, open};
use crate::admin::{Actor, AdminError, AuditedChange, Principal};
use crate::identity_provider::SignedInPerson;
use crate::model::console_session::{OperatorLimits, SessionHolder, SessionId};
use crate::model::event::{Action, EventSubject};
use crate::model::group_mapping::MappedRights;
use crate::model::person::Person;
use crate::services::Services;

/// The extra time for which a sign-in is remembered after its deadline, in seconds. It covers
/// differences between the clocks of instances.
const REMEMBERED_SECONDS: i64 = 600;

/// The result of a sign-in.
#[derive(Debug)]
pub enum PersonSignIn {
    /// A session was opened.
    Opened(OpenedSession),
    /// The response of the provider was used before.
    Replayed,
    /// No group of the person has rights.
    NoRights {
        /// The person.
        person: Person,
        /// The groups; `None` if the provider did not send any.
        groups: Option<Vec<String>>,
    },
}

/// Opens a session for a person, and ends the previous one of the same browser. Across all
/// instances, each response of the provider opens only one session.
///
/// # Errors
/// An error of the database.
pub async fn open_for_person(
    services: &Services,
    signed_in: SignedInPerson,
    visitor: &Visitor<'_>,
) -> Result<PersonSignIn, AdminError> {
    let SignedInPerson { person, groups, authenticated_at, pending } = signed_in;
    let known = groups.as_deref().unwrap_or_default();
    if rights(services, &person, known).is_none() {
        return Ok(PersonSignIn::NoRights { person, groups });
    }
    let name = digest_of("sign-in", &pending.state().into());
    let remembered_until = pending.ends_at().plus_seconds(REMEMBERED_SECONDS);
    if !services.store.use_assertion(&name, remembered_until).await? {
        return Ok(PersonSignIn::Replayed);
    }
    let actor = Actor::person(&person);
    let change = AuditedChange::begin(services, &actor).await?;
    let sequence = change.transaction.head().sequence;
    let groups = stored(services, groups.unwrap_or_default());
    let holder = SessionHolder::Person { person, groups, authenticated_at };
    let opened = open(change, new_id()?, holder, sequence, visitor).await?;
    if let Some(Ok(before)) = pending.replaces.as_deref().map(SessionId::parse) {
        end_replaced(services, &actor, &before).await?;
    }
    Ok(PersonSignIn::Opened(opened))
}

/// Returns the groups to store, up to a limit. Groups with rights come first; the others may get
/// rights when the settings change.
fn stored(services: &Services, mut groups: Vec<String>) -> Vec<String> {
    let settings = services.live.load();
    groups.sort_by_key(|group| !settings.console_groups.names(group));
    groups.truncate(Person::MAX_GROUPS);
    groups
}

async fn end_replaced(
    services: &Services,
    actor: &Actor,
    id: &SessionId,
) -> Result<(), AdminError> {
    let now = services.store.time(&services.clock).await?;
    let sessions = services.store.console_sessions(now).await?;
    let Some(session) = sessions.iter().find(|session| session.session_id == *id) else {
        return Ok(());
    };
    let mut change = AuditedChange::begin(services, actor).await?;
    if change.transaction.end_console_session(id).await? {
        let detail = json!({ "holder": session.holder.actor_name() });
        let subject = EventSubject::ConsoleSession(id.clone());
        change.record(Action::ConsoleSessionEnded, subject, detail).await?;
        change.commit().await?;
    }
    Ok(())
}

/// Returns the current rights of a person. Returns `None` if the settings have another provider, or
/// give its groups no rights.
pub(super) fn principal(
    services: &Services,
    person: &Person,
    groups: &[String],
) -> Option<Principal> {
    let limits = limits(services, person, groups)?;
    Some(Principal::operator_within(Actor::person(person), limits))
}

/// Returns the limits that the groups of a person currently have, or `None` without any rights.
pub(super) fn limits(
    services: &Services,
    person: &Person,
    groups: &[String],
) -> Option<OperatorLimits> {
    let MappedRights { scopes, owners } = rights(services, person, groups)?;
    Some(OperatorLimits { scopes: Some(scopes), owners })
}

fn rights(services: &Services, person: &Person, groups: &[String]) -> Option<MappedRights> {
    let provider = services.identity_provider.as_ref()?;
    if *provider.settings().issuer.issuer() != person.issuer {
        return None;
    }
    services.live.load().console_groups.rights(groups)
}
