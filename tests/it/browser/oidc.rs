//! Signing in to the console at the identity provider of npm `oidc-provider`, in a real browser:
//! the steps of a person, and each page.

use rstest::rstest;

use crate::browser::pages::{axe, check, picture};
use crate::browser::paths::go;
use crate::support::browser::chromium::{Chromium, Look, Theme};
use crate::support::browser::oidc::{NodeProvider, start_with_node};
use crate::support::browser::webdriver::By;
use crate::support::eventually::eventually;
use crate::support::{Engine, Server};

/// The link on the sign-in page that leads to the provider.
const LINK: &str = "section[aria-labelledby='by-provider'] a.button";

/// Fills in the forms of the provider until it redirects the browser back. Returns the names of the
/// forms.
async fn answer_provider(
    browser: &Chromium,
    provider: &NodeProvider,
    person: &str,
) -> Vec<&'static str> {
    let (mut forms, mut answered) = (Vec::new(), String::new());
    eventually("the end of the forms", async || {
        let url = browser.session.current_url().await;
        if !url.starts_with(&provider.issuer) {
            return Some(());
        }
        // Each form has its own URL. The URL of the previous form stays until the next page loads.
        let buttons = browser.session.find(By::Css, "button[type='submit']").await;
        let button = buttons.unwrap_or_default().into_iter().next()?;
        if url == answered {
            return None;
        }
        let names = browser.session.find(By::Css, "input[name='login']").await.unwrap_or_default();
        if let Some(name) = names.first() {
            name.fill(person).await;
            browser.element("input[name='password']").await.fill("any").await;
            forms.push("login");
        } else {
            forms.push("consent");
        }
        answered = url;
        button.click().await;
        None
    })
    .await;
    forms
}

/// Discards reports about pages of the provider, such as a font from another host.
async fn forget_provider(browser: &Chromium, provider: &NodeProvider) {
    browser.forget_reports_of(&[&provider.issuer, "fonts."]).await;
}

#[rstest]
#[case::with_script(Look::WIDE)]
#[case::plain(Look::PLAIN)]
#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_at_the_provider_and_again_before_a_dangerous_action(#[case] look: Look) {
    let (provider, server) = start_with_node(Engine::Sqlite, "id_token").await;
    let client = server.client().await;
    let browser = Chromium::start(look).await;
    // After the sign-in, the requested page is shown.
    let path = format!("/console/clients/{}", client.id);
    go(&browser, &server, &path).await;
    browser.element(LINK).await.click().await;
    assert_eq!(answer_provider(&browser, &provider, "ana").await, ["login", "consent"]);
    browser.until_at(&path).await;
    browser.press("Sessions").await;
    browser.until_text(&format!("oidc:{}#ana", provider.issuer)).await;
    // The provider does not state when it authenticated the person, so it may be long ago.
    go(&browser, &server, &path).await;
    browser.press("Disable").await;
    browser.press("Disable A client").await;
    browser.until_text("This action needs a sign-in of the last 10 minutes").await;
    server.ask(&client).await.token();
    browser.element(LINK).await.click().await;
    assert_eq!(answer_provider(&browser, &provider, "ana").await, ["login"]);
    browser.until_at(&path).await;
    browser.press("Disable").await;
    browser.press("Disable A client").await;
    browser.until_text("The client is disabled.").await;
    assert_eq!(server.ask(&client).await.status, 401);
    browser.element(".who > summary").await.click().await;
    browser.press("Sign out").await;
    browser.until_text("With your company account").await;
    go(&browser, &server, &path).await;
    browser.until_text("With your company account").await;
    forget_provider(&browser, &provider).await;
    browser.assert_silent().await;
}

/// Opens each page of a sign-in at a provider, with its name.
async fn tour(
    provider: &NodeProvider,
    server: &Server,
    look: Look,
    mut visit: impl AsyncFnMut(&Chromium, &str),
) {
    let mut visit = async |browser: &Chromium, name: &str| {
        forget_provider(browser, provider).await;
        visit(browser, name).await;
    };
    let eve = Chromium::start(look).await;
    go(&eve, server, "/console/sign-in").await;
    visit(&eve, "sign-in-company").await;
    eve.element(LINK).await.click().await;
    eve.press("[ Cancel ]").await;
    eve.until_text("The identity provider did not sign you in.").await;
    visit(&eve, "sign-in-company-failed").await;
    go(&eve, server, "/console/sign-in").await;
    eve.element(LINK).await.click().await;
    answer_provider(&eve, provider, "eve").await;
    eve.until_text("none of your groups has access").await;
    visit(&eve, "sign-in-no-group-failed").await;
    // A download starts, and the page with the link stays.
    let ana = Chromium::start(look).await;
    let next = "/console/sign-in?next=%2Fconsole%2Faudit%2Fexport%3Fformat%3Djsonl";
    go(&ana, server, next).await;
    ana.element(LINK).await.click().await;
    answer_provider(&ana, provider, "ana").await;
    ana.until_text("You are signed in").await;
    visit(&ana, "signed-in").await;
    go(&ana, server, "/console/sign-in?next=/console/clients&fresh=1").await;
    visit(&ana, "sign-in-again-company").await;
}

#[rstest]
#[case::light(Look::WIDE)]
#[case::dark(Look { theme: Theme::Dark, ..Look::WIDE })]
#[case::narrow(Look::NARROW)]
#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_sign_in_are_accessible_and_report_nothing(#[case] look: Look) {
    let (provider, server) = start_with_node(Engine::Sqlite, "id_token").await;
    let (axe, mut faults) = (axe(), Vec::new());
    let visit = async |browser: &Chromium, name: &str| {
        check(browser, name, &axe, &mut faults).await;
    };
    tour(&provider, &server, look, visit).await;
    assert!(faults.is_empty(), "{look:?}: {}", faults.join("\n"));
}

/// Writes pictures of these pages into target/screenshots: `make screenshots`.
#[rstest]
#[case::light("light", Look::WIDE)]
#[case::dark("dark", Look { theme: Theme::Dark, ..Look::WIDE })]
#[case::narrow("narrow", Look::NARROW)]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "draws pictures: make screenshots"]
async fn pictures_of_the_pages_of_a_sign_in(#[case] folder: &str, #[case] look: Look) {
    let (provider, server) = start_with_node(Engine::Sqlite, "id_token").await;
    let visit = async |browser: &Chromium, name: &str| picture(browser, folder, name).await;
    tour(&provider, &server, look, visit).await;
}
