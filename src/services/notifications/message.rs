//! The signed request that sends an event to a receiver.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::config::Webhook;
use crate::crypto::mac;
use crate::model::event::Event;
use crate::model::webhook::WebhookSecret;
use crate::services::Services;
use crate::services::notifications::attempt::Undelivered;

/// Sends an event to a receiver, which confirms it by its status code.
pub(in crate::services) async fn post(
    services: &Services,
    webhook: &Webhook,
    event: &Event,
) -> Result<(), Undelivered> {
    let message = Message::of(event);
    let timestamp = services.clock.now().0.to_string();
    let signature = message.signature(&timestamp, &webhook.secrets);
    let headers = [
        ("webhook-id", message.id.as_str()),
        ("webhook-timestamp", &timestamp),
        ("webhook-signature", &signature),
    ];
    let url = webhook.url.as_str();
    match services.notifier.post(url, &headers, message.body.clone()).await {
        Ok(answer) if answer.is_success() => Ok(()),
        Ok(answer) => Err(Undelivered::answered(answer)),
        Err(error) => Err(Undelivered::without_answer(&error)),
    }
}

/// An event in the form that is sent.
struct Message {
    id: String,
    body: String,
}

impl Message {
    /// Creates the message of an event. Its id is unique, and is the same for each attempt.
    fn of(event: &Event) -> Self {
        let body = json!({ "type": event.action, "timestamp": event.at, "data": event });
        Self { id: format!("evt_{}", event.hash), body: body.to_string() }
    }

    /// Returns a signature for each secret.
    fn signature(&self, timestamp: &str, secrets: &[WebhookSecret]) -> String {
        let signed = format!("{}.{timestamp}.{}", self.id, self.body);
        let signatures = secrets.iter().map(|secret| {
            let code = mac::hmac_sha256(secret.bytes(), signed.as_bytes());
            format!("v1,{}", BASE64_STANDARD.encode(code))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Example from the specification of Standard Webhooks.
    #[test]
    fn the_signature_matches_the_standard_webhooks_example() {
        let message = Message {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(),
            body: r#"{"test": 2432232314}"#.to_owned(),
        };
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let secret = secret.expect("a secret");
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(message.signature("1614265330", std::slice::from_ref(&secret)), expected);
        let both = message.signature("1614265330", &[secret.clone(), secret]);
        assert_eq!(both, format!("{expected} {expected}"));
    }
}
