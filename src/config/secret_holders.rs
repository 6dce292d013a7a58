//! Lists the files that hold secret settings: files that a setting names, and settings files that
//! contain a secret.

use std::path::PathBuf;

use url::Url;

use crate::config::sources::{SECRET_KEYS, Settings};

impl Settings {
    /// Returns the files that hold secret settings, without duplicates. A database URL without a
    /// password is not a secret. The file of the master key is not included.
    pub fn files_with_secrets(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = Vec::new();
        for key in SECRET_KEYS {
            let text = self.text(key);
            let is_secret = match key {
                "database.url" => has_password(&text),
                _ => !text.is_empty(),
            };
            let holder = match self.file_of(key) {
                Some(_) if key == "master_key" => None,
                Some(file) => Some(file),
                None => self.settings_file_of(key),
            };
            files.extend(holder.filter(|_| is_secret));
        }
        files.sort();
        files.dedup();
        files
    }

    /// Returns the settings file that gives the key its value.
    fn settings_file_of(&self, key: &str) -> Option<PathBuf> {
        let source = self.figment.find_metadata(key)?.source.as_ref()?;
        source.file_path().map(PathBuf::from)
    }
}

fn has_password(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password")
    })
}

#[cfg(test)]
mod tests {
    use crate::config::sources::{Flags, Settings};

    #[test]
    fn only_files_with_a_secret_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let file = |name: &str, text: &str| {
            std::fs::write(path(name), text).expect("written");
            path(name)
        };
        let plain = file("plain.toml", "[database]\nurl = \"postgres://u@h/d\"\n");
        let webhook = file("webhook", "whsec_x");
        let key = file("key", "k");
        let text = format!(
            "master_key_file = {key:?}\n[database]\nurl = \"postgres://u:p@h/d\"\n\
             [notifications]\nwebhook_secret_file = {webhook:?}\n"
        );
        let secret = file("secret.toml", &text);
        let holders = |file: &std::path::Path| {
            let flags = Flags { files: vec![file.to_owned()], ..Flags::default() };
            Settings::gather(&flags, &[]).expect("settings").files_with_secrets()
        };
        assert!(holders(&plain).is_empty());
        assert_eq!(holders(&secret), [secret.clone(), webhook.clone()]);
        let text = "master_key = \"k\"\n";
        let with_key = file("with-key.toml", text);
        assert_eq!(holders(&with_key), std::slice::from_ref(&with_key));
    }
}
