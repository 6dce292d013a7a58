//! The settings of notifications.

use crate::model::webhook::{WebhookSecret, WebhookUrl};

/// Where notifications are sent.
#[derive(Debug, Clone)]
pub struct NotificationSettings {
    /// The receivers.
    pub webhooks: Vec<WebhookUrl>,
    /// The secrets that sign; at least one if there is a receiver.
    pub secrets: Vec<WebhookSecret>,
    /// The actions of the events that are sent.
    pub events: Vec<&'static str>,
}
