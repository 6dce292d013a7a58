//! Reads declarations from files, directories and standard input.

pub(super) mod apply;
pub(super) mod bootstrap;
mod export_format;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::admin::declarative::{
    ApplyOptions, DEFAULT_MAX_DELETIONS, Declarations, MAX_BYTES, SourceText,
};
use crate::cli::arguments;
use crate::cli::error::CliError;
use crate::model::source::SourceName;

/// The file extensions that are read from a directory.
const ENDINGS: [&str; 4] = ["yaml", "yml", "json", "jsonl"];

/// What is compared or applied, and how.
#[derive(Debug, Args)]
pub(crate) struct DeclarationArgs {
    /// A file, a directory, or - for standard input; YAML or JSON; may be repeated
    #[arg(short = 'f', long = "file", value_name = "PATH", required = true)]
    files: Vec<PathBuf>,
    /// The source of documents that do not name one, such as the name of a git repository
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Take over objects of another source, of none, or of another owner
    #[arg(long)]
    adopt: bool,
    /// Delete the objects of the same source that are no longer declared
    #[arg(long)]
    prune: bool,
}

impl DeclarationArgs {
    /// Reads all files, directories and standard input that are named.
    pub(crate) fn read(&self) -> Result<Declarations, CliError> {
        let mut texts = Vec::new();
        for path in &self.files {
            texts.extend(texts_at(path)?);
        }
        Ok(Declarations::read(&texts)?)
    }

    /// Returns the options of an apply, with a limit of deletions.
    pub(crate) fn options(&self, max_deletions: Option<usize>) -> Result<ApplyOptions, CliError> {
        Ok(ApplyOptions {
            source: self.source.as_deref().map(SourceName::parse).transpose()?,
            is_adopting: self.adopt,
            is_pruning: self.prune,
            max_deletions,
        })
    }
}

/// How many objects may be deleted.
#[derive(Debug, Args)]
pub(crate) struct DeletionArgs {
    /// Delete at most this many objects
    #[arg(long, value_name = "COUNT", default_value_t = DEFAULT_MAX_DELETIONS)]
    max_deletions: usize,
    /// Delete any number of objects
    #[arg(long, conflicts_with = "max_deletions")]
    yes: bool,
}

impl DeletionArgs {
    /// Returns the maximum number of deletions; `None` for any number.
    pub(crate) fn limit(&self) -> Option<usize> {
        (!self.yes).then_some(self.max_deletions)
    }
}

/// Reads a file, the files of a directory, or standard input.
fn texts_at(path: &Path) -> Result<Vec<SourceText>, CliError> {
    if path == Path::new("-") {
        arguments::input::announce("declarations");
        let text = text_of(std::io::stdin(), "standard input")?;
        return Ok(vec![SourceText { name: "standard input".to_owned(), text }]);
    }
    let unreadable = |error| CliError::usage(format!("{} cannot be read: {error}", path.display()));
    if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![file(path)?]);
    }
    let entries = std::fs::read_dir(path).map_err(unreadable)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    paths.retain(|path| is_declaration(path));
    paths.sort();
    if paths.is_empty() {
        let endings = ENDINGS.map(|ending| format!(".{ending}")).join(", ");
        let text = format!("{} has no declarations; expected files: {endings}", path.display());
        return Err(CliError::usage(text));
    }
    paths.iter().map(|path| file(path)).collect()
}

fn is_declaration(path: &Path) -> bool {
    let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let ending = path.extension().and_then(|ending| ending.to_str());
    !is_hidden && ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

fn file(path: &Path) -> Result<SourceText, CliError> {
    let name = path.display().to_string();
    let opened = File::open(path)
        .map_err(|error| CliError::usage(format!("{name} cannot be read: {error}")))?;
    Ok(SourceText { text: text_of(opened, &name)?, name })
}

/// Reads at most one byte more than `MAX_BYTES`, so that a longer text is detected.
fn text_of(source: impl Read, name: &str) -> Result<String, CliError> {
    let mut text = String::new();
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    source
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|error| CliError::usage(format!("{name} cannot be read: {error}")))?;
    Ok(text)
}

/// Reads one file at the start of a server.
pub(crate) fn of_file(path: &Path) -> Result<Declarations, CliError> {
    Ok(Declarations::read(&[file(path)?])?)
}
