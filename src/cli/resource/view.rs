//! Renders a resource as rows.

use crate::cli::Global;
use crate::cli::api::Object;
use crate::cli::error::CliError;
use crate::cli::output::objects::resource::ResourceObject;
use crate::cli::output::{self, lifetime};
use crate::cli::resource::clients::ResourceClients;
use crate::model::resource::{ResourceId, TokenTyp};
use crate::model::time::Timestamp;

/// Returns a resource as a row of a list.
pub(in crate::cli) fn row(resource: &ResourceObject) -> Vec<String> {
    let default = || "default".to_owned();
    vec![
        resource.resource.clone(),
        resource.facts.owner_cell(),
        resource.scope_names(),
        resource.token_ttl_seconds.map_or_else(default, lifetime),
        resource.signing_alg.clone().unwrap_or_else(default),
        output::objects::source_cell(resource.source.as_deref()),
    ]
}

/// Prints a resource, and its clients if they are given.
pub(in crate::cli) fn print(
    global: &Global,
    found: Object<ResourceObject>,
    clients: Option<(ResourceId, ResourceClients)>,
    now: Timestamp,
) -> Result<(), CliError> {
    let Object { mut json, object: resource } = found;
    let mut rows = rows_of(&resource, now);
    if let Some((id, clients)) = clients {
        clients.add_rows(&id, &mut rows);
        clients.add_to(&mut json);
    }
    output::one(global.output, &resource.resource, &json, &rows)
}

fn rows_of(resource: &ResourceObject, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut rows = vec![("resource", resource.resource.clone())];
    resource.facts.add_rows(&mut rows);
    output::objects::add_source(resource.source.as_deref(), &mut rows);
    rows.extend(resource.scopes.iter().map(|scope| {
        let text = match scope.description.as_str() {
            "" => scope.name.clone(),
            description => format!("{} ({description})", scope.name),
        };
        ("scope", text)
    }));
    if let Some(seconds) = resource.token_ttl_seconds {
        rows.push(("token ttl", lifetime(seconds)));
    }
    if let Some(algorithm) = &resource.signing_alg {
        rows.push(("signing alg", algorithm.clone()));
    }
    if let Some(pending) = &resource.signing_alg_pending {
        let before = pending.until_then.clone();
        let before = before.unwrap_or_else(|| "as the server says".to_owned());
        rows.push(("signed until then", before));
    }
    if resource.token_typ != TokenTyp::AtJwt.as_str() {
        rows.push(("token typ", resource.token_typ.clone()));
    }
    let created = resource.created_at.map(|created| output::time(created, now));
    rows.push(("created", created.unwrap_or_else(|| "with this server".to_owned())));
    rows
}
