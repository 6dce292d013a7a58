//! Resolves a client that the command line names by its id or by its name.

use crate::admin::{AdminError, AdminErrorCode, ObjectKind};
use crate::cli::api::{Api, ApiRequest, path};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::output::objects::client::ClientObject;
use crate::cli::remedies::command::ArgumentRemedy;
use crate::model::client::{ClientId, ClientName};

/// The maximum number of clients with the same name that an error lists.
const MAX_LISTED: u32 = 10;

/// Finds the client that `text` refers to. An id takes precedence over a name. A name must be
/// unique; a note on standard error shows its id. Without permission to read clients, only ids
/// work.
///
/// # Errors
/// Not found if no client has this id or name. A usage error that lists the ids if several clients
/// have this name.
pub(crate) async fn find(api: &Api, text: &str) -> Result<String, CliError> {
    if ClientId::parse(text).is_ok() {
        match api.send(&ApiRequest::get(path(&["clients", text]))).await {
            Ok(_) => return Ok(text.to_owned()),
            Err(failure) if failure.is_not_allowed() => return Ok(text.to_owned()),
            Err(failure) if failure.is(AdminErrorCode::ClientNotFound) => {}
            Err(failure) => return Err(failure.into()),
        }
    }
    let named = match ClientName::parse(text) {
        Ok(_) => named(api, text).await?,
        Err(_) => Vec::new(),
    };
    match &named[..] {
        [] => {
            let shown = text.replace(char::is_control, "?");
            Err(AdminError::not_found(ObjectKind::Client, shown).into())
        }
        [id] => {
            output::hint(&format!("note: client \"{text}\" is {id}"));
            Ok(id.to_string())
        }
        several => Err(ambiguous(text, several)),
    }
}

/// Returns the first clients with a name.
pub(crate) async fn named(api: &Api, name: &str) -> Result<Vec<ClientId>, CliError> {
    let list = ApiRequest::get(path(&["clients"])).with("name", name).with("limit", MAX_LISTED + 1);
    let page = api.page::<ClientObject>(&list, None).await?;
    let ids = page.data.iter().map(|found| ClientId::parse(&found.object.client_id));
    Ok(ids.collect::<Result<_, _>>()?)
}

fn ambiguous(name: &str, ids: &[ClientId]) -> CliError {
    let max = usize::try_from(MAX_LISTED).unwrap_or(usize::MAX);
    let mut listed: Vec<_> = ids.iter().take(max).map(ToString::to_string).collect();
    if ids.len() > max {
        listed.push("and more".to_owned());
    }
    CliError::usage(format!("\"{name}\" is the name of several clients: {}", listed.join(", ")))
        .with_remedy(ArgumentRemedy::GiveClientId)
}
