//! `tokend client import`: imports clients of another system with their ids and secrets.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use crate::admin::HashLoad;
use crate::admin::import::{self, Existing, ImportOptions, Progress};
use crate::cli::api::RemoteApi;
use crate::cli::error::CliError;
use crate::cli::output::listing::Listing;
use crate::cli::output::{self, Format};
use crate::cli::{Global, arguments, remote};

/// The minimum time between two updates of the progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// The number of clients that are printed at a time.
const PAGE_SIZE: usize = 1_000;

/// The columns of the result.
const HEADER: [&str; 2] = ["IMPORTED", "RESULT"];

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate option")]
pub(crate) struct ImportArgs {
    /// A file with one JSON object per line, or - for standard input
    #[arg(required_unless_present = "schema")]
    file: Option<PathBuf>,
    /// Check everything and show what would happen, without writing anything
    #[arg(long)]
    dry_run: bool,
    /// Leave existing clients unchanged
    #[arg(long)]
    skip_existing: bool,
    /// Change existing clients: replace the members that a line gives, and add its secrets
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
    let existing = match (args.skip_existing, args.update) {
        (true, _) => Existing::Skip,
        (_, true) => Existing::Update,
        (false, false) => Existing::Reject,
    };
    let source = open(file)?;
    let mut results = ImportResults::new(global.output, args.dry_run);
    if let Some(server) = global.server() {
        let server = RemoteApi::new(&server, global.force)?;
        let name = file.display().to_string();
        remote::import::run(&server, source, &name, existing, &mut results).await?;
        return results.end();
    }
    let options = ImportOptions {
        existing,
        is_dry_run: args.dry_run,
        load: HashLoad::AllCores,
        write_limit: None,
    };
    let services = Arc::new(global.services().await?);
    let meter = ProgressMeter::default();
    let show = |Progress { step, done, total }: Progress| meter.show(step, done, total);
    let source = BufReader::new(source);
    let principal = global.principal()?;
    let imported = import::import(&services, &principal, source, options, &show).await;
    meter.clear();
    for client in imported? {
        results.add(json!(client))?;
    }
    results.end()
}

/// The input of an import: a file or standard input.
pub(in crate::cli) type Source = Box<dyn Read + Send>;

fn open(file: &Path) -> Result<Source, CliError> {
    if file == Path::new("-") {
        arguments::input::announce("clients, one JSON object per line,");
        return Ok(Box::new(io::stdin()));
    }
    let opened = File::open(file)
        .map_err(|error| CliError::usage(format!("{} cannot be read: {error}", file.display())))?;
    Ok(Box::new(opened))
}

/// Prints the clients of an import page by page: there may be a million.
pub(in crate::cli) struct ImportResults {
    format: Format,
    is_dry_run: bool,
    listing: Listing<'static>,
    page: Vec<Value>,
    /// The number of clients for each of [`OUTCOMES`].
    counts: [usize; OUTCOMES.len()],
}

/// The outcomes of a line, in the order of the summary.
const OUTCOMES: [&str; 4] = ["imported", "updated", "unchanged", "skipped"];

impl ImportResults {
    fn new(format: Format, is_dry_run: bool) -> Self {
        let listing = Listing::new(format, &HEADER);
        Self { format, is_dry_run, listing, page: Vec::new(), counts: [0; OUTCOMES.len()] }
    }

    /// True if the import only checks and writes nothing.
    pub(in crate::cli) fn is_dry_run(&self) -> bool {
        self.is_dry_run
    }

    /// Adds a client as the API returns it.
    pub(in crate::cli) fn add(&mut self, mut client: Value) -> Result<(), CliError> {
        for (outcome, count) in OUTCOMES.iter().zip(&mut self.counts) {
            *count += usize::from(client["result"] == *outcome);
        }
        if self.is_dry_run {
            client["dry_run"] = json!(true);
        }
        self.page.push(client);
        if self.page.len() < PAGE_SIZE { Ok(()) } else { self.print_page() }
    }

    fn print_page(&mut self) -> Result<(), CliError> {
        let printed = self.listing.page(&self.page, |client| {
            let text = |name: &str| client[name].as_str().unwrap_or_default().to_owned();
            vec![text("client_id"), text("result")]
        });
        self.page.clear();
        printed
    }

    /// Prints the last page and a summary.
    fn end(mut self) -> Result<(), CliError> {
        self.print_page()?;
        self.listing.end()?;
        if self.format == Format::Table {
            let counts = OUTCOMES.iter().zip(self.counts);
            let counts = counts.map(|(outcome, count)| format!("{count} {outcome}"));
            let start = if self.is_dry_run { "dry run, nothing was written: " } else { "" };
            output::hint(&format!("{start}{}", counts.collect::<Vec<_>>().join(", ")));
        }
        Ok(())
    }
}

/// Shows the progress of an import on a terminal, in one line of standard error.
pub(in crate::cli) struct ProgressMeter {
    is_terminal: bool,
    shown: Mutex<Option<Instant>>,
}

impl Default for ProgressMeter {
    fn default() -> Self {
        Self { is_terminal: io::stderr().is_terminal(), shown: Mutex::default() }
    }
}

impl ProgressMeter {
    /// Shows how many of `total` clients have completed a step.
    pub(in crate::cli) fn show(&self, step: &str, done: usize, total: Option<usize>) {
        if !self.is_terminal {
            return;
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.is_some_and(|last| last.elapsed() < PROGRESS_INTERVAL) {
            return;
        }
        *shown = Some(Instant::now());
        let total = total.map(|total| format!(" of {total}")).unwrap_or_default();
        // If the terminal is gone, the import continues without it.
        let _ = write!(io::stderr(), "\r\x1b[K{step} {done}{total}");
    }

    /// Clears the line.
    pub(in crate::cli) fn clear(&self) {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
