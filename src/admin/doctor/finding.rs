//! The result of a check, and the report of all checks.

use serde::Serialize;

use crate::admin::doctor::code::{CheckCode, CheckGroup};
use crate::admin::doctor::fix::Fix;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// The check could not run, because of the settings or of another finding.
    Skipped,
    /// The check passed.
    Ok,
    /// The check passed, and the line has information for an operator.
    Note,
    /// It works now, but may stop working or be unsafe.
    Warning,
    /// It does not work, or is unsafe.
    Error,
}

impl CheckState {
    /// Returns the state as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The result of one check. It contains no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub code: CheckCode,
    /// The subject of the check.
    pub group: CheckGroup,
    /// The result of the check.
    pub state: CheckState,
    /// The observed state, or why the check was skipped.
    pub found: String,
    /// The way to fix a problem, if there is one.
    pub fix: Option<Fix>,
}

impl Finding {
    fn new(code: CheckCode, state: CheckState, found: impl Into<String>) -> Self {
        Self { code, group: code.group(), state, found: found.into(), fix: None }
    }

    /// Returns a passed check.
    pub(super) fn ok(code: CheckCode, found: impl Into<String>) -> Self {
        Self::new(code, CheckState::Ok, found)
    }

    /// Returns a check that did not run.
    pub(super) fn skipped(code: CheckCode, reason: impl Into<String>) -> Self {
        Self::new(code, CheckState::Skipped, reason)
    }

    /// Returns a check that did not run, with a fix that lets it run.
    pub(super) fn skipped_with_fix(code: CheckCode, reason: impl Into<String>, fix: Fix) -> Self {
        Self { fix: Some(fix), ..Self::new(code, CheckState::Skipped, reason) }
    }

    /// Returns information that may be useful to an operator.
    pub(super) fn note(code: CheckCode, found: impl Into<String>, fix: impl Into<Fix>) -> Self {
        Self { fix: Some(fix.into()), ..Self::new(code, CheckState::Note, found) }
    }

    /// Returns a possible problem.
    pub(super) fn warning(code: CheckCode, found: impl Into<String>, fix: impl Into<Fix>) -> Self {
        Self { fix: Some(fix.into()), ..Self::new(code, CheckState::Warning, found) }
    }

    /// Returns a problem.
    pub(super) fn error(code: CheckCode, found: impl Into<String>, fix: impl Into<Fix>) -> Self {
        Self { fix: Some(fix.into()), ..Self::new(code, CheckState::Error, found) }
    }
}

/// The number of checks in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The number of checks that passed.
    pub ok: usize,
    /// The number of notes.
    pub note: usize,
    /// The number of warnings.
    pub warning: usize,
    /// The number of errors.
    pub error: usize,
    /// The number of checks that did not run.
    pub skipped: usize,
}

/// The findings of all checks, in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// Sorts findings by check. Checks of `wanted` without a finding are added as skipped, for the
    /// given reason.
    pub(super) fn of(
        mut findings: Vec<Finding>,
        wanted: impl Iterator<Item = CheckCode>,
        reason: &str,
    ) -> Self {
        for code in wanted {
            if findings.iter().all(|finding| finding.code != code) {
                findings.push(Finding::skipped(code, reason));
            }
        }
        findings.sort_by_key(|finding| finding.code);
        Self { findings }
    }

    /// Returns the findings.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns the worst state.
    pub fn worst(&self) -> CheckState {
        let worst = self.findings.iter().map(|finding| finding.state).max();
        worst.unwrap_or(CheckState::Ok).max(CheckState::Ok)
    }

    /// Counts the checks in each state.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for finding in &self.findings {
            *match finding.state {
                CheckState::Skipped => &mut summary.skipped,
                CheckState::Ok => &mut summary.ok,
                CheckState::Note => &mut summary.note,
                CheckState::Warning => &mut summary.warning,
                CheckState::Error => &mut summary.error,
            } += 1;
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_without_a_finding_are_skipped_and_the_worst_state_is_reported() {
        let findings = vec![
            Finding::error(CheckCode::Schema, "0", "migrate"),
            Finding::ok(CheckCode::Settings, "valid"),
        ];
        let wanted = [CheckCode::Settings, CheckCode::Schema, CheckCode::Database];
        let report = Report::of(findings, wanted.into_iter(), "why");
        let states: Vec<_> =
            report.findings().iter().map(|finding| (finding.code, finding.state)).collect();
        let expected = [
            (CheckCode::Settings, CheckState::Ok),
            (CheckCode::Database, CheckState::Skipped),
            (CheckCode::Schema, CheckState::Error),
        ];
        assert_eq!(states, expected);
        assert_eq!(report.worst(), CheckState::Error);
        assert_eq!(report.summary(), Summary { ok: 1, error: 1, skipped: 1, ..Summary::default() });
        assert_eq!(Report::of(Vec::new(), wanted.into_iter(), "why").worst(), CheckState::Ok);
    }
}
