//! Named points at which a test kills this process. Release builds contain none.

/// Waits here if the variable `FAILPOINT` names this point; the test that set it sends SIGKILL.
/// Debug builds only.
#[cfg(debug_assertions)]
pub(super) fn reached(point: &str) {
    let environment = crate::config::environment();
    if environment.iter().any(|(name, value)| name == "FAILPOINT" && value == point) {
        crate::cli::output::hint(&format!("failpoint {point}"));
        // Limits the wait, so that a failed test does not leave this process behind.
        std::thread::sleep(std::time::Duration::from_mins(1));
        std::process::exit(1);
    }
}

/// Does nothing in a release build.
#[cfg(not(debug_assertions))]
pub(super) fn reached(_point: &str) {}
