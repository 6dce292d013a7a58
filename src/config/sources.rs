//! Sources of settings: layers them by precedence and remembers the origin of each value.

mod secret_files;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Toml};
use figment::value::Value;

use crate::config::DEFAULTS;
use crate::config::command_variables::{self, SET_OPTION, is_command_variable};
use crate::config::parse::list;
use crate::config::problem::{ConfigError, ConfigProblem, SettingRemedy};
use crate::config::providers::{NamedLayer, SingleValue, leaves};
use crate::config::service_links::is_service_link;
use crate::config::sources::secret_files::secret_of;
use crate::text::suggestion;

/// The files that are read by default; a later file overrides an earlier one.
const USUAL_FILES: [&str; 2] = ["/etc/tokend/tokend.toml", "tokend.toml"];

/// The secret settings. They must not appear on a command line, which other users of the machine
/// can read.
pub(super) const SECRET_KEYS: [&str; 4] =
    ["master_key", "console.oidc.client_secret", "database.url", "notifications.webhook_secret"];

/// Settings from the command line.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// The files to read after the default ones.
    pub files: Vec<PathBuf>,
    /// The single values, each `key=value`.
    pub set: Vec<String>,
    /// The values from a command's own flags or fixed choices: key, value and origin.
    pub fixed: Vec<(&'static str, String, &'static str)>,
}

/// Layered settings with their origins. They contain secrets, so the type does not implement
/// `Debug`.
pub struct Settings {
    pub(super) figment: Figment,
    keys: Vec<String>,
    files: Vec<ValueFile>,
    problems: Vec<ConfigProblem>,
}

/// A file with the value of one setting, and the origin of that value.
struct ValueFile {
    origin: String,
    path: PathBuf,
}

impl Settings {
    /// Layers defaults, files, credentials, environment and flags. Fails at once only if the
    /// embedded defaults cannot be read. All other problems are in [`Settings::problems`].
    pub fn gather(flags: &Flags, environment: &[(String, String)]) -> Result<Self, ConfigError> {
        let mut gathering = SourceBuilder::new()?;
        for file in USUAL_FILES.map(Path::new) {
            if file.is_file() {
                gathering.file(file);
            }
        }
        for file in &flags.files {
            gathering.file(file);
        }
        gathering.credentials(environment);
        gathering.environment(environment);
        for (key, value, origin) in &flags.fixed {
            gathering.value(key, value.clone(), (*origin).to_owned());
        }
        for assignment in &flags.set {
            gathering.assignment(assignment);
        }
        Ok(gathering.finish())
    }

    /// Problems found while layering.
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }

    /// Returns every known key, section by section.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Returns the keys whose values differ in `other`.
    pub fn changed_keys<'a>(&'a self, other: &Self) -> Vec<&'a str> {
        let has_changed = |key: &&str| self.text(key) != other.text(key);
        self.keys.iter().map(String::as_str).filter(has_changed).collect()
    }

    fn value(&self, key: &str) -> Option<Value> {
        self.figment.find_value(key).ok()
    }

    /// Returns the value of a key as text; a list is joined by commas.
    pub fn text(&self, key: &str) -> String {
        self.value(key).map(|value| text_of(&value)).unwrap_or_default()
    }

    /// Returns the program and arguments of a command: the elements of a list, or a text that is
    /// split by the quoting rules of a shell. No shell runs. `None` if a quotation does not end.
    pub fn words(&self, key: &str) -> Option<Vec<String>> {
        match self.value(key) {
            Some(Value::Array(_, items)) => Some(items.iter().map(text_of).collect()),
            Some(value) => shlex::split(&text_of(&value)),
            None => Some(Vec::new()),
        }
    }

    /// Returns the elements of a list, each unchanged, or the comma-separated parts of a text.
    pub fn items(&self, key: &str) -> Vec<String> {
        match self.value(key) {
            Some(Value::Array(_, items)) => items.iter().map(text_of).collect(),
            Some(value) => list(&text_of(&value)).map(str::to_owned).collect(),
            None => Vec::new(),
        }
    }

    /// Returns the origin of the value of a key.
    pub fn origin(&self, key: &str) -> String {
        let Some(metadata) = self.figment.find_metadata(key) else {
            return "not set".to_owned();
        };
        match metadata.source.as_ref().and_then(|source| source.file_path()) {
            // The file and the line number, never the line: it may contain a secret.
            Some(path) => {
                match std::fs::read_to_string(path).ok().and_then(|text| line_of(&text, key)) {
                    Some(number) => format!("from {}:{number}", path.display()),
                    None => format!("from {}", path.display()),
                }
            }
            None => metadata.name.to_string(),
        }
    }

    /// Returns the file that contains only the value of this key, if such a file is the source.
    pub fn file_of(&self, key: &str) -> Option<PathBuf> {
        let origin = self.origin(key);
        self.files.iter().find(|file| file.origin == origin).map(|file| file.path.clone())
    }

    /// True if the value of the key comes from the embedded defaults.
    pub fn is_default(&self, key: &str) -> bool {
        self.origin(key) == DEFAULT_ORIGIN
    }
}

/// The origin of an embedded default.
const DEFAULT_ORIGIN: &str = "built-in default";

/// Converts a value to text; a list is joined by commas.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(_, text) => text.clone(),
        Value::Array(_, items) => items.iter().map(text_of).collect::<Vec<_>>().join(","),
        Value::Bool(_, truth) => truth.to_string(),
        Value::Num(_, number) => number
            .to_i128()
            .map(|whole| whole.to_string())
            .or_else(|| number.to_f64().map(|float| float.to_string()))
            .unwrap_or_default(),
        _ => String::new(),
    }
}

/// Builds [`Settings`] by merging one layer after another.
struct SourceBuilder {
    figment: Figment,
    keys: Vec<String>,
    by_variable: BTreeMap<String, String>,
    files: Vec<ValueFile>,
    problems: Vec<ConfigProblem>,
}

impl SourceBuilder {
    fn new() -> Result<Self, ConfigError> {
        let figment = Figment::from(NamedLayer {
            name: DEFAULT_ORIGIN.to_owned(),
            inner: Toml::string(DEFAULTS),
        });
        let keys = leaves(&figment).map_err(|error| {
            ConfigError::new(vec![ConfigProblem {
                code: "E-CONF-FILE",
                setting: String::new(),
                what: "the embedded defaults cannot be read".to_owned(),
                origin: error,
                remedy: "this is a fault of the binary; please report it".into(),
            }])
        })?;
        let by_variable = keys.iter().map(|key| (variable_of(key), key.clone())).collect();
        Ok(Self { figment, keys, by_variable, files: Vec::new(), problems: Vec::new() })
    }

    fn file(&mut self, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                self.problems.push(ConfigProblem {
                    code: "E-CONF-FILE",
                    setting: String::new(),
                    what: format!("the file {} cannot be read", path.display()),
                    origin: error.to_string(),
                    remedy: "check its name and who may read it".into(),
                });
                return;
            }
        };
        let layer = Figment::from(Toml::file_exact(path));
        match leaves(&layer) {
            Ok(found) => {
                self.reject_unknown(path, &text, &found);
                self.figment = std::mem::take(&mut self.figment).merge(Toml::file_exact(path));
                self.secret_files(path, &layer, &found);
            }
            Err(error) => self.problems.push(ConfigProblem {
                code: "E-CONF-SYNTAX",
                setting: String::new(),
                what: format!("{} is not valid TOML", path.display()),
                origin: without_quotes(&error),
                remedy: "fix the line it names".into(),
            }),
        }
    }

    fn reject_unknown(&mut self, path: &Path, text: &str, found: &[String]) {
        let is_known = |key: &String| self.keys.contains(key) || secret_of(key).is_some();
        for key in found.iter().filter(|key| !is_known(key)) {
            // The file and the line number, never the line: it may contain a secret.
            let origin = match line_of(text, key) {
                Some(number) => format!("{}:{number}", path.display()),
                None => format!("in {}", path.display()),
            };
            self.problems.push(unknown(key, &self.keys, origin));
        }
    }

    fn environment(&mut self, environment: &[(String, String)]) {
        let is_ours = |name: &str, value: &str| {
            name.starts_with("TOKEND_")
                && !is_command_variable(name)
                && !is_service_link(name, value)
        };
        let ours = environment.iter().filter(|(name, value)| is_ours(name, value));
        let mut ours: Vec<_> = ours.collect();
        // A value from a file overrides a plain one. Having both is rejected below.
        ours.sort_by_key(|(name, _)| (name.ends_with("_FILE"), name.clone()));
        for (name, value) in ours {
            if let Some(key) = self.by_variable.get(name).cloned() {
                self.value(&key, value.clone(), format!("from {name}"));
            } else if let Some(key) =
                name.strip_suffix("_FILE").and_then(|plain| self.by_variable.get(plain)).cloned()
            {
                self.value_by_file(&key, name, value, environment);
            } else {
                let of_commands = command_variables::NAMES.map(str::to_owned);
                let variables: Vec<String> =
                    self.by_variable.keys().cloned().chain(of_commands).collect();
                let problem = unknown(name, &variables, "in the environment".to_owned());
                self.problems.push(problem);
            }
        }
    }

    fn assignment(&mut self, assignment: &str) {
        let Some((key, value)) = assignment.split_once('=') else {
            self.problems.push(ConfigProblem {
                code: "E-CONF-SET",
                setting: String::new(),
                what: format!("{SET_OPTION} {assignment} has no equals sign"),
                origin: "on the command line".to_owned(),
                remedy: SettingRemedy::WriteAssignment,
            });
            return;
        };
        if SECRET_KEYS.contains(&key) {
            self.problems.push(ConfigProblem {
                code: "E-CONF-SECRET",
                setting: key.to_owned(),
                what: format!("`{key}` may not be set on a command line"),
                origin: format!("{SET_OPTION}: other users of the machine could read it"),
                remedy: format!("use {} or {}_FILE", variable_of(key), variable_of(key)).into(),
            });
        } else if self.keys.iter().any(|known| known == key) {
            self.value(key, value.to_owned(), format!("from {SET_OPTION} on the command line"));
        } else {
            let problem = unknown(key, &self.keys, format!("{SET_OPTION} on the command line"));
            self.problems.push(problem);
        }
    }

    fn value(&mut self, key: &str, value: String, origin: String) {
        let single = SingleValue { key: key.to_owned(), value, origin };
        self.figment = std::mem::take(&mut self.figment).merge(single);
    }

    fn finish(self) -> Settings {
        let Self { figment, keys, files, problems, .. } = self;
        Settings { figment, keys, files, problems }
    }
}

/// Returns the number of the line that sets a dotted key.
fn line_of(text: &str, wanted: &str) -> Option<usize> {
    let mut section = String::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.split(']').next().unwrap_or_default().trim());
        } else if let Some((name, _)) = line.split_once('=')
            && format!("{section}{}", name.trim()) == wanted
        {
            return Some(index + 1);
        }
    }
    None
}

/// Returns the message of a TOML parser without the lines that it quotes from the file.
fn without_quotes(message: &str) -> String {
    // The last line names the file, which the problem already contains.
    let is_said = |line: &str| line.contains('|') || line.trim_end().ends_with("TOML file");
    let lines = message.lines().filter(|line| !is_said(line)).map(str::trim);
    lines.collect::<Vec<_>>().join(": ")
}

/// Returns the environment variable of a key: `token.lifetime` is `TOKEND_TOKEN_LIFETIME`.
pub fn variable_of(key: &str) -> String {
    format!("TOKEND_{}", key.replace('.', "_").to_uppercase())
}

fn unknown(key: &str, known: &[String], origin: String) -> ConfigProblem {
    let nearest = suggestion::nearest(key, known.iter().cloned());
    ConfigProblem {
        code: "E-CONF-UNKNOWN",
        setting: key.to_owned(),
        what: format!("unknown setting `{key}`"),
        origin,
        remedy: match nearest {
            Some(candidate) => format!("did you mean `{candidate}`?").into(),
            None => SettingRemedy::ListSettings,
        },
    }
}
