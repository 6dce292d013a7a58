//! Queries for clients. A resource or scope in a query is looked up, so that a mistyped one causes
//! an error instead of an empty list.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::admin::{AdminError, ObjectKind, Principal, secret};
use crate::model::Malformed;
use crate::model::client::{ClientId, ClientName, ClientState, Registration};
use crate::model::labels::{LabelKey, LabelValue};
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::model::scope::ScopeName;
use crate::model::secret::SecretId;
use crate::model::time::{Clock, Lifetime, Timestamp};
use crate::services::Services;
use crate::store::clients::list::{ClientFilter, Expiring, GrantFilter, Position};
use crate::store::{Store, StoreError};
use crate::text::suggestion;

/// The maximum length of a text to search clients and resources for, in characters.
pub const MAX_SEARCH_CHARS: usize = 100;

/// A query for clients. All given conditions must match.
#[derive(Debug, Default)]
pub struct ClientQuery {
    /// The state.
    pub state: Option<ClientState>,
    /// The exact name.
    pub name: Option<ClientName>,
    /// The owner.
    pub owner: Option<Owner>,
    /// The labels that the client must all have.
    pub labels: Vec<(LabelKey, LabelValue)>,
    /// The resource of a grant.
    pub resource: Option<String>,
    /// A scope that a token of the client may have.
    pub scope: Option<String>,
    /// A valid secret expires within this time.
    pub expiring: Option<Lifetime>,
    /// Registered longer ago than this, and not authenticated since.
    pub unused: Option<Lifetime>,
    /// A part of the id or of the name.
    pub search: Option<String>,
}

/// Returns the filter for a query, restricted to the clients that the caller may see. A resource or
/// scope that does not exist is [`AdminError::Unknown`]. A caller that is limited to owners gets an
/// empty list instead, because it may not learn which ones exist.
pub async fn filter(
    store: &Store,
    clock: &Clock,
    principal: &Principal,
    question: ClientQuery,
) -> Result<ClientFilter, AdminError> {
    let now = clock.now();
    let ClientQuery { state, name, owner, labels, resource, scope, expiring, unused, search } =
        question;
    let asked = owner.map(|owner| BTreeSet::from([owner]));
    let mut owners = principal.owners_among(asked);
    let grant = match grant(store, resource.as_deref(), scope.as_deref()).await {
        Err(AdminError::Unknown { .. }) if principal.owners().is_some() => {
            owners = Some(BTreeSet::new());
            None
        }
        grant => grant?,
    };
    Ok(ClientFilter {
        state,
        name,
        owners,
        labels,
        grant,
        expiring: expiring.map(|within| Expiring { now, until: now.plus(within) }),
        unused_since: unused.map(|duration| now.minus_seconds(duration.seconds())),
        search,
    })
}

/// Clients in the order of a list. An unreadable client does not hide the others.
#[derive(Debug, Default)]
pub struct FoundClients {
    /// The clients that were read.
    pub readable: Vec<Registration>,
    /// The ids of the other clients, and why they cannot be read.
    pub unreadable: Vec<(String, StoreError)>,
}

/// Reads the existing clients among `ids` and assesses their secrets. Logs the unreadable clients.
pub async fn read_clients(services: &Services, ids: &[&str]) -> Result<FoundClients, StoreError> {
    let store = &services.store;
    let registrations = store.registrations(ids).await?;
    let horizon = secret::life::horizon(store, &services.clock).await?;
    let mut found = FoundClients::default();
    for (id, client) in registrations {
        match client {
            Ok(mut client) => {
                client.assess(&horizon, services.config.secrets.warn_before);
                found.readable.push(client);
            }
            Err(problem) => {
                tracing::error!(client.id = id, %problem, "a client cannot be read");
                found.unreadable.push((id, problem));
            }
        }
    }
    Ok(found)
}

/// The maximum length of a cursor, in bytes. A client id and a secret id in base64url are shorter.
const MAX_CURSOR_BYTES: usize = 512;

/// Returns the cursor for the page after a position. It contains the whole position, because the
/// client may change before the next page is read.
pub fn cursor(filter: &ClientFilter, place: &Position) -> String {
    if filter.expiring.is_none() {
        return place.client_id().to_owned();
    }
    let (expires_at, secret_id) = place.secret();
    let text = format!("{} {secret_id} {}", expires_at.0, place.client_id());
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

/// Parses a cursor written by [`cursor`].
///
/// # Errors
/// If the text is not a cursor of this kind of list.
pub fn place(filter: &ClientFilter, text: &str) -> Result<Position, Malformed> {
    let found = if filter.expiring.is_none() {
        ClientId::parse(text).ok().map(|id| Position::of_client(&id))
    } else {
        secret_place(text)
    };
    let found = found.filter(|place| cursor(filter, place) == text);
    found.ok_or_else(|| Malformed::because("send the next_cursor of the page before as it is"))
}

fn secret_place(text: &str) -> Option<Position> {
    if text.len() > MAX_CURSOR_BYTES {
        return None;
    }
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let mut parts = text.splitn(3, ' ');
    let expires_at = Timestamp(parts.next()?.parse().ok()?);
    let secret_id = SecretId::parse(parts.next()?).ok()?;
    let client_id = ClientId::parse(parts.next()?).ok()?;
    Some(Position::of_secret(&client_id, expires_at, &secret_id))
}

/// Returns the position of a client in a list. The next page begins after it.
pub async fn position(
    store: &Store,
    principal: &Principal,
    filter: &ClientFilter,
    after: &ClientId,
) -> Result<Position, AdminError> {
    let owner = store.read().client_owner(after).await?;
    // Only a list of expiring secrets reveals whether it contains a client.
    let is_hidden = filter.expiring.is_some() && !principal.may_administer(owner.as_ref());
    let found = store.client_position(filter, after).await?;
    found
        .filter(|_| !is_hidden)
        .ok_or_else(|| AdminError::not_found(ObjectKind::ListedClient, after))
}

async fn grant(
    store: &Store,
    resource: Option<&str>,
    scope: Option<&str>,
) -> Result<Option<GrantFilter>, AdminError> {
    let resource = match resource {
        Some(text) => Some(existing(store, text).await?),
        None => None,
    };
    let Some(text) = scope else {
        return Ok(resource.map(|resource| GrantFilter { resources: vec![resource], scope: None }));
    };
    let scope = ScopeName::parse(text).ok();
    let mut resources = match &scope {
        Some(scope) => store.resources_offering(scope).await?,
        None => Vec::new(),
    };
    resources.retain(|offering| resource.as_ref().is_none_or(|wanted| wanted == offering));
    if resources.is_empty() {
        return Err(no_scope(store, text, resource.as_ref()).await?);
    }
    Ok(Some(GrantFilter { resources, scope }))
}

async fn existing(store: &Store, text: &str) -> Result<ResourceId, AdminError> {
    if let Ok(id) = ResourceId::parse(text) {
        match store.resource(&id).await {
            // It does not have to be readable.
            Ok(Some(_)) | Err(StoreError::Unreadable(_)) => return Ok(id),
            other => drop(other?),
        }
    }
    let known = store.stored_resources().await?.readable;
    let known = known.iter().map(|resource| resource.resource.to_string());
    Err(AdminError::Unknown {
        kind: ObjectKind::Resource,
        id: text.to_owned(),
        suggestion: suggestion::nearest(text, known),
    })
}

async fn no_scope(
    store: &Store,
    text: &str,
    resource: Option<&ResourceId>,
) -> Result<AdminError, AdminError> {
    let known = store.stored_resources().await?.readable;
    let offered = known
        .iter()
        .filter(|known| resource.is_none_or(|wanted| *wanted == known.resource))
        .flat_map(|known| &known.scopes)
        .map(|scope| scope.name.to_string());
    Ok(AdminError::Unknown {
        kind: ObjectKind::Scope,
        id: text.to_owned(),
        suggestion: suggestion::nearest(text, offered),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_round_trips_and_other_texts_are_rejected() {
        let now = Timestamp(1_000);
        let by_id = ClientFilter::default();
        let by_expiry =
            ClientFilter { expiring: Some(Expiring { now, until: now }), ..by_id.clone() };
        let id = ClientId::parse(&format!("a b{}", "c".repeat(253))).expect("an id");
        let secret = SecretId::parse(&format!("sec_{}", "d".repeat(40))).expect("an id");
        let places = [
            (&by_id, Position::of_client(&id)),
            (&by_expiry, Position::of_secret(&id, Timestamp(i64::MAX), &secret)),
        ];
        for (filter, of) in &places {
            let text = cursor(filter, of);
            assert_eq!(place(filter, &text).expect("a place"), *of);
            for wrong in [String::new(), format!("{text}="), "é".to_owned(), text.repeat(9)] {
                assert!(place(filter, &wrong).is_err(), "{wrong}");
            }
        }
        // The id of a client alone, and other texts in base64url.
        let encoded = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let others = ["", "5 sec_a", "+5 sec_a a", "5 a a", "5 sec_a ", "x sec_a a", "5 sec_a é"];
        assert!(place(&by_expiry, "acme").is_err());
        assert!(place(&by_expiry, &encoded("5 sec_a a")).is_ok());
        for other in others {
            assert!(place(&by_expiry, &encoded(other)).is_err(), "{other}");
        }
    }
}
