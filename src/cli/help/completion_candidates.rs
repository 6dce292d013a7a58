//! Completion candidates in addition to commands and options: ids of clients, resources and
//! settings.
//!
//! The shell runs tokend while a person types. Therefore this code only reads, has a short time
//! limit, and offers nothing after an error; the command itself reports it.

use std::ffi::OsStr;
use std::time::Duration;

use clap_complete::engine::CompletionCandidate;

use crate::config::sources::{Flags, Settings};
use crate::config::{Config, Requirement, environment};
use crate::services::StartError;
use crate::services::opening::open_existing;
use crate::store::Store;
use crate::store::engine::open::OpenMode;

const MAX_CANDIDATES: u32 = 200;

/// The time limit for the database.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Returns clients whose id starts with the typed text.
pub(crate) fn clients(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    read(async |store| {
        let found = store.client_ids_starting_with(typed, MAX_CANDIDATES).await?;
        Ok(found.iter().map(ToString::to_string).collect())
    })
}

/// Returns resources whose identifier starts with the typed text.
pub(crate) fn resources(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    read(async |store| {
        let found = store.stored_resources().await?.readable;
        let names = found.iter().map(|resource| resource.resource.to_string());
        Ok(names.filter(|name| name.starts_with(typed)).collect())
    })
}

/// Returns settings whose name starts with the typed text, with an equals sign.
pub(crate) fn settings(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let Ok(settings) = Settings::gather(&Flags::default(), &[]) else { return Vec::new() };
    let keys = settings.keys().iter().filter(|key| key.starts_with(typed));
    keys.map(|key| CompletionCandidate::new(format!("{key}="))).collect()
}

/// Reads texts from the database of the settings; empty after any error.
fn read(
    query: impl AsyncFnOnce(&Store) -> Result<Vec<String>, StartError>,
) -> Vec<CompletionCandidate> {
    let Ok(config) = Config::load(&Flags::default(), &environment(), Requirement::Nothing) else {
        return Vec::new();
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let reading = async {
        let store = open_existing(&config, OpenMode::Read).await?;
        let found = query(&store).await;
        // SQLite removes its auxiliary files only when the database is closed.
        store.close().await;
        found
    };
    let found = runtime.block_on(async { tokio::time::timeout(TIMEOUT, reading).await });
    match found {
        Ok(Ok(texts)) => texts.into_iter().map(CompletionCandidate::new).collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}
