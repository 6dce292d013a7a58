//! What a service manager such as systemd is told about this process (`Type=notify`). Without
//! `NOTIFY_SOCKET` nothing is sent.

use std::sync::atomic::{AtomicBool, Ordering};

use sd_notify::NotifyState;

/// True once readiness has been sent: a reload during the start must not send it too early.
static IS_READY: AtomicBool = AtomicBool::new(false);

/// Tells that the server serves.
pub fn notify_ready() {
    IS_READY.store(true, Ordering::Relaxed);
    send(&[NotifyState::Ready]);
}

/// Tells that the settings are read again. [`notify_reloaded`] must follow.
pub fn notify_reloading() {
    if !IS_READY.load(Ordering::Relaxed) {
        return;
    }
    // systemd compares the time with that of its own request.
    match NotifyState::monotonic_usec_now() {
        Ok(time) => send(&[NotifyState::Reloading, time]),
        Err(_) => send(&[NotifyState::Reloading]),
    }
}

/// Tells that the settings have been read.
pub fn notify_reloaded() {
    if IS_READY.load(Ordering::Relaxed) {
        send(&[NotifyState::Ready]);
    }
}

/// Tells that the server stops, which takes `shutdown.delay` and up to `shutdown.drain`.
pub(super) fn notify_stopping() {
    IS_READY.store(false, Ordering::Relaxed);
    send(&[NotifyState::Stopping]);
}

/// A service manager that cannot be told is not a reason to stop serving: it acts on its own
/// time-outs.
fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager (NOTIFY_SOCKET) cannot be notified");
    }
}
