//! `tokend master-key rotate`: seals everything under the first master key.

use serde_json::json;

use crate::admin::master_key::RotationConflict;
use crate::admin::master_key::rotation::{self, RotatedAnswers, RotatedKeys};
use crate::admin::{AdminError, Conflict};
use crate::cli::error::CliError;
use crate::cli::{Global, failpoint, output};
use crate::config::{Config, Requirement};
use crate::keys::seal::MasterKeys;
use crate::model::time::Clock;
use crate::services::opening::open_existing;
use crate::services::{backup_keys, instance};
use crate::store::Store;
use crate::store::engine::open::OpenMode;

/// Runs `tokend master-key rotate`.
pub(super) async fn run(global: &Global) -> Result<(), CliError> {
    let clock = Clock::System;
    let config = global.config(Requirement::Nothing)?;
    let store = open_existing(&config, OpenMode::Change).await?;
    global.close_at_end(&store);
    let master = backup_keys::of_database(&config, &store).await?;
    let (store, keys) = rotate_keys(global, &config, store, &master).await?;
    failpoint::reached("master-key-keys-rotated");
    let answers = rotation::rotate_answers(&store, &clock, &master).await?;
    show(global, master.fingerprint(), &keys, &answers)
}

/// Reseals the keys and returns the open database. If no process has a SQLite database open,
/// instances that were killed are ignored.
async fn rotate_keys(
    global: &Global,
    config: &Config,
    store: Store,
    master: &MasterKeys,
) -> Result<(Store, RotatedKeys), CliError> {
    let (clock, principal) = (Clock::System, global.principal()?);
    let lacking = match rotation::rotate_keys(&store, &clock, &principal, master, None).await {
        Ok(keys) => return Ok((store, keys)),
        Err(error) => error,
    };
    let is_lacking = matches!(
        lacking,
        AdminError::Conflict(Conflict::Rotation(RotationConflict::InstancesLackKey(_)))
    );
    if !is_lacking {
        return Err(lacking.into());
    }
    let now = store.time(&clock).await?;
    store.close().await;
    if !instance::is_unused(config).await? {
        return Err(lacking.into());
    }
    let store = open_existing(config, OpenMode::Change).await?;
    global.close_at_end(&store);
    let keys = rotation::rotate_keys(&store, &clock, &principal, master, Some(now)).await?;
    Ok((store, keys))
}

fn show(
    global: &Global,
    master_key: &str,
    keys: &RotatedKeys,
    answers: &RotatedAnswers,
) -> Result<(), CliError> {
    let RotatedKeys { tag_key, audit_key, signing_keys, sealing_otherwise } = keys;
    let RotatedAnswers { sealed, not_opened } = answers;
    for instance in sealing_otherwise {
        let host = instance.host.as_deref().unwrap_or("an earlier version of tokend");
        output::hint(&format!(
            "{} ({host}) still seals under another master key. Give it {master_key} first in its \
             list, restart it, and run the command again before you remove the other key.",
            instance.instance
        ));
    }
    if *not_opened > 0 {
        output::hint(&format!(
            "{not_opened} stored answers cannot be opened. They expire within ten minutes."
        ));
    }
    let value = json!({
        "master_key": master_key, "tag_key": tag_key, "audit_key": audit_key,
        "signing_keys": signing_keys,
        "stored_answers": sealed, "stored_answers_not_opened": not_opened,
        "sealing_under_another_key": sealing_otherwise,
    });
    let is_final = sealing_otherwise.is_empty();
    let next = if is_final { NEXT } else { "see the note about the instances" };
    let sealed_again = |again: bool| if again { "sealed again" } else { "unchanged" }.to_owned();
    let rows = [
        ("master key", master_key.to_owned()),
        ("tag key", sealed_again(*tag_key)),
        ("audit key", sealed_again(*audit_key)),
        ("signing keys sealed again", signing_keys.len().to_string()),
        ("stored answers sealed again", sealed.to_string()),
        ("next", next.to_owned()),
    ];
    output::one(global.output, master_key, &value, &rows)
}

/// The next step if everything is sealed under the first key.
const NEXT: &str = "remove the other keys from the settings; keep them with older backups";
