//! `tokend client grant`: changes the scopes of a resource that a client may request.

use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::cli::api::{Api, ApiRequest, ApiUse, Object, path};
use crate::cli::client::access::{networks_or_any, preset};
use crate::cli::client::change::Before;
use crate::cli::client::claims::ClaimsArgs;
use crate::cli::client::reference;
use crate::cli::error::CliError;
use crate::cli::output::objects::client::GrantObject;
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::{Global, output};
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;

/// The scope whose holder may introspect tokens (RFC 7662).
pub(in crate::cli) const INTROSPECT: &str = "introspect";

#[derive(Debug, Args)]
pub(crate) struct GrantArgs {
    /// The client's id, or its name if the name is unique
    id: String,
    /// The resource
    #[arg(long, value_name = "URI", required_unless_present = "admin")]
    resource: Option<String>,
    /// Make it an administrator of this server, with the scopes of `viewer`, `editor`, `owner` or
    /// `admin` and no others
    #[arg(
        long,
        value_name = "PRESET",
        conflicts_with_all = ["resource", "add", "remove", "only", "all_scopes"]
    )]
    admin: Option<String>,
    /// Add a scope; may be repeated
    #[arg(long = "scope", visible_alias = "add-scope", value_name = "SCOPE")]
    add: Vec<String>,
    /// Remove a scope; may be repeated
    #[arg(long = "remove-scope", value_name = "SCOPE")]
    remove: Vec<String>,
    /// Replace the scopes by this one; may be repeated
    #[arg(long = "only-scope", value_name = "SCOPE", conflicts_with_all = ["add", "remove"])]
    only: Vec<String>,
    /// Replace the scopes by all that the resource offers, now and later
    #[arg(long, conflicts_with_all = ["add", "remove", "only"])]
    all_scopes: bool,
    /// A network from which the grant may be used, such as 10.0.0.0/8; may be repeated; `any` for
    /// no limit; unchanged if omitted
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<String>,
    #[command(flatten)]
    claims: ClaimsArgs,
}

impl GrantArgs {
    fn resource(&self) -> Result<ResourceId, CliError> {
        Ok(ResourceId::parse(self.resource.as_deref().unwrap_or(ResourceId::SERVER))?)
    }

    /// Returns the merge patch of the options, without claims.
    fn patch(&self) -> Result<Value, CliError> {
        let some = |texts: &[String]| match texts {
            [] => Ok(Scopes::default()),
            texts => Scopes::parse(&texts.join(" ")),
        };
        let only = match &self.admin {
            Some(admin) => preset(admin)?.granted(),
            None => some(&self.only)?,
        };
        let (add, remove) = (some(&self.add)?, some(&self.remove)?);
        let mut patch = json!({});
        if self.all_scopes {
            patch["scopes"] = Value::Null;
        }
        for (name, scopes) in [("scopes", only), ("add_scopes", add), ("remove_scopes", remove)] {
            if !scopes.is_empty() {
                patch[name] = json!(scopes);
            }
        }
        if let Some(networks) = networks_or_any(&self.networks)? {
            patch["networks"] = json!(networks);
        }
        Ok(patch)
    }
}

/// A grant after a change, as the API returns it.
#[derive(Deserialize)]
struct ChangedGrant {
    #[serde(flatten)]
    grant: GrantObject,
    was: Option<GrantState>,
    is: GrantState,
    changed: bool,
    #[serde(default)]
    offered: Vec<String>,
    #[serde(default)]
    ended_credentials: EndedObject,
}

/// Credentials that a change has ended.
#[derive(Default, Deserialize)]
#[serde(default)]
struct EndedObject {
    secrets: Vec<String>,
    trusts: Vec<String>,
    keys: bool,
    tls_subject: bool,
}

#[derive(Deserialize)]
struct GrantState {
    /// An array of names, or `all`.
    scopes: Value,
    #[serde(default)]
    includes: Vec<String>,
    #[serde(default)]
    networks: Vec<String>,
    #[serde(default)]
    claims: Map<String, Value>,
}

impl GrantState {
    /// Describes the state in one line.
    fn describe(&self) -> String {
        let names: Option<Vec<_>> =
            self.scopes.as_array().map(|list| list.iter().filter_map(Value::as_str).collect());
        let mut text = match names {
            None if self.includes.is_empty() => "all scopes: none yet".to_owned(),
            None => format!("all scopes: {}", self.includes.join(" ")),
            Some(names) if names.is_empty() => "no scope".to_owned(),
            Some(names) => names.join(" "),
        };
        if !self.networks.is_empty() {
            text.push_str(&format!(", only from {}", self.networks.join(" ")));
        }
        if !self.claims.is_empty() {
            text.push_str(&format!(", claims {}", Value::from(self.claims.clone())));
        }
        text
    }
}

/// Runs `tokend client grant`.
pub(crate) async fn run(global: &Global, args: &GrantArgs) -> Result<(), CliError> {
    let resource = args.resource()?;
    let mut patch = args.patch()?;
    let api = Api::open(global, ApiUse::Change).await?;
    let id = reference::find(&api, &args.id).await?;
    if args.claims.is_given() {
        let before = Before::read(&api, &id).await?;
        let claims = args.claims.patch(before.grant_claims(resource.as_str()))?;
        patch["claims"] = json!(claims);
    }
    let place = path(&["clients", &id, "grants", resource.as_str()]);
    let changed: Object<ChangedGrant> = api.read(&ApiRequest::patch(place, patch)).await?;
    let ChangedGrant { grant, was, is, changed: is_changed, offered, ended_credentials } =
        &changed.object;
    let was = was.as_ref().map_or_else(|| "no grant".to_owned(), GrantState::describe);
    let rows =
        [("client", id.clone()), ("grant", grant.describe()), ("was", was), ("is", is.describe())];
    output::one(global.output, &id, &changed.json, &rows)?;
    if !is_changed {
        output::hint(
            "nothing changed: --scope adds a scope, --remove-scope removes one, --only-scope \
             replaces them, --all-scopes gives all",
        );
    }
    warn_of_introspection(&id, grant, offered);
    warn_of_ended(ended_credentials);
    Ok(())
}

/// Warns of credentials that ended because callers with fewer rights had created them.
fn warn_of_ended(ended: &EndedObject) {
    let keys = ended.keys.then(|| "its keys".to_owned());
    let subject = ended.tls_subject.then(|| "the subject of its certificate".to_owned());
    let ids = ended.secrets.iter().chain(&ended.trusts).cloned();
    let all: Vec<_> = ids.chain(keys).chain(subject).collect();
    if all.is_empty() {
        return;
    }
    output::hint(&format!(
        "warning: ended, because callers with fewer rights made them: {}. Give the client new \
         credentials.",
        all.join(", ")
    ));
}

/// Warns if a grant of all scopes lets a client introspect tokens, which is easy to overlook.
pub(in crate::cli) fn warn_of_introspection(client: &str, grant: &GrantObject, offered: &[String]) {
    let includes = offered.iter().any(|name| name == INTROSPECT);
    if grant.scopes.is_some() || !includes {
        return;
    }
    let Ok(resource) = ResourceId::parse(&grant.resource) else { return };
    let tokens = if resource.is_built_in() { "every token of this server" } else { "its tokens" };
    output::hint(&format!(
        "warning: all scopes of {resource} include {INTROSPECT}: {client} may introspect {tokens}. \
         To name the scopes instead: {}",
        CommandLine::NameScopes { client, resource: &resource }
    ));
}
