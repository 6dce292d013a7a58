//! The backups that a server makes: how old the newest one is, and whether it could be restored.

use crate::admin::backup::{self, schedule};
use crate::admin::doctor::code::CheckCode;
use crate::admin::doctor::finding::Finding;
use crate::config::{BackupSettings, Config};
use crate::model::time::{Timestamp, in_words};
use crate::services::backup_keys;

/// Checks the backups in `backup.dir`. It reads the head of the newest one, not its rows.
pub(super) async fn examine(config: &Config, now: Timestamp) -> Vec<Finding> {
    vec![age(&config.backup, now), key(config).await]
}

fn age(settings: &BackupSettings, now: Timestamp) -> Finding {
    let code = CheckCode::BackupAge;
    let dir = settings.dir.display();
    let newest = match schedule::newest(&settings.dir) {
        Ok(newest) => newest,
        Err(error) => {
            return Finding::error(
                code,
                error.to_string(),
                "Let the user that runs tokend read and write backup.dir.",
            );
        }
    };
    let Some(planned) = settings.schedule else {
        return Finding::note(
            code,
            "backup.schedule is off",
            "Set backup.schedule, such as 24h, on one instance, or make backups by `tokend backup \
             create` or another tool.",
        );
    };
    let fix = "Start the server with these settings, and read its log: \"a backup cannot be made\" \
               has the reason. `tokend backup create FILE` makes one now.";
    let Some(newest) = newest else {
        return Finding::error(
            code,
            format!("backup.schedule is {planned}, and {dir} has no backup"),
            fix,
        );
    };
    let age = now.0.saturating_sub(newest.0);
    let found = format!("the newest backup in {dir} is {} old", in_words(age.max(0)));
    if age > planned.seconds().saturating_mul(2) {
        return Finding::error(code, format!("{found}, and backup.schedule is {planned}"), fix);
    }
    Finding::ok(code, found)
}

async fn key(config: &Config) -> Finding {
    let code = CheckCode::BackupKey;
    let Ok(Some((_, path))) = schedule::newest_file(&config.backup.dir) else {
        return Finding::skipped(code, "the server has made no backup");
    };
    let file = path.display();
    let manifest = match backup::manifest(&path) {
        Ok(manifest) => manifest,
        Err(error) => {
            return Finding::error(
                code,
                error.to_string(),
                format!("`tokend backup verify {file}` reads all of it. Use an older backup."),
            );
        }
    };
    let keys = match backup_keys::of_settings(config).await {
        Ok(Some(keys)) => keys,
        Ok(None) => return Finding::skipped(code, "no master key is set"),
        Err(error) => return Finding::skipped(code, error.to_string()),
    };
    let sealed_under = &manifest.master_key;
    if keys.fingerprints().any(|known| known == sealed_under) {
        return Finding::ok(
            code,
            format!("{file} is sealed under master key {sealed_under}, which is set"),
        );
    }
    Finding::warning(
        code,
        format!("{file} is sealed under master key {sealed_under}, which is not set"),
        "Keep that master key for as long as the backup, or make a new backup: `tokend backup \
         create FILE`.",
    )
}
