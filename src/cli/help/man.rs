//! `tokend man`: writes manual pages, generated from the definitions of the help texts.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::cli::error::CliError;

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The directory for the pages, one file per command; it is created if it does not exist
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
}

/// Runs `tokend man`.
pub(crate) fn run(args: &ManArgs) -> Result<(), CliError> {
    let ManArgs { folder } = args;
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(crate::cli::parser(), folder))
        .map_err(|error| {
            CliError::failed(format!("cannot write manual pages to {}: {error}", folder.display()))
        })
}
