//! Remedies for problems of the settings.

use std::fmt::Write;

use crate::config::problem::{ConfigError, SettingRemedy};

/// Returns how to fix one problem of the settings.
pub fn of_setting(remedy: &SettingRemedy) -> String {
    let text = match remedy {
        SettingRemedy::Text(text) => return text.clone().into_owned(),
        SettingRemedy::ListSettings => "tokend config defaults lists every setting",
        SettingRemedy::SetIssuer => {
            "set TOKEND_ISSUER=https://id.example.com (for a first look: tokend dev)"
        }
        SettingRemedy::WriteAssignment => "write --set key=value, such as --set token.lifetime=30m",
    };
    text.to_owned()
}

/// Returns all problems of the settings, each with its origin and its fix.
pub fn report_of_settings(error: &ConfigError) -> String {
    let mut text = format!("{}\n", error.summary());
    for (position, problem) in error.problems().iter().enumerate() {
        let number = position + 1;
        let _ = writeln!(text, "\n  {number}  {:<56} [{}]", problem.what, problem.code);
        let _ = writeln!(text, "     {}", problem.origin);
        let _ = writeln!(text, "     {}", of_setting(&problem.remedy));
    }
    text.push_str("\n  Nothing was started. Every setting and its meaning: tokend config defaults");
    text
}
