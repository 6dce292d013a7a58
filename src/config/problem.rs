//! Problems of the settings: each one with its origin and remedy, all reported at once.

use std::borrow::Cow;
use std::fmt;

/// The codes of problems and their meanings. `docs/errors.md` lists them.
pub const PROBLEM_CODES: [(&str, &str); 9] = [
    ("E-CONF-FILE", "A file of settings, or one that a setting names, cannot be read."),
    ("E-CONF-SYNTAX", "A file of settings is not TOML."),
    ("E-CONF-UNKNOWN", "A setting is not known."),
    ("E-CONF-SET", "A setting on the command line is not KEY=VALUE."),
    ("E-CONF-TWICE", "One source gives a setting twice."),
    ("E-CONF-SECRET", "A secret is given where other users can read it."),
    (
        "E-CONF-VALUE",
        "A value is not allowed, does not fit another setting, or names an unusable file.",
    ),
    ("E-CONF-ISSUER", "`issuer` is missing or not allowed."),
    ("E-CONF-MODE", "Other users can read the file of the master key."),
];

/// A problem of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// A stable code, such as `E-CONF-UNKNOWN`.
    pub code: &'static str,
    /// The setting or variable; empty for a problem of a file or of the command line.
    pub setting: String,
    /// The problem, with the name of the setting.
    pub what: String,
    /// The origin of the value.
    pub origin: String,
    /// The remedy.
    pub remedy: SettingRemedy,
}

/// The remedy for a problem of the settings, as data: `remedies` turns it into text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingRemedy {
    /// A text that names neither a command nor an option of tokend.
    Text(Cow<'static, str>),
    /// Look the setting up in the list of all settings.
    ListSettings,
    /// Set `issuer`.
    SetIssuer,
    /// Write a setting on the command line as key and value.
    WriteAssignment,
}

impl From<&'static str> for SettingRemedy {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for SettingRemedy {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

/// All problems of the settings; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    problems: Vec<ConfigProblem>,
}

impl ConfigError {
    /// Wraps a list of problems.
    pub fn new(problems: Vec<ConfigProblem>) -> Self {
        Self { problems }
    }

    /// Returns the number of problems as text.
    pub fn summary(&self) -> String {
        match self.problems.len() {
            1 => "1 problem in the configuration".to_owned(),
            count => format!("{count} problems in the configuration"),
        }
    }

    /// Returns the problems by value.
    pub fn into_problems(self) -> Vec<ConfigProblem> {
        self.problems
    }

    /// Returns the problems, in the order in which they were found.
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.summary())?;
        for (position, ConfigProblem { what, code, origin, .. }) in self.problems.iter().enumerate()
        {
            let separator = if position == 0 { ": " } else { "; " };
            write!(formatter, "{separator}{what} [{code}] ({origin})")?;
        }
        Ok(())
    }
}
