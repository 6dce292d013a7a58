//! `tokend console`: creates a sign-in link to the console for the operator of this machine.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::admin::console::{self, MadeLink};
use crate::cli::error::CliError;
use crate::cli::{Global, output};
use crate::config::Config;
use crate::model::admin_scope::AdminScope;
use crate::model::console_session::OperatorLimits;
use crate::model::owner::Owner;
use crate::services::Services;

#[derive(Debug, Subcommand)]
pub(crate) enum ConsoleCommand {
    /// Create a sign-in link for the console: it works once, within 30 minutes
    Link(LinkArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LinkArgs {
    /// Limit the session to objects of this owner; may be repeated
    #[arg(long = "owner", value_name = "OWNER")]
    owners: Vec<String>,
    /// Limit the session to this scope of urn:tokend, such as `clients:read`; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
}

/// Runs `tokend console`.
pub(crate) async fn run(global: &Global, command: &ConsoleCommand) -> Result<(), CliError> {
    let ConsoleCommand::Link(args) = command;
    let limits = OperatorLimits {
        scopes: limit(&args.scopes, AdminScope::parse)?,
        owners: limit(&args.owners, Owner::parse)?,
    };
    let services = global.services().await?;
    if !services.config.console_enabled {
        output::hint(
            "note: console.enabled is false here, so a server with these settings has no console",
        );
    }
    let caller = global.principal()?;
    let actor = caller.actor();
    let operator = actor.as_str().strip_prefix("cli:").unwrap_or(actor.as_str());
    let link = console::create_link(&services, actor, operator, limits).await?;
    let (url, expires_at) = (url(&services.config, &link), link.expires_at);
    let rows = [
        ("link", url.clone()),
        ("works", format!("once, until {}", output::time(expires_at, services.clock.now()))),
        ("signs in as", format!("operator:{operator}")),
    ];
    output::one(global.output, &url, &json!({ "url": url, "expires_at": expires_at }), &rows)
}

/// Parses the values of an option; `None` if there are none.
fn limit<T: Ord>(
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, crate::model::Malformed>,
) -> Result<Option<BTreeSet<T>>, CliError> {
    let values: BTreeSet<T> = texts.iter().map(|text| parse(text)).collect::<Result<_, _>>()?;
    Ok((!values.is_empty()).then_some(values))
}

/// Returns the URL of a link. The secret is in the fragment, which a browser never sends to a
/// server or a proxy.
fn url(config: &Config, link: &MadeLink) -> String {
    let base = config.management_url();
    let base = base.unwrap_or_else(|| format!("http://{}", config.management_listen));
    format!("{base}/console/#{}", link.secret.expose_secret())
}

/// Creates a link for the banner of `dev`; `None` if the console is disabled.
pub(crate) async fn link_of_dev(services: &Services) -> Result<Option<String>, CliError> {
    if !services.config.console_enabled {
        return Ok(None);
    }
    let actor = crate::admin::Actor::new("dev", "demo");
    let link = console::create_link(services, &actor, "dev", OperatorLimits::default()).await?;
    Ok(Some(url(&services.config, &link)))
}
