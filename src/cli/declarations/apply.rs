//! `tokend diff`, `tokend apply` and `tokend export`: manages clients and resources in files.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::admin::declarative::{
    self, ApplyOptions, Declarations, ExportFilter, Plan, PlannedChange,
};
use crate::admin::{AdminErrorCode, HashLoad, Principal};
use crate::cli::api::{Api, ApiRequest, ApiUse, path};
use crate::cli::declarations::export_format::Ordered;
use crate::cli::declarations::{DeclarationArgs, DeletionArgs};
use crate::cli::error::CliError;
use crate::cli::output::{self, Format};
use crate::cli::remedies::command::SecretRemedy;
use crate::cli::remote::apply::RemotePlan;
use crate::cli::remote::leftover::Settled;
use crate::cli::secret_file::applied_secrets::{Drafts, SecretsDir, SecretsFormat};
use crate::cli::{Global, remote};
use crate::model::client::ClientId;
use crate::model::owner::Owner;
use crate::model::source::SourceName;
use crate::services::Services;

/// The maximum number of clients that a message names.
const MAX_LISTED: usize = 5;

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    declarations: DeclarationArgs,
    /// Exit with code 9 if there are differences
    #[arg(long)]
    exit_code: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    declarations: DeclarationArgs,
    #[command(flatten)]
    deletions: DeletionArgs,
    /// Show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The directory for new secrets: one file per client, which only its owner can read
    #[arg(long, value_name = "DIRECTORY")]
    secrets_dir: Option<PathBuf>,
    /// The content of each file with a new secret
    #[arg(long, value_enum, default_value_t = SecretsFormat::Plain, requires = "secrets_dir")]
    secrets_format: SecretsFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Only the objects of this source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Only the objects of this owner
    #[arg(long, value_name = "OWNER")]
    owner: Option<String>,
    /// Print the JSON Schema of the format, for editors
    #[arg(long, conflicts_with_all = ["source", "owner"])]
    schema: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) changes: Vec<PlannedChange>,
    /// Each client with a new secret, and the file of the secret.
    pub(crate) secret_files: Vec<(String, PathBuf)>,
}

/// Runs `tokend diff`.
pub(crate) async fn diff(global: &Global, args: &DiffArgs) -> Result<(), CliError> {
    let declarations = args.declarations.read()?;
    let options = args.declarations.options(None)?;
    let (changes, unchanged) = if global.server().is_some() {
        let api = Api::open(global, ApiUse::Read).await?;
        let plan = remote::apply::plan(&api, &declarations, &options).await?;
        (plan.changes, plan.unchanged)
    } else {
        let services = global.services().await?;
        let principal = global.principal()?;
        let plan = declarative::plan(&services, &principal, &declarations, &options).await?;
        rehearsed(&services, &principal, plan).await?
    };
    let words = declarative::plan_lines(&changes, unchanged);
    print(global.output, &words, &result(&changes, unchanged))?;
    if args.exit_code && !changes.is_empty() { Err(CliError::differences()) } else { Ok(()) }
}

/// Runs `tokend apply`.
pub(crate) async fn apply(global: &Global, args: &ApplyArgs) -> Result<(), CliError> {
    let declarations = args.declarations.read()?;
    let options = args.declarations.options(args.deletions.limit())?;
    let dir = args.secrets_dir.as_deref().map(|dir| SecretsDir::new(dir, args.secrets_format));
    if global.server().is_some() {
        return apply_at_server(global, args, &declarations, &options, dir.as_ref()).await;
    }
    let services = global.services().await?;
    let principal = global.principal()?;
    let plan = declarative::plan(&services, &principal, &declarations, &options).await?;
    if args.dry_run {
        let (changes, unchanged) = rehearsed(&services, &principal, plan).await?;
        return print_plan(global.output, &changes, unchanged);
    }
    let (changes, unchanged) = (plan.changes(), plan.unchanged());
    announce(global.output, &changes, unchanged)?;
    let done = Box::pin(execute(&services, &principal, plan, &options, dir.as_ref())).await?;
    print_done(global.output, &done, unchanged)
}

/// Rehearses a plan. Returns its changes and the number of unchanged objects.
async fn rehearsed(
    services: &Services,
    principal: &Principal,
    plan: Plan,
) -> Result<(Vec<PlannedChange>, usize), CliError> {
    let result = (plan.changes(), plan.unchanged());
    declarative::rehearse(services, principal, plan).await?;
    Ok(result)
}

/// Applies declarations at a server. Another caller may change objects between plan and execution,
/// so the output reports what was actually done.
async fn apply_at_server(
    global: &Global,
    args: &ApplyArgs,
    declarations: &Declarations,
    options: &ApplyOptions,
    dir: Option<&SecretsDir>,
) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Change).await?;
    let is_interrupted = !args.dry_run && dir.is_some_and(SecretsDir::has_request);
    let plan = if is_interrupted {
        remote::apply::plan_after_interruption(&api, declarations, options).await?
    } else {
        remote::apply::plan(&api, declarations, options).await?
    };
    if args.dry_run {
        return print_plan(global.output, &plan.changes, plan.unchanged);
    }
    announce(global.output, &plan.changes, plan.unchanged)?;
    let clients = plan.new_secrets()?;
    if dir.is_none() && !clients.is_empty() {
        return Err(without_folder(&clients));
    }
    let request = remote::apply::request(declarations, options);
    let Some(dir) = dir else { return apply_without_dir(global, &api, &request, plan).await };
    let declared = remote::apply::declared_clients(declarations);
    let settled = Box::pin(remote::leftover::settle(&api, &request, &declared, dir)).await?;
    let Settled { is_answered, mut changes, mut files } = settled;
    // The request of the interrupted command may have completed only now.
    let plan =
        if is_answered { remote::apply::plan(&api, declarations, options).await? } else { plan };
    let mut unchanged = plan.unchanged;
    if !plan.changes.is_empty() {
        let clients = plan.new_secrets()?;
        let (done, new) =
            Box::pin(remote::apply::apply(&api, &request, &clients, Some(dir))).await?;
        unchanged = done.unchanged;
        changes.extend(done.changes);
        files.extend(new);
    }
    print_done(global.output, &Done { changes, secret_files: files }, unchanged)
}

async fn apply_without_dir(
    global: &Global,
    api: &Api,
    request: &ApiRequest,
    plan: RemotePlan,
) -> Result<(), CliError> {
    if plan.changes.is_empty() {
        return print_done(global.output, &Done::default(), plan.unchanged);
    }
    let (done, secret_files) = remote::apply::apply(api, request, &[], None).await?;
    let (changes, unchanged) = (done.changes, done.unchanged);
    print_done(global.output, &Done { changes, secret_files }, unchanged)
}

fn print_plan(format: Format, changes: &[PlannedChange], unchanged: usize) -> Result<(), CliError> {
    print(format, &declarative::plan_lines(changes, unchanged), &result(changes, unchanged))
}

/// Prints the plan before its execution: to standard error if standard output has another format.
fn announce(format: Format, changes: &[PlannedChange], unchanged: usize) -> Result<(), CliError> {
    let words = declarative::plan_lines(changes, unchanged);
    if format == Format::Table {
        return output::line(&words.join("\n"));
    }
    for line in &words {
        output::hint(line);
    }
    Ok(())
}

fn print_done(format: Format, done: &Done, unchanged: usize) -> Result<(), CliError> {
    for (client, file) in done.secret_files.iter().take(MAX_LISTED) {
        output::hint(&format!("The new secret of {client} is in {}.", file.display()));
    }
    if let Some(more) = done.secret_files.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        output::hint(&format!("{more} more new secrets are in files next to them."));
    }
    if format == Format::Table {
        return Ok(());
    }
    let mut value = result(&done.changes, unchanged);
    value["applied"] = json!(true);
    let files = done.secret_files.iter();
    value["secret_files"] = files.map(|(id, file)| (id.clone(), json!(file))).collect();
    print(format, &[], &value)
}

fn without_folder(clients: &[ClientId]) -> CliError {
    let names: Vec<_> = clients.iter().take(MAX_LISTED).map(ClientId::as_str).collect();
    let more = if clients.len() > names.len() { ", …" } else { "" };
    let text = format!(
        "{} new secrets are needed ({}{more}), and a directory for them is not given",
        clients.len(),
        names.join(", ")
    );
    CliError::usage(text).with_remedy(SecretRemedy::GiveSecretsDir)
}

/// Executes a plan and writes the new secrets to `dir`.
pub(crate) async fn execute(
    services: &Services,
    principal: &Principal,
    plan: Plan,
    options: &ApplyOptions,
    dir: Option<&SecretsDir>,
) -> Result<Done, CliError> {
    declarative::check_deletions(&plan, options)?;
    if let Some(dir) = dir {
        dir.settle(services, plan.declared_clients()).await?;
    }
    let changes = plan.changes();
    if plan.is_empty() {
        return Ok(Done::default());
    }
    let clients = plan.new_secrets();
    let files = match dir {
        Some(dir) => dir.check(services, &clients).await?,
        None if clients.is_empty() => Vec::new(),
        None => return Err(without_folder(&clients)),
    };
    let prepared = declarative::generate_secrets(services, plan, HashLoad::AllCores).await?;
    let drafts = match dir {
        Some(dir) => Some(dir.write(files, prepared.secrets())?),
        None => None,
    };
    let pending = match declarative::write(services, principal, prepared).await {
        Ok(pending) => pending,
        Err(error) => {
            drafts.into_iter().for_each(Drafts::discard);
            return Err(error.into());
        }
    };
    let applied = pending.made().clone();
    let secret_files = if let Some(drafts) = drafts {
        drafts.commit(services, pending).await?
    } else {
        pending.commit().await?;
        Vec::new()
    };
    declarative::finish(services, principal, &applied).await?;
    Ok(Done { changes, secret_files })
}

/// Applies declarations at the start of a server. Another instance may do the same concurrently, so
/// the plan is computed again after a conflict.
pub(crate) async fn at_start(
    services: &Services,
    principal: &Principal,
    declarations: &Declarations,
    dir: Option<&SecretsDir>,
) -> Result<Done, CliError> {
    let options = ApplyOptions::default();
    let mut attempts = 0_u32;
    loop {
        let plan = declarative::plan(services, principal, declarations, &options).await?;
        let outcome = Box::pin(execute(services, principal, plan, &options, dir)).await;
        match outcome {
            Err(error) if error.is_overtaken() && attempts < 3 => attempts += 1,
            outcome => return outcome,
        }
    }
}

/// Runs `tokend export`.
pub(crate) async fn export(global: &Global, args: &ExportArgs) -> Result<(), CliError> {
    if args.schema {
        return output::json(&declarative::schema());
    }
    let filter = ExportFilter {
        source: args.source.as_deref().map(SourceName::parse).transpose()?,
        owner: args.owner.as_deref().map(Owner::parse).transpose()?,
    };
    let documents = documents(global, &filter).await?;
    match global.output {
        Format::Json => output::json(&json!({ "documents": documents })),
        Format::Jsonl => {
            documents.iter().try_for_each(|document| output::object(Format::Jsonl, document))
        }
        Format::Id => Err(CliError::usage("an export has no ids; use -o json, or no -o")),
        Format::Table => {
            let ordered =
                documents.iter().map(|document| serde_saphyr::to_string(&Ordered(document)));
            let texts: Result<Vec<_>, _> = ordered.collect();
            let texts = texts.map_err(|error| CliError::failed(error.to_string()))?;
            output::text(texts.join("---\n").as_bytes())
        }
    }
}

async fn documents(global: &Global, filter: &ExportFilter) -> Result<Vec<Value>, CliError> {
    if global.server().is_some() {
        let api = Api::open(global, ApiUse::Read).await?;
        let request = ApiRequest::get(path(&["export"]))
            .with_some("source", filter.source.as_ref())
            .with_some("owner", filter.owner.as_ref());
        let answer = api.send(&request).await?;
        return Ok(answer["documents"].as_array().cloned().unwrap_or_default());
    }
    let services = global.services().await?;
    let documents = declarative::export(&services, &global.principal()?, filter).await?;
    Ok(documents.iter().map(|document| json!(document)).collect())
}

fn result(changes: &[PlannedChange], unchanged: usize) -> Value {
    json!({ "applied": false, "changes": changes, "unchanged": unchanged })
}

/// Prints a plan: as text in a table, otherwise as JSON.
fn print(format: Format, words: &[String], value: &Value) -> Result<(), CliError> {
    match format {
        Format::Table => output::line(&words.join("\n")),
        Format::Json | Format::Jsonl => output::object(format, value),
        Format::Id => {
            let ids = value["changes"].as_array().into_iter().flatten();
            ids.filter_map(|change| change["id"].as_str()).try_for_each(output::line)
        }
    }
}

impl CliError {
    /// True if an object changed between a plan and its execution.
    fn is_overtaken(&self) -> bool {
        let codes = [AdminErrorCode::ChangedDuringApply, AdminErrorCode::AlreadyExists];
        self.admin_code().is_some_and(|code| codes.contains(&code))
    }
}
