//! Reloads a renewed certificate of the server.

use std::sync::Arc;
use std::time::Duration;

use crate::server::tls::Tls;

/// The interval of checking the files.
const INTERVAL: Duration = Duration::from_secs(5);

/// Runs as long as the server. Two files that do not match are probably being replaced, so only the
/// second failure is logged.
pub(super) async fn renew(tls: Arc<Tls>) {
    let mut failures = 0;
    loop {
        tokio::time::sleep(INTERVAL).await;
        let reading = tls.clone();
        match tokio::task::spawn_blocking(move || reading.renew()).await {
            Ok(Ok(is_new)) => {
                failures = 0;
                if is_new {
                    tracing::info!(
                        "new connections see the renewed certificate of tls.certificate"
                    );
                }
            }
            Ok(Err(error)) => {
                failures += 1;
                if failures == 2 {
                    tracing::error!(error, "the certificate cannot be renewed: the old one stays");
                }
            }
            // The blocking task panicked. The supervisor logs it and restarts this task.
            Err(_) => return,
        }
    }
}
