//! Sessions of people whom the identity provider has authenticated. The session stores their groups;
//! the settings say at each request what the groups permit.

use serde_json::json;

use crate::admin::console::{OpenedSession, Visitor, digest_of, new_id, open};
use crate::admin::{Actor, AdminError, AuditedChange, Principal};
use crate::identity_provider::SignedInPerson;
use crate::model::console_session::{OperatorLimits, SessionHolder, SessionId};
use crate::model::event::{Action, EventSubject};
use crate::model::group_mapping::MappedRights;
use crate::model::person::Person;
use crate::services::Services;

/// How much longer than it may take a sign-in is remembered, in seconds: for instances whose clocks
/// differ.
const REMEMBERED_SECONDS: i64 = 600;

/// What became of a sign-in.
#[derive(Debug)]
pub enum PersonSignIn {
    /// A session.
    Opened(OpenedSession),
    /// The response of the provider was used before.
    Replayed,
    /// No group of the person has rights.
    NoRights {
        /// The person.
        person: Person,
        /// The groups; `None` if the provider does not say.
        groups: Option<Vec<String>>,
    },
}

/// Opens a session for a person, and ends the one that the browser had before. Each response of
/// the provider opens one session, on whichever instance.
///
/// # Errors
/// What the database says.
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

/// The groups that are stored: first those that have rights now, then others up to a limit, which
/// may have some after the settings have changed.
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

/// The rights of a person now; `None` if the settings have another provider, or no rights for its
/// groups.
pub(super) fn principal(
    services: &Services,
    person: &Person,
    groups: &[String],
) -> Option<Principal> {
    let limits = limits(services, person, groups)?;
    Some(Principal::operator_within(Actor::person(person), limits))
}

/// What the groups of a person permit now; `None` if that is nothing.
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
