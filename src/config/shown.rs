//! The settings in a form that is safe to print: values with their origins, without secrets.

use serde::Serialize;
use url::Url;

use crate::config::parse::list;
use crate::config::sources::Settings;

/// The settings whose values are never quoted in a problem: any part of a wrong value may be a
/// secret.
pub(super) const HIDDEN_IN_PROBLEMS: [&str; 7] = [
    "master_key",
    "console.oidc.client_secret",
    "master_key_command",
    "database.url",
    "notifications.webhooks",
    "notifications.webhook_secret",
    "audit.sink",
];

/// A setting in a form that is safe to print.
#[derive(Debug, Clone, Serialize)]
pub struct ShownSetting {
    /// The name, such as `token.lifetime`.
    pub key: String,
    /// The effective value; secrets are masked.
    pub value: String,
    /// The source of the value.
    pub origin: String,
    /// True if the value does not come from a file, a variable or an option.
    #[serde(skip)]
    pub is_default: bool,
}

/// Returns every setting, in the order of [`Settings::keys`].
pub fn shown(settings: &Settings) -> Vec<ShownSetting> {
    let shown = |key: &String| ShownSetting {
        key: key.clone(),
        value: shown_value(settings, key),
        origin: settings.origin(key),
        is_default: settings.is_default(key),
    };
    settings.keys().iter().map(shown).collect()
}

/// Hides secrets. Paths and queries of webhook URLs are often secrets, and so are the arguments of
/// a command.
fn shown_value(settings: &Settings, key: &str) -> String {
    let value = settings.text(key);
    match key {
        _ if value.is_empty() => value,
        "master_key" | "console.oidc.client_secret" | "notifications.webhook_secret" => {
            masked(&value)
        }
        "master_key_command" => match settings.words(key).as_deref() {
            Some([program]) => program.clone(),
            Some([program, arguments @ ..]) => {
                format!("{program} [arguments: {}]", arguments.len())
            }
            Some([]) | None => masked(&value),
        },
        "database.url" => without_password(&value),
        "notifications.webhooks" => list(&value).map(authority).collect::<Vec<_>>().join(","),
        "audit.sink" if value.contains("//") => authority(&value),
        _ => value,
    }
}

/// Returns the text that replaces a secret.
fn masked(value: &str) -> String {
    format!("[set, {} characters]", value.len())
}

/// Returns the scheme, the host and the port of a URL.
fn authority(value: &str) -> String {
    match Url::parse(value) {
        Ok(url) if url.has_host() && !url.host_str().unwrap_or_default().is_empty() => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
        }
        _ => masked(value),
    }
}

/// Masks the password of a database URL, in the authority and in the query. A URL that cannot be
/// parsed, such as one with several hosts, is masked as a whole.
fn without_password(value: &str) -> String {
    let Ok(mut url) = Url::parse(value) else { return masked(value) };
    let after_host = [url.path(), url.query().unwrap_or_default()];
    // The password contains an unencoded character, so a part of it is outside the password field.
    if url.fragment().is_some() || after_host.iter().any(|part| part.contains('@')) {
        return masked(value);
    }
    if url.password().is_some() {
        // `set_password` cannot fail for a URL that already has a password.
        let _ = url.set_password(Some("masked"));
    }
    if url.query().is_some() {
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| match &*name {
                name if name.to_ascii_lowercase().contains("password") => {
                    (name.to_owned(), "masked".to_owned())
                }
                _ => (name.into_owned(), value.into_owned()),
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use crate::config::sources::{Flags, Settings};

    fn shown(variable: &str, value: &str) -> String {
        let environment = [(format!("TOKEND_{variable}"), value.to_owned())];
        let settings = Settings::gather(&Flags::default(), &environment).expect("settings");
        let all = super::shown(&settings);
        let found = all.into_iter().find(|setting| setting.origin.contains(variable));
        found.expect("the setting").value
    }

    #[test]
    fn no_secret_in_a_url_or_a_command_is_shown() {
        for (variable, value, is) in [
            ("DATABASE_URL", "postgres://u:Zq@one:1,two:2/d", "[set, 29 characters]"),
            ("DATABASE_URL", "postgres://u:Zq@one,two/d", "postgres://u:masked@one,two/d"),
            ("DATABASE_URL", "postgres://u:p/Zq@h/d", "[set, 21 characters]"),
            ("DATABASE_URL", "postgres://u:1/Zq@h/d", "[set, 21 characters]"),
            ("DATABASE_URL", "postgres://u:1#Zq@h/d", "[set, 21 characters]"),
            ("DATABASE_URL", "postgres://u:Zq@h/d", "postgres://u:masked@h/d"),
            ("DATABASE_URL", "postgres://h/d?password=Zq", "postgres://h/d?password=masked"),
            ("DATABASE_URL", "sqlite:///a.db", "sqlite:///a.db"),
            (
                "NOTIFICATIONS_WEBHOOKS",
                "https://u:Zq@a.example:8443/s/Zq?t=Zq,https://b.example/Zq",
                "https://a.example:8443,https://b.example",
            ),
            ("NOTIFICATIONS_WEBHOOKS", "hooks.example/Zq", "[set, 16 characters]"),
            ("AUDIT_SINK", "https://u:Zq@a.example/Zq?Zq", "https://a.example"),
            ("AUDIT_SINK", "file:/var/log/a.jsonl", "file:/var/log/a.jsonl"),
            ("AUDIT_SINK", "stdout", "stdout"),
            ("MASTER_KEY_COMMAND", "sh -c 'echo Zq'", "sh [arguments: 2]"),
            ("MASTER_KEY_COMMAND", "/bin/key", "/bin/key"),
            ("MASTER_KEY_COMMAND", "sh -c 'echo Zq", "[set, 14 characters]"),
        ] {
            assert_eq!(shown(variable, value), is, "{variable}: {value}");
        }
    }
}
