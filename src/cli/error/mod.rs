//! What went wrong, for the person at the terminal: a sentence, a code, and the exit code that
//! scripts look at.

pub(super) mod codes;

use serde_json::json;

use crate::admin::{AdminError, AdminErrorCode};
use crate::cli::error::codes::CliErrorCode;
use crate::cli::remedies::command::CommandRemedy;
use crate::config::problem::{ConfigError, ConfigProblem};
use crate::model::Malformed;
use crate::services::StartError;
use crate::store::StoreError;
use crate::store::schema::SchemaError;
use crate::{remedies, telemetry};

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct CliError {
    code: CliErrorCode,
    /// The code of the change that was not made.
    admin_code: Option<AdminErrorCode>,
    text: String,
    remedy: Option<String>,
    problems: Vec<ConfigProblem>,
    /// True if the log has it already.
    is_logged: bool,
}

impl CliError {
    /// Something failed that the operator did not cause.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self::new(CliErrorCode::Failed, text)
    }

    /// An argument is not allowed.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(CliErrorCode::Usage, text)
    }

    /// The settings do not fit the command.
    pub(crate) fn configuration(text: impl Into<String>) -> Self {
        Self::new(CliErrorCode::Configuration, text)
    }

    /// The thing that was checked is not valid.
    pub(crate) fn not_valid(text: impl Into<String>) -> Self {
        Self::new(CliErrorCode::NotValid, text)
    }

    /// The caller may not do this.
    pub(crate) fn not_allowed(text: impl Into<String>) -> Self {
        Self::new(CliErrorCode::NotAllowed, text)
    }

    /// The server cannot be reached, or its answer cannot be read.
    pub(crate) fn server(text: impl Into<String>) -> Self {
        Self::new(CliErrorCode::Server, text)
    }

    /// The connection ended before the answer to a change.
    pub(crate) fn outcome_unknown(text: impl Into<String>) -> Self {
        Self::new(CliErrorCode::OutcomeUnknown, text)
    }

    /// An error with its code in `admin_code`: of a server, or found here.
    pub(crate) fn with_codes(
        code: CliErrorCode,
        admin_code: Option<AdminErrorCode>,
        text: impl Into<String>,
    ) -> Self {
        Self { admin_code, ..Self::new(code, text) }
    }

    /// True if the caller may not do this.
    pub(crate) fn is_not_allowed(&self) -> bool {
        self.code == CliErrorCode::NotAllowed
    }

    /// True if it is not known whether the change was made.
    pub(crate) fn is_outcome_unknown(&self) -> bool {
        self.code == CliErrorCode::OutcomeUnknown
    }

    /// True if the server or its database does not answer now: the same may succeed later.
    pub(crate) fn is_unreachable(&self) -> bool {
        use CliErrorCode::{Busy, Database, Server};
        matches!(self.code, Busy | Database | Server)
    }

    /// The reader of standard output has closed it, as `head` does. What was asked for is done,
    /// and there is nothing to report.
    pub(crate) fn closed_pipe() -> Self {
        Self::new(CliErrorCode::ClosedPipe, "standard output was closed")
    }

    /// A comparison found differences, and was asked to say so by its exit code.
    pub(crate) fn differences() -> Self {
        Self::new(CliErrorCode::Differences, "there are differences")
    }

    /// The doctor has found warnings, and has shown them.
    pub(crate) fn doctor_warnings() -> Self {
        Self::new(CliErrorCode::DoctorWarnings, "there are warnings")
    }

    /// The doctor has found errors, and has shown them.
    pub(crate) fn doctor_errors() -> Self {
        Self::new(CliErrorCode::DoctorErrors, "there are errors")
    }

    /// True if there is nothing to report besides the exit code.
    pub(crate) fn is_silent(&self) -> bool {
        use CliErrorCode::{ClosedPipe, Differences, DoctorErrors, DoctorWarnings};
        matches!(self.code, ClosedPipe | Differences | DoctorWarnings | DoctorErrors)
    }

    /// The code of the change that was not made.
    pub(crate) fn admin_code(&self) -> Option<AdminErrorCode> {
        self.admin_code
    }

    /// What went wrong, without the remedy.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Writes the error to the log, where it is one line in the format of the log. It is printed
    /// only if the log does not show errors.
    pub(crate) fn logged(mut self) -> Self {
        let (error, code, fix) = (self.text.as_str(), self.code.as_str(), self.remedy.as_deref());
        tracing::error!(error, code, fix, "tokend stops");
        self.is_logged = tracing::enabled!(tracing::Level::ERROR);
        self
    }

    /// True if the log shows the error already.
    pub(crate) fn is_logged(&self) -> bool {
        self.is_logged
    }

    /// Adds what to do.
    pub(crate) fn with_remedy(mut self, remedy: impl Into<CommandRemedy>) -> Self {
        self.remedy = Some(remedy.into().to_string());
        self
    }

    /// Adds a sentence after what to do.
    pub(crate) fn and_say(mut self, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        self.remedy = Some(match self.remedy {
            Some(remedy) => format!("{remedy}\n  {sentence}"),
            None => sentence,
        });
        self
    }

    /// An error with this code.
    pub(super) fn new(code: CliErrorCode, text: impl Into<String>) -> Self {
        Self {
            code,
            admin_code: None,
            text: text.into(),
            remedy: None,
            problems: Vec::new(),
            is_logged: false,
        }
    }

    /// The exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        self.code.exit() as u8
    }

    /// For people.
    pub(crate) fn as_text(&self) -> String {
        // A report of several lines has a code next to each of its problems.
        let mut text = if self.text.contains('\n') {
            format!("error: {}", self.text)
        } else {
            format!("error: {}   [{}]", self.text, self.code.as_str())
        };
        if let Some(remedy) = &self.remedy {
            text.push_str("\n  ");
            text.push_str(remedy);
        }
        text
    }

    /// For programs (RFC 9457).
    pub(crate) fn as_problem(&self) -> String {
        if !self.problems.is_empty() {
            return self.as_list_of_problems();
        }
        let detail = match &self.remedy {
            Some(remedy) => format!("{}. {}", self.text, remedy.replace("\n  ", " ")),
            None => self.text.clone(),
        };
        let mut problem = json!({
            "type": "about:blank", "title": self.text, "code": self.code.as_str(),
            "detail": detail,
        });
        if let Some(code) = self.admin_code {
            problem["admin_code"] = json!(code.as_str());
        }
        problem.to_string()
    }

    /// The same for several problems of the settings, each with members of its own.
    fn as_list_of_problems(&self) -> String {
        let problems: Vec<_> = self
            .problems
            .iter()
            .map(|problem| {
                json!({
                    "setting": problem.setting, "code": problem.code, "origin": problem.origin,
                    "text": problem.what, "fix": remedies::of_setting(&problem.remedy),
                })
            })
            .collect();
        let texts: Vec<_> = self.problems.iter().map(|problem| problem.what.as_str()).collect();
        json!({
            "type": "about:blank",
            "title": self.text.lines().next().unwrap_or_default(),
            "code": self.code.as_str(),
            "detail": texts.join("; "),
            "problems": problems,
        })
        .to_string()
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        let text = remedies::report_of_settings(&error);
        let problems = error.into_problems();
        Self { problems, ..Self::new(CliErrorCode::Configuration, text) }
    }
}

impl From<Malformed> for CliError {
    fn from(malformed: Malformed) -> Self {
        Self::usage(malformed.to_string())
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::TimedOut(_)
            | StoreError::Failed(_)
            | StoreError::Unreachable { .. }
            | StoreError::NotIdentified => CliErrorCode::Database,
            StoreError::OutcomeUnknown(_) => CliErrorCode::OutcomeUnknown,
            StoreError::Unopenable { .. } => CliErrorCode::DataNotWritable,
            StoreError::InUse => CliErrorCode::InUse,
            _ => CliErrorCode::Store,
        };
        let remedy = remedies::of_store(&error);
        let text = match error.message_of_database() {
            Some(message) => format!("{error}: {message}"),
            None => telemetry::with_causes(&error),
        };
        Self { remedy, ..Self::new(code, text) }
    }
}

impl From<StartError> for CliError {
    fn from(error: StartError) -> Self {
        let remedy = remedies::of_start(&error);
        let code = match error {
            StartError::Store(error) | StartError::Schema(SchemaError::Store(error)) => {
                return error.into();
            }
            StartError::Fetch(_) | StartError::Certificate(_) => CliErrorCode::ConfigurationValue,
            StartError::Schema(_) => CliErrorCode::Schema,
            StartError::NoDatabase { .. } => CliErrorCode::NoDatabase,
            StartError::MasterKeyCommand { ref problem, .. } if problem.is_transient() => {
                CliErrorCode::MasterKeyCommand
            }
            StartError::NoMasterKey
            | StartError::NoMasterKeyYet { .. }
            | StartError::MasterKeyMissing { .. }
            | StartError::MasterKeyCommand { .. }
            | StartError::WrongMasterKey { .. }
            | StartError::Crypto(_) => CliErrorCode::MasterKey,
            StartError::MasterKeyFile { .. } => CliErrorCode::DataNotWritable,
        };
        Self { remedy, ..Self::new(code, telemetry::with_causes(&error)) }
    }
}

impl From<SchemaError> for CliError {
    fn from(error: SchemaError) -> Self {
        StartError::Schema(error).into()
    }
}

impl From<AdminError> for CliError {
    fn from(error: AdminError) -> Self {
        let admin_code = Some(error.code());
        let remedy = remedies::of_admin(&error);
        let code = CliErrorCode::of_admin(error.code());
        match error {
            AdminError::Store(error) => Self { admin_code, ..error.into() },
            error => Self { admin_code, remedy, ..Self::new(code, error.to_string()) },
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}
