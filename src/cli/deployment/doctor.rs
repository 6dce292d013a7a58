//! `tokend doctor`: prints the findings of a deployment; the exit code is the worst state.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde::Serialize;

use crate::admin::doctor::{self, CheckCode, CheckGroup, CheckState, Finding, Report, Summary};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::cli::output::{self, Format};
use crate::config::sources::Settings;
use crate::config::{Issuer, environment};
use crate::model::plural;
use crate::model::time::Clock;
use crate::remedies;
use crate::text::escaping;

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Check the server with this issuer from outside, as its clients see it; needs no database
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    url: Option<String>,
    /// Trust the certificates in this file (PEM) as well as those of this machine
    #[arg(long, value_name = "FILE", requires = "url", value_hint = ValueHint::FilePath)]
    ca_file: Option<PathBuf>,
}

impl DoctorArgs {
    /// True if the command checks a server from outside.
    pub(crate) fn is_outside(&self) -> bool {
        self.url.is_some()
    }
}

/// The report as JSON.
#[derive(Serialize)]
struct ShownReport<'a> {
    version: &'static str,
    /// `host`, or the URL that was checked.
    target: &'a str,
    checks: Vec<ShownFinding<'a>>,
    worst: CheckState,
    summary: Summary,
}

/// A finding as JSON.
#[derive(Serialize)]
struct ShownFinding<'a> {
    code: CheckCode,
    group: CheckGroup,
    state: CheckState,
    found: &'a str,
    fix: Option<String>,
}

impl<'a> From<&'a Finding> for ShownFinding<'a> {
    fn from(finding: &'a Finding) -> Self {
        let fix = remedies::of_finding(finding);
        let Finding { code, group, state, found, .. } = finding;
        Self { code: *code, group: *group, state: *state, found, fix }
    }
}

/// Runs `tokend doctor`. It writes nothing.
pub(crate) async fn run(global: &Global, args: &DoctorArgs) -> Result<(), CliError> {
    let clock = Clock::System;
    let (report, target) = if let Some(url) = &args.url {
        let issuer = issuer(url)?;
        let ca_file = args.ca_file.as_deref();
        let examined = Box::pin(doctor::examine_url(&issuer, ca_file, &clock)).await;
        let report = examined.map_err(|error| CliError::usage(format!("--ca-file: {error}")))?;
        (report, issuer.as_str().to_owned())
    } else {
        let settings = Settings::gather(&global.flags(), &environment())?;
        (Box::pin(doctor::examine_host(&settings, &clock)).await, "host".to_owned())
    };
    show(global.output, &report, &target)?;
    match report.worst() {
        CheckState::Error => Err(CliError::doctor_errors()),
        CheckState::Warning => Err(CliError::doctor_warnings()),
        CheckState::Ok | CheckState::Note | CheckState::Skipped => Ok(()),
    }
}

/// Parses the URL. A URL with credentials is not repeated in the error, because it contains a
/// password.
fn issuer(text: &str) -> Result<Issuer, CliError> {
    let has_credentials = |url: url::Url| !url.username().is_empty() || url.password().is_some();
    if url::Url::parse(text).is_ok_and(has_credentials) {
        return Err(CliError::usage("--url: the URL contains credentials: leave them out"));
    }
    Issuer::parse(text).map_err(|problem| CliError::usage(format!("--url: {text:?} {problem}")))
}

fn show(format: Format, report: &Report, target: &str) -> Result<(), CliError> {
    match format {
        Format::Table => output::text(screen(report, target).as_bytes()),
        Format::Json | Format::Jsonl => output::object(
            format,
            &ShownReport {
                version: env!("CARGO_PKG_VERSION"),
                target,
                checks: report.findings().iter().map(ShownFinding::from).collect(),
                worst: report.worst(),
                summary: report.summary(),
            },
        ),
        Format::Id => {
            let is_bad = |finding: &&Finding| finding.state >= CheckState::Note;
            let mut codes = report.findings().iter().filter(is_bad);
            codes.try_for_each(|finding| output::line(finding.code.as_str()))
        }
    }
}

/// Renders the report as text: one line per check, grouped, with the fix below it.
fn screen(report: &Report, target: &str) -> String {
    let place = match target {
        "host" => "this machine".to_owned(),
        url => format!("{url}, from outside"),
    };
    let mut lines = vec![format!("tokend {} doctor: {place}", env!("CARGO_PKG_VERSION"))];
    let widths = report.findings().iter().map(|finding| finding.code.as_str().len());
    let width = widths.max().unwrap_or_default();
    for group in CheckGroup::ALL {
        let mut findings =
            report.findings().iter().filter(|finding| finding.group == group).peekable();
        if findings.peek().is_none() {
            continue;
        }
        lines.extend([String::new(), group.title().to_owned()]);
        for finding in findings {
            let Finding { code, state, found, .. } = finding;
            lines.push(format!("  {:<8} {:<width$}  {found}", state.as_str(), code.as_str()));
            let indent = " ".repeat(width + 13);
            lines.extend(remedies::of_finding(finding).map(|fix| format!("{indent}fix: {fix}")));
        }
    }
    lines.extend([String::new(), counts(report.summary())]);
    let lines = lines.iter().map(|line| format!("{}\n", escaping::escape(line)));
    lines.collect()
}

fn counts(summary: Summary) -> String {
    let Summary { ok, note, warning, error, skipped } = summary;
    [
        format!("{ok} ok"),
        plural::counted(note, "note", "notes"),
        plural::counted(warning, "warning", "warnings"),
        plural::counted(error, "error", "errors"),
        format!("{skipped} skipped"),
    ]
    .join(", ")
}
