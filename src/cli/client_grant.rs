//! `tokend client grant`: which scopes of a resource a client may get.

use clap::Args;
use serde_json::{Value, json};

use crate::admin::EndedCredentials;
use crate::admin::grant::{self, GrantChange, ScopeChange};
use crate::cli::client_access::{networks_or_any, preset};
use crate::cli::client_claims::ClaimsArgs;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::{Global, client_reference, principal};
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;

/// The scope whose holder may introspect tokens (RFC 7662).
pub(super) const INTROSPECT: &str = "introspect";

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

    fn scopes(&self) -> Result<ScopeChange, CliError> {
        if let Some(admin) = &self.admin {
            return Ok(ScopeChange::Only(preset(admin)?.granted()));
        }
        let some = |texts: &[String]| match texts {
            [] => Ok(Scopes::default()),
            texts => Scopes::parse(&texts.join(" ")),
        };
        Ok(match (self.all_scopes, self.only.is_empty()) {
            (true, _) => ScopeChange::All,
            (false, false) => ScopeChange::Only(some(&self.only)?),
            (false, true) if self.add.is_empty() && self.remove.is_empty() => ScopeChange::Keep,
            (false, true) => {
                ScopeChange::Edit { add: some(&self.add)?, remove: some(&self.remove)? }
            }
        })
    }
}

/// Runs `tokend client grant`.
pub(crate) async fn run(global: &Global, args: &GrantArgs) -> Result<(), CliError> {
    let change = GrantChange {
        resource: args.resource()?,
        scopes: args.scopes()?,
        networks: networks_or_any(&args.networks)?,
        claims: args.claims.change()?,
    };
    let services = global.services().await?;
    let id = client_reference::resolve(&services.store, &args.id).await?;
    let changed = grant::change(&services, &principal(), &id, change).await?;
    let is_changed = changed.is_changed;
    let grant::ChangedGrant { was, is, offered, ended_credentials } = changed.value;
    let mut value = json!(is);
    value["client_id"] = json!(id);
    value["was"] = was.as_ref().map_or(Value::Null, |was| was.with_offered(&offered));
    value["is"] = is.with_offered(&offered);
    value["changed"] = json!(is_changed);
    ended_credentials.add_to(&mut value);
    let was = was.as_ref().map_or_else(|| "no grant".to_owned(), |was| describe(was, &offered));
    let rows = [
        ("client", id.to_string()),
        ("grant", output::grant(&is)),
        ("was", was),
        ("is", describe(&is, &offered)),
    ];
    output::one(global.output, id.as_str(), &value, &rows)?;
    if !is_changed {
        output::hint(
            "nothing changed: --scope adds a scope, --remove-scope removes one, --only-scope \
             replaces them, --all-scopes gives all",
        );
    }
    warn_of_introspection(id.as_str(), &is, &offered);
    warn_of_ended(&ended_credentials);
    Ok(())
}

/// Says which credentials ended, because they were made by callers with fewer rights.
fn warn_of_ended(ended: &EndedCredentials) {
    if ended.is_empty() {
        return;
    }
    let ids = ended.secrets.iter().map(ToString::to_string);
    let ids = ids.chain(ended.trusts.iter().map(ToString::to_string));
    let keys = ended.keys.then(|| "its keys".to_owned());
    let subject = ended.tls_subject.then(|| "the subject of its certificate".to_owned());
    let all: Vec<_> = ids.chain(keys).chain(subject).collect();
    output::hint(&format!(
        "warning: ended, because callers with fewer rights made them: {}. Give the client new \
         credentials.",
        all.join(", ")
    ));
}

/// The scopes, networks and claims of a grant, in one line.
fn describe(grant: &Grant, offered: &Scopes) -> String {
    let mut text = match &grant.scopes {
        GrantedScopes::All if offered.is_empty() => "all scopes: none yet".to_owned(),
        GrantedScopes::All => format!("all scopes: {offered}"),
        GrantedScopes::Only(scopes) if scopes.is_empty() => "no scope".to_owned(),
        GrantedScopes::Only(scopes) => scopes.to_string(),
    };
    if !grant.networks.is_anywhere() {
        text.push_str(&format!(", only from {}", grant.networks));
    }
    if !grant.claims.is_empty() {
        text.push_str(&format!(", claims {}", grant.claims.json()));
    }
    text
}

/// Says so if a grant of all scopes lets a client introspect tokens: that is easily overlooked.
pub(super) fn warn_of_introspection(client: &str, grant: &Grant, offered: &Scopes) {
    let includes = offered.iter().any(|name| name.as_str() == INTROSPECT);
    if grant.scopes != GrantedScopes::All || !includes {
        return;
    }
    let resource = &grant.resource;
    let tokens = if resource.is_built_in() { "every token of this server" } else { "its tokens" };
    output::hint(&format!(
        "warning: all scopes of {resource} include {INTROSPECT}: {client} may introspect {tokens}. \
         To name the scopes instead: {}",
        CommandLine::NameScopes { client, resource }
    ));
}
