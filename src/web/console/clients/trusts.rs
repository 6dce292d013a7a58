//! Trusts of a client: workloads that authenticate with a token of their platform.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Request, State};
use serde_json::{Map, Value, json};

use crate::admin::{ObjectKind, trust};
use crate::model::admin_scope::AdminScope;
use crate::model::client::Registration;
use crate::model::trust::TrustId;
use crate::text::shell::quote;
use crate::web::api::{Problem, TrustInput};
use crate::web::console::clients::changes::require_recent_authentication_for_administrator;
use crate::web::console::clients::detail::{ClientHeader, api_path, command, find, frame, parsed};
use crate::web::console::clients::trust_kinds::{FilledField, KINDS, Kind};
use crate::web::console::page_parts::answer::{self, Answer, AppState};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::notice::Notice;
use crate::web::console::page_parts::shown::{self, Choice};
use crate::web::console::sign_in::gate::SignedIn;

#[derive(Template)]
#[template(path = "console/clients/trust_new.html")]
struct NewTrustPage {
    frame: Frame,
    head: ClientHeader,
    problem: String,
    kinds: Vec<Choice>,
    kind: &'static str,
    title: &'static str,
    hint: &'static str,
    fields: Vec<FilledField>,
}

fn form_page(
    signed_in: &SignedIn,
    found: &Registration,
    kind: &'static Kind,
    form: &Form,
    problem: String,
) -> NewTrustPage {
    let change = format!(
        "{} --issuer {} --subject {} --audience {}",
        command(found, "client trust add"),
        quote(kind.issuer.unwrap_or("https://issuer.example.com")),
        quote(kind.subject_example()),
        quote(&signed_in.issuer),
    );
    let body = json!({
        "issuer": kind.issuer.unwrap_or("https://issuer.example.com"),
        "subject": kind.subject_example(),
    });
    let equivalent =
        Equivalent::new(change, "POST", &api_path(found, "/trusts"), &body.to_string());
    let names: Vec<_> = KINDS.iter().map(|kind| (kind.name, kind.title)).collect();
    NewTrustPage {
        frame: frame(signed_in, found, equivalent),
        head: ClientHeader::of(signed_in, found, "credentials"),
        problem,
        kinds: Choice::list(&names, kind.name),
        kind: kind.name,
        title: kind.title,
        hint: kind.hint,
        fields: kind.shown(form),
    }
}

/// Shows the form of a kind of trust.
pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let query = Form::of_query(&request);
    query.only(&["kind"])?;
    signed_in.require(AdminScope::SecretsWrite)?;
    let found = find(&app, &signed_in, &id).await?;
    let kind = Kind::named(query.text("kind").unwrap_or(KINDS[0].name))?;
    answer::page(&form_page(&signed_in, &found, kind, &Form::default(), String::new()))
}

pub(in crate::web::console) async fn add(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    let kind = Kind::named(form.text("kind").unwrap_or_default())?;
    form.only(&kind.field_names())?;
    signed_in.require(AdminScope::SecretsWrite)?;
    let found = find(&app, &signed_in, &id).await?;
    require_recent_authentication_for_administrator(
        &signed_in,
        &found.grants,
        &shown::credentials_path(&id),
    )?;
    let added = match input(kind, &form) {
        Ok(input) => {
            let id = &found.client.client_id;
            input.add(&app.services, &signed_in.principal, id).await
        }
        Err(problem) => return rejected(&signed_in, &found, kind, &form, problem),
    };
    match added {
        Ok(_) => answer::changed(&app, &shown::credentials_path(&id), Notice::TrustAdded).await,
        Err(problem) if matches!(problem.status().as_u16(), 409 | 422) => {
            rejected(&signed_in, &found, kind, &form, problem.detail().to_owned())
        }
        Err(problem) => Err(problem.into()),
    }
}

fn rejected(
    signed_in: &SignedIn,
    found: &Registration,
    kind: &'static Kind,
    form: &Form,
    problem: String,
) -> Answer {
    answer::rejected(&form_page(signed_in, found, kind, form, problem))
}

/// Converts the form to the trust input of the admin API.
fn input(kind: &Kind, form: &Form) -> Result<TrustInput, String> {
    let mut body = Map::new();
    if let Some(issuer) = kind.issuer {
        body.insert("issuer".to_owned(), json!(issuer));
    }
    let mut conditions = Map::new();
    for field in kind.fields {
        let Some(value) = form.text(field.name) else { continue };
        match field.name {
            "jwks" => {
                let set: Value = serde_json::from_str(value)
                    .map_err(|error| format!("jwks: it is not JSON: {error}"))?;
                body.insert("jwks".to_owned(), set);
            }
            "conditions" => {
                for line in form.lines("conditions") {
                    let (claim, pattern) = line
                        .split_once('=')
                        .ok_or_else(|| format!("conditions: '{line}' is not claim=pattern"))?;
                    conditions.insert(claim.trim().to_owned(), json!(pattern.trim()));
                }
            }
            name => {
                body.insert(name.to_owned(), json!(value));
            }
        }
    }
    if !conditions.is_empty() {
        body.insert("conditions".to_owned(), Value::Object(conditions));
    }
    serde_json::from_value(Value::Object(body)).map_err(|error| error.to_string())
}

pub(in crate::web::console) async fn remove(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path((id, trust_id)): Path<(String, String)>,
) -> Answer {
    form.only(&[])?;
    signed_in.require(AdminScope::SecretsWrite)?;
    signed_in.require_recent_authentication(&shown::credentials_path(&id))?;
    let trust_id =
        TrustId::parse(&trust_id).map_err(|_| Problem::absent(ObjectKind::Trust, &trust_id))?;
    trust::remove(&app.services, &signed_in.principal, &parsed(&id)?, &trust_id).await?;
    answer::changed(&app, &shown::credentials_path(&id), Notice::TrustRemoved).await
}
