//! Checks of the backups that a server makes: the age of the newest one, and the key to restore it.

use crate::admin::backup::{self, schedule};
use crate::admin::doctor::code::CheckCode;
use crate::admin::doctor::finding::Finding;
use crate::admin::doctor::fix::Fix;
use crate::config::{BackupSettings, Config};
use crate::model::time::{Timestamp, in_words};
use crate::services::backup_keys;

/// Checks the backups in `backup.dir`. It reads the manifest of the newest one, not its rows.
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
        return Finding::note(code, "backup.schedule is off", Fix::ScheduleBackups);
    };
    let Some(newest) = newest else {
        return Finding::error(
            code,
            format!("backup.schedule is {planned}, and {dir} has no backup"),
            Fix::MakeBackup,
        );
    };
    let age = now.seconds_since(newest);
    let found = format!("the newest backup in {dir} is {} old", in_words(age.max(0)));
    if age > planned.seconds().saturating_mul(2) {
        return Finding::error(
            code,
            format!("{found}, and backup.schedule is {planned}"),
            Fix::MakeBackup,
        );
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
                Fix::VerifyBackup { file: file.to_string() },
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
        Fix::KeepBackupKey,
    )
}
