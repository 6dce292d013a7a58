//! Signing in to the console at an identity provider, like a browser.

use std::process::Command;
use std::sync::Arc;

use reqwest::header::SET_COOKIE;
use tokend::model::time::Clock;

use tempfile::TempDir;

use super::console::{Browser, cookie};
use crate::support::foreign::{Foreign, libraries};
use crate::support::identity_provider::{ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, IdentityProvider};
use crate::support::reserved_port::ReservedPort;
use crate::support::{Answer, Engine, ORDERS, Place, Server, now, repository};

/// The rights of the groups in these tests.
pub const GROUPS: &str = "platform=admin,payments=owner@payments,auditors=audit:read+clients:read";

/// Starts an instance with an identity provider, and groups that have rights.
pub async fn start(engine: Engine) -> (IdentityProvider, Server) {
    start_with(engine, &[]).await
}

/// Like [`start`], with more settings.
pub async fn start_with(engine: Engine, more: &[(&str, &str)]) -> (IdentityProvider, Server) {
    let clock = Clock::fixed(now());
    let provider = IdentityProvider::start(&clock).await;
    let place = Arc::new(Place::new(engine).await);
    let server = instance(&provider, place, clock, more).await;
    server.resource(ORDERS, &["orders:read", "orders:write"]).await;
    (provider, server)
}

/// Starts an instance that uses this provider.
pub async fn instance(
    provider: &IdentityProvider,
    place: Arc<Place>,
    clock: Clock,
    more: &[(&str, &str)],
) -> Server {
    let settings = provider.settings();
    let mut all = vec![("TOKEND_CONSOLE_OIDC_GROUPS", GROUPS)];
    all.extend(settings.iter().map(|(name, value)| (*name, value.as_str())));
    all.extend(more);
    let server = Server::at(place, clock, &all).await;
    for secret in [CLIENT_SECRET, ACCESS_TOKEN] {
        server.keep_secret(secret);
    }
    server
}

/// The identity provider of npm `oidc-provider`, unmodified. The person `ana` has the group
/// `platform`; every other person has only `staff`.
pub struct NodeProvider {
    pub issuer: String,
    _process: Foreign,
    _port: ReservedPort,
    _folder: TempDir,
}

/// Starts an instance that uses that provider. The groups are in the ID token, or at the `UserInfo`
/// endpoint: `id_token` or `userinfo`.
pub async fn start_with_node(engine: Engine, groups_at: &str) -> (NodeProvider, Server) {
    let port = ReservedPort::new();
    let issuer = format!("http://localhost:{}", port.number());
    let settings = [
        ("TOKEND_CONSOLE_OIDC_ISSUER", issuer.as_str()),
        ("TOKEND_CONSOLE_OIDC_CLIENT_ID", CLIENT_ID),
        ("TOKEND_CONSOLE_OIDC_CLIENT_SECRET", CLIENT_SECRET),
        ("TOKEND_CONSOLE_OIDC_SCOPES", "openid,groups"),
        ("TOKEND_CONSOLE_OIDC_GROUPS", GROUPS),
    ];
    let database = Arc::new(Place::new(engine).await);
    let server = Server::at(database, Clock::System, &settings).await;
    server.resource(ORDERS, &["orders:read", "orders:write"]).await;
    server.keep_secret(CLIENT_SECRET);
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = Command::new("node");
    node.arg(repository().join("tests/interop/identity_provider.mjs"))
        .env("LIBRARIES", libraries().join("node"))
        .args([&port.number().to_string(), CLIENT_ID, CLIENT_SECRET])
        .arg(format!("{}/console/sign-in/oidc/callback", server.management))
        .arg(groups_at);
    let mut process = Foreign::start(&mut node, folder.path());
    process.until_listening(port.number()).await;
    (NodeProvider { issuer, _process: process, _port: port, _folder: folder }, server)
}

/// A sign-in in progress: the URL of the provider, and the cookie of the browser.
pub struct Begun {
    pub url: String,
    pub cookie: String,
}

/// Follows the link on the sign-in page.
pub async fn begin(browser: &Browser<'_>, query: &str) -> Begun {
    let path = format!("/console/sign-in/oidc{query}");
    let answer = browser.get_with(&path, &[("sec-fetch-site", "same-origin")]).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let cookie = sign_in_cookie(&answer).expect("a cookie");
    browser.server.keep_secret(cookie.split_once('=').expect("a value").1);
    Begun { url: answer.header("location").to_owned(), cookie }
}

/// Returns the cookie of a sign-in that an answer sets, in the form of a request header.
pub fn sign_in_cookie(answer: &Answer) -> Option<String> {
    let set = answer.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().expect("text"));
    let set = set.into_iter().find(|set| set.starts_with("tokend_sign_in="))?;
    Some(set.split(';').next().expect("a pair").to_owned())
}

/// Follows the redirect from another site, which sends only the lax cookie.
pub async fn follow_callback(server: &Server, url: &str, cookie: &str) -> Answer {
    let path = url.strip_prefix(&server.management).expect("the URL of this console");
    let browser = Browser { server, cookie: cookie.to_owned() };
    let answer = browser.get_with(path, &[("sec-fetch-site", "cross-site")]).await;
    server.catch_up().await;
    answer
}

/// Tries to sign in; returns the last answer.
pub async fn try_sign_in(server: &Server, provider: &IdentityProvider) -> Answer {
    let begun = begin(&Browser::new(server), "").await;
    follow_callback(server, &provider.authorize(&begun.url), &begun.cookie).await
}

/// Signs in. Panics if that fails.
pub async fn sign_in<'a>(server: &'a Server, provider: &IdentityProvider) -> Browser<'a> {
    entered(server, &try_sign_in(server, provider).await)
}

/// Returns the browser of a person who has signed in.
pub fn entered<'a>(server: &'a Server, answer: &Answer) -> Browser<'a> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let cookie = cookie(answer);
    server.keep_secret(cookie.split_once('=').expect("a value").1);
    Browser { server, cookie }
}

/// Asserts that no session was opened.
pub fn assert_no_session(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    let set = answer.headers.get_all(SET_COOKIE);
    assert!(!set.iter().any(|value| value.to_str().is_ok_and(|set| set.contains("session="))));
}
