//! Named points at which a test kills this process. Release builds have none.

/// Stops here for good if the variable `FAILPOINT` names this point: the test that set it sends
/// SIGKILL. Debug builds only.
#[cfg(debug_assertions)]
pub(super) fn reached(point: &str) {
    let environment = crate::config::environment();
    if environment.iter().any(|(name, value)| name == "FAILPOINT" && value == point) {
        crate::cli::output::hint(&format!("failpoint {point}"));
        loop {
            std::thread::park();
        }
    }
}

/// Does nothing in a release build.
#[cfg(not(debug_assertions))]
pub(super) fn reached(_point: &str) {}
