//! Named points at which a test kills this process. Release builds have none.

/// Stops here if the variable `FAILPOINT` names this point: the test that set it sends
/// SIGKILL. Debug builds only.
#[cfg(debug_assertions)]
pub(super) fn reached(point: &str) {
    let environment = crate::config::environment();
    if environment.iter().any(|(name, value)| name == "FAILPOINT" && value == point) {
        crate::cli::output::hint(&format!("failpoint {point}"));
        // A test that fails before it kills this process must not leave it behind.
        std::thread::sleep(std::time::Duration::from_mins(1));
        std::process::exit(1);
    }
}

/// Does nothing in a release build.
#[cfg(not(debug_assertions))]
pub(super) fn reached(_point: &str) {}
