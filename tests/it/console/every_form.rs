//! Every form of a session, from the routes of the console. It changes nothing without its token,
//! from another site, with an unknown field, or without a session.

use std::collections::BTreeSet;

use crate::support::browser::console::{Browser, limits};
use crate::support::{Engine, ORDERS, Server, TestClient};

/// Every form except the two that sign in, which have no session yet.
const FORMS: [&str; 25] = [
    "/console/clients/new",
    "/console/clients/{id}/access/grant",
    "/console/clients/{id}/access/remove",
    "/console/clients/{id}/access/request",
    "/console/clients/{id}/certificate",
    "/console/clients/{id}/delete",
    "/console/clients/{id}/edit",
    "/console/clients/{id}/keys/new",
    "/console/clients/{id}/keys/remove",
    "/console/clients/{id}/rotate",
    "/console/clients/{id}/secrets",
    "/console/clients/{id}/secrets/{secret}/end",
    "/console/clients/{id}/state",
    "/console/clients/{id}/test-token",
    "/console/clients/{id}/tokens/revoke",
    "/console/clients/{id}/trusts/new",
    "/console/clients/{id}/trusts/{trust}/remove",
    "/console/grant-requests/{id}/decision",
    "/console/resources/new",
    "/console/resources/{id}/delete",
    "/console/resources/{id}/edit",
    "/console/sessions/{id}/end",
    "/console/sign-out",
    "/console/signing-keys/rotate",
    "/console/theme",
];

/// Forms of a key, which must exist.
const FORMS_OF_A_KEY: [&str; 2] =
    ["/console/signing-keys/{kid}/retire", "/console/signing-keys/{kid}/revoke"];

/// Returns the path of a form, with existing objects if it needs them.
fn filled(form: &str, client: &TestClient, kid: &str) -> String {
    let resource: String = ORDERS.bytes().map(|byte| format!("%{byte:02X}")).collect();
    form.replace("clients/{id}", &format!("clients/{}", client.id))
        .replace("resources/{id}", &format!("resources/{resource}"))
        .replace("requests/{id}", "requests/grq_aaaaaaaaaaaaaaaaaaaa")
        .replace("sessions/{id}", "sessions/ses_aaaaaaaaaaaaaaaaaaaa")
        .replace("{secret}", "sec_aaaaaaaaaaaaaaaaaaaa")
        .replace("{trust}", "tru_aaaaaaaaaaaaaaaaaaaa")
        .replace("{kid}", kid)
}

/// Returns the routes with a form, from the source of the console.
fn routes() -> BTreeSet<String> {
    let source = include_str!("../../../src/web/console/mod.rs");
    let of_clients = source.split_once("fn clients()").expect("the routes of clients").1;
    let own = source.len() - of_clients.len();
    let mut routes = BTreeSet::new();
    let mut place = 0;
    for part in source.split(".route(") {
        let path = part.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
        if let Some(path) = path.filter(|_| part.contains("post(")) {
            let prefix = if place > own && !path.starts_with("/console") {
                "/console/clients/{id}"
            } else {
                ""
            };
            routes.insert(format!("{prefix}{path}"));
        }
        place += part.len() + ".route(".len();
    }
    routes.retain(|path| !path.starts_with("/console/sign-in/"));
    routes
}

#[test]
fn the_table_has_every_form_of_the_console() {
    let known = FORMS.iter().chain(&FORMS_OF_A_KEY).map(|form| (*form).to_owned());
    assert_eq!(routes(), known.collect());
}

/// SECURITY 29: every form that writes.
#[tokio::test]
async fn no_form_works_without_its_token_from_another_site_or_with_another_field() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let keys = tokend::admin::signing_key::list(server.services()).await.expect("keys");
    let kid = keys.first().expect("a key").kid.as_str().to_owned();
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let other = Browser::by_link(&server, limits(None, None)).await;
    let (own, foreign) = (browser.form_token().await, other.form_token().await);
    let origin = server.management.clone();
    let ours = [("sec-fetch-site", "same-origin"), ("origin", origin.as_str())];
    let theirs = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    let head = async || server.services().store.head().await.expect("a store").sequence;
    let before = head().await;
    for form in FORMS.iter().chain(&FORMS_OF_A_KEY) {
        let path = filled(form, &client, &kid);
        let without = browser.post_with(&path, &[], &ours).await;
        assert_eq!(without.status, 403, "{path} without a token: {without:?}");
        let token = [("form_token", foreign.as_str())];
        let answer = browser.post_with(&path, &token, &ours).await;
        assert_eq!(answer.status, 403, "{path} with the token of another session: {answer:?}");
        let token = [("form_token", own.as_str())];
        let answer = browser.post_with(&path, &token, &theirs).await;
        assert_eq!(answer.status, 403, "{path} of another site: {answer:?}");
        let fields = [("form_token", own.as_str()), ("__proto__", "a")];
        let answer = browser.post_with(&path, &fields, &ours).await;
        assert_eq!(answer.status, 400, "{path} with another field: {answer:?}");
        let answer = Browser::new(&server).post_with(&path, &token, &ours).await;
        assert!(answer.header("location").starts_with("/console/sign-in?next="), "{answer:?}");
        assert_eq!(head().await, before, "{path}");
    }
    // The session still exists: its own sign-out was rejected too.
    browser.page("/console/").await;
}
