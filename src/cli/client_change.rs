//! A change of a client by the API, with a note if there was nothing to change.

use serde_json::Value;

use crate::cli::api::{Api, ApiRequest, Object, path};
use crate::cli::error::CliError;
use crate::cli::objects::client::ClientObject;
use crate::cli::output;

/// Members that change without the operator.
const VOLATILE: [&str; 4] = ["last_used_at", "secrets", "updated_at", "usage"];

/// Sends a change of a client whose answer is the client. Says on standard error if the client was
/// like this before; an administrator who may not read it is not told.
pub(super) async fn send(
    api: &Api,
    id: &str,
    request: &ApiRequest,
) -> Result<Object<ClientObject>, CliError> {
    let before = match api.send(&ApiRequest::get(path(&["clients", id]))).await {
        Ok(before) => Some(before),
        Err(failure) if failure.is_not_allowed() => None,
        Err(failure) => return Err(failure.into()),
    };
    let changed = api.read(request).await?;
    if before.is_some_and(|before| compared(before) == compared(changed.json.clone())) {
        output::hint("nothing changed: it was already so");
    }
    Ok(changed)
}

fn compared(mut client: Value) -> Value {
    if let Some(members) = client.as_object_mut() {
        members.retain(|name, _| !VOLATILE.contains(&name.as_str()));
    }
    client
}
