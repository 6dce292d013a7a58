//! Waiting for asynchronous events, however slow the machine is.

use std::time::Duration;

use tokio::time::Instant;

/// The time after which a test gives up waiting. It does not claim a speed: on an idle machine,
/// every wait ends within two seconds.
pub const HANGS_AFTER: Duration = Duration::from_mins(2);

/// Polls until `look` returns a value, and returns it. Panics if that never happens; `what` is
/// named in the message.
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
