//! Settings of notifications.

use ipnet::IpNet;

use crate::model::webhook::{WebhookSecret, WebhookUrl};

/// Receivers of notifications, and the events that they get.
#[derive(Debug, Clone)]
pub struct NotificationSettings {
    /// The receivers.
    pub webhooks: Vec<Webhook>,
    /// The actions of the events to send.
    pub events: Vec<&'static str>,
    /// The non-public networks in which receivers are allowed.
    pub allowed_networks: Vec<IpNet>,
}

/// A receiver of notifications.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The address of the receiver.
    pub url: WebhookUrl,
    /// The secrets that sign requests to this receiver; never empty.
    pub secrets: Vec<WebhookSecret>,
}
