//! Signing in to the console at a company's identity provider.

use std::sync::Arc;

use reqwest::header::SET_COOKIE;
use rstest::rstest;
use serde_json::{Value, json};
use tokend::config::sources::Flags;
use tokend::config::{Config, Requirement};
use tokend::model::time::Clock;

use crate::support::browser::console::{Browser, between, limits};
use crate::support::browser::oidc::{
    assert_no_session, begin, entered, follow_callback, instance, sign_in, start, start_with,
    try_sign_in,
};
use crate::support::identity_provider::IdentityProvider;
use crate::support::{Engine, Place, Server, now};

fn is_signed_out(answer: &crate::support::Answer) -> bool {
    answer.status == 303 && answer.header("location").starts_with("/console/sign-in?next=")
}

/// Returns the sign-in events, newest first.
async fn sign_ins(server: &Server) -> Vec<tokend::model::event::Event> {
    let mut events = server.services().store.events(0, 1_000).await.expect("events");
    events.retain(|event| event.action == "console.signed_in");
    events.reverse();
    events
}

/// Returns the query of the link to the provider.
fn link_of(page: &str) -> String {
    between(page, "href=\"/console/sign-in/oidc", "\"")[0].replace("&#38;", "&")
}

/// Returns the method in the event of a sign-in.
fn method(event: &tokend::model::event::Event) -> String {
    let detail: Value = serde_json::from_str(&event.detail).expect("JSON");
    detail["method"].as_str().expect("a method").to_owned()
}

/// D22: a sign-in by OpenID Connect.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (provider, server) = start(engine).await;
    let browser = Browser::new(&server);
    let page = browser.page("/console/sign-in?next=%2Fconsole%2Fclients").await;
    let link = link_of(&page);
    assert!(page.contains("Sign in with localhost"), "{page}");
    let begun = begin(&browser, &link).await;
    assert!(begun.url.contains("scope=openid+groups&"), "{}", begun.url);
    let answer = follow_callback(&server, &provider.authorize(&begun.url), &begun.cookie).await;
    // The answer is a page, not a redirect: the next request has the strict cookie.
    let signed_in = entered(&server, &answer);
    assert!(answer.text.contains("content=\"0; url=/console/clients\""), "{answer:?}");
    assert!(answer.text.contains("href=\"/console/clients\""), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let set: Vec<_> = answer.headers.get_all(SET_COOKIE).iter().collect();
    let set: Vec<_> = set.iter().map(|value| value.to_str().expect("text")).collect();
    assert!(set[0].starts_with("tokend_session=") && set[0].contains("SameSite=Strict"), "{set:?}");
    assert!(set[1].starts_with("tokend_sign_in=; Max-Age=0"), "{set:?}");
    // The principal consists of issuer and subject.
    let name = format!("oidc:{}#ana", provider.issuer);
    let page = signed_in.page("/console/sessions").await;
    assert!(page.contains(&name) && !page.contains("ana@example.com"), "{page}");
    let event = &sign_ins(&server).await[0];
    assert_eq!(event.actor, name);
    assert_eq!(method(event), "openid_connect", "{event:?}");
    assert_eq!(provider.problems(), Vec::<String>::new());
}

#[tokio::test]
async fn each_method_is_in_the_event_of_the_sign_in() {
    let server = Server::start(Engine::Sqlite).await;
    let scopes = Some("clients:read");
    let client = server.new_client(|new| {
        new.grants = vec![crate::support::grant("urn:tokend", scopes)];
    });
    Browser::by_client(&server, &client.await).await;
    Browser::by_link(&server, limits(None, None)).await;
    let methods: Vec<_> = sign_ins(&server).await.iter().map(method).collect();
    assert_eq!(methods, ["link", "client_secret"]);
}

#[tokio::test]
async fn without_a_provider_its_pages_do_not_exist() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = Browser::new(&server);
    assert!(!browser.page("/console/sign-in").await.contains("company account"));
    for path in ["/console/sign-in/oidc", "/console/sign-in/oidc/callback?code=a&state=b"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
}

/// One instance begins a sign-in, and another one finishes it.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn another_instance_can_finish_a_sign_in(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let clock = Clock::fixed(now());
    let provider = IdentityProvider::start(&clock).await;
    let place = Arc::new(Place::new(engine).await);
    let one = instance(&provider, place.clone(), clock.clone(), &[]).await;
    let other = instance(&provider, place, clock, &[]).await;
    provider.accept_used_codes();
    let begun = begin(&Browser::new(&one), "").await;
    let back = provider.authorize(&begun.url);
    let there = back.replace(&one.management, &other.management);
    let signed_in = entered(&other, &follow_callback(&other, &there, &begun.cookie).await);
    one.catch_up().await;
    let elsewhere = Browser { server: &one, cookie: signed_in.cookie.clone() };
    assert_eq!(elsewhere.get("/console/").await.status, 200);
    // An instance rejects a response that another one has accepted.
    let again = follow_callback(&one, &back, &begun.cookie).await;
    assert_no_session(&again, 401);
    assert!(again.text.contains("used before"), "{again:?}");
}

#[tokio::test]
async fn groups_determine_rights_and_owners() {
    let (provider, server) = start(Engine::Sqlite).await;
    for (groups, owners, may_see_settings, may_create) in [
        (json!(["platform"]), None, true, true),
        (json!(["payments"]), Some("limited to payments"), false, true),
        (json!(["staff", "auditors"]), None, false, false),
        (json!("auditors"), None, false, false),
    ] {
        let sent = groups.clone();
        provider.claims(move |claims| claims["groups"] = sent.clone());
        let browser = sign_in(&server, &provider).await;
        let page = browser.page("/console/").await;
        assert_eq!(page.contains("limited to"), owners.is_some(), "{groups}: {page}");
        assert!(owners.is_none_or(|text| page.contains(text)), "{groups}: {page}");
        let status = |answer: crate::support::Answer| answer.status;
        let settings = status(browser.get("/console/settings").await);
        assert_eq!(settings == 200, may_see_settings, "{groups}");
        let create = status(browser.get("/console/clients/new").await);
        assert_eq!(create == 200, may_create, "{groups}");
        assert_eq!(status(browser.get("/console/clients").await), 200, "{groups}");
    }
}

#[tokio::test]
async fn groups_come_from_the_user_info_endpoint_if_the_id_token_has_none() {
    let (provider, server) = start(Engine::Sqlite).await;
    provider.claims(|claims| drop(claims.as_object_mut().expect("an object").remove("groups")));
    provider.userinfo(json!({ "sub": "ana", "groups": ["platform"] }));
    let browser = sign_in(&server, &provider).await;
    assert_eq!(browser.get("/console/settings").await.status, 200);
    // They must belong to the same person.
    provider.userinfo(json!({ "sub": "eve", "groups": ["platform"] }));
    assert_no_session(&try_sign_in(&server, &provider).await, 503);
}

#[tokio::test]
async fn a_claim_of_groups_may_be_nested_and_a_secret_may_go_into_the_body() {
    let more = [
        ("TOKEND_CONSOLE_OIDC_GROUPS_CLAIM", "/realm_access/roles"),
        ("TOKEND_CONSOLE_OIDC_SCOPES", "openid,roles"),
    ];
    let (provider, server) = start_with(Engine::Sqlite, &more).await;
    provider.metadata(|document| {
        document["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
    });
    provider.claims(|claims| claims["realm_access"] = json!({ "roles": ["platform"] }));
    let begun = begin(&Browser::new(&server), "").await;
    assert!(begun.url.contains("scope=openid+roles&"), "{}", begun.url);
    sign_in(&server, &provider).await;
    assert_eq!(provider.problems(), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_mapped_group_a_page_explains_the_rejection() {
    let (provider, server) = start(Engine::Sqlite).await;
    for (groups, words) in [
        (json!(["staff", "<b>x</b>"]), ["staff, &#60;b&#62;x", "console.oidc.groups"]),
        (json!([]), ["has no group", "console.oidc.groups"]),
        (Value::Null, ["sent no list of groups in the claim groups", "signed in as ana"]),
    ] {
        let sent = groups.clone();
        provider.claims(move |claims| claims["groups"] = sent.clone());
        provider.userinfo(json!({ "sub": "ana" }));
        let answer = try_sign_in(&server, &provider).await;
        assert_no_session(&answer, 403);
        for word in words {
            assert!(answer.text.contains(word), "{groups}: {word}: {}", answer.text);
        }
        assert!(answer.text.contains("no_mapped_group"), "{}", answer.text);
    }
    assert!(sign_ins(&server).await.is_empty());
}

/// A session lasts at most as long as its groups are valid. (The clock of Postgres is not fixed.)
#[tokio::test]
async fn groups_are_at_most_an_hour_old() {
    let (provider, server) = start(Engine::Sqlite).await;
    let browser = sign_in(&server, &provider).await;
    for _ in 0..2 {
        server.clock.advance(1_790);
        assert_eq!(browser.get("/console/").await.status, 200);
    }
    server.clock.advance(20);
    assert!(is_signed_out(&browser.get("/console/").await));
    // The provider has removed the group.
    provider.claims(|claims| claims["groups"] = json!(["staff"]));
    assert_no_session(&try_sign_in(&server, &provider).await, 403);
}

/// Each request uses the current settings: those of the start, and those that SIGHUP applies.
#[tokio::test]
async fn a_changed_mapping_takes_effect_on_the_next_request() {
    let (provider, server) = start(Engine::Sqlite).await;
    let browser = sign_in(&server, &provider).await;
    assert_eq!(browser.get("/console/settings").await.status, 200);
    let apply = |groups: &str| {
        let mut environment = server.place.environment();
        let settings = provider.settings();
        environment.extend(settings.into_iter().map(|(name, value)| (name.to_owned(), value)));
        environment.push(("TOKEND_CONSOLE_OIDC_GROUPS".to_owned(), groups.to_owned()));
        let config = Config::load(&Flags::default(), &environment, Requirement::Issuer);
        server.services().apply_live(&config.expect("settings"));
    };
    apply("platform=clients:read");
    assert_eq!(browser.get("/console/settings").await.status, 403);
    assert_eq!(browser.get("/console/clients").await.status, 200);
    // A group without rights at the sign-in is stored as well.
    apply("staff=viewer");
    let page = browser.page("/console/settings").await;
    assert!(page.contains("<code>staff=viewer</code>"), "{page}");
    apply("");
    assert!(is_signed_out(&browser.get("/console/").await));
}

#[tokio::test]
async fn a_session_ends_with_the_provider_of_the_settings() {
    let (provider, server) = start(Engine::Sqlite).await;
    let browser = sign_in(&server, &provider).await;
    let other = IdentityProvider::start(&server.clock).await;
    let elsewhere = instance(&other, server.place.clone(), server.clock.clone(), &[]).await;
    let same = Browser { server: &elsewhere, cookie: browser.cookie.clone() };
    assert!(is_signed_out(&same.get("/console/").await), "a session of another issuer");
    let without = Server::at(server.place.clone(), server.clock.clone(), &[]).await;
    let same = Browser { server: &without, cookie: browser.cookie.clone() };
    assert!(is_signed_out(&same.get("/console/").await), "no provider");
    assert_eq!(browser.get("/console/").await.status, 200);
}

#[tokio::test]
async fn a_dangerous_action_needs_a_fresh_authentication() {
    let (provider, server) = start(Engine::Sqlite).await;
    let client = server.client().await;
    let path = format!("/console/clients/{}", client.id);
    // The provider authenticated the person two hours ago.
    let browser = sign_in(&server, &provider).await;
    let answer = browser.send(&format!("{path}/state"), &[("state", "disabled")]).await;
    let place = answer.header("location").to_owned();
    assert!(place.ends_with("&fresh=1"), "{place}");
    let page = browser.page(&place).await;
    let link = link_of(&page);
    let begun = begin(&browser, &link).await;
    assert!(begun.url.contains("max_age=0"), "{}", begun.url);
    // A provider that does not authenticate the person again is rejected.
    let claims = |change: fn(&mut Value)| provider.claims(change);
    claims(|claims| claims["auth_time"] = (claims["iat"].as_i64().expect("a time") - 61).into());
    let stale = follow_callback(&server, &provider.authorize(&begun.url), &begun.cookie).await;
    assert_no_session(&stale, 401);
    claims(|claims| drop(claims.as_object_mut().expect("an object").remove("auth_time")));
    let begun = begin(&browser, &link).await;
    let absent = follow_callback(&server, &provider.authorize(&begun.url), &begun.cookie).await;
    assert_no_session(&absent, 401);
    claims(|_| {});
    let begun = begin(&browser, &link).await;
    let answer = follow_callback(&server, &provider.authorize(&begun.url), &begun.cookie).await;
    assert!(answer.text.contains(&format!("url={path}\"")), "back at the page: {answer:?}");
    let again = entered(&server, &answer);
    assert!(is_signed_out(&browser.get("/console/").await), "the session before has ended");
    let answer = again.send(&format!("{path}/state"), &[("state", "disabled")]).await;
    assert_eq!(answer.header("location"), format!("{path}?done=disabled"), "{answer:?}");
}

#[tokio::test]
async fn new_keys_of_the_provider_are_found() {
    let (provider, server) = start(Engine::Sqlite).await;
    sign_in(&server, &provider).await;
    let fetched = provider.requests("/jwks");
    sign_in(&server, &provider).await;
    assert_eq!(provider.requests("/jwks"), fetched, "they are remembered");
    provider.rotate();
    server.clock.advance(10);
    sign_in(&server, &provider).await;
    assert_eq!(provider.requests("/jwks"), fetched + 1);
}

#[tokio::test]
async fn an_unavailable_provider_is_reported_and_recovers() {
    let (provider, server) = start(Engine::Sqlite).await;
    provider.set_down(true);
    let browser = Browser::new(&server);
    let answer = browser.get("/console/sign-in/oidc").await;
    assert_no_session(&answer, 503);
    assert!(answer.text.contains("does not answer as it should"), "{answer:?}");
    assert!(answer.text.contains("With a one-time link"), "the other methods: {answer:?}");
    provider.set_down(false);
    server.clock.advance(2);
    sign_in(&server, &provider).await;
}

/// A provider with TLS, in a network that the settings allow.
#[tokio::test]
async fn a_provider_with_a_private_certificate_authority_is_reached() {
    let clock = Clock::fixed(now());
    let provider = IdentityProvider::with_tls(&clock).await;
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let server = instance(&provider, place, clock, &[]).await;
    sign_in(&server, &provider).await;
}
