//! Rights that a person gives to clients in the console, in a real browser, with JavaScript and
//! without it: a claim, a trust, and a grant of another team.

use rstest::rstest;
use tokend::model::owner::Owner;

use crate::browser::paths::{go, signed_in};
use crate::support::browser::chromium::Look;
use crate::support::{Engine, Server, client_id};

#[rstest]
#[case::with_script(Look::WIDE)]
#[case::plain(Look::PLAIN)]
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_set_and_is_in_the_next_token(#[case] look: Look) {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let browser = signed_in(look, &server, None).await;
    go(&browser, &server, &format!("/console/clients/{}", client.id)).await;
    browser.press("Edit").await;
    browser.fill("Static claims", r#"{"tenant": "acme"}"#).await;
    browser.press("Save").await;
    browser.until_text("The changes are saved.").await;
    // The page shows the claims of the next token.
    browser.press("Access").await;
    browser.until_text(r#""tenant": "acme""#).await;
    let token = server.ask(&client).await.token();
    assert_eq!(server.claims(&token).await["tenant"], "acme");
    browser.assert_silent().await;
}

#[rstest]
#[case::with_script(Look::WIDE)]
#[case::plain(Look::PLAIN)]
#[tokio::test(flavor = "multi_thread")]
async fn a_trust_of_github_is_added_and_removed(#[case] look: Look) {
    const SUBJECT: &str = "repo:acme/api:environment:production";
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let id = client_id(&client.id);
    let trusts = async || {
        let found = server.services().store.registration(&id).await.expect("read");
        let trusts = found.expect("a client").trusts;
        trusts.iter().map(|trust| trust.issuer.as_str().to_owned()).collect::<Vec<_>>()
    };
    let browser = signed_in(look, &server, None).await;
    go(&browser, &server, &format!("/console/clients/{}/credentials", client.id)).await;
    browser.press("GitHub Actions").await;
    browser.fill("Subject", SUBJECT).await;
    browser.fill("Further conditions", "repository_owner_id=1234").await;
    browser.press("Add the trust").await;
    browser.until_text("The trust is added.").await;
    browser.until_text(SUBJECT).await;
    assert_eq!(trusts().await, ["https://token.actions.githubusercontent.com"]);
    browser.press("Remove").await;
    browser.press("Remove it").await;
    browser.until_text("The trust is removed.").await;
    assert_eq!(trusts().await, [""; 0]);
    browser.assert_silent().await;
}

/// The administrator of a team requests a grant of a resource that it cannot see, and the team that
/// owns the resource approves it. Both use the console.
#[rstest]
#[case::with_script(Look::WIDE)]
#[case::plain(Look::PLAIN)]
#[tokio::test(flavor = "multi_thread")]
async fn a_team_requests_a_grant_and_the_other_team_approves_it(#[case] look: Look) {
    const PARCELS: &str = "https://parcels.example.com";
    let server = Server::start(Engine::Sqlite).await;
    let client = server
        .new_client(|new| {
            new.facts.owner = Some(Owner::parse("payments").expect("an owner"));
            new.grants = Vec::new();
        })
        .await;
    let logistics = signed_in(look, &server, Some(&["logistics"])).await;
    logistics.press("Resources").await;
    logistics.press("Register resource").await;
    logistics.fill("Identifier", PARCELS).await;
    logistics.fill("Scopes", "parcels:read=Read parcels").await;
    logistics.press("Register").await;
    logistics.until_text("Tokens for this API").await;

    let payments = signed_in(look, &server, Some(&["payments"])).await;
    payments.press("Resources").await;
    payments.until_text("Register resource").await;
    assert!(!payments.text().await.contains(PARCELS));
    let access = format!("/console/clients/{}/access", client.id);
    go(&payments, &server, &access).await;
    payments.press("Request a grant of another team's resource").await;
    payments.fill("Resource", PARCELS).await;
    payments.fill("Scopes", "parcels:read").await;
    payments.fill("What the other team should know", "For refunds").await;
    payments.press("Request the grant").await;
    payments.until_text("The other team decides").await;
    assert_eq!(server.ask(&client).await.status, 400);

    logistics.press("Grant requests").await;
    logistics.until_text("For refunds").await;
    logistics.press("Approve").await;
    logistics.until_text("The request is approved.").await;
    server.catch_up().await;
    let claims = server.claims(&server.ask(&client).await.token()).await;
    assert_eq!((&claims["scope"], &claims["aud"]), (&"parcels:read".into(), &PARCELS.into()));
    go(&payments, &server, &access).await;
    payments.until_text("parcels:read").await;
    payments.assert_silent().await;
    logistics.assert_silent().await;
}
