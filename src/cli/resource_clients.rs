//! The clients of a resource: those with a grant, and what a new scope means to those with all
//! scopes.

use serde_json::{Value, json};

use crate::cli::client_grant::INTROSPECT;
use crate::cli::error::CliError;
use crate::cli::listing::thousands;
use crate::cli::output;
use crate::cli::remedies::command_line::CommandLine;
use crate::model::client::Registration;
use crate::model::grant::GrantedScopes;
use crate::model::resource::{ResourceId, ResourceScope};
use crate::model::scope::ScopeName;
use crate::services::Services;
use crate::store::Store;
use crate::store::grants::{GrantKind, GrantedClient};

/// How many clients are shown with a resource.
const MAX_SHOWN: u32 = 100;

/// How many clients a warning names.
const MAX_NAMED: u32 = 10;

/// The clients that have a grant for a resource.
pub(super) struct ResourceClients {
    shown: Vec<GrantedClient>,
    count: i64,
}

impl ResourceClients {
    /// Reads the first ones, and counts all.
    pub(super) async fn of(store: &Store, id: &ResourceId) -> Result<Self, CliError> {
        Ok(Self {
            shown: store.grants_of(id, GrantKind::Any, MAX_SHOWN).await?,
            count: store.count_grants_of(id, GrantKind::Any).await?,
        })
    }

    /// Adds them to the JSON of the resource.
    pub(super) fn add_to(&self, value: &mut Value) {
        value["clients"] = json!(self.shown);
        value["client_count"] = json!(self.count);
    }

    /// Adds them to the rows of the resource.
    pub(super) fn add_rows(&self, id: &ResourceId, rows: &mut Vec<(&'static str, String)>) {
        if self.shown.is_empty() {
            rows.push(("clients", "none".to_owned()));
        }
        rows.extend(self.shown.iter().map(|client| {
            let scopes = match &client.scopes {
                GrantedScopes::All => "all scopes".to_owned(),
                GrantedScopes::Only(scopes) => scopes.to_string(),
            };
            let mut text = format!("{} ({scopes})", client.client_id);
            if !client.networks.is_anywhere() {
                text.push_str(&format!(" only from {}", client.networks));
            }
            ("client", text)
        }));
        let more = self.count.saturating_sub(i64::from(MAX_SHOWN));
        if more > 0 {
            let more = thousands(more);
            rows.push(("clients", format!("{more} more: {}", CommandLine::ListClientsOf(id))));
        }
    }
}

/// Says which clients got a scope that has just been added, because they have all scopes.
pub(super) async fn name_clients_with_all_scopes(
    services: &Services,
    id: &ResourceId,
    added: &[ResourceScope],
    before: &[ResourceScope],
) -> Result<(), CliError> {
    let is_new = |scope: &&ResourceScope| !before.iter().any(|known| known.name == scope.name);
    let names: Vec<&ScopeName> = added.iter().filter(is_new).map(|scope| &scope.name).collect();
    let count = services.store.count_grants_of(id, GrantKind::AllScopes).await?;
    if names.is_empty() || count == 0 {
        return Ok(());
    }
    let clients = services.store.grants_of(id, GrantKind::AllScopes, MAX_NAMED).await?;
    let mut listed: Vec<String> = clients.iter().map(|found| found.client_id.to_string()).collect();
    let unnamed = count.saturating_sub(i64::try_from(listed.len()).unwrap_or(count));
    if unnamed > 0 {
        listed.push(format!("{} more", thousands(unnamed)));
    }
    let clients = if count == 1 { "1 client".to_owned() } else { thousands(count) + " clients" };
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let may_introspect = names.contains(&INTROSPECT);
    let (kind, what) = if may_introspect {
        ("warning", "may now introspect its tokens".to_owned())
    } else {
        ("note", format!("may now get {}", names.join(" ")))
    };
    output::hint(&format!(
        "{kind}: {clients} with all scopes of {id} {what}: {}. To name the scopes of one instead: {}",
        listed.join(", "),
        CommandLine::NameScopes { client: "ID", resource: id }
    ));
    Ok(())
}

/// The same for the grants of a client that has just been registered.
pub(super) async fn warn_of_introspection(
    services: &Services,
    made: &Registration,
) -> Result<(), CliError> {
    let client = made.client.client_id.as_str();
    for grant in made.grants.iter().filter(|grant| grant.scopes == GrantedScopes::All) {
        if let Some(resource) = services.store.resource(&grant.resource).await? {
            let offered = resource.scope_names();
            super::client_grant::warn_of_introspection(client, grant, &offered);
        }
    }
    Ok(())
}
