//! A client as an operator names it on the command line: by its identifier or by its name.

use crate::admin::{AdminError, ObjectKind};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::remedies::command::ArgumentRemedy;
use crate::model::client::{ClientId, ClientName};
use crate::store::Store;

/// How many clients of one name are listed in an error.
const MAX_LISTED: u32 = 10;

/// Finds the client that `text` means. An identifier always wins over a name. A name must be
/// unique; the note on standard error says which client it means.
///
/// # Errors
/// Not found if no client has this identifier or name; a usage error that lists the identifiers if
/// several clients have this name.
pub(crate) async fn resolve(store: &Store, text: &str) -> Result<ClientId, CliError> {
    if let Ok(id) = ClientId::parse(text)
        && store.has_client(&id).await?
    {
        return Ok(id);
    }
    let named = match ClientName::parse(text) {
        Ok(name) => store.clients_named(&name, MAX_LISTED + 1).await?,
        Err(_) => Vec::new(),
    };
    match &named[..] {
        [] => {
            let shown = text.replace(char::is_control, "?");
            Err(AdminError::not_found(ObjectKind::Client, shown).into())
        }
        [id] => {
            output::hint(&format!("note: client \"{text}\" is {id}"));
            Ok(id.clone())
        }
        several => Err(ambiguous(text, several)),
    }
}

fn ambiguous(name: &str, ids: &[ClientId]) -> CliError {
    let most = usize::try_from(MAX_LISTED).unwrap_or(usize::MAX);
    let mut listed: Vec<_> = ids.iter().take(most).map(ToString::to_string).collect();
    if ids.len() > most {
        listed.push("and more".to_owned());
    }
    CliError::usage(format!("\"{name}\" is the name of several clients: {}", listed.join(", ")))
        .with_remedy(ArgumentRemedy::GiveClientId)
}
