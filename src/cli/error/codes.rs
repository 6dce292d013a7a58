//! Error codes and exit codes of commands. `docs/errors.md` is generated from them.

use crate::admin::{AdminErrorCode, AdminErrorKind};

/// Exit codes of commands, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Configuration = 3,
    NotFound = 4,
    Conflict = 5,
    NotAllowed = 6,
    Unreachable = 7,
    NotValid = 8,
    /// Only with `diff --exit-code`.
    Differences = 9,
    /// Only from `doctor`.
    DoctorWarnings = 10,
    /// Only from `doctor`.
    DoctorErrors = 11,
}

/// The error code of a failed command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CliErrorCode {
    Failed,
    Store,
    Schema,
    DataNotWritable,
    PortInUse,
    Listen,
    Usage,
    Configuration,
    ConfigurationValue,
    NoDatabase,
    MasterKey,
    NotFound,
    Conflict,
    InUse,
    NotEmpty,
    Database,
    OutcomeUnknown,
    NotValid,
    NotAllowed,
    Busy,
    Server,
    MasterKeyCommand,
    /// Not an error: nothing is printed.
    ClosedPipe,
    /// Not an error: the requested comparison found differences. Nothing is printed.
    Differences,
    /// Not an error of the command: the doctor found warnings and printed them.
    DoctorWarnings,
    /// Not an error of the command: the doctor found errors and printed them.
    DoctorErrors,
}

/// A code, its exit code and its meaning.
type Documented = (&'static str, Exit, &'static str);

const MASTER_KEY_COMMAND: Documented = (
    "E-MASTER-KEY-COMMAND",
    Exit::Unreachable,
    "The command of `master_key_command` failed or timed out. Try again.",
);
const NOT_FOUND: Documented =
    ("E-NOT-FOUND", Exit::NotFound, "An object that the command names does not exist.");
const DOCTOR_WARNINGS: Documented =
    ("E-DOCTOR-WARNINGS", Exit::DoctorWarnings, "The doctor has found warnings.");
const DOCTOR_ERRORS: Documented =
    ("E-DOCTOR-ERRORS", Exit::DoctorErrors, "The doctor has found errors.");
const NOT_EMPTY: Documented =
    ("E-NOT-EMPTY", Exit::Conflict, "A backup is restored into an empty database only.");
const BUSY: Documented =
    ("E-BUSY", Exit::Unreachable, "Too many secrets are being hashed. Try again.");
const NOT_ALLOWED: Documented = (
    "E-NOT-ALLOWED",
    Exit::NotAllowed,
    "The server rejects the credentials of the command, or they lack a right.",
);

const CONFIGURATION: Documented = (
    "E-CONF",
    Exit::Configuration,
    "The settings have problems, each with a code of its own, or lack what the command needs.",
);

const SERVER: Documented =
    ("E-SERVER", Exit::Unreachable, "The server cannot be reached, or its answer cannot be read.");

impl CliErrorCode {
    /// Returns the code as users see it. Codes never change.
    pub(crate) fn as_str(self) -> &'static str {
        self.documented().0
    }

    /// Maps the code of a rejected change.
    pub(crate) fn of_admin(code: AdminErrorCode) -> Self {
        use AdminErrorCode as Code;
        use AdminErrorKind as Kind;
        match code {
            Code::MasterKeyUnusable
            | Code::OwnerPolicySecretExpiry
            | Code::OwnerPolicyAuthMethod => Self::Conflict,
            Code::IssuerMissing => Self::Configuration,
            Code::TokenInvalid => Self::NotValid,
            Code::TokenRefused | Code::TokenForServer => Self::Failed,
            Code::HashQueueFull => Self::Busy,
            Code::OutcomeUnknown => Self::OutcomeUnknown,
            Code::DatabaseUnreadable => Self::Store,
            code => match code.kind() {
                Kind::NotFound => Self::NotFound,
                Kind::Conflict => Self::Conflict,
                Kind::Invalid => Self::Usage,
                Kind::NotAllowed => Self::NotAllowed,
                Kind::Unavailable => Self::Database,
                Kind::Fault => Self::Failed,
            },
        }
    }

    pub(crate) fn exit(self) -> Exit {
        self.documented().1
    }

    fn documented(self) -> Documented {
        match self {
            Self::Failed => ("E-FAILED", Exit::Failed, "The command failed; the text says why."),
            Self::Store => ("E-STORE", Exit::Failed, "Something in the database cannot be read."),
            Self::Schema => {
                ("E-SCHEMA", Exit::Failed, "The schema of the database and the program differ.")
            }
            Self::DataNotWritable => (
                "E-DATA-NOT-WRITABLE",
                Exit::Failed,
                "The database or the master key cannot be created, read or written.",
            ),
            Self::PortInUse => {
                ("E-PORT-IN-USE", Exit::Failed, "Another process listens on the port.")
            }
            Self::Listen => ("E-LISTEN", Exit::Failed, "The server cannot listen on the address."),
            Self::Usage => ("E-USAGE", Exit::Usage, "An argument or a value is not allowed."),
            Self::Configuration => CONFIGURATION,
            Self::ConfigurationValue => {
                ("E-CONF-VALUE", Exit::Configuration, "A file that a setting names cannot be used.")
            }
            Self::NoDatabase => (
                "E-NO-DATABASE",
                Exit::Configuration,
                "A database does not exist at the place of the settings.",
            ),
            Self::MasterKey => (
                "E-MASTER-KEY",
                Exit::Configuration,
                "The master key is missing, or it is not the one of the database.",
            ),
            Self::MasterKeyCommand => MASTER_KEY_COMMAND,
            Self::NotFound => NOT_FOUND,
            Self::Conflict => {
                ("E-CONFLICT", Exit::Conflict, "The change conflicts with the stored state.")
            }
            Self::NotEmpty => NOT_EMPTY,
            Self::InUse => ("E-IN-USE", Exit::Conflict, "A running tokend uses the database."),
            Self::Database => (
                "E-DATABASE",
                Exit::Unreachable,
                "The database cannot be reached, or a statement failed or timed out.",
            ),
            Self::OutcomeUnknown => (
                "E-OUTCOME-UNKNOWN",
                Exit::Unreachable,
                "The connection ended during a commit: the change may have been made.",
            ),
            Self::NotValid => ("E-NOT-VALID", Exit::NotValid, "The object to verify is not valid."),
            Self::NotAllowed => NOT_ALLOWED,
            Self::Busy => BUSY,
            Self::Server => SERVER,
            Self::ClosedPipe => ("E-CLOSED-PIPE", Exit::Done, "The reader closed standard output."),
            Self::Differences => ("E-DIFFERENCES", Exit::Differences, "There are differences."),
            Self::DoctorWarnings => DOCTOR_WARNINGS,
            Self::DoctorErrors => DOCTOR_ERRORS,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::config::problem::PROBLEM_CODES;

    /// All codes that are printed, in the order of the page.
    const PRINTED: [CliErrorCode; 22] = [
        CliErrorCode::Failed,
        CliErrorCode::Store,
        CliErrorCode::Schema,
        CliErrorCode::DataNotWritable,
        CliErrorCode::PortInUse,
        CliErrorCode::Listen,
        CliErrorCode::Usage,
        CliErrorCode::Configuration,
        CliErrorCode::ConfigurationValue,
        CliErrorCode::NoDatabase,
        CliErrorCode::MasterKey,
        CliErrorCode::NotFound,
        CliErrorCode::Conflict,
        CliErrorCode::InUse,
        CliErrorCode::NotEmpty,
        CliErrorCode::Database,
        CliErrorCode::OutcomeUnknown,
        CliErrorCode::NotValid,
        CliErrorCode::NotAllowed,
        CliErrorCode::Busy,
        CliErrorCode::Server,
        CliErrorCode::MasterKeyCommand,
    ];

    const INTRODUCTION: &str = "\
# Error codes of commands

```
$ tokend client show billing -o json
{\"admin_code\":\"client_not_found\",\"code\":\"E-NOT-FOUND\",\"detail\":\"client billing does not exist. No client has this id or this name. To list the clients: tokend client list\",\"title\":\"client billing does not exist\",\"type\":\"about:blank\"}
$ echo $?
4
```

A command that fails prints a text, a code and how to fix it. With `-o json` it prints a problem document ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). Codes and exit codes never change their meaning; the texts may. Codes of answers to OAuth clients are on the page on [protocols](protocols.md); the reason of one answer is in `tokend explain`.

This page is generated from the code: `UPDATE_DOCS=1 cargo test --lib error::codes` writes it.
";

    /// The exit codes without an error code and text.
    const SILENT: &str = "
These exit codes come without a code and a text: 0 if the command has done what was asked, 9 if \
        `tokend diff --exit-code` has found differences, 10 if `tokend doctor` has found warnings, and \
        11 if it has found errors.
";

    fn table(title: &str, head: &str, rows: &[String]) -> String {
        let columns = "|---".repeat(head.matches(" | ").count() + 1);
        format!("\n## {title}\n\n| {head} |\n{columns}|\n{}\n", rows.join("\n"))
    }

    fn page() -> String {
        let mut page = INTRODUCTION.to_owned();
        let rows = PRINTED.map(|code| {
            let (name, exit, meaning) = code.documented();
            format!("| `{name}` | {} | {meaning} |", exit as u8)
        });
        page += &table("Codes and exit codes", "Code | Exit code | Meaning", &rows);
        page.push_str(SILENT);
        let rows = PROBLEM_CODES.map(|(code, meaning)| format!("| `{code}` | {meaning} |"));
        page += &table("Problems of the settings (exit code 3)", "Code | Meaning", &rows);
        let row = |code: AdminErrorCode| format!("| `{}` | {} |", code.as_str(), code.meaning());
        let rows = AdminErrorCode::ALL.map(row);
        page += &table("Reasons why a change was not made (`admin_code`)", "Code | Meaning", &rows);
        page
    }

    #[test]
    fn the_page_of_codes_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
        let environment = crate::config::environment();
        if environment.iter().any(|(name, value)| name == "UPDATE_DOCS" && value == "1") {
            std::fs::write(&path, page()).expect("written");
        }
        let found = std::fs::read_to_string(&path).expect("the page");
        assert_eq!(found, page(), "regenerate it: UPDATE_DOCS=1 cargo test --lib error::codes");
    }

    /// Reads all files below `folder`.
    fn sources(folder: PathBuf) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths
            .flat_map(|path| {
                if path.is_dir() {
                    sources(path)
                } else {
                    vec![std::fs::read_to_string(path).expect("a text")]
                }
            })
            .collect()
    }

    #[test]
    fn every_code_in_the_source_is_on_the_page() {
        let page = page();
        let is_part = |c: &char| c.is_ascii_uppercase() || *c == '-';
        for text in sources(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
            for rest in text.split("\"E-").skip(1) {
                let code: String = rest.chars().take_while(is_part).collect();
                let is_silent =
                    ["", "CLOSED-PIPE", "DIFFERENCES", "DOCTOR-WARNINGS", "DOCTOR-ERRORS"]
                        .contains(&code.as_str());
                assert!(is_silent || page.contains(&format!("`E-{code}`")), "E-{code}");
            }
        }
    }

    #[test]
    fn codes_are_unique() {
        let codes: std::collections::BTreeSet<_> = PRINTED.map(CliErrorCode::as_str).into();
        assert_eq!(codes.len(), PRINTED.len());
        assert_eq!(CliErrorCode::ClosedPipe as usize, PRINTED.len(), "a code is not on the page");
    }
}
