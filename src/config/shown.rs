//! The settings as people may see them: each value with its origin, without secrets.

use serde::Serialize;

use crate::config::sources::Settings;

/// A setting as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct ShownSetting {
    /// Its name, such as `token.lifetime`.
    pub key: String,
    /// The value that is in effect; a secret is masked.
    pub value: String,
    /// The source of the value.
    pub origin: String,
}

/// Every setting, in the order of the manual.
pub fn shown(settings: &Settings) -> Vec<ShownSetting> {
    let shown = |key: &String| ShownSetting {
        key: key.clone(),
        value: masked(key, &settings.text(key)),
        origin: settings.origin(key),
    };
    settings.keys().iter().map(shown).collect()
}

/// Hides what must not be read over a shoulder.
fn masked(key: &str, value: &str) -> String {
    match key {
        "master_key" | "console.oidc.client_secret" | "notifications.webhook_secret"
            if !value.is_empty() =>
        {
            format!("[set, {} characters]", value.len())
        }
        "database.url" => without_password(value),
        _ => value.to_owned(),
    }
}

/// A database URL whose password, in either place where it may stand, is masked.
fn without_password(value: &str) -> String {
    let Ok(mut url) = url::Url::parse(value) else { return value.to_owned() };
    if url.password().is_some() {
        // A URL that has a password can have another one.
        let _ = url.set_password(Some("masked"));
    }
    if url.query().is_some() {
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| match &*name {
                "password" => (name.into_owned(), "masked".to_owned()),
                _ => (name.into_owned(), value.into_owned()),
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
    }
    url.to_string()
}
