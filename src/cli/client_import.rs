//! `tokend client import`: clients of another system, with the ids and secrets that they have.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use crate::admin::HashLoad;
use crate::admin::import::{
    self, Existing, ImportOptions, ImportOutcome, ImportedClient, Progress,
};
use crate::cli::error::CliError;
use crate::cli::output::Format;
use crate::cli::{Global, input, output, principal};

/// How often progress is shown.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct ImportArgs {
    /// A file with one JSON object a line, or - for standard input
    #[arg(required_unless_present = "schema")]
    file: Option<PathBuf>,
    /// Check everything and show what would happen, without writing anything
    #[arg(long)]
    dry_run: bool,
    /// Leave clients that exist already as they are
    #[arg(long)]
    skip_existing: bool,
    /// Change clients that exist already: replace the members that a line gives, add its secrets
    #[arg(long, conflicts_with = "skip_existing")]
    update: bool,
    /// Print the JSON Schema of a line
    #[arg(long, conflicts_with_all = ["file", "dry_run", "skip_existing", "update"])]
    schema: bool,
}

/// Runs `tokend client import`.
pub(crate) async fn run(global: &Global, args: &ImportArgs) -> Result<(), CliError> {
    let Some(file) = args.file.as_deref().filter(|_| !args.schema) else {
        return output::json(&import::schema());
    };
    let options = ImportOptions {
        existing: match (args.skip_existing, args.update) {
            (true, _) => Existing::Skip,
            (_, true) => Existing::Update,
            (false, false) => Existing::Reject,
        },
        is_dry_run: args.dry_run,
        load: HashLoad::AllCores,
    };
    let source = open(file)?;
    let services = Arc::new(global.services().await?);
    let meter = ProgressMeter::default();
    let show = |progress| meter.show(progress);
    let imported = import::import(&services, &principal(), source, options, &show).await;
    meter.clear();
    print(global, &imported?, args.dry_run)
}

fn open(file: &Path) -> Result<Box<dyn BufRead>, CliError> {
    if file == Path::new("-") {
        input::announce("clients, one JSON object a line,");
        return Ok(Box::new(io::stdin().lock()));
    }
    let opened = File::open(file)
        .map_err(|error| CliError::usage(format!("{} cannot be read: {error}", file.display())))?;
    Ok(Box::new(BufReader::new(opened)))
}

fn print(global: &Global, imported: &[ImportedClient], is_dry_run: bool) -> Result<(), CliError> {
    let values: Vec<_> = imported
        .iter()
        .map(|client| {
            let mut value = json!(client);
            if is_dry_run {
                value["dry_run"] = json!(true);
            }
            value
        })
        .collect();
    output::many(global.output, &values, &["IMPORTED", "RESULT"], |value| {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        vec![text("client_id"), text("result")]
    })?;
    if global.output == Format::Table {
        let count = |wanted| imported.iter().filter(|client| client.result == wanted).count();
        output::hint(&format!(
            "{}{} imported, {} updated, {} unchanged, {} skipped",
            if is_dry_run { "dry run, nothing was written: " } else { "" },
            count(ImportOutcome::Imported),
            count(ImportOutcome::Updated),
            count(ImportOutcome::Unchanged),
            count(ImportOutcome::Skipped),
        ));
    }
    Ok(())
}

/// Shows on a terminal how far the import is, in one line of standard error.
struct ProgressMeter {
    is_terminal: bool,
    shown: Mutex<Option<Instant>>,
}

impl Default for ProgressMeter {
    fn default() -> Self {
        Self { is_terminal: io::stderr().is_terminal(), shown: Mutex::default() }
    }
}

impl ProgressMeter {
    fn show(&self, progress: Progress) {
        if !self.is_terminal {
            return;
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.is_some_and(|last| last.elapsed() < PROGRESS_INTERVAL) {
            return;
        }
        *shown = Some(Instant::now());
        let total = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
        // A terminal that is gone shows nothing, and the import continues.
        let _ = write!(io::stderr(), "\r\x1b[K{} {}{total}", progress.step, progress.done);
    }

    /// Removes the line.
    fn clear(&self) {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
