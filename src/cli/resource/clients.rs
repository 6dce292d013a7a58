//! The clients of a resource: lists those with a grant, and names those with all scopes when a
//! scope is added.

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::api::{Api, ApiRequest, Object, path};
use crate::cli::client::grant::INTROSPECT;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::output::listing::{COUNT_BOUND, LeftOut, bounded, thousands};
use crate::cli::output::objects::client::ClientObject;
use crate::cli::output::objects::resource::ResourceObject;
use crate::cli::remedies::command_line::CommandLine;
use crate::model::resource::{ResourceId, ResourceScope};
use crate::model::scope::ScopeName;

/// The maximum number of clients that are shown with a resource.
const MAX_SHOWN: u32 = 100;

/// The maximum number of clients that a warning names.
const MAX_NAMED: u32 = 10;

/// The clients with a grant for a resource.
pub(super) struct ResourceClients {
    shown: Vec<ResourceClient>,
    /// The number of clients that are not shown, up to [`COUNT_BOUND`].
    others: i64,
}

/// A client with a grant for a resource.
#[derive(Debug, Serialize)]
struct ResourceClient {
    client_id: String,
    /// `null` for all scopes.
    scopes: Option<Vec<String>>,
    networks: Vec<String>,
}

impl ResourceClients {
    /// Reads the first clients and counts the others; `None` without permission to read clients.
    pub(in crate::cli) async fn of(api: &Api, id: &ResourceId) -> Result<Option<Self>, CliError> {
        let request = ApiRequest::get(path(&["clients"]))
            .with("resource", id)
            .with("limit", MAX_SHOWN)
            .with("count", COUNT_BOUND);
        let page = match api.page::<ClientObject>(&request, None).await {
            Ok(page) => page,
            Err(failure) if failure.is_not_allowed() => return Ok(None),
            Err(failure) => return Err(failure.into()),
        };
        let shown: Vec<_> = page
            .data
            .iter()
            .filter_map(|found| {
                let grant = found.object.grant(id.as_str())?;
                Some(ResourceClient {
                    client_id: found.object.client_id.clone(),
                    scopes: grant.scopes.clone(),
                    networks: grant.networks.clone(),
                })
            })
            .collect();
        LeftOut::new(["client", "clients"]).name(&page.unreadable);
        Ok(Some(Self { others: page.remaining.unwrap_or(0), shown }))
    }

    /// Adds the clients to the JSON of the resource.
    pub(super) fn add_to(&self, value: &mut Value) {
        value["clients"] = json!(self.shown);
        let shown = i64::try_from(self.shown.len()).unwrap_or(i64::MAX);
        let is_counted = self.others < i64::from(COUNT_BOUND);
        value["client_count"] = json!(is_counted.then(|| shown.saturating_add(self.others)));
    }

    /// Adds the clients to the rows of the resource.
    pub(in crate::cli) fn add_rows(&self, id: &ResourceId, rows: &mut Vec<(&'static str, String)>) {
        if self.shown.is_empty() {
            rows.push(("clients", "none".to_owned()));
        }
        rows.extend(self.shown.iter().map(|client| {
            let scopes = client.scopes.as_ref();
            let scopes = scopes.map_or_else(|| "all scopes".to_owned(), |names| names.join(" "));
            let mut text = format!("{} ({scopes})", client.client_id);
            if !client.networks.is_empty() {
                text.push_str(&format!(" only from {}", client.networks.join(" ")));
            }
            ("client", text)
        }));
        if self.others > 0 {
            let more = bounded(self.others);
            rows.push(("clients", format!("{more} more: {}", CommandLine::ListClientsOf(id))));
        }
    }
}

/// Names the clients that just gained a new scope, because they have all scopes.
pub(super) async fn name_clients_with_all_scopes(
    api: &Api,
    id: &ResourceId,
    added: &[ResourceScope],
    before: &ResourceObject,
) -> Result<(), CliError> {
    let is_new =
        |scope: &&ResourceScope| !before.scopes.iter().any(|it| it.name == scope.name.as_str());
    let names: Vec<&ScopeName> = added.iter().filter(is_new).map(|scope| &scope.name).collect();
    if names.is_empty() {
        return Ok(());
    }
    let (mut listed, unnamed) = with_all_scopes(api, id, names[0]).await?;
    let count = unnamed.saturating_add(i64::try_from(listed.len()).unwrap_or(i64::MAX));
    let clients = match count {
        0 => return Ok(()),
        1 => "1 client".to_owned(),
        count if unnamed < i64::from(COUNT_BOUND) => thousands(count) + " clients",
        count => format!("at least {} clients", thousands(count)),
    };
    if unnamed > 0 {
        listed.push(format!("{} more", thousands(unnamed)));
    }
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

/// Returns the first clients with a grant of all scopes, and the number of others up to
/// [`COUNT_BOUND`]. Empty without permission to read clients. Only such grants contain a scope that
/// was just added, so no other client is read.
async fn with_all_scopes(
    api: &Api,
    id: &ResourceId,
    added: &ScopeName,
) -> Result<(Vec<String>, i64), CliError> {
    let request = ApiRequest::get(path(&["clients"]))
        .with("resource", id)
        .with("scope", added)
        .with("limit", MAX_NAMED)
        .with("count", COUNT_BOUND);
    let page = match api.page::<ClientObject>(&request, None).await {
        Ok(page) => page,
        Err(failure) if failure.is_not_allowed() => return Ok((Vec::new(), 0)),
        Err(failure) => return Err(failure.into()),
    };
    let clients = page.data.iter().map(|found| &found.object);
    let has_all = |client: &&ClientObject| {
        client.grant(id.as_str()).is_some_and(|grant| grant.scopes.is_none())
    };
    let named = clients.filter(has_all).map(|client| client.client_id.clone()).collect();
    Ok((named, page.remaining.unwrap_or(0)))
}

/// Warns of introspection for each grant of a new client. An administrator without permission to
/// read resources gets no warning.
pub(in crate::cli) async fn warn_of_introspection(
    api: &Api,
    made: &ClientObject,
) -> Result<(), CliError> {
    for grant in made.grants.iter().filter(|grant| grant.scopes.is_none()) {
        let request = ApiRequest::get(path(&["resources", &grant.resource]));
        let resource: Object<ResourceObject> = match api.read(&request).await {
            Ok(resource) => resource,
            Err(failure) if failure.is_not_allowed() => return Ok(()),
            Err(failure) => return Err(failure.into()),
        };
        let offered = resource.object.scopes.iter().map(|scope| scope.name.clone());
        let offered: Vec<_> = offered.collect();
        crate::cli::client::grant::warn_of_introspection(&made.client_id, grant, &offered);
    }
    Ok(())
}
