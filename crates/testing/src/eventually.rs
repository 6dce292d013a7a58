//! Waiting for what happens by itself, however slow the machine is.

use std::time::Duration;

use tokio::time::Instant;

/// After so long, what a test waits for never comes. It does not claim a speed: on an idle machine
/// all of it comes within two seconds.
pub const HANGS_AFTER: Duration = Duration::from_mins(2);

/// Looks again and again until there is something, and gives it. Fails if `what` never comes.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < HANGS_AFTER, "{what} never comes");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
