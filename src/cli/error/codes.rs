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

/// Declares the codes, each with its meaning as its documentation, its exit code and its name, so
/// that none can be missing in one of the lists. Those after `silent` are not printed.
macro_rules! codes {
    (
        $($(#[doc = $meaning:literal])+ $code:ident: $exit:ident => $name:literal,)+
        silent:
        $(
            $(#[doc = $silent_meaning:literal])+
            $silent:ident: $silent_exit:ident => $silent_name:literal,
        )+
    ) => {
        /// The error code of a failed command. `docs/errors.md` lists the printed ones.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum CliErrorCode {
            $($(#[doc = $meaning])+ $code,)+
            $($(#[doc = $silent_meaning])+ $silent,)+
        }

        impl CliErrorCode {
            /// Every code that is printed with its meaning, in the order of `docs/errors.md`.
            #[cfg(test)]
            const PRINTED: [(Self, &'static str); [$($name),+].len()] =
                [$((Self::$code, concat!($($meaning),+))),+];

            /// Returns the code as users see it. It never changes.
            pub(crate) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                    $(Self::$silent => $silent_name,)+
                }
            }

            /// Returns the exit code.
            pub(crate) fn exit(self) -> Exit {
                match self {
                    $(Self::$code => Exit::$exit,)+
                    $(Self::$silent => Exit::$silent_exit,)+
                }
            }
        }
    };
}

codes! {
    /// The command failed; the text says why.
    Failed: Failed => "E-FAILED",
    /// Something in the database cannot be read.
    Store: Failed => "E-STORE",
    /// The schema of the database and the program differ.
    Schema: Failed => "E-SCHEMA",
    /// The database or the master key cannot be created, read or written.
    DataNotWritable: Failed => "E-DATA-NOT-WRITABLE",
    /// Another process listens on the port.
    PortInUse: Failed => "E-PORT-IN-USE",
    /// The server cannot listen on the address.
    Listen: Failed => "E-LISTEN",
    /// An argument or a value is not allowed.
    Usage: Usage => "E-USAGE",
    /// The settings have problems, each with a code of its own, or lack what the command needs.
    Configuration: Configuration => "E-CONF",
    /// A value is not allowed, does not fit another setting, or names an unusable file.
    ConfigurationValue: Configuration => "E-CONF-VALUE",
    /// A database does not exist at the place of the settings.
    NoDatabase: Configuration => "E-NO-DATABASE",
    /// The master key is missing, or it is not the one of the database.
    MasterKey: Configuration => "E-MASTER-KEY",
    /// An object that the command names does not exist.
    NotFound: NotFound => "E-NOT-FOUND",
    /// The change conflicts with the stored state.
    Conflict: Conflict => "E-CONFLICT",
    /// A running tokend uses the database.
    InUse: Conflict => "E-IN-USE",
    /// A backup is restored into an empty database only.
    NotEmpty: Conflict => "E-NOT-EMPTY",
    /// The server rejects the credentials of the command, or they lack a right.
    NotAllowed: NotAllowed => "E-NOT-ALLOWED",
    /// The database cannot be reached, or a statement failed or timed out.
    Database: Unreachable => "E-DATABASE",
    /// The connection ended during a commit: the change may have been made.
    OutcomeUnknown: Unreachable => "E-OUTCOME-UNKNOWN",
    /// Too many secrets are being hashed. Try again.
    Busy: Unreachable => "E-BUSY",
    /// The server cannot be reached, or its answer cannot be read.
    Server: Unreachable => "E-SERVER",
    /// The command of `master_key_command` failed or timed out. Try again.
    MasterKeyCommand: Unreachable => "E-MASTER-KEY-COMMAND",
    /// The object to verify is not valid.
    NotValid: NotValid => "E-NOT-VALID",
    silent:
    /// The reader closed standard output.
    ClosedPipe: Done => "E-CLOSED-PIPE",
    /// There are differences.
    Differences: Differences => "E-DIFFERENCES",
    /// The doctor has found warnings.
    DoctorWarnings: DoctorWarnings => "E-DOCTOR-WARNINGS",
    /// The doctor has found errors.
    DoctorErrors: DoctorErrors => "E-DOCTOR-ERRORS",
}

impl CliErrorCode {
    /// Returns the code of a change that was not made.
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
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::config::problem::PROBLEM_CODES;

    const INTRODUCTION: &str = "\
# Error codes of commands

```
$ tokend client show billing -o json
{\"admin_code\":\"client_not_found\",\"code\":\"E-NOT-FOUND\",\"detail\":\"client billing does not exist. No client has this id or this name. To list the clients: tokend client list\",\"title\":\"client billing does not exist\",\"type\":\"about:blank\"}
$ echo $?
4
```

A command that fails prints a text, a code and how to fix it. With `-o json` it prints a problem document ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). Codes and exit codes never change their meaning; the texts may. [Getting tokens](getting-tokens.md#errors) lists the codes of responses to OAuth clients; `tokend explain` shows the reason of one response.

This page is generated from the code: `make docs` writes it.
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
        let rows = CliErrorCode::PRINTED.map(|(code, meaning)| {
            format!("| `{}` | {} | {} |", code.as_str(), code.exit() as u8, meaning.trim_start())
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
        assert_eq!(found, page(), "regenerate it: make docs");
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
        let names = CliErrorCode::PRINTED.map(|(code, _)| code.as_str());
        let codes: std::collections::BTreeSet<_> = names.into();
        assert_eq!(codes.len(), names.len());
    }
}
