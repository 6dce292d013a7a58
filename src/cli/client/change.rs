//! Sends a change of a client to the API, and prints a note if nothing changed.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::cli::api::{Api, ApiRequest, Object, path};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::output::objects::client::ClientObject;

/// The members that change without an action of the operator.
const VOLATILE: [&str; 4] = ["last_used_at", "secrets", "updated_at", "usage"];

/// Stands for the claims of a client or a grant without claims.
static NO_CLAIMS: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// A client before a change.
pub(in crate::cli) struct Before(Option<Value>);

impl Before {
    /// Reads the client. An administrator without permission to read it gets no note.
    pub(in crate::cli) async fn read(api: &Api, id: &str) -> Result<Self, CliError> {
        match api.send(&ApiRequest::get(path(&["clients", id]))).await {
            Ok(client) => Ok(Self(Some(compared(client)))),
            Err(failure) if failure.is_not_allowed() => Ok(Self(None)),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Returns the claims of the client; `None` if they are unknown.
    pub(in crate::cli) fn claims(&self) -> Option<&Map<String, Value>> {
        self.0.as_ref().map(|client| client["claims"].as_object().unwrap_or(&NO_CLAIMS))
    }

    /// Returns the claims of the grant for a resource; `None` if they are unknown.
    pub(super) fn grant_claims(&self, resource: &str) -> Option<&Map<String, Value>> {
        let grants = self.0.as_ref()?["grants"].as_array();
        let grant = grants.into_iter().flatten().find(|grant| grant["resource"] == resource);
        Some(grant.and_then(|grant| grant["claims"].as_object()).unwrap_or(&NO_CLAIMS))
    }

    /// Prints a note on standard error if the client is unchanged.
    pub(in crate::cli) fn compare(&self, after: Value) {
        if self.0.as_ref().is_some_and(|before| *before == compared(after)) {
            output::hint("nothing changed: the values were already set");
        }
    }

    /// Like [`Before::compare`], for a change whose response does not contain the client.
    pub(super) async fn compare_with_stored(&self, api: &Api, id: &str) -> Result<(), CliError> {
        if self.0.is_some() {
            self.compare(api.send(&ApiRequest::get(path(&["clients", id]))).await?);
        }
        Ok(())
    }
}

/// Sends a change whose response is the client. Prints a note on standard error if nothing changed.
pub(in crate::cli) async fn send(
    api: &Api,
    id: &str,
    request: &ApiRequest,
) -> Result<Object<ClientObject>, CliError> {
    let before = Before::read(api, id).await?;
    let changed: Object<ClientObject> = api.read(request).await?;
    before.compare(changed.json.clone());
    Ok(changed)
}

fn compared(mut client: Value) -> Value {
    if let Some(members) = client.as_object_mut() {
        members.retain(|name, _| !VOLATILE.contains(&name.as_str()));
    }
    client
}
