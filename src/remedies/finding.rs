//! Remedies for findings of `tokend doctor`.

use crate::admin::doctor::{Finding, Fix};
use crate::remedies::of_setting;
use crate::remedies::start::{RESTORE_MASTER_KEY, SET_SEALING_KEY};
use crate::remedies::store::{CHECK_DATABASE, CHECK_DATABASE_FILE};

const FIND_DATABASE: &str = "Give the doctor the settings of the server: TOKEND_DATA_DIR, TOKEND_DATABASE_URL or \
     --config. `tokend migrate` creates a database here.";

const COMPARE_ISSUER: &str = "Set `issuer` of the server to the URL that clients use, exactly, or give the doctor the \
     issuer as --url. Verifiers reject tokens of another issuer.";

const CHECK_SERVER: &str = "Check the name and the port of the URL, the firewall, and that the server runs: \
     `tokend health` on its machine.";

const COMPLETE_CHAIN: &str = "Let the server send the intermediate certificates too. For an authority of your own: \
     give its certificate with --ca-file.";

const RETIRE_SIGNING_KEY: &str = "`tokend key list` shows the keys. Set the master key that it was sealed under, or \
     retire the key: `tokend key retire KID`.";

/// Returns how to fix a finding, if it needs a fix.
pub fn of_finding(finding: &Finding) -> Option<String> {
    finding.fix.as_ref().map(of_fix)
}

fn of_fix(fix: &Fix) -> String {
    let text = match fix {
        Fix::Text(text) => return text.clone().into_owned(),
        Fix::Setting { remedy, origin } => return format!("{} ({origin})", of_setting(remedy)),
        Fix::CheckSettings => "`tokend check-config` shows the source and the fix of each problem",
        Fix::ScheduleBackups => {
            "Set backup.schedule, such as 24h, on one instance, or make backups by `tokend backup \
             create` or another tool."
        }
        Fix::MakeBackup => {
            "Start the server with these settings, and read its log: \"a backup cannot be made\" has \
             the reason. `tokend backup create FILE` makes one now."
        }
        Fix::VerifyBackup { file } => {
            return format!("`tokend backup verify {file}` reads all of it. Use an older backup.");
        }
        Fix::KeepBackupKey => {
            "Keep that master key for as long as the backup, or make a new backup: `tokend backup \
             create FILE`."
        }
        Fix::FindDatabase => FIND_DATABASE,
        Fix::CheckDatabaseFile => CHECK_DATABASE_FILE,
        Fix::CheckDatabase => CHECK_DATABASE,
        Fix::Migrate => "Make a backup, then run `tokend migrate`.",
        Fix::MigrateOrStart => {
            "Make a backup. Then run `tokend migrate`, or start a server: database.migrate is auto."
        }
        Fix::RotateMasterKey => {
            "Keep both master keys in the settings, the new one first, and run `tokend master-key \
             rotate`: it seals them under the new one."
        }
        Fix::SetSealingKey => SET_SEALING_KEY,
        Fix::RestoreMasterKey => RESTORE_MASTER_KEY,
        Fix::CreateSigningKey => {
            "`tokend key list` shows the keys and their times. A server makes the keys that are \
             missing: start one, and read its log."
        }
        Fix::RetireSigningKey => RETIRE_SIGNING_KEY,
        Fix::FindPublishedKeys => {
            "`tokend key list` on the machine of the server shows the keys. Its log says why none \
             was made."
        }
        Fix::ReplaceSecrets { warn_before } => {
            return format!(
                "`tokend client list --expiring {warn_before}` lists them. Replace each: `tokend \
                 client rotate-secret ID`."
            );
        }
        Fix::LookFromOutside => "`tokend doctor --url ISSUER` looks from outside.",
        Fix::CompleteChain => COMPLETE_CHAIN,
        Fix::CheckServer => CHECK_SERVER,
        Fix::CompareIssuer => COMPARE_ISSUER,
    };
    text.to_owned()
}
