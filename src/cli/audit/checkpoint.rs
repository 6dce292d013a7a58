//! `tokend audit checkpoint`, `checkpoints` and `keys`: creates, lists and verifies signed
//! checkpoints of the audit log.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::api::{Api, ApiRequest, ApiUse, Object, path};
use crate::cli::error::CliError;
use crate::cli::output::listing::Listing;
use crate::cli::{Global, output};
use crate::jose::checkpoint::{CheckpointClaims, CheckpointKeys};

const PAGE_SIZE: u32 = 1_000;

/// The maximum length of a file with a checkpoint or a key set, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

const HEADER: [&str; 4] = ["SEQUENCE", "SIGNED AT", "LOG", "HASH"];

#[derive(Debug, Args)]
pub(crate) struct CheckpointsArgs {
    /// The maximum number of checkpoints, the newest first
    #[arg(long, value_name = "COUNT", default_value_t = PAGE_SIZE, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

/// What `audit verify` compares the log with.
#[derive(Debug, Args)]
pub(in crate::cli) struct SignedArgs {
    /// A checkpoint of this log that was stored elsewhere: a file, or the text itself; may be
    /// repeated. It detects a log that was rewritten as a whole
    #[arg(long = "checkpoint", value_name = "FILE|JWS")]
    checkpoints: Vec<String>,
    /// The key set that verifies the checkpoints, from `audit keys`, stored elsewhere; the key set
    /// of the log if omitted
    #[arg(long, value_name = "FILE", requires = "checkpoints", value_hint = ValueHint::FilePath)]
    keys: Option<PathBuf>,
}

/// A checkpoint of the API.
#[derive(Debug, Deserialize)]
struct CheckpointObject {
    sequence: i64,
    hash: String,
    signed_at: String,
    is_anchor: bool,
    jws: String,
}

impl CheckpointObject {
    fn row(&self) -> Vec<String> {
        let log = if self.is_anchor { "begins here" } else { "-" };
        vec![self.sequence.to_string(), self.signed_at.clone(), log.to_owned(), self.hash.clone()]
    }
}

/// Runs `tokend audit checkpoint`.
pub(super) async fn create(global: &Global) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Change).await?;
    let request = ApiRequest::post(path(&["audit-checkpoints"]), json!({}));
    let Object { json, object: made } = api.read::<CheckpointObject>(&request).await?;
    let rows = [
        ("checkpoint", format!("event {}", made.sequence)),
        ("hash", made.hash),
        ("signed", made.signed_at),
        ("store elsewhere", made.jws.clone()),
    ];
    output::one(global.output, &made.jws, &json, &rows)
}

/// Runs `tokend audit checkpoints`.
pub(super) async fn list(global: &Global, args: &CheckpointsArgs) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Read).await?;
    let request = ApiRequest::get(path(&["audit-checkpoints"])).with("limit", args.limit);
    let page = api.page::<CheckpointObject>(&request, None).await?;
    let mut listing = Listing::new(global.output, &HEADER);
    listing.page(&page.data, |found| found.object.row())?;
    listing.end()
}

/// Runs `tokend audit keys`.
pub(in crate::cli) async fn keys(global: &Global) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Read).await?;
    output::json(&key_set(&api).await?)
}

async fn key_set(api: &Api) -> Result<Value, CliError> {
    Ok(api.send(&ApiRequest::get(path(&["audit-keys"]))).await?)
}

/// Returns the claims of the checkpoints on the command line. Each checkpoint is verified first.
///
/// # Errors
/// If a checkpoint is not valid, or a file cannot be read.
pub(in crate::cli) async fn expected(
    api: &Api,
    args: &SignedArgs,
) -> Result<Vec<CheckpointClaims>, CliError> {
    if args.checkpoints.is_empty() {
        return Ok(Vec::new());
    }
    let set = match &args.keys {
        Some(file) => read(file)?,
        None => key_set(api).await?.to_string(),
    };
    let keys = CheckpointKeys::of_set(&set)
        .map_err(|error| CliError::usage(format!("--keys: {error}")))?;
    args.checkpoints.iter().map(|text| verified(&keys, text)).collect()
}

fn verified(keys: &CheckpointKeys, argument: &str) -> Result<CheckpointClaims, CliError> {
    let file = Path::new(argument);
    let text = if file.is_file() { read(file)? } else { argument.to_owned() };
    keys.verify(text.trim()).map_err(|error| {
        let place = if file.is_file() { format!("in {argument} ") } else { String::new() };
        CliError::not_valid(format!("the checkpoint {place}is not valid: {error}"))
    })
}

fn read(file: &Path) -> Result<String, CliError> {
    let failed =
        |problem: String| CliError::usage(format!("cannot read {}: {problem}", file.display()));
    let length = fs::metadata(file).map_err(|error| failed(error.to_string()))?.len();
    if length > MAX_FILE_BYTES {
        return Err(failed(format!("it has {length} bytes, more than {MAX_FILE_BYTES}")));
    }
    fs::read_to_string(file).map_err(|error| failed(error.to_string()))
}
