//! `docs/settings.md` is generated from `config/default.toml`.

use tokend::config::DEFAULTS;
use tokend::config::live::LIVE_KEYS;
use tokend::config::sources::variable_of;

use crate::support::generated::assert_current;

const PAGE: &str = "docs/settings.md";

const INTRODUCTION: &str = "# Settings

<!-- Generated from config/default.toml by `make docs`. Do not edit. -->

```console
$ TOKEND_TOKEN_LIFETIME=15m tokend config show
SETTING                           VALUE                                                ORIGIN
…
token.lifetime                    15m                                                  from TOKEND_TOKEN_LIFETIME
token.lifetime_max                24h                                                  built-in default
…
```

`tokend config show` prints each setting with its value and its source. `tokend config defaults` prints a settings file with all defaults and their meanings.
`tokend check-config` reports every problem at once, with the source of the value.

## Sources
";

/// A setting, as described in the file.
struct Setting {
    key: String,
    section: String,
    default: String,
    meaning: String,
}

impl Setting {
    /// Returns the default as a cell of a table: code, or empty.
    fn cell(&self) -> String {
        if self.default.is_empty() { String::new() } else { format!("`{}`", self.default) }
    }

    /// Returns the anchor of its heading.
    fn anchor(&self) -> String {
        self.key.replace('.', "")
    }
}

/// Returns the settings of the file in order, each with the comment above it.
fn settings() -> Vec<Setting> {
    let (mut found, mut section, mut meaning) = (Vec::new(), String::new(), Vec::new());
    for line in DEFAULTS.lines() {
        if let Some(comment) = line.strip_prefix('#') {
            meaning.push(comment.strip_prefix(' ').unwrap_or(comment));
        } else if let Some(name) = line.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut section);
        } else if let Some((name, value)) = line.split_once(" = ") {
            let dot = if section.is_empty() { "" } else { "." };
            assert!(!meaning.is_empty(), "{name} of config/default.toml has no comment of its own");
            found.push(Setting {
                key: format!("{section}{dot}{name}"),
                section: section.clone(),
                default: value.replace(['"', '[', ']'], ""),
                meaning: std::mem::take(&mut meaning).join("\n"),
            });
        } else {
            meaning.clear();
        }
    }
    found
}

/// Returns the sources of settings: the comment at the head of the file without its first
/// paragraph.
fn sources() -> String {
    let head = DEFAULTS.split("\n\n").next().unwrap_or_default();
    let lines = head.lines().map(|line| line.trim_start_matches('#').trim());
    let text = lines.collect::<Vec<_>>().join("\n");
    text.split_once("\n\n").expect("two paragraphs").1.to_owned()
}

/// Returns the heading of a section.
fn title(section: &str) -> String {
    match section {
        "" => "Server".to_owned(),
        "tls" => "TLS".to_owned(),
        _ => section[..1].to_uppercase() + &section[1..],
    }
}

/// The table of settings is generated from the defaults, and so is the rest of the page.
#[test]
fn the_page_of_settings_is_current() {
    let settings = settings();
    assert!(settings.len() > 40, "only {} settings", settings.len());
    let mut page = format!("{INTRODUCTION}\n{}\n\n## All settings\n\n", sources());
    page.push_str("| Setting | Environment | Default |\n|---|---|---|\n");
    for setting in &settings {
        let (key, cell) = (&setting.key, setting.cell());
        let (anchor, variable) = (setting.anchor(), variable_of(key));
        page.push_str(&format!("| [`{key}`](#{anchor}) | `{variable}` | {cell} |\n"));
    }
    let mut section = None;
    for setting in &settings {
        if section != Some(&setting.section) {
            page.push_str(&format!("\n## {}\n", title(&setting.section)));
            section = Some(&setting.section);
        }
        let default = match setting.cell() {
            cell if cell.is_empty() => "Default: empty.".to_owned(),
            cell => format!("Default: {cell}."),
        };
        let is_live = LIVE_KEYS.contains(&setting.key.as_str());
        let reload = if is_live { " SIGHUP applies a new value." } else { "" };
        let (key, meaning) = (&setting.key, &setting.meaning);
        page.push_str(&format!("\n### {key}\n\n{meaning}\n\n{default}{reload}\n"));
    }
    assert_current(PAGE, &page);
}
