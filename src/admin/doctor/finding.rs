//! What a check found, and all findings together.

use serde::Serialize;

use crate::admin::doctor::code::{CheckCode, CheckGroup};
use crate::admin::doctor::fix::Fix;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// It could not be made, because of the settings or of another finding.
    Skipped,
    /// The check passed.
    Ok,
    /// The check passed, and the line has information for an operator.
    Note,
    /// It works now, and may stop working or be unsafe.
    Warning,
    /// It does not work, or is unsafe.
    Error,
}

impl CheckState {
    /// The word that people see.
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

/// What one check found. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub code: CheckCode,
    /// What the check is about.
    pub group: CheckGroup,
    /// How it ended.
    pub state: CheckState,
    /// What was seen; the reason of a skipped check.
    pub found: String,
    /// How to fix it, if something is to be fixed.
    pub fix: Option<Fix>,
}

impl Finding {
    fn new(code: CheckCode, state: CheckState, found: impl Into<String>) -> Self {
        Self { code, group: code.group(), state, found: found.into(), fix: None }
    }

    /// The check passed.
    pub(super) fn ok(code: CheckCode, found: impl Into<String>) -> Self {
        Self::new(code, CheckState::Ok, found)
    }

    /// The check was not made.
    pub(super) fn skipped(code: CheckCode, reason: impl Into<String>) -> Self {
        Self::new(code, CheckState::Skipped, reason)
    }

    /// The check was not made. The fix says how to make it.
    pub(super) fn skipped_with_fix(code: CheckCode, reason: impl Into<String>, fix: Fix) -> Self {
        Self { fix: Some(fix), ..Self::new(code, CheckState::Skipped, reason) }
    }

    /// Something that an operator may want to know.
    pub(super) fn note(code: CheckCode, found: impl Into<String>, fix: impl Into<Fix>) -> Self {
        Self { fix: Some(fix.into()), ..Self::new(code, CheckState::Note, found) }
    }

    /// Something that may go wrong.
    pub(super) fn warning(code: CheckCode, found: impl Into<String>, fix: impl Into<Fix>) -> Self {
        Self { fix: Some(fix.into()), ..Self::new(code, CheckState::Warning, found) }
    }

    /// Something that is wrong.
    pub(super) fn error(code: CheckCode, found: impl Into<String>, fix: impl Into<Fix>) -> Self {
        Self { fix: Some(fix.into()), ..Self::new(code, CheckState::Error, found) }
    }
}

/// How many checks ended in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The check passed.
    pub ok: usize,
    /// Notes.
    pub note: usize,
    /// Warnings.
    pub warning: usize,
    /// Errors.
    pub error: usize,
    /// Checks that were not made.
    pub skipped: usize,
}

/// The findings of all checks, in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// Puts findings in their order. A check of `wanted` without a finding was not made, for this
    /// reason.
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

    /// The findings.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The worst state.
    pub fn worst(&self) -> CheckState {
        let worst = self.findings.iter().map(|finding| finding.state).max();
        worst.unwrap_or(CheckState::Ok).max(CheckState::Ok)
    }

    /// How many checks ended in each state.
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
