//! The doctor: checks of a whole deployment. Each has a stable code, a result and a fix.
//!
//! [`examine_host`] checks the settings, files, database and keys of this machine. [`examine_url`]
//! checks a server from outside, like its clients. Both are read-only, and every check has a time
//! limit. Findings never contain secrets.

mod backups;
mod code;
mod database;
mod disk;
mod files;
mod finding;
mod fix;
mod keys;
mod outside;
mod settings;
mod tls;

pub use crate::admin::doctor::code::{CheckCode, CheckGroup};
pub use crate::admin::doctor::finding::{CheckState, Finding, Report, Summary};
pub use crate::admin::doctor::fix::Fix;
pub use crate::admin::doctor::outside::examine_url;

use std::path::PathBuf;
use std::time::Duration;

use crate::config::Requirement;
use crate::config::problem::{ConfigError, ConfigProblem};
use crate::config::sources::Settings;
use crate::config::{Config, Issuer};
use crate::model::time::Clock;

/// The time limit of the checks of one part, in addition to their own limits.
const MAX_PART_TIME: Duration = Duration::from_secs(20);

/// The difference between two clocks that is accepted, in seconds: readings and responses take
/// time.
const CLOCK_TOLERANCE_SECONDS: u64 = 5;

/// The difference between two clocks that is reported as an error, in seconds. A DPoP proof is valid
/// for as long.
const MAX_CLOCK_SECONDS: u64 = 60;

/// Checks the settings, files, database and keys of this machine. It is read-only: it does not
/// create a database, a folder or a key, and does not migrate.
pub async fn examine_host(settings: &Settings, clock: &Clock) -> Report {
    let count = settings.keys().len();
    let required = Config::from_settings(settings, Requirement::Issuer);
    let finding = match &required {
        Ok(_) => Finding::ok(CheckCode::Settings, format!("{count} settings")),
        Err(error) => invalid_settings(error),
    };
    // If only the issuer is missing, the other checks still run.
    let config = required.or_else(|_| Config::from_settings(settings, Requirement::Nothing));
    let Ok(config) = config else {
        return Report::of(vec![finding], CheckCode::of_host(), "the settings have problems");
    };
    let mut findings = vec![finding];
    findings.extend(examine_parts(&config, clock, settings.files_with_secrets()).await);
    let limit = MAX_PART_TIME.as_secs();
    Report::of(findings, CheckCode::of_host(), &format!("there was no result within {limit} s"))
}

/// Like [`examine_host`], but for a running server. Its settings are valid, and it does not know
/// which files contain secret settings.
pub async fn examine_server(config: &Config, clock: &Clock) -> Report {
    Report::of(examine_parts(config, clock, Vec::new()).await, std::iter::empty(), "")
}

/// The checks of all parts. `holders` are the files that hold secret settings.
async fn examine_parts(config: &Config, clock: &Clock, holders: Vec<PathBuf>) -> Vec<Finding> {
    let mut findings = examine_settings(config);
    let (now, issuer) = (clock.now(), config.issuer.clone());
    let of_files = config.clone();
    findings.extend(on_thread(move || files::examine(&of_files, &holders)).await);
    let of_tls = config.clone();
    findings.extend(on_thread(move || tls::examine(&of_tls, issuer.as_ref(), now)).await);
    findings.extend(with_timeout(Box::pin(database::examine(config, clock))).await);
    findings.extend(with_timeout(backups::examine(config, now)).await);
    findings
}

/// Checks only the settings, without reading anything else.
pub fn examine_settings(config: &Config) -> Vec<Finding> {
    settings::examine(config)
}

/// Returns all problems of the settings as one finding.
fn invalid_settings(error: &ConfigError) -> Finding {
    let problems = error.problems();
    let texts: Vec<_> = problems.iter().map(|problem| problem.what.as_str()).collect();
    let fix = match problems {
        [ConfigProblem { remedy, origin, .. }] => {
            Fix::Setting { remedy: remedy.clone(), origin: origin.clone() }
        }
        _ => Fix::CheckSettings,
    };
    Finding::error(CheckCode::Settings, texts.join("; "), fix)
}

/// Runs checks of the file system on a separate thread, with a timeout.
async fn on_thread(checks: impl FnOnce() -> Vec<Finding> + Send + 'static) -> Vec<Finding> {
    with_timeout(async { tokio::task::spawn_blocking(checks).await.unwrap_or_default() }).await
}

/// Runs checks with a timeout. After it they have no findings.
async fn with_timeout(checks: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    tokio::time::timeout(MAX_PART_TIME, checks).await.unwrap_or_default()
}

/// Compares two clocks. `ahead` is the number of seconds by which the other clock is ahead of that
/// of this machine.
fn clock_finding(code: CheckCode, other: &str, ahead: i64) -> Finding {
    let distance = ahead.unsigned_abs();
    let side = if ahead < 0 { "behind" } else { "ahead of" };
    let found = format!("the clock of {other} is {distance} s {side} that of this machine");
    let fix = "Synchronize both clocks (NTP). Tokens, assertions and DPoP proofs are compared with \
               them.";
    if distance == 0 {
        Finding::ok(code, format!("the clock of {other} agrees with that of this machine"))
    } else if distance <= CLOCK_TOLERANCE_SECONDS {
        Finding::ok(code, found)
    } else if distance <= MAX_CLOCK_SECONDS {
        Finding::warning(code, found, fix)
    } else {
        Finding::error(code, found, fix)
    }
}

/// Returns the host of an issuer, without a port.
fn host_of(issuer: &Issuer) -> Option<String> {
    let url = url::Url::parse(issuer.as_str()).ok()?;
    url.host().map(|host| host.to_string().trim_matches(['[', ']']).to_owned())
}

/// Returns the first names of a list, and the number of the others.
fn first_of(names: &[String], max: usize) -> String {
    let shown: Vec<_> = names.iter().take(max).map(String::as_str).collect();
    match names.len().saturating_sub(max) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_are_warnings_and_then_errors() {
        use CheckState::{Error, Ok, Warning};
        let finding = |ahead| clock_finding(CheckCode::DatabaseClock, "the database", ahead);
        let states = [0, 5, -5, 6, -60, 61, i64::MIN].map(|ahead| finding(ahead).state);
        assert_eq!(states, [Ok, Ok, Ok, Warning, Warning, Error, Error]);
        assert!(finding(-7).found.contains("7 s behind"), "{:?}", finding(-7));
    }

    #[test]
    fn a_long_list_is_cut() {
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(first_of(&names, 3), "a, b, c");
        assert_eq!(first_of(&names, 1), "a and 2 more");
    }
}
