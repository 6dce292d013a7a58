//! Settings whose values are in separate files.

use std::path::{Path, PathBuf};

use figment::Figment;
use zeroize::Zeroizing;

use crate::config::problem::ConfigProblem;
use crate::config::sources::{SECRET_KEYS, SourceBuilder, ValueFile, text_of, variable_of};

/// The variable with the path of the folder of the service's systemd credentials (systemd.exec(5)).
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// Returns the secret setting of a key such as `master_key_file`, which names a file with the
/// value.
pub(super) fn secret_of(key: &str) -> Option<&'static str> {
    let name = key.strip_suffix("_file")?;
    SECRET_KEYS.into_iter().find(|secret| *secret == name)
}

impl SourceBuilder {
    /// Reads the files that a settings file names for secrets, such as `master_key_file`.
    pub(super) fn secret_files(&mut self, path: &Path, layer: &Figment, found: &[String]) {
        for name in found {
            let Some(key) = secret_of(name) else { continue };
            let value = layer.find_value(name).map(|value| text_of(&value)).unwrap_or_default();
            if value.is_empty() {
                continue;
            }
            if found.iter().any(|other| other == key) {
                self.problems.push(ConfigProblem {
                    code: "E-CONF-TWICE",
                    setting: key.to_owned(),
                    what: format!("`{key}` is set twice"),
                    origin: format!("`{key}` and `{name}` are both in {}", path.display()),
                    remedy: "remove one of them".into(),
                });
                continue;
            }
            self.read_value(key, &format!("from {name} in {}", path.display()), &value);
        }
    }

    pub(super) fn value_by_file(
        &mut self,
        key: &str,
        name: &str,
        path: &str,
        environment: &[(String, String)],
    ) {
        let plain = variable_of(key);
        if environment.iter().any(|(other, _)| *other == plain) {
            self.problems.push(ConfigProblem {
                code: "E-CONF-TWICE",
                setting: key.to_owned(),
                what: format!("`{key}` is set twice"),
                origin: format!("{plain} and {name} are both present"),
                remedy: "remove one of them".into(),
            });
            return;
        }
        self.read_value(key, &format!("from {name}"), path);
    }

    /// Reads the systemd credentials of this service: files named like settings. systemd controls
    /// which users can read them, so their modes are not checked.
    pub(super) fn credentials(&mut self, environment: &[(String, String)]) {
        let is_set =
            |(name, value): &&(String, String)| name == CREDENTIALS_DIRECTORY && !value.is_empty();
        let Some((_, folder)) = environment.iter().find(is_set) else { return };
        for key in SECRET_KEYS {
            let path = Path::new(folder).join(key);
            if !matches!(path.try_exists(), Ok(false)) {
                let named_by = format!("from the systemd credential {key}");
                self.read_file(key, &named_by, &path.display().to_string());
            }
        }
    }

    /// Sets a key to the content of a file and remembers the file. `named_by` is the source of the
    /// path.
    fn read_value(&mut self, key: &str, named_by: &str, path: &str) {
        if let Some(origin) = self.read_file(key, named_by, path) {
            self.files.push(ValueFile { origin, path: PathBuf::from(path) });
        }
    }

    /// Sets a key to the content of a file. Returns the origin of the value.
    fn read_file(&mut self, key: &str, named_by: &str, path: &str) -> Option<String> {
        let problem = match std::fs::read_to_string(path).map(Zeroizing::new) {
            Ok(text) => {
                let value = text.trim_end_matches(['\n', '\r']).to_owned();
                let origin = format!("{named_by} ({path})");
                self.value(key, value, origin.clone());
                return Some(origin);
            }
            Err(_) if path.starts_with('~') => "`~` is not expanded here".to_owned(),
            Err(error) => error.to_string(),
        };
        self.problems.push(ConfigProblem {
            code: "E-CONF-FILE",
            setting: key.to_owned(),
            what: format!("the file for `{key}` cannot be read"),
            origin: format!("{named_by} = {path}: {problem}"),
            remedy: "check the path and that the user tokend runs as may read it".into(),
        });
        None
    }
}
