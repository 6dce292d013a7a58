//! Attacks on the sign-in at an identity provider: forged tokens and responses, responses of other
//! sign-ins, links to other sites, markup in claims.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokend::model::signing_key::Algorithm;

use crate::support::browser::console::{Browser, limits};
use crate::support::browser::oidc::{
    Begun, assert_no_session, begin, entered, follow_callback, sign_in, sign_in_cookie, start,
    start_with, try_sign_in,
};
use crate::support::eventually::eventually;
use crate::support::identity_provider::CLIENT_SECRET;
use crate::support::keys::KeyPair;
use crate::support::{Answer, Engine, Server};

const MARKUP: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

/// Returns the reason that the operator finds by the id of the request.
async fn reason(server: &Server, answer: &Answer) -> String {
    let id = answer.header("x-request-id");
    assert!(answer.text.contains(id), "{id}: {answer:?}");
    let operator = Browser::by_link(server, limits(None, None)).await;
    let path = format!("/console/rejections/{id}");
    // It is not visible while the server writes it.
    let page = async || Some(operator.get(&path).await).filter(|answer| answer.status == 200);
    eventually("the rejection", page).await.text
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

#[tokio::test]
async fn an_id_token_with_a_wrong_claim_is_rejected() {
    type Change = fn(&mut Value);
    let (provider, server) = start(Engine::Sqlite).await;
    let changes: [(&str, Change); 14] = [
        ("nonce", |claims| claims["nonce"] = "x".into()),
        ("nonce", |claims| claims["nonce"] = Value::Null),
        ("aud", |claims| claims["aud"] = "other".into()),
        ("azp", |claims| claims["aud"] = json!(["tokend console", "other"])),
        ("azp", |claims| claims["azp"] = "other".into()),
        ("iss", |claims| claims["iss"] = "https://evil.example".into()),
        ("iss", |claims| {
            claims["iss"] = format!("{}/", claims["iss"].as_str().expect("an issuer")).into();
        }),
        ("expired", |claims| claims["exp"] = (claims["iat"].as_i64().expect("a time") - 10).into()),
        ("exp is missing", |claims| claims["exp"] = "2099-01-01".into()),
        ("exp is missing", |claims| claims["exp"] = Value::Null),
        ("iat is missing", |claims| claims["iat"] = Value::Null),
        ("before the sign-in", |claims| {
            claims["iat"] = (claims["iat"].as_i64().expect("a time") - 3_600).into();
        }),
        ("sub is", |claims| claims["sub"] = "a\nb".into()),
        ("sub is missing", |claims| claims["sub"] = Value::Null),
    ];
    for (word, change) in changes {
        provider.claims(change);
        let answer = try_sign_in(&server, &provider).await;
        assert_no_session(&answer, 401);
        let reason = reason(&server, &answer).await;
        assert!(reason.contains(word), "{word}: {reason}");
    }
    provider.claims(|_| {});
    sign_in(&server, &provider).await;
}

type Sign = Box<dyn Fn(&KeyPair, &Value) -> String + Send>;

#[tokio::test]
async fn an_id_token_without_a_signature_of_the_provider_is_rejected() {
    let (provider, server) = start(Engine::Sqlite).await;
    let other = KeyPair::new(Algorithm::Es256);
    let signers: [Sign; 7] = [
        Box::new(|_, claims| format!("{}.", unsigned(&json!({ "alg": "none" }), claims))),
        Box::new(|key, claims| {
            let header = json!({ "alg": "none", "kid": key.kid() });
            key.sign_under(&header, claims)
        }),
        // Signed by the shared secret, or by the public key as a shared secret.
        Box::new(|_, claims| hs256(CLIENT_SECRET.as_bytes(), claims)),
        Box::new(|key, claims| hs256(key.jwk["x"].as_str().expect("a text").as_bytes(), claims)),
        // Signed by another key: under its own id, under that of the right one, and included in the
        // header.
        Box::new(move |key, claims| {
            other.sign_under(&json!({ "alg": "ES256", "kid": key.kid(), "jwk": other.jwk }), claims)
        }),
        Box::new(|_, claims| KeyPair::new(Algorithm::Es256).sign(claims)),
        // An access token of the provider with the client id of tokend as its audience.
        Box::new(|key, claims| {
            let header = json!({ "alg": "ES256", "kid": key.kid(), "typ": "at+jwt" });
            key.sign_under(&header, claims)
        }),
    ];
    for (number, sign) in signers.into_iter().enumerate() {
        provider.sign(sign);
        let answer = try_sign_in(&server, &provider).await;
        assert_eq!(answer.status, 401, "{number}: {answer:?}");
        assert_no_session(&answer, 401);
    }
    provider.sign(|_, _| "not a token".to_owned());
    assert_no_session(&try_sign_in(&server, &provider).await, 401);
    provider.sign(KeyPair::sign);
    sign_in(&server, &provider).await;
}

fn hs256(key: &[u8], claims: &Value) -> String {
    let message = unsigned(&json!({ "alg": "HS256", "typ": "JWT" }), claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
}

/// Login CSRF: an attacker makes the browser of a victim send the response of the attacker.
#[tokio::test]
async fn a_response_belongs_to_the_browser_that_began() {
    let (provider, server) = start(Engine::Sqlite).await;
    let browser = Browser::new(&server);
    let attacker = begin(&browser, "").await;
    let of_attacker = provider.authorize(&attacker.url);
    // The victim has not begun a sign-in, or has begun another one.
    assert_no_session(&follow_callback(&server, &of_attacker, "").await, 401);
    let victim = begin(&browser, "").await;
    assert_no_session(&follow_callback(&server, &of_attacker, &victim.cookie).await, 401);
    assert_eq!(provider.requests("/token"), 0, "nothing was exchanged");
    // The code of the attacker with the state of the victim: PKCE binds it.
    let of_victim = provider.authorize(&victim.url);
    let state = |url: &str| query(url, "state");
    let mixed = of_attacker.replace(&state(&of_attacker), &state(&of_victim));
    assert_no_session(&follow_callback(&server, &mixed, &victim.cookie).await, 401);
    assert_eq!(provider.problems(), ["the code verifier is wrong"]);
    // The sign-in of the victim still works.
    entered(&server, &follow_callback(&server, &of_victim, &victim.cookie).await);
}

fn query(url: &str, name: &str) -> String {
    let url = reqwest::Url::parse(url).expect("a URL");
    url.query_pairs().find(|(known, _)| known == name).expect("a parameter").1.into_owned()
}

#[tokio::test]
async fn a_response_that_was_changed_is_rejected() {
    let (provider, server) = start(Engine::Sqlite).await;
    let Begun { url, cookie } = begin(&Browser::new(&server), "").await;
    let back = provider.authorize(&url);
    let (state, iss) = (query(&back, "state"), query(&back, "iss"));
    let base = back.split('?').next().expect("a path");
    let response = |pairs: &[(&str, &str)]| {
        reqwest::Url::parse_with_params(base, pairs).expect("a URL").to_string()
    };
    for pairs in [
        &[("code", "code 0"), ("iss", &iss)][..],
        &[("code", "code 0"), ("state", ""), ("iss", &iss)],
        &[("code", "code 0"), ("state", "x"), ("iss", &iss)],
        &[("code", "code 0"), ("state", &state), ("state", &state), ("iss", &iss)],
        &[("code", "code 0"), ("code", "code 0"), ("state", &state), ("iss", &iss)],
        // A provider that includes its issuer in each response (RFC 9207).
        &[("code", "code 0"), ("state", &state)],
        &[("code", "code 0"), ("state", &state), ("iss", "https://evil.example")],
        &[("code", ""), ("state", &state), ("iss", &iss)],
        &[("state", &state), ("iss", &iss)],
        &[("error", "access_denied"), ("state", &state), ("iss", &iss)],
        &[("error", MARKUP), ("error_description", MARKUP), ("state", &state), ("iss", &iss)],
    ] {
        let answer = follow_callback(&server, &response(pairs), &cookie).await;
        assert_no_session(&answer, 401);
        assert!(!answer.text.contains("<script>alert") && !answer.text.contains("<img src=x"));
    }
    assert_eq!(provider.requests("/token"), 0, "nothing was exchanged");
    // Other cookies: a part of it, one with another name, one with a flipped character.
    let value = cookie.split_once('=').expect("a value").1;
    let flipped = if value.starts_with('A') { "B" } else { "A" };
    for cookie in [
        format!("tokend_sign_in={}", &value[1..]),
        format!("tokend_sign_in={flipped}{}", &value[1..]),
        format!("__Host-tokend_sign_in={value}"),
        "tokend_sign_in=".to_owned(),
    ] {
        assert_no_session(&follow_callback(&server, &back, &cookie).await, 401);
    }
    server.clock.advance(599);
    provider.claims(|_| {});
    entered(&server, &follow_callback(&server, &back, &cookie).await);
}

#[tokio::test]
async fn a_response_is_used_once_and_within_ten_minutes() {
    let (provider, server) = start(Engine::Sqlite).await;
    // A provider that accepts a used code.
    provider.accept_used_codes();
    let Begun { url, cookie } = begin(&Browser::new(&server), "").await;
    let back = provider.authorize(&url);
    entered(&server, &follow_callback(&server, &back, &cookie).await);
    assert_no_session(&follow_callback(&server, &back, &cookie).await, 401);
    let Begun { url, cookie } = begin(&Browser::new(&server), "").await;
    server.clock.advance(600);
    assert_no_session(&follow_callback(&server, &provider.authorize(&url), &cookie).await, 401);
}

#[tokio::test]
async fn a_sign_in_leads_to_a_page_of_the_console_alone() {
    let (provider, server) = start(Engine::Sqlite).await;
    for next in [
        "https://evil.example/",
        "//evil.example/",
        "/console//evil.example",
        "/console/../v1/clients",
        "/console/\\evil.example",
        "/console/x\" onload=\"alert(1)",
        "javascript:alert(1)",
        "/console/sign-out",
    ] {
        let query = format!("?next={}", urlencoded(next));
        let begun = begin(&Browser::new(&server), &query).await;
        let answer = follow_callback(&server, &provider.authorize(&begun.url), &begun.cookie).await;
        entered(&server, &answer);
        assert!(answer.text.contains("content=\"0; url=/console/\""), "{next}: {answer:?}");
    }
}

fn urlencoded(text: &str) -> String {
    reqwest::Url::parse_with_params("http://a/", [("a", text)])
        .expect("a URL")
        .query()
        .expect("a query")[2..]
        .to_owned()
}

/// The redirect URI is that of this console, and requests cannot change it.
#[tokio::test]
async fn another_site_neither_begins_a_sign_in_nor_chooses_where_it_ends() {
    let (_provider, server) = start(Engine::Sqlite).await;
    let browser = Browser::new(&server);
    for site in ["cross-site", "same-site"] {
        let answer = browser.get_with("/console/sign-in/oidc", &[("sec-fetch-site", site)]).await;
        assert_eq!(answer.header("location"), "/console/sign-in?next=%2Fconsole%2F", "{answer:?}");
        assert_eq!(sign_in_cookie(&answer), None);
    }
    for host in ["evil.example", "localhost.evil.example", "10.0.0.1", "localhost:1/@evil.example"]
    {
        let answer = browser.get_with("/console/sign-in/oidc", &[("host", host)]).await;
        assert_ne!(answer.status, 303, "{host}: {answer:?}");
        assert_eq!(sign_in_cookie(&answer), None, "{host}");
    }
    let query = "?redirect_uri=https%3A%2F%2Fevil.example";
    let answer = browser.get(&format!("/console/sign-in/oidc{query}")).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    let begun = begin(&browser, "").await;
    let expected = format!("{}/console/sign-in/oidc/callback", server.management);
    assert_eq!(self::query(&begun.url, "redirect_uri"), expected);
}

#[tokio::test]
async fn the_cookie_of_a_sign_in_is_lax_short_and_opens_no_page() {
    let (_provider, server) = start(Engine::Sqlite).await;
    let browser = Browser::new(&server);
    let answer = browser.get("/console/sign-in/oidc").await;
    let set = answer.header("set-cookie").to_owned();
    for part in ["; Max-Age=600;", "; Path=/;", "; HttpOnly;", "; SameSite=Lax"] {
        assert!(set.contains(part), "{part}: {set}");
    }
    let cookie = sign_in_cookie(&answer).expect("a cookie");
    let value = cookie.split_once('=').expect("a value").1;
    server.keep_secret(value);
    for part in ["next", "console", "nonce"] {
        assert!(!value.contains(part), "{value}");
    }
    for cookie in [cookie.clone(), format!("tokend_session={value}")] {
        let page = Browser { server: &server, cookie }.get("/console/").await;
        assert_eq!(page.status, 303, "{page:?}");
    }
}

/// Over https, the host comes from the settings, never from the request.
#[tokio::test]
async fn over_https_the_cookie_has_a_prefix_and_the_settings_name_the_redirect_uri() {
    let more = [("TOKEND_MANAGEMENT_URL", "https://ops.example.com")];
    let (_provider, server) = start_with(Engine::Sqlite, &more).await;
    let headers = [("host", "evil.example")];
    let answer = Browser::new(&server).get_with("/console/sign-in/oidc", &headers).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let expected = "https://ops.example.com/console/sign-in/oidc/callback";
    assert_eq!(query(answer.header("location"), "redirect_uri"), expected);
    let set = answer.header("set-cookie");
    assert!(set.starts_with("__Host-tokend_sign_in="), "{set}");
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{set}");
}

#[tokio::test]
async fn a_sign_in_gives_a_new_session() {
    let (provider, server) = start(Engine::Sqlite).await;
    let begun = begin(&Browser::new(&server), "").await;
    let chosen = "x".repeat(43);
    let both = format!("tokend_session={chosen}; {}", begun.cookie);
    let answer = follow_callback(&server, &provider.authorize(&begun.url), &both).await;
    let signed_in = entered(&server, &answer);
    assert!(!signed_in.cookie.contains(&chosen));
}

#[tokio::test]
async fn markup_in_claims_is_text() {
    let (provider, server) = start(Engine::Sqlite).await;
    provider.claims(|claims| {
        claims["sub"] = MARKUP.into();
        claims["name"] = MARKUP.into();
        claims["groups"] = json!(["platform", MARKUP]);
    });
    let browser = sign_in(&server, &provider).await;
    for path in crate::console::attacks::PAGES {
        let page = browser.page(path).await;
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{path}: {page}");
    }
    assert!(browser.page("/console/sessions").await.contains("alert(1)"), "it is shown as text");
}

/// The metadata of another issuer, and endpoints that must not be used.
#[tokio::test]
async fn metadata_that_does_not_fit_ends_the_sign_in() {
    type Change = fn(&mut Value);
    let (provider, server) = start(Engine::Sqlite).await;
    let changes: [Change; 5] = [
        |document| document["issuer"] = "https://evil.example".into(),
        |document| document["token_endpoint"] = "http://evil.example/token".into(),
        |document| document["authorization_endpoint"] = "javascript:alert(1)".into(),
        |document| document["jwks_uri"] = Value::Null,
        |document| *document = json!([]),
    ];
    for change in changes {
        provider.metadata(change);
        let answer = Browser::new(&server).get("/console/sign-in/oidc").await;
        assert_no_session(&answer, 503);
        server.clock.advance(2);
    }
    // A private address that does not belong to the provider.
    provider.metadata(|document| document["token_endpoint"] = "https://10.0.0.1/token".into());
    let answer = try_sign_in(&server, &provider).await;
    assert_no_session(&answer, 503);
    let reason = reason(&server, &answer).await;
    assert!(reason.contains("not a public address"), "{reason}");
}
