//! Takes over the renewed certificate of the server.

use std::sync::Arc;
use std::time::Duration;

use crate::server::tls::Tls;

/// How often the files are checked.
const INTERVAL: Duration = Duration::from_secs(5);

/// Checks for a renewed certificate for as long as the server runs. Two files that do not match are
/// most likely being replaced, so only the second failure is logged.
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
            // The reading panicked; the supervisor says so and starts again.
            Err(_) => return,
        }
    }
}
