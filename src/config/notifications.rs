//! The settings of notifications.

use ipnet::IpNet;

use crate::model::webhook::{WebhookSecret, WebhookUrl};

/// Where notifications are sent.
#[derive(Debug, Clone)]
pub struct NotificationSettings {
    /// The receivers.
    pub webhooks: Vec<Webhook>,
    /// The actions of the events that are sent.
    pub events: Vec<&'static str>,
    /// Networks in which receivers may be although they are not public.
    pub allowed_networks: Vec<IpNet>,
}

/// A receiver of notifications.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where it is.
    pub url: WebhookUrl,
    /// The secrets that sign for it; at least one.
    pub secrets: Vec<WebhookSecret>,
}
