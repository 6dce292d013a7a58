//! `tokend master-key status`: shows the data sealed under each master key.

use serde_json::json;

use crate::admin::master_key::status::{self, KeyUse, MasterKeyStatus};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{self, Format};
use crate::config::Requirement;
use crate::model::time::Clock;
use crate::services::backup_keys;
use crate::services::opening::open_existing;
use crate::store::engine::open::OpenMode;
use crate::store::instances::heartbeat::LiveInstance;

/// The columns of the keys.
const KEYS: [&str; 8] = [
    "MASTER KEY",
    "STATE",
    "SIGNING KEYS",
    "TAG KEY",
    "AUDIT KEY",
    "STORED ANSWERS",
    "BACKUPS",
    "SNAPSHOTS",
];

/// The columns of the instances.
const INSTANCES: [&str; 5] = ["INSTANCE", "HOST", "MASTER KEYS", "LAST HEARTBEAT", "EXPIRES"];

/// The placeholder for a key that is not in the settings.
const NOT_OPENED: &str = "(none of the settings)";

/// Runs `tokend master-key status`.
pub(super) async fn run(global: &Global) -> Result<(), CliError> {
    let config = global.config(Requirement::Nothing)?;
    let store = open_existing(&config, OpenMode::Read).await?;
    global.close_at_end(&store);
    let master = backup_keys::of_settings(&config).await?;
    let found = status::status(&config, &store, &Clock::System, master.as_ref()).await?;
    let MasterKeyStatus { keys, instances } = found;
    match global.output {
        Format::Table => {
            output::many(Format::Table, &keys, &KEYS, key_row)?;
            output::line("")?;
            output::many(Format::Table, &instances, &INSTANCES, instance_row)
        }
        Format::Id => output::many(Format::Id, &keys, &KEYS, key_row),
        format => output::object(format, &json!({ "keys": keys, "instances": instances })),
    }
}

fn key_row(key: &KeyUse) -> Vec<String> {
    let KeyUse { fingerprint, state, sealed } = key;
    let fingerprint = fingerprint.as_deref().unwrap_or(NOT_OPENED).to_owned();
    let counts = [
        sealed.signing_keys,
        sealed.tag_key,
        sealed.audit_key,
        sealed.stored_answers,
        sealed.backups,
        sealed.snapshots,
    ];
    let cells = [fingerprint, state.as_str().to_owned()].into_iter();
    cells.chain(counts.map(|count| count.to_string())).collect()
}

fn instance_row(instance: &LiveInstance) -> Vec<String> {
    let now = Clock::System.now();
    let keys = match &instance.master_keys[..] {
        [] => "not known".to_owned(),
        keys => keys.join(", "),
    };
    vec![
        instance.instance.clone(),
        instance.host.clone().unwrap_or_else(|| "not known".to_owned()),
        keys,
        output::format_time(instance.last_heartbeat_at, now),
        output::format_time(instance.expires_at, now),
    ]
}
