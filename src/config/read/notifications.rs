//! Settings of notifications.

use zeroize::Zeroizing;

use crate::config::parse::{ValueProblem, list, networks};
use crate::config::read::SettingsReader;
use crate::config::{NotificationSettings, Webhook};
use crate::model::Malformed;
use crate::model::event::Action;
use crate::model::webhook::{WebhookSecret, WebhookUrl};

/// The maximum number of receivers. Each receiver has its own task.
const MAX_WEBHOOKS: usize = 8;

const SECRET: &str = "notifications.webhook_secret";

impl SettingsReader<'_> {
    /// Parses the settings of notifications and records every problem. The second value is the sink
    /// of the audit log with its secrets, if the sink is a webhook.
    pub(in crate::config) fn notifications(
        &mut self,
        sink: Option<&WebhookUrl>,
    ) -> Option<(NotificationSettings, Option<Webhook>)> {
        let urls = self.parsed("notifications.webhooks", webhooks);
        let events = self.parsed("notifications.events", events);
        let allowed_networks = self.parsed("notifications.allowed_networks", networks);
        let secrets = self.webhook_secrets();
        let urls = urls?.into_iter().chain(sink.cloned()).collect();
        let mut webhooks = match with_secrets(urls, &secrets?) {
            Ok(webhooks) => webhooks,
            Err(problem) => {
                self.complain(SECRET, &problem, "E-CONF-VALUE", MAKE_SECRET);
                return None;
            }
        };
        let sink = sink.and_then(|_| webhooks.pop());
        let (events, allowed_networks) = (events?, allowed_networks?);
        Some((NotificationSettings { webhooks, events, allowed_networks }, sink))
    }

    fn webhook_secrets(&mut self) -> Option<Vec<NamedSecret>> {
        let text = Zeroizing::new(self.settings.text(SECRET));
        let secrets: Result<Vec<_>, _> = list(&text).map(NamedSecret::parse).collect();
        secrets
            .map_err(|problem| {
                self.complain(SECRET, &problem.to_string(), "E-CONF-VALUE", MAKE_SECRET);
            })
            .ok()
    }
}

/// A secret, and the URL prefix of the receivers that it signs for.
#[derive(Debug)]
struct NamedSecret {
    /// A host, or a host with the beginning of a path. Empty: the secret is for every receiver
    /// without its own secret.
    receiver: String,
    secret: WebhookSecret,
}

impl NamedSecret {
    fn parse(text: &str) -> Result<Self, Malformed> {
        // A plain secret contains `=` only at its end. The name must not contain a secret, because
        // problems show it.
        let (receiver, secret) = match text.split_once("=whsec_") {
            Some((receiver, _)) if !receiver.contains("whsec_") => {
                (receiver, text.get(receiver.len() + 1..).unwrap_or_default())
            }
            _ => ("", text),
        };
        Ok(Self { receiver: receiver.trim().to_owned(), secret: WebhookSecret::parse(secret)? })
    }

    fn is_for(&self, url: &WebhookUrl) -> bool {
        let rest =
            url.as_str().strip_prefix("https://").and_then(|url| url.strip_prefix(&self.receiver));
        !self.receiver.is_empty()
            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    }
}

/// Assigns each receiver its own secrets, or else those without a name.
fn with_secrets(
    urls: Vec<WebhookUrl>,
    secrets: &[NamedSecret],
) -> Result<Vec<Webhook>, ValueProblem> {
    let unused = secrets
        .iter()
        .find(|named| !named.receiver.is_empty() && !urls.iter().any(|url| named.is_for(url)));
    if let Some(named) = unused {
        return Err(format!(
            "has a secret for {}, and no URL of `notifications.webhooks` or `audit.sink` begins so \
             after https://",
            named.receiver
        ));
    }
    urls.into_iter().map(|url| {
        let found = |is_meant: &dyn Fn(&NamedSecret) -> bool| -> Vec<WebhookSecret> {
            let found = secrets.iter().filter(|named| is_meant(named));
            found.map(|named| named.secret.clone()).collect()
        };
        let own = found(&|named| named.is_for(&url));
        let secrets = if own.is_empty() { found(&|named| named.receiver.is_empty()) } else { own };
        if secrets.is_empty() {
            return Err(format!(
                "has no secret for the receiver {}: it could not tell a message from a forged one",
                url.authority()
            ));
        }
        Ok(Webhook { url, secrets })
    }).collect()
}

const MAKE_SECRET: &str = "make one with: echo \"whsec_$(openssl rand -base64 32)\"";

fn webhooks(text: &str) -> Result<Vec<WebhookUrl>, ValueProblem> {
    let urls: Vec<_> = list(text)
        .map(|url| {
            WebhookUrl::parse(url).map_err(|problem| format!("contains a wrong URL: {problem}"))
        })
        .collect::<Result<_, _>>()?;
    if urls.len() > MAX_WEBHOOKS {
        return Err(format!("contains more than {MAX_WEBHOOKS} URLs"));
    }
    if urls.iter().enumerate().any(|(place, url)| urls[..place].contains(url)) {
        return Err("contains a URL twice".to_owned());
    }
    Ok(urls)
}

/// Parses a list of actions and groups of actions.
fn events(text: &str) -> Result<Vec<&'static str>, ValueProblem> {
    let mut found = Vec::new();
    for name in list(text) {
        let group = format!("{name}.");
        let known = Action::ALL.into_iter().map(Action::as_str);
        let before = found.len();
        found.extend(known.filter(|action| *action == name || action.starts_with(&group)));
        if found.len() == before {
            return Err(format!(
                "contains {name:?}, which is not an action of an event, such as secret.leaked, or a group of actions, such as secret"
            ));
        }
    }
    if found.is_empty() { Err("is empty; name an action".to_owned()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_actions_or_groups() {
        assert_eq!(events("client.disabled"), Ok(vec!["client.disabled"]));
        assert!(events("secret").expect("a group").contains(&"secret.leaked"));
        for wrong in ["", "client.disable", "secrets"] {
            assert!(events(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_receiver_has_its_own_secrets_or_the_common_ones() {
        let secret = |byte: u8| {
            use base64::Engine;
            format!("whsec_{}", base64::prelude::BASE64_STANDARD.encode([byte; 25]))
        };
        let urls = || webhooks("https://a.example/x,https://b.example:8443/y?z").expect("URLs");
        let bytes = |texts: &[String]| {
            let secrets: Result<Vec<_>, _> =
                texts.iter().map(|it| NamedSecret::parse(it)).collect();
            let webhooks = with_secrets(urls(), &secrets.expect("secrets"))?;
            let first = |webhook: Webhook| {
                webhook.secrets.iter().map(|secret| secret.bytes()[0]).collect::<Vec<_>>()
            };
            Ok::<_, String>(webhooks.into_iter().map(first).collect::<Vec<_>>())
        };
        let of = |receiver: &str, byte| format!("{receiver}={}", secret(byte));
        assert_eq!(bytes(&[secret(1), secret(2)]), Ok(vec![vec![1, 2], vec![1, 2]]));
        assert_eq!(
            bytes(&[secret(1), of("b.example:8443", 2), of("b.example:8443/y", 3)]),
            Ok(vec![vec![1], vec![2, 3]])
        );
        assert_eq!(
            bytes(&[of("a.example/x", 1), of("b.example:8443", 2)]),
            Ok(vec![vec![1], vec![2]])
        );
        for (secrets, text) in [
            (vec![of("a.example", 1)], "no secret for the receiver b.example:8443"),
            (vec![secret(1), of("c.example", 2)], "a secret for c.example"),
            (vec![secret(1), of("b.example", 2)], "a secret for b.example"),
            (vec![secret(1), of("a.exam", 2)], "a secret for a.exam"),
        ] {
            let problem = bytes(&secrets).expect_err("a problem");
            assert!(problem.contains(text) && !problem.contains("whsec"), "{problem}");
        }
    }

    #[test]
    fn webhooks_are_at_most_eight_distinct_https_urls() {
        let many: Vec<_> = (0..9).map(|n| format!("https://a.example/{n}")).collect();
        assert_eq!(webhooks("").expect("none").len(), 0);
        assert_eq!(webhooks(&many[..8].join(",")).expect("eight").len(), 8);
        for wrong in [many.join(","), "http://a.example/".into(), "https://a/,https://a/".into()] {
            assert!(webhooks(&wrong).is_err(), "{wrong}");
        }
    }
}
