//! Settings: a file, environment variables and flags in one input. A line that begins with
//! `TOKEND_` is a variable, one that begins with `--set ` is a flag, and every other line belongs
//! to the file.

use std::io::{Seek, Write};

use tempfile::NamedTempFile;

use super::input::text;
use super::subject::{Config, Flags, Requirement, Settings};

/// The settings with values that are never shown.
const SECRETS: [&str; 2] = ["master_key", "database.url"];

/// The mark of secrets that must not be in a report. Other words may be in it by chance.
const MARK: &str = "hunter2";

/// Reads the settings and checks the accepted values, or the report of problems.
pub fn fuzz(data: &[u8]) {
    let Some(text) = text(data) else { return };
    // Files that an input names are not opened: some, such as /dev/zero, never end.
    if text.to_ascii_lowercase().contains("_file") || text.contains('\0') {
        return;
    }
    let (mut file, mut environment, mut flags) = (String::new(), Vec::new(), Flags::default());
    for line in text.lines() {
        match (line.strip_prefix("--set "), line.split_once('=')) {
            (Some(assignment), _) => flags.set.push(assignment.to_owned()),
            (None, Some((name, value))) if name.starts_with("TOKEND_") => {
                environment.push((name.to_owned(), value.to_owned()));
            }
            _ => file.extend([line, "\n"]),
        }
    }
    let written = written(&file);
    flags.files.push(written.path().to_owned());
    let Ok(settings) = Settings::gather(&flags, &environment) else { return };
    match Config::from_settings(&settings, Requirement::Issuer) {
        Ok(config) => check(&config),
        Err(error) => {
            let report = error.to_string();
            assert!(!error.problems().is_empty(), "an error without a problem");
            let is_secret = SECRETS.iter().any(|key| settings.text(key).contains(MARK));
            // A text that also occurs elsewhere may be repeated from there.
            let is_unique = text.matches(MARK).count() <= 1;
            assert!(!(is_secret && is_unique && report.contains(MARK)), "a secret: {report}");
        }
    }
}

fn check(config: &Config) {
    let issuer = config.issuer.as_ref().expect("an issuer is needed");
    let is_loopback = ["http://localhost", "http://127.", "http://[::1]"]
        .into_iter()
        .any(|start| issuer.as_str().starts_with(start));
    let is_local = issuer.as_str().contains(".localhost");
    assert!(issuer.is_https() || is_loopback || is_local, "{}", issuer.as_str());
    assert!(!issuer.as_str().ends_with('/') && !issuer.as_str().contains(['?', '#', '@']));
    assert!(issuer.path().is_empty() || issuer.path().starts_with('/'));
    assert!(config.token.lifetime <= config.token.lifetime_max);
    assert!(config.keys.publish_before < config.keys.rotation_interval);
    assert!(config.limits.body_size <= 16 << 20 && config.limits.header_size <= 1 << 20);
    for alias in &config.token.aliases {
        let is_plain = alias.starts_with('/') && !alias.contains(['{', '}', '*', '?', '#']);
        assert!(is_plain, "a router cannot have {alias}");
    }
    assert!(config.keep_seconds() > 0);
}

/// Creates a file with this text.
fn written(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file.rewind().expect("rewound");
    file
}
