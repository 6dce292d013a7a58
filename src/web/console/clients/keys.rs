//! The keys of a client and the subject of its certificate.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use crate::admin::client::{self, ClientUpdate};
use crate::model::admin_scope::AdminScope;
use crate::model::client::Registration;
use crate::model::security::TlsSubject;
use crate::web::api::KeysInput;
use crate::web::console::clients::changes::require_recent_authentication_for_administrator;
use crate::web::console::clients::detail::{ClientHeader, api_path, command, find, frame, parsed};
use crate::web::console::page_parts::answer::{self, Answer, AppState, correctable};
use crate::web::console::page_parts::form::Form;
use crate::web::console::page_parts::frame::{Equivalent, Frame};
use crate::web::console::page_parts::notice::Notice;
use crate::web::console::page_parts::shown::{self, Choice};
use crate::web::console::sign_in::gate::SignedIn;

/// The formats of a key that the form accepts.
const KINDS: [(&str, &str); 4] = [
    ("pem", "a public key or a certificate (PEM), for private_key_jwt"),
    ("jwk", "a JWK or a JWK set (JSON)"),
    ("jwks_uri", "the https URL of a key set"),
    ("certificate", "a self-signed certificate (PEM), for mutual TLS"),
];

const SUBJECT_KINDS: [(&str, &str); 5] = [
    ("san_dns", "DNS name"),
    ("san_uri", "URI"),
    ("san_ip", "IP address"),
    ("san_email", "mail address"),
    ("subject_dn", "distinguished name"),
];

#[derive(Template)]
#[template(path = "console/clients/key_new.html")]
struct NewKeyPage {
    frame: Frame,
    head: ClientHeader,
    problem: String,
    kinds: Vec<Choice>,
    value: String,
    subject_kinds: Vec<Choice>,
    subject: String,
}

fn form_page(
    signed_in: &SignedIn,
    found: &Registration,
    form: &Form,
    problem: String,
) -> NewKeyPage {
    let change = format!("{} --jwks public.json", command(found, "client keys add"));
    let body = "{\"jwks_uri\":\"https://acme.example/jwks\"}";
    let equivalent = Equivalent::new(change, "POST", &api_path(found, "/keys"), body);
    NewKeyPage {
        frame: frame(signed_in, found, equivalent),
        head: ClientHeader::of(signed_in, found, "credentials"),
        problem,
        kinds: Choice::list(&KINDS, form.text("kind").unwrap_or(KINDS[0].0)),
        value: form.typed("value"),
        subject_kinds: Choice::list(
            &SUBJECT_KINDS,
            form.text("subject_kind").unwrap_or(SUBJECT_KINDS[0].0),
        ),
        subject: form.typed("subject"),
    }
}

pub(in crate::web::console) async fn page(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Answer {
    signed_in.require(AdminScope::SecretsWrite)?;
    let found = find(&app, &signed_in, &id).await?;
    answer::page(&form_page(&signed_in, &found, &Form::default(), String::new()))
}

pub(in crate::web::console) async fn add(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&["kind", "value"])?;
    signed_in.require(AdminScope::SecretsWrite)?;
    let found = find(&app, &signed_in, &id).await?;
    require_recent_authentication_for_administrator(
        &signed_in,
        &found.grants,
        &shown::credentials_path(&id),
    )?;
    let input = match input(&form) {
        Ok(input) => input.source().map_err(|problem| problem.detail().to_owned()),
        Err(problem) => Err(problem),
    };
    let added = match input {
        Ok((source, method)) => {
            let (services, principal) = (&app.services, &signed_in.principal);
            client::key::add(services, principal, &found.client.client_id, source, method).await
        }
        Err(problem) => return rejected(&signed_in, &found, &form, problem),
    };
    match added {
        Ok(_) => answer::changed(&app, &shown::credentials_path(&id), Notice::KeyAdded).await,
        Err(error) => rejected(&signed_in, &found, &form, correctable(error)?),
    }
}

fn rejected(signed_in: &SignedIn, found: &Registration, form: &Form, problem: String) -> Answer {
    answer::rejected(&form_page(signed_in, found, form, problem))
}

/// Converts the form to the key input of the admin API.
fn input(form: &Form) -> Result<KeysInput, String> {
    let value = form.text("value").ok_or("value: it is missing")?;
    let kind = form.text("kind").filter(|kind| KINDS.iter().any(|(known, _)| known == kind));
    let body = match kind.ok_or("kind: expected one of the kinds of the form")? {
        "jwk" => {
            let read: Value = serde_json::from_str(value)
                .map_err(|error| format!("value: it is not JSON: {error}"))?;
            let member = if read.get("keys").is_some() { "jwks" } else { "jwk" };
            json!({ member: read })
        }
        member => json!({ member: value }),
    };
    serde_json::from_value(body).map_err(|error| format!("value: {error}"))
}

/// Removes one key, or all keys and the URL.
pub(in crate::web::console) async fn remove(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&["key"])?;
    signed_in.require(AdminScope::SecretsWrite)?;
    signed_in.require_recent_authentication(&shown::credentials_path(&id))?;
    let (services, principal) = (&app.services, &signed_in.principal);
    client::key::remove(services, principal, &parsed(&id)?, form.text("key")).await?;
    answer::changed(&app, &shown::credentials_path(&id), Notice::KeyRemoved).await
}

/// Sets the subject of the certificate.
pub(in crate::web::console) async fn set_certificate(
    State(app): AppState,
    Extension(signed_in): Extension<SignedIn>,
    Extension(form): Extension<Form>,
    Path(id): Path<String>,
) -> Answer {
    form.only(&["subject_kind", "subject"])?;
    signed_in.require(AdminScope::SecretsWrite)?;
    let found = find(&app, &signed_in, &id).await?;
    require_recent_authentication_for_administrator(
        &signed_in,
        &found.grants,
        &shown::credentials_path(&id),
    )?;
    let kind = form.text("subject_kind").unwrap_or_default();
    let subject = form.read("subject", |value| TlsSubject::parse(&format!("{kind}={value}")));
    let subject = match subject {
        Ok(Some(subject)) => subject,
        Ok(None) => {
            let problem = "subject: it is missing".to_owned();
            return rejected(&signed_in, &found, &form, problem);
        }
        Err(problem) => return rejected(&signed_in, &found, &form, problem),
    };
    let update = ClientUpdate { tls_subject: Some(subject), ..ClientUpdate::default() };
    let id_of_client = &found.client.client_id;
    let done = client::update(&app.services, &signed_in.principal, id_of_client, update).await;
    match done {
        Ok(_) => answer::changed(&app, &shown::credentials_path(&id), Notice::Saved).await,
        Err(error) => rejected(&signed_in, &found, &form, correctable(error)?),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::*;

    #[test]
    fn a_kind_that_the_form_does_not_have_is_rejected() {
        for (text, problem) in [
            ("kind=pem", "value: it is missing"),
            ("kind=admin_of&value=x", "kind: expected one of the kinds of the form"),
            ("value=x", "kind: expected one of the kinds of the form"),
            ("kind=jwk&value=x", "value: it is not JSON"),
        ] {
            let form = Form::parse(&Bytes::copy_from_slice(text.as_bytes()));
            let found = input(&form).expect_err("a problem");
            assert!(found.starts_with(problem), "{text}: {found}");
        }
    }
}
