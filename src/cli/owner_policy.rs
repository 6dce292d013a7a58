//! `tokend owner-policy`: what the platform team requires of the clients of an owner.

use clap::{Args, Subcommand};

use crate::admin::owner_policy;
use crate::cli::duration::duration;
use crate::cli::error::CliError;
use crate::cli::{Global, output, principal};
use crate::model::client::AuthenticationMethod;
use crate::model::owner_policy::{OwnerPolicy, OwnerPolicyRecord, PolicyScope};

/// How many policies are read at a time.
const PAGE_SIZE: u32 = 1_000;

#[derive(Debug, Subcommand)]
pub(crate) enum OwnerPolicyCommand {
    /// List the policies
    List,
    /// Show the policy of an owner
    Show(OwnerArgs),
    /// Set the policy of an owner; a rule that is not given is removed
    Set(SetArgs),
    /// Remove the policy of an owner; then the one of * holds for it
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
        value_parser = clap::value_parser!(u32).range(..=i64::from(owner_policy::MAX_CLIENTS)))]
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
            let reader = global.reader().await?;
            let found =
                owner_policy::show(&reader.store, &principal(), &PolicyScope::parse(&args.owner)?)
                    .await?;
            print(global, &found)
        }
        OwnerPolicyCommand::Set(args) => {
            let scope = PolicyScope::parse(&args.owner)?;
            let record = OwnerPolicyRecord { scope, policy: args.policy()? };
            let services = global.services().await?;
            let set = owner_policy::set(&services, &principal(), record).await?;
            print(global, &set.value)
        }
        OwnerPolicyCommand::Delete(args) => {
            let scope = PolicyScope::parse(&args.owner)?;
            let services = global.services().await?;
            owner_policy::delete(&services, &principal(), &scope).await?;
            output::hint(&format!("the policy of {scope} is removed"));
            Ok(())
        }
    }
}

async fn list(global: &Global) -> Result<(), CliError> {
    let reader = global.reader().await?;
    let mut found: Vec<OwnerPolicyRecord> = Vec::new();
    loop {
        let after = found.last().map(|last| last.scope.to_string()).unwrap_or_default();
        let page = owner_policy::list(&reader.store, &principal(), &after, PAGE_SIZE).await?;
        let is_last = page.len() < PAGE_SIZE as usize;
        found.extend(page);
        if is_last {
            break;
        }
    }
    let header = ["OWNER", "SECRET EXPIRY", "AUTH METHODS", "MAX CLIENTS"];
    output::many(global.output, &found, &header, |record| {
        let rows = cells(&record.policy).map(|(_, value)| value);
        std::iter::once(record.scope.to_string()).chain(rows).collect()
    })
}

fn print(global: &Global, record: &OwnerPolicyRecord) -> Result<(), CliError> {
    let owner = record.scope.to_string();
    let mut rows = vec![("owner", owner.clone())];
    rows.extend(cells(&record.policy));
    output::one(global.output, &owner, record, &rows)
}

fn cells(policy: &OwnerPolicy) -> [(&'static str, String); 3] {
    let expiry = match policy.secret_max_age {
        Some(max_age) => format!("within {max_age}"),
        None if policy.requires_expiry() => "required".to_owned(),
        None => "optional".to_owned(),
    };
    let names = |methods: &Vec<AuthenticationMethod>| {
        methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(" ")
    };
    [
        ("secret expiry", expiry),
        ("auth methods", policy.auth_methods.as_ref().map_or_else(|| "any".to_owned(), names)),
        ("max clients", policy.max_clients.map_or_else(|| "any".to_owned(), |max| max.to_string())),
    ]
}
