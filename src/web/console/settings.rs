//! The effective settings with their sources. Secrets are masked.

use std::collections::BTreeMap;

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};
use tokio::sync::Semaphore;

use crate::admin::doctor::{self, CheckState};
use crate::app::App;
use crate::config::ShownSetting;
use crate::model::admin_scope::AdminScope;
use crate::remedies;
use crate::store::schema;
use crate::web::api::Problem;
use crate::web::console::page_parts::answer::{self, Answer, AppState, ConsoleError};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::shown::Badge;
use crate::web::console::sign_in::gate::SignedIn;
use crate::web::health;

#[derive(Template)]
#[template(path = "console/settings.html")]
struct SettingsPage {
    frame: Frame,
    facts: Vec<ServerDetail>,
    problems: Vec<String>,
    sections: Vec<Section>,
    /// The findings of the doctor, which checks the whole deployment.
    findings: Option<Vec<ShownFinding>>,
}

/// A finding of the doctor.
struct ShownFinding {
    code: &'static str,
    state: Badge,
    found: String,
    fix: Vec<TextPart>,
}

/// A part of a doctor's text, with commands and names in backticks as code.
#[derive(Debug, PartialEq, Eq)]
struct TextPart {
    text: String,
    is_code: bool,
}

/// Splits a text at backticks.
fn parts(text: &str) -> Vec<TextPart> {
    let part =
        |(place, text): (usize, &str)| TextPart { text: text.to_owned(), is_code: place % 2 == 1 };
    let parts = text.split('`').enumerate().filter(|(_, text)| !text.is_empty());
    parts.map(part).collect()
}

struct ServerDetail {
    name: &'static str,
    value: String,
}

/// The settings of one table of the configuration file.
struct Section {
    name: String,
    settings: Vec<Setting>,
}

struct Setting {
    key: String,
    value: String,
    origin: String,
    is_default: bool,
}

pub(super) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    request: Request,
) -> Answer {
    let query = Form::of_query(&request);
    query.only(&["doctor"])?;
    signed_in.require(AdminScope::ServerRead)?;
    signed_in.principal.require_all_owners("the settings of the server")?;
    let config = &app.services.config;
    let findings = match query.text("doctor") {
        None => None,
        Some(_) => Some(findings(&app).await?),
    };
    let (_, report) = health::report(&app);
    let fact = |name, value: String| ServerDetail { name, value };
    let facts = vec![
        fact("Version", env!("CARGO_PKG_VERSION").to_owned()),
        fact("Instance", app.services.instance.clone()),
        fact("Database", config.database.location.engine().to_owned()),
        fact("Schema", schema::NEWEST.to_string()),
        fact("Health", report.state().as_str().to_owned()),
        fact("Last event applied", app.directory.published_sequence().to_string()),
    ];
    let command = if findings.is_some() { "tokend doctor" } else { "tokend config show" };
    let equivalent = Equivalent::new(command, "GET", "/v1/server", "");
    answer::page(&SettingsPage {
        frame: Frame::new(&signed_in, "Settings", "/console/settings").with_equivalent(equivalent),
        facts,
        problems: report.problems(),
        sections: sections(&app.services.live.load().shown),
        findings,
    })
}

/// Runs the doctor. Only one request at a time does so.
async fn findings(app: &App) -> Result<Vec<ShownFinding>, ConsoleError> {
    static DOCTOR_PERMIT: Semaphore = Semaphore::const_new(1);
    let permit = DOCTOR_PERMIT.acquire().await;
    let _permit = permit.map_err(|error| Problem::internal(&error.to_string()))?;
    let services = &app.services;
    let report = Box::pin(doctor::examine_server(&services.config, &services.clock)).await;
    let shown = report.findings().iter().map(|finding| ShownFinding {
        code: finding.code.as_str(),
        state: badge(finding.state),
        found: finding.found.clone(),
        fix: remedies::of_finding(finding).as_deref().map(parts).unwrap_or_default(),
    });
    Ok(shown.collect())
}

fn badge(state: CheckState) -> Badge {
    match state {
        CheckState::Ok => Badge::new("good", "ok"),
        CheckState::Note => Badge::new("", "note"),
        CheckState::Warning => Badge::new("warn", "warning"),
        CheckState::Error => Badge::new("bad", "error"),
        CheckState::Skipped => Badge::new("off", "skipped"),
    }
}

fn sections(shown: &[ShownSetting]) -> Vec<Section> {
    let mut sections: BTreeMap<&str, Vec<Setting>> = BTreeMap::new();
    for setting in shown {
        let section = setting.key.split_once('.').map_or("", |(section, _)| section);
        sections.entry(section).or_default().push(Setting {
            key: setting.key.clone(),
            value: setting.value.clone(),
            origin: setting.origin.clone(),
            is_default: setting.is_default,
        });
    }
    let named = |(name, settings): (&str, Vec<Setting>)| Section {
        name: if name.is_empty() { "server".to_owned() } else { name.to_owned() },
        settings,
    };
    sections.into_iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_backticks_is_code() {
        let shown: Vec<_> =
            parts("Run `a b`, then wait.").into_iter().map(|it| (it.text, it.is_code)).collect();
        let part = |text: &str, is_code| (text.to_owned(), is_code);
        assert_eq!(shown, [part("Run ", false), part("a b", true), part(", then wait.", false)]);
        assert_eq!(parts(""), []);
    }
}
