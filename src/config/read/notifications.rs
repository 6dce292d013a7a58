//! The settings of notifications.

use zeroize::Zeroizing;

use crate::config::NotificationSettings;
use crate::config::parse::{ConfigProblem, list};
use crate::config::read::SettingsReader;
use crate::model::event::Action;
use crate::model::webhook::{WebhookSecret, WebhookUrl};

/// How many receivers there may be: each one has a task.
const MAX_WEBHOOKS: usize = 8;

const SECRET: &str = "notifications.webhook_secret";

impl SettingsReader<'_> {
    /// Where notifications are sent; every problem is noted.
    pub(super) fn notifications(&mut self) -> Option<NotificationSettings> {
        let webhooks = self.parsed("notifications.webhooks", webhooks);
        let events = self.parsed("notifications.events", events);
        let secrets = self.webhook_secrets();
        let (webhooks, secrets) = (webhooks?, secrets?);
        if secrets.is_empty() && !webhooks.is_empty() {
            self.complain(
                SECRET,
                "is not set, but `notifications.webhooks` is: a receiver could not tell our messages from forged ones",
                "E-CONF-VALUE",
                MAKE_SECRET,
            );
            return None;
        }
        Some(NotificationSettings { webhooks, secrets, events: events? })
    }

    fn webhook_secrets(&mut self) -> Option<Vec<WebhookSecret>> {
        let text = Zeroizing::new(self.settings.text(SECRET));
        let secrets: Result<Vec<_>, _> = list(&text).map(WebhookSecret::parse).collect();
        secrets
            .map_err(|problem| {
                self.complain(SECRET, &problem.to_string(), "E-CONF-VALUE", MAKE_SECRET);
            })
            .ok()
    }
}

const MAKE_SECRET: &str = "make one with: echo \"whsec_$(openssl rand -base64 32)\"";

fn webhooks(text: &str) -> Result<Vec<WebhookUrl>, ConfigProblem> {
    let urls: Vec<_> = list(text)
        .map(|url| {
            WebhookUrl::parse(url).map_err(|problem| format!("holds a wrong URL: {problem}"))
        })
        .collect::<Result<_, _>>()?;
    if urls.len() > MAX_WEBHOOKS {
        return Err(format!("holds more than {MAX_WEBHOOKS} URLs"));
    }
    if urls.iter().enumerate().any(|(place, url)| urls[..place].contains(url)) {
        return Err("holds a URL twice".to_owned());
    }
    Ok(urls)
}

/// Actions and groups of actions.
fn events(text: &str) -> Result<Vec<&'static str>, ConfigProblem> {
    let mut found = Vec::new();
    for name in list(text) {
        let group = format!("{name}.");
        let known = Action::ALL.into_iter().map(Action::as_str);
        let before = found.len();
        found.extend(known.filter(|action| *action == name || action.starts_with(&group)));
        if found.len() == before {
            return Err(format!(
                "holds {name:?}, which is not an action of an event, such as secret.leaked, or a group of actions, such as secret"
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
    fn webhooks_are_few_https_urls() {
        let many: Vec<_> = (0..9).map(|n| format!("https://a.example/{n}")).collect();
        assert_eq!(webhooks("").expect("none").len(), 0);
        assert_eq!(webhooks(&many[..8].join(",")).expect("eight").len(), 8);
        for wrong in [many.join(","), "http://a.example/".into(), "https://a/,https://a/".into()] {
            assert!(webhooks(&wrong).is_err(), "{wrong}");
        }
    }
}
