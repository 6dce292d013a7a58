//! Errors of commands: a sentence for the person at the terminal, an error code, and an exit code
//! for scripts.

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

#[derive(Debug)]
pub(crate) struct CliError {
    code: CliErrorCode,
    /// The code of a change that was rejected.
    admin_code: Option<AdminErrorCode>,
    text: String,
    remedy: Option<String>,
    problems: Vec<ConfigProblem>,
    is_logged: bool,
}

impl CliError {
    /// Creates an error for a failure that the operator did not cause.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self::new(CliErrorCode::Failed, text)
    }

    /// Creates an error for an argument that is not allowed.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(CliErrorCode::Usage, text)
    }

    /// Creates an error for settings that do not fit the command.
    pub(crate) fn configuration(text: impl Into<String>) -> Self {
        Self::new(CliErrorCode::Configuration, text)
    }

    /// Creates an error for a checked object that is not valid.
    pub(crate) fn not_valid(text: impl Into<String>) -> Self {
        Self::new(CliErrorCode::NotValid, text)
    }

    /// Creates an error for a caller without the permission.
    pub(crate) fn not_allowed(text: impl Into<String>) -> Self {
        Self::new(CliErrorCode::NotAllowed, text)
    }

    /// Creates an error for a server that cannot be reached, or whose response cannot be read.
    pub(crate) fn server(text: impl Into<String>) -> Self {
        Self::new(CliErrorCode::Server, text)
    }

    /// Creates an error for a connection that ended before the response to a change.
    pub(crate) fn outcome_unknown(text: impl Into<String>) -> Self {
        Self::new(CliErrorCode::OutcomeUnknown, text)
    }

    /// Creates an error with an `admin_code`, which a server sent or this process determined.
    pub(crate) fn with_codes(
        code: CliErrorCode,
        admin_code: Option<AdminErrorCode>,
        text: impl Into<String>,
    ) -> Self {
        Self { admin_code, ..Self::new(code, text) }
    }

    /// True if the caller lacks the permission.
    pub(crate) fn is_not_allowed(&self) -> bool {
        self.code == CliErrorCode::NotAllowed
    }

    /// True if it is unknown whether the change was made.
    pub(crate) fn is_outcome_unknown(&self) -> bool {
        self.code == CliErrorCode::OutcomeUnknown
    }

    /// True if the server or its database is unavailable at present; a retry may succeed.
    pub(crate) fn is_unreachable(&self) -> bool {
        use CliErrorCode::{Busy, Database, Server};
        matches!(self.code, Busy | Database | Server)
    }

    /// Creates the error for a closed standard output, as with `head`. The command has done its
    /// work, so nothing is reported.
    pub(crate) fn closed_pipe() -> Self {
        Self::new(CliErrorCode::ClosedPipe, "standard output was closed")
    }

    /// Creates the error by which a comparison sets the exit code for differences.
    pub(crate) fn differences() -> Self {
        Self::new(CliErrorCode::Differences, "there are differences")
    }

    /// Creates the error by which the doctor sets the exit code for warnings.
    pub(crate) fn doctor_warnings() -> Self {
        Self::new(CliErrorCode::DoctorWarnings, "there are warnings")
    }

    /// Creates the error by which the doctor sets the exit code for errors.
    pub(crate) fn doctor_errors() -> Self {
        Self::new(CliErrorCode::DoctorErrors, "there are errors")
    }

    /// True if only the exit code is reported.
    pub(crate) fn is_silent(&self) -> bool {
        use CliErrorCode::{ClosedPipe, Differences, DoctorErrors, DoctorWarnings};
        matches!(self.code, ClosedPipe | Differences | DoctorWarnings | DoctorErrors)
    }

    /// Returns the code of a change that was rejected.
    pub(crate) fn admin_code(&self) -> Option<AdminErrorCode> {
        self.admin_code
    }

    /// Returns the text of the error, without the remedy.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Writes the error to the log as one line. It is printed as well only if the log does not show
    /// errors.
    pub(crate) fn logged(mut self) -> Self {
        let (error, code, fix) = (self.text.as_str(), self.code.as_str(), self.remedy.as_deref());
        tracing::error!(error, code, fix, "tokend stops");
        self.is_logged = tracing::enabled!(tracing::Level::ERROR);
        self
    }

    /// True if the log already shows the error.
    pub(crate) fn is_logged(&self) -> bool {
        self.is_logged
    }

    pub(crate) fn with_remedy(mut self, remedy: impl Into<CommandRemedy>) -> Self {
        self.remedy = Some(remedy.into().to_string());
        self
    }

    /// Adds a sentence after the remedy.
    pub(crate) fn with_note(mut self, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        self.remedy = Some(match self.remedy {
            Some(remedy) => format!("{remedy}\n  {sentence}"),
            None => sentence,
        });
        self
    }

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

    pub(crate) fn exit_code(&self) -> u8 {
        self.code.exit() as u8
    }

    /// Renders the error as text.
    pub(crate) fn as_text(&self) -> String {
        // In a report of several lines, each problem has its own code.
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

    /// Renders the error as a problem document (RFC 9457).
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

    /// Like [`CliError::as_problem`], for several problems of the settings, each with its own
    /// members.
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
