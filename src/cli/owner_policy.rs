//! `tokend owner-policy`: manages the rules of the platform team for the clients of an owner.

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use crate::admin::owner;
use crate::cli::api::{Api, ApiRequest, ApiUse, Object, path};
use crate::cli::arguments::duration::duration;
use crate::cli::error::CliError;
use crate::cli::output::listing::{LeftOut, Listing};
use crate::cli::{Global, output};
use crate::model::client::AuthenticationMethod;
use crate::model::owner_policy::{OwnerPolicy, PolicyScope};

/// The number of policies in one page.
const PAGE_SIZE: u32 = 1_000;

const HEADER: [&str; 4] = ["OWNER", "SECRET EXPIRY", "AUTH METHODS", "MAX CLIENTS"];

/// A policy, as the API returns it.
#[derive(Deserialize)]
struct OwnerPolicyObject {
    owner: String,
    secret_expiry_required: bool,
    secret_max_age_seconds: Option<i64>,
    auth_methods: Option<Vec<String>>,
    max_clients: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OwnerPolicyCommand {
    /// List the policies
    List,
    /// Show the policy of an owner
    Show(OwnerArgs),
    /// Set the policy of an owner; a rule that is not given is removed
    Set(SetArgs),
    /// Remove the policy of an owner; the policy of * then applies to it
    Delete(OwnerArgs),
}

#[derive(Debug, Args)]
pub(crate) struct OwnerArgs {
    /// The owner, or '*' for every owner without a policy of its own
    owner: String,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The owner, or '*' for every owner without a policy of its own
    owner: String,
    /// Each new secret must have an expiry
    #[arg(long)]
    require_secret_expiry: bool,
    /// The longest time from the creation of a secret to its expiry, such as 90d
    #[arg(long, value_name = "DURATION")]
    secret_max_age: Option<String>,
    /// An authentication method that clients may have; may be repeated; all if omitted
    #[arg(long = "auth-method", value_name = "METHOD")]
    auth_methods: Vec<String>,
    /// The maximum number of clients
    #[arg(long, value_name = "COUNT",
        value_parser = clap::value_parser!(u32).range(..=i64::from(owner::policy::MAX_CLIENTS)))]
    max_clients: Option<u32>,
}

impl SetArgs {
    fn policy(&self) -> Result<OwnerPolicy, CliError> {
        let methods = self.auth_methods.iter().map(|name| AuthenticationMethod::parse(name));
        let methods: Vec<_> = methods.collect::<Result<_, _>>()?;
        let max_age = self.secret_max_age.as_deref();
        Ok(OwnerPolicy {
            secret_expiry_required: self.require_secret_expiry,
            secret_max_age: max_age.map(|text| duration("--secret-max-age", text)).transpose()?,
            auth_methods: (!methods.is_empty()).then_some(methods),
            max_clients: self.max_clients,
        })
    }
}

/// Runs `tokend owner-policy`.
pub(crate) async fn run(global: &Global, command: &OwnerPolicyCommand) -> Result<(), CliError> {
    match command {
        OwnerPolicyCommand::List => list(global).await,
        OwnerPolicyCommand::Show(args) => {
            let request = ApiRequest::get(policy_of(&args.owner)?);
            let api = Api::open(global, ApiUse::Read).await?;
            print(global, &api.read(&request).await?)
        }
        OwnerPolicyCommand::Set(args) => {
            let request = ApiRequest::put(policy_of(&args.owner)?, json!(args.policy()?));
            let api = Api::open(global, ApiUse::Change).await?;
            print(global, &api.read(&request).await?)
        }
        OwnerPolicyCommand::Delete(args) => {
            let request = ApiRequest::delete(policy_of(&args.owner)?);
            let api = Api::open(global, ApiUse::Change).await?;
            api.send(&request).await?;
            output::hint(&format!("the policy of {} is removed", args.owner));
            Ok(())
        }
    }
}

/// Returns the path of the policy of an owner.
fn policy_of(owner: &str) -> Result<String, CliError> {
    Ok(path(&["owner-policies", PolicyScope::parse(owner)?.as_str()]))
}

async fn list(global: &Global) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Read).await?;
    let request = ApiRequest::get(path(&["owner-policies"])).with("limit", PAGE_SIZE);
    let mut listing = Listing::new(global.output, &HEADER);
    let (mut cursor, mut left_out) = (None, LeftOut::new(["owner policy", "owner policies"]));
    loop {
        let page = api.page::<OwnerPolicyObject>(&request, cursor.as_deref()).await?;
        listing.page(&page.data, |found| {
            let cells = found.object.cells().map(|(_, value)| value);
            std::iter::once(found.object.owner.clone()).chain(cells).collect()
        })?;
        left_out.name(&page.unreadable);
        cursor = page.next_cursor;
        if cursor.is_none() {
            listing.end()?;
            return left_out.into_result();
        }
    }
}

fn print(global: &Global, found: &Object<OwnerPolicyObject>) -> Result<(), CliError> {
    let owner = &found.object.owner;
    let mut rows = vec![("owner", owner.clone())];
    rows.extend(found.object.cells());
    output::one(global.output, owner, found, &rows)
}

impl OwnerPolicyObject {
    /// Returns the rules with the names of their rows.
    fn cells(&self) -> [(&'static str, String); 3] {
        let expiry = match self.secret_max_age_seconds {
            Some(seconds) => format!("within {}", output::lifetime(seconds)),
            None if self.secret_expiry_required => "required".to_owned(),
            None => "optional".to_owned(),
        };
        let any = || "any".to_owned();
        [
            ("secret expiry", expiry),
            ("auth methods", self.auth_methods.as_ref().map_or_else(any, |names| names.join(" "))),
            ("max clients", self.max_clients.map_or_else(any, |max| max.to_string())),
        ]
    }
}
