//! Each form that changes a client or a resource, attacked in the same ways: without its token,
//! from another site, with an unknown field, by a team of another owner, without the right, after a
//! stale sign-in, and with markup in each field.

use tokend::model::owner::Owner;

use crate::support::browser::console::{Browser, limits};
use crate::support::{Engine, ORDERS, Server};

const MARKUP: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

/// A form of a page.
struct Form {
    /// Its path; `{client}` stands for the client.
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    /// The scope that it needs.
    scope: &'static str,
    /// True if it needs a recent sign-in.
    is_dangerous: bool,
}

const fn form(
    path: &'static str,
    scope: &'static str,
    fields: &'static [(&'static str, &'static str)],
) -> Form {
    Form { path, fields, scope, is_dangerous: false }
}

const fn dangerous(
    path: &'static str,
    scope: &'static str,
    fields: &'static [(&'static str, &'static str)],
) -> Form {
    Form { path, fields, scope, is_dangerous: true }
}

const EDIT: &[(&str, &str)] = &[
    ("revision", "x"),
    ("name", "A"),
    ("description", "B"),
    ("contact", "C"),
    ("owner", "a"),
    ("labels", "a=b"),
    ("claims", "{\"a\": \"b\"}"),
    ("lifetime", "15m"),
    ("token_rate", "1/s"),
    ("networks", "10.0.0.0/8"),
    ("method", "client_secret_basic"),
    ("grant_type", "client_credentials"),
    ("leak_policy", "report"),
    ("assertion_audiences", "https://a.example"),
];

/// Every form about one client.
const FORMS: &[Form] = &[
    form("{client}/edit", "clients:write", EDIT),
    dangerous("{client}/delete", "clients:write", &[("client_id", "{id}")]),
    dangerous("{client}/tokens/revoke", "tokens:revoke", &[]),
    form("{client}/secrets", "secrets:write", &[("label", "a"), ("lifetime", "1d"), ("once", "a")]),
    form(
        "{client}/rotate",
        "secrets:write",
        &[("overlap", "24h"), ("overlap_exact", "7d"), ("label", "a"), ("once", "b")],
    ),
    form("{client}/keys/new", "secrets:write", &[("kind", "pem"), ("value", "x")]),
    dangerous("{client}/keys/remove", "secrets:write", &[("key", "a")]),
    form(
        "{client}/certificate",
        "secrets:write",
        &[("subject_kind", "san_dns"), ("subject", "a.example")],
    ),
    form(
        "{client}/trusts/new",
        "secrets:write",
        &[
            ("kind", "github"),
            ("subject", "repo:acme/api:environment:a"),
            ("conditions", "a=b"),
            ("audience", "https://a.example"),
        ],
    ),
    dangerous("{client}/trusts/tru_a/remove", "secrets:write", &[]),
    form("{client}/test-token", "tokens:issue", &[("lang", "curl"), ("resource", ORDERS)]),
    form(
        "{client}/access/grant",
        "grants:write",
        &[("resource", ORDERS), ("scope", "orders:read"), ("networks", ""), ("claims", "{}")],
    ),
    dangerous("{client}/access/remove", "grants:write", &[("resource", ORDERS)]),
    form(
        "{client}/access/request",
        "grants:write",
        &[("resource", ORDERS), ("scope", "orders:read"), ("message", "a")],
    ),
];

/// A form with the client in its path and fields.
fn filled<'a>(form: &'a Form, id: &'a str) -> (String, Vec<(&'a str, &'a str)>) {
    let path = form.path.replace("{client}", &format!("/console/clients/{id}"));
    let value = |value: &'a str| if value == "{id}" { id } else { value };
    (path, form.fields.iter().map(|(name, text)| (*name, value(text))).collect())
}

/// Returns the number of events: a change adds one.
async fn events(server: &Server) -> i64 {
    server.services().store.head().await.expect("a store").sequence
}

#[tokio::test]
async fn a_form_without_its_token_or_of_another_site_changes_nothing() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let other = Browser::by_link(&server, limits(None, None)).await;
    let (own, foreign) = (browser.form_token().await, other.form_token().await);
    let origin = server.management.clone();
    let ours = [("sec-fetch-site", "same-origin"), ("origin", origin.as_str())];
    let before = events(&server).await;
    for form in FORMS {
        let (path, fields) = filled(form, &client.id);
        for (token, headers) in [
            (None, &ours[..]),
            (Some(&foreign), &ours[..]),
            (Some(&own), &[("sec-fetch-site", "cross-site")][..]),
            (Some(&own), &[("origin", "https://evil.example")][..]),
        ] {
            let mut fields = fields.clone();
            fields.extend(token.map(|token| ("form_token", token.as_str())));
            let answer = browser.post_with(&path, &fields, headers).await;
            assert_eq!(answer.status, 403, "{path} {token:?} {headers:?}: {answer:?}");
        }
    }
    assert_eq!(events(&server).await, before);
}

#[tokio::test]
async fn a_field_that_a_form_does_not_have_changes_nothing() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    let before = events(&server).await;
    for form in FORMS {
        let (path, fields) = filled(form, &client.id);
        for extra in ["state", "source", "force", "created_at", "secret_digest", "__proto__"] {
            let mut fields = fields.clone();
            fields.push((extra, "a"));
            let answer = browser.send(&path, &fields).await;
            assert_eq!(answer.status, 400, "{path} {extra}: {answer:?}");
        }
    }
    assert_eq!(events(&server).await, before);
}

#[tokio::test]
async fn a_team_changes_no_client_of_another_one_by_its_address() {
    let server = Server::start(Engine::Sqlite).await;
    let other =
        server.new_client(|new| new.facts.owner = Some(Owner::parse("b").expect("an owner"))).await;
    let none = server.client().await;
    let browser = Browser::by_link(&server, limits(None, Some(&["a"]))).await;
    let before = events(&server).await;
    for client in [&other, &none] {
        for form in FORMS {
            let (path, fields) = filled(form, &client.id);
            let answer = browser.send(&path, &fields).await;
            assert_eq!(answer.status, 404, "{path}: {answer:?}");
        }
        for page in ["edit", "delete", "keys/new", "trusts/new", "access", "try"] {
            let path = format!("/console/clients/{}/{page}", client.id);
            let answer = browser.get(&path).await;
            assert_eq!(answer.status, 404, "{path}: {answer:?}");
        }
    }
    assert_eq!(events(&server).await, before);
}

#[tokio::test]
async fn a_form_needs_the_scope_of_its_route() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    for form in FORMS {
        let scopes = crate::support::api::ALL_SCOPES.split_whitespace();
        let without: Vec<&str> = scopes.filter(|scope| *scope != form.scope).collect();
        let browser = Browser::by_link(&server, limits(Some(&without), None)).await;
        let before = events(&server).await;
        let (path, fields) = filled(form, &client.id);
        let answer = browser.send(&path, &fields).await;
        assert_eq!(answer.status, 403, "{path} without {}: {answer:?}", form.scope);
        assert_eq!(events(&server).await, before, "{path}");
    }
}

#[tokio::test]
async fn a_dangerous_form_needs_a_recent_sign_in() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    server.clock.advance(700);
    let before = events(&server).await;
    for form in FORMS.iter().filter(|form| form.is_dangerous) {
        let (path, fields) = filled(form, &client.id);
        let answer = browser.send(&path, &fields).await;
        let place = answer.header("location");
        assert!(place.starts_with("/console/sign-in?next="), "{path}: {answer:?}");
        assert!(place.ends_with("&fresh=1"), "{path}: {place}");
    }
    assert_eq!(events(&server).await, before);
}

#[tokio::test]
async fn markup_in_a_field_is_text_in_every_answer() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    for form in FORMS.iter().filter(|form| !form.is_dangerous) {
        for place in 0..form.fields.len() {
            let (path, mut fields) = filled(form, &client.id);
            fields[place].1 = MARKUP;
            let answer = browser.send(&path, &fields).await;
            let name = fields[place].0;
            assert!(
                [200, 303, 400, 409, 412, 422].contains(&answer.status),
                "{path} {name}: {answer:?}"
            );
            for part in ["<script>alert", "<img src=x", "\"'><img"] {
                assert!(!answer.text.contains(part), "{path} {name}: {answer:?}");
            }
            if answer.status == 200 {
                server.keep_secret(&crate::support::browser::console::element(
                    &answer.text,
                    "client-secret",
                ));
            }
        }
    }
    for page in ["", "/edit", "/credentials", "/access", "/try", "/audit", "/delete"] {
        let text = browser.page(&format!("/console/clients/{}{page}", client.id)).await;
        assert!(!text.contains("<img src=x"), "{page}: {text}");
    }
}
