//! Notifies a service manager such as systemd (`Type=notify`). Without `NOTIFY_SOCKET` it sends
//! nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use sd_notify::NotifyState;

/// True once readiness has been sent. A reload during the start must not send it too early.
static IS_READY: AtomicBool = AtomicBool::new(false);

/// Notifies that the server is ready.
pub fn notify_ready() {
    IS_READY.store(true, Ordering::Relaxed);
    send(&[NotifyState::Ready]);
}

/// Notifies that the settings are being reloaded. [`notify_reloaded`] must follow.
pub fn notify_reloading() {
    if !IS_READY.load(Ordering::Relaxed) {
        return;
    }
    // systemd compares this time with that of its own request.
    match NotifyState::monotonic_usec_now() {
        Ok(time) => send(&[NotifyState::Reloading, time]),
        Err(_) => send(&[NotifyState::Reloading]),
    }
}

/// Notifies that the settings have been reloaded.
pub fn notify_reloaded() {
    if IS_READY.load(Ordering::Relaxed) {
        send(&[NotifyState::Ready]);
    }
}

/// Notifies that the server is stopping, which takes `shutdown.delay` and up to `shutdown.drain`.
pub(super) fn notify_stopping() {
    IS_READY.store(false, Ordering::Relaxed);
    send(&[NotifyState::Stopping]);
}

/// Sends notifications. A failure does not stop the server, because the service manager has its own
/// timeouts.
fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager (NOTIFY_SOCKET) cannot be notified");
    }
}
