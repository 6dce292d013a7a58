//! Tasks of people in the console, in a real browser, with JavaScript and without it. No page
//! reports an error or a violation of its policy.

use rstest::rstest;
use secrecy::ExposeSecret;

use crate::support::api::ALL_SCOPES;
use crate::support::browser::chromium::{Chromium, Look};
use crate::support::browser::console::{limits, link};
use crate::support::browser::webdriver::{By, key};
use crate::support::{Engine, Server, TestClient};

/// Opens a browser and signs in by a new link: by its address, or by pasting it if JavaScript is
/// off.
pub async fn signed_in(look: Look, server: &Server, owners: Option<&[&str]>) -> Chromium {
    let browser = Chromium::start(look).await;
    let secret = link(server, limits(None, owners)).await;
    let url = format!("{}/console/#{}", server.management, secret.expose_secret());
    browser.open(&url).await;
    if !look.has_script {
        browser.fill("Link", &url).await;
        browser.press("Sign in").await;
    }
    browser.until_text("Needs attention").await;
    assert!(!browser.session.current_url().await.contains('#'));
    browser
}

/// Returns the client with the secret that the page shows.
async fn shown_client(browser: &Chromium, server: &Server) -> TestClient {
    browser.until_text("It is shown now and never again").await;
    let id = browser.text_of("#client-id").await;
    let secret = browser.text_of("#client-secret").await;
    server.keep_secret(&secret);
    TestClient { id, secret }
}

/// Opens a page of the console.
pub async fn go(browser: &Chromium, server: &Server, path: &str) {
    browser.open(&format!("{}{path}", server.management)).await;
}

/// Creates a resource and a client of it, as a person without prior knowledge.
async fn create_client(browser: &Chromium, server: &Server, look: Look) -> TestClient {
    browser.press("Resources").await;
    browser.press("Register resource").await;
    browser.fill("Identifier", "https://invoices.example.com").await;
    browser.fill("Scopes", "invoices:read=Read invoices").await;
    browser.press("Register").await;
    browser.until_text("Tokens for this API").await;
    browser.press("Clients").await;
    browser.press("Create client").await;
    browser.fill("Name", "Invoice mailer").await;
    browser.fill("Owner", "payments").await;
    browser.field("invoices:read").await.click().await;
    if look.has_script {
        let summary = "Invoice mailer may call https://invoices.example.com (invoices:read). \
                       Its secret expires in 180 days.";
        browser.until_text(summary).await;
    }
    browser.press("Create and show the secret").await;
    shown_client(browser, server).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_created_its_secret_copied_and_the_light_turns_green() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = signed_in(Look::WIDE, &server, None).await;
    let client = create_client(&browser, &server, Look::WIDE).await;
    let copy = browser.element("[data-copy='client-secret']").await;
    copy.click().await;
    browser.until_text("Copied").await;
    let token = server.ask(&client).await.token();
    let claims = server.claims(&token).await;
    assert_eq!(claims["scope"], "invoices:read");
    assert_eq!(claims["aud"], "https://invoices.example.com");
    server.app.write_usage().await.expect("written");
    browser.element(".light.good").await;
    // The secret is in the clipboard: it is pasted to read it.
    browser.element("#stored").await.click().await;
    browser.press("Done").await;
    browser.until_text("Safe to end").await;
    browser.press("Clients").await;
    let search = browser.field("Search").await;
    search.keys(&format!("{}v", key::CONTROL)).await;
    assert_eq!(search.property("value").await.as_ref(), Ok(&client.secret));
    browser.assert_silent().await;
}

/// D22: the console works without JavaScript.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_created_without_javascript() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = signed_in(Look::PLAIN, &server, None).await;
    let client = create_client(&browser, &server, Look::PLAIN).await;
    server.ask(&client).await.token();
    server.app.write_usage().await.expect("written");
    // Instead of the light, there is a link to the list of secrets.
    browser.press("list of secrets").await;
    browser.until_text("from 127.0.0.1, 1 time").await;
    browser.assert_silent().await;
}

#[rstest]
#[case::with_script(Look::WIDE)]
#[case::plain(Look::PLAIN)]
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_rotated_with_an_overlap_by_an_administrator(#[case] look: Look) {
    let server = Server::start(Engine::Sqlite).await;
    let old = server.client().await;
    // Secrets of the same second have no order.
    server.clock.advance(60);
    let administrator = server.administrator(ALL_SCOPES).await;
    let browser = Chromium::start(look).await;
    let path = format!("/console/clients/{}/credentials", old.id);
    // After the sign-in, the requested page is shown.
    go(&browser, &server, &path).await;
    browser.fill("Client id", &administrator.id).await;
    browser.fill("Client secret", &administrator.secret).await;
    browser.press("Sign in as a client").await;
    browser.until_at(&path).await;
    browser.fill("Old secrets end", "24h").await;
    browser.fill("Label", "2027").await;
    browser.press("Rotate and show the secret").await;
    let new = shown_client(&browser, &server).await;
    assert_ne!(new.secret, old.secret);
    server.ask(&old).await.token();
    server.ask(&new).await.token();
    browser.element("#stored").await.click().await;
    browser.press("Done").await;
    browser.until_text("replaced").await;
    let replaced = "//tr[contains(., 'replaced')]//summary";
    let end = browser.first(By::XPath, replaced).await;
    end.click().await;
    browser.press("End it").await;
    browser.until_text("The secret has ended").await;
    assert_eq!(server.ask(&old).await.status, 401);
    server.ask(&new).await.token();
    browser.assert_silent().await;
}

#[rstest]
#[case::with_script(Look::WIDE)]
#[case::plain(Look::PLAIN)]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_disabled_and_its_rejection_is_found_and_explained(#[case] look: Look) {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = signed_in(look, &server, None).await;
    go(&browser, &server, &format!("/console/clients/{}", client.id)).await;
    browser.press("Disable").await;
    browser.fill("Reason", "SEC-12").await;
    browser.press("Disable A client").await;
    browser.until_text("The client is disabled.").await;
    let answer = server.ask(&client).await;
    assert_eq!(answer.status, 401);
    browser.press("Rejections").await;
    browser.fill("Request id", answer.header("x-request-id")).await;
    browser.press("Find").await;
    browser.until_text("the client is disabled").await;
    browser.until_text("tokend client enable").await;
    browser.press("Audit log").await;
    browser.until_text("SEC-12").await;
    go(&browser, &server, &format!("/console/clients/{}", client.id)).await;
    browser.press("Enable").await;
    browser.press("Enable A client").await;
    browser.until_text("The client may get tokens again.").await;
    server.ask(&client).await.token();
    browser.assert_silent().await;
}

#[rstest]
#[case::with_script(Look::WIDE)]
#[case::plain(Look::PLAIN)]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_ended_elsewhere_and_a_person_signs_out(#[case] look: Look) {
    let server = Server::start(Engine::Sqlite).await;
    let lost = signed_in(look, &server, Some(&["payments"])).await;
    // The ids of sessions are in the order of their sign-ins.
    server.clock.advance(60);
    let browser = signed_in(look, &server, None).await;
    browser.press("Sessions").await;
    browser.until_text("Chrome on Linux").await;
    let other = "//tr[not(contains(., 'this one'))]//button";
    let end = browser.first(By::XPath, other).await;
    end.click().await;
    browser.until_text("The session has ended").await;
    lost.press("Clients").await;
    lost.until_text("With a one-time link").await;
    browser.press("operator:ana").await;
    browser.press("Sign out").await;
    browser.until_text("With a one-time link").await;
    go(&browser, &server, "/console/clients").await;
    browser.until_text("With a one-time link").await;
    browser.assert_silent().await;
    lost.assert_silent().await;
}

#[rstest]
#[case::with_script(Look::WIDE)]
#[case::plain(Look::PLAIN)]
#[tokio::test(flavor = "multi_thread")]
async fn the_theme_is_chosen_and_stays(#[case] look: Look) {
    let server = Server::start(Engine::Sqlite).await;
    let browser = signed_in(look, &server, None).await;
    let color = async || {
        let body = browser.element("body").await;
        body.style("background-color").await
    };
    let light = color().await;
    browser.press("operator:ana").await;
    browser.press("Dark").await;
    browser.element("html[data-theme='dark']").await;
    let dark = color().await;
    assert_ne!(dark, light);
    browser.press("Clients").await;
    browser.until_text("Machines that get tokens here").await;
    assert_eq!(color().await, dark);
    browser.assert_silent().await;
}

/// A link that is entered in a tab with the console loads no page.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_works_in_a_tab_that_shows_the_console() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = signed_in(Look::WIDE, &server, Some(&["payments"])).await;
    let secret = link(&server, limits(None, None)).await;
    browser.open(&format!("{}/console/#{}", server.management, secret.expose_secret())).await;
    // An administrator of some owners has no link to the settings.
    browser.until_text("Settings").await;
    assert!(!browser.session.current_url().await.contains('#'));
}

/// The page shows the error, and keeps the input.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_rejected_keeps_what_was_typed() {
    let server = Server::start(Engine::Sqlite).await;
    let browser = signed_in(Look::WIDE, &server, None).await;
    go(&browser, &server, "/console/resources/new").await;
    browser.fill("Identifier", "orders").await;
    browser.fill("Description", "Orders of the shop").await;
    browser.press("Register").await;
    browser.until_text("The resource was not registered").await;
    let field = browser.field("Description").await;
    assert_eq!(field.property("value").await.as_deref(), Ok("Orders of the shop"));
    let reports = browser.reports().await;
    assert!(reports.iter().all(|report| report.contains("a status of 422")), "{reports:?}");
}
