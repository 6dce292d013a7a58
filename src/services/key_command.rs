//! Runs the command that prints the master keys, for a KMS or an HSM without its library.
//!
//! The standard output of the command is never shown. Its standard error is shown, because only
//! that explains a failure.

use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use crate::config::{KeyCommand, environment};
use crate::model::master_key::MasterKeyList;
use crate::services::StartError;
use crate::text::escaping;

/// The maximum length of the output, in bytes. A key has at most 64.
const MAX_OUTPUT_BYTES: usize = 16 << 10;

/// The maximum length of standard error that is kept, in bytes.
const MAX_STDERR_BYTES: usize = 4 << 10;

/// The maximum length of standard error that is shown, in characters.
const MAX_SHOWN_CHARACTERS: usize = 500;

/// The prefix of the variables of tokend's settings.
const OWN_VARIABLES: &str = "TOKEND_";

/// The variables of other programs that contain a secret of this server, or that address its
/// service manager.
const WITHHELD_VARIABLES: [&str; 6] =
    ["PGPASSWORD", "NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];

/// Why a command returned no master keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyCommandProblem {
    /// The command cannot be started.
    #[error("cannot be started: {0}")]
    NotStarted(std::io::Error),
    /// The command exceeded the time limit and was killed.
    #[error("did not end within {0:?} and was killed")]
    TimedOut(std::time::Duration),
    /// The command returned an error status.
    #[error("failed: {0}")]
    Failed(ExitStatus),
    /// The command cannot be read from or waited for.
    #[error("cannot be read from: {0}")]
    Unreadable(std::io::Error),
    /// The output was too long for a list of keys, and the command was killed.
    #[error("printed more than {MAX_OUTPUT_BYTES} bytes and was killed")]
    TooMuchOutput,
    /// The output is not a list of keys.
    #[error("printed {0} bytes that are not a list of master keys of 32 bytes in base64 or hex")]
    NotKeys(usize),
}

impl KeyCommandProblem {
    /// True if a retry may succeed without a change of the settings.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::TimedOut(_) | Self::Failed(_) | Self::Unreadable(_) => true,
            Self::NotStarted(_) | Self::TooMuchOutput | Self::NotKeys(_) => false,
        }
    }
}

/// Runs the command and parses the keys that it prints.
///
/// # Errors
///
/// [`StartError::MasterKeyCommand`].
pub(super) async fn keys_of(command: &KeyCommand) -> Result<MasterKeyList, StartError> {
    let mut error_output = Vec::new();
    let printed = output_of(command, &mut error_output).await;
    let keys = printed.and_then(|printed| {
        let not_keys = || KeyCommandProblem::NotKeys(printed.len());
        let text = std::str::from_utf8(&printed).map_err(|_| not_keys())?;
        MasterKeyList::parse(text).map_err(|_| not_keys())
    });
    keys.map_err(|problem| StartError::MasterKeyCommand {
        program: command.program.clone(),
        origin: command.source.clone(),
        problem,
        error_output: shown(&error_output),
    })
}

/// Returns the standard error of the command in one line.
fn shown(error_output: &[u8]) -> String {
    let text = String::from_utf8_lossy(error_output);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return String::new();
    }
    let line = escaping::escape_start(&lines.join("; "), MAX_SHOWN_CHARACTERS);
    format!(". It says: {line}")
}

/// Runs the command and returns its output. Its standard error is appended to `error_output`.
async fn output_of(
    command: &KeyCommand,
    error_output: &mut Vec<u8>,
) -> Result<Zeroizing<Vec<u8>>, KeyCommandProblem> {
    let mut child = start(command).map_err(KeyCommandProblem::NotStarted)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async {
        tokio::try_join!(
            read_output(stdout),
            read_error_output(stderr, error_output),
            status_of(&mut child)
        )
    };
    // Dropping the command kills it.
    let ended = tokio::time::timeout(command.timeout, work).await;
    let (printed, (), status) =
        ended.map_err(|_| KeyCommandProblem::TimedOut(command.timeout))??;
    if status.success() { Ok(printed) } else { Err(KeyCommandProblem::Failed(status)) }
}

fn start(command: &KeyCommand) -> std::io::Result<Child> {
    let mut starting = Command::new(&command.program);
    for (name, _) in environment() {
        if name.starts_with(OWN_VARIABLES) || WITHHELD_VARIABLES.contains(&name.as_str()) {
            starting.env_remove(name);
        }
    }
    starting
        .args(&command.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

async fn status_of(child: &mut Child) -> Result<ExitStatus, KeyCommandProblem> {
    child.wait().await.map_err(KeyCommandProblem::Unreadable)
}

/// Reads the output, up to the limit.
async fn read_output(
    output: Option<impl AsyncRead + Unpin>,
) -> Result<Zeroizing<Vec<u8>>, KeyCommandProblem> {
    // Has the maximum capacity from the start, so that reallocation leaves no copy of a key.
    let mut printed = Zeroizing::new(Vec::with_capacity(MAX_OUTPUT_BYTES + 1));
    let Some(output) = output else { return Ok(printed) };
    let mut output = output.take(MAX_OUTPUT_BYTES as u64 + 1);
    while printed.len() <= MAX_OUTPUT_BYTES {
        let read = output.read_buf(&mut *printed).await;
        if read.map_err(KeyCommandProblem::Unreadable)? == 0 {
            return Ok(printed);
        }
    }
    Err(KeyCommandProblem::TooMuchOutput)
}

/// Reads all of standard error and keeps its beginning. A full pipe would block the command.
async fn read_error_output(
    output: Option<impl AsyncRead + Unpin>,
    error_output: &mut Vec<u8>,
) -> Result<(), KeyCommandProblem> {
    let Some(mut output) = output else { return Ok(()) };
    let mut chunk = [0; 1024];
    loop {
        let length = output.read(&mut chunk).await.map_err(KeyCommandProblem::Unreadable)?;
        if length == 0 {
            return Ok(());
        }
        let kept = length.min(MAX_STDERR_BYTES.saturating_sub(error_output.len()));
        error_output.extend_from_slice(chunk.get(..kept).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const KEY: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

    fn shell(script: &str) -> KeyCommand {
        KeyCommand {
            program: "sh".to_owned(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            source: "from a test".to_owned(),
            timeout: Duration::from_mins(1),
        }
    }

    async fn problem(command: &KeyCommand) -> (KeyCommandProblem, String) {
        match keys_of(command).await.expect_err("a problem") {
            StartError::MasterKeyCommand { problem, error_output, .. } => (problem, error_output),
            other => panic!("{other}"),
        }
    }

    #[tokio::test]
    async fn a_key_command_prints_a_list_of_keys() {
        let keys = keys_of(&shell(&format!("echo a note >&2; echo {KEY},; echo {KEY}"))).await;
        assert_eq!(keys.expect("keys").keys().count(), 2);
    }

    #[tokio::test]
    async fn standard_error_is_shown_and_standard_output_is_not() {
        let (found, error_output) =
            problem(&shell("echo hunter2; printf 'no\n\\033[2Jaccess\n' >&2")).await;
        assert!(matches!(found, KeyCommandProblem::NotKeys(8)), "{found}");
        assert_eq!(error_output, ". It says: no; \\u{1b}[2Jaccess");
        assert!(!found.to_string().contains("hunter2"));
        let (found, error_output) = problem(&shell("echo denied >&2; exit 3")).await;
        assert!(matches!(found, KeyCommandProblem::Failed(_)), "{found}");
        assert_eq!(error_output, ". It says: denied");
        let (_, error_output) = problem(&shell("yes denied | head -c 1000000 >&2; exit 1")).await;
        assert!(error_output.chars().count() < 2 * MAX_SHOWN_CHARACTERS, "{error_output}");
    }

    #[tokio::test]
    async fn a_key_command_that_is_slow_or_prints_too_much_is_killed() {
        let (found, _) = problem(&shell("while :; do echo 00000000; done")).await;
        assert!(matches!(found, KeyCommandProblem::TooMuchOutput), "{found}");
        let slow =
            KeyCommand { timeout: Duration::from_millis(100), ..shell("while :; do :; done") };
        let (found, _) = problem(&slow).await;
        assert!(matches!(found, KeyCommandProblem::TimedOut(_)), "{found}");
        let absent = KeyCommand { program: "/absent/program".to_owned(), ..shell("") };
        let (found, _) = problem(&absent).await;
        assert!(matches!(found, KeyCommandProblem::NotStarted(_)), "{found}");
    }
}
