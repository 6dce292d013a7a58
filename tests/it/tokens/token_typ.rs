//! Resources with tokens of the type `JWT`, for verifiers that reject `at+jwt`.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::resource::{NewResource, ResourceUpdate, create, update};
use tokend::model::resource::{ResourceId, ResourceScope, TokenTyp};
use tokend::model::signing_key::Algorithm;

use crate::support::process::Cli;
use crate::support::{Answer, Engine, ORDERS, Server, TestClient, grant, operator};

const MAIL: &str = "https://mail.example.com";

fn header(token: &str) -> Value {
    let header = token.split('.').next().expect("a header");
    let header = BASE64_URL_SAFE_NO_PAD.decode(header).expect("base64url");
    serde_json::from_slice(&header).expect("JSON")
}

/// Creates a resource with tokens of type JWT, and a client of it and of [`ORDERS`].
async fn mail(server: &Server) -> TestClient {
    let new = NewResource {
        resource: ResourceId::parse(MAIL).expect("a resource"),
        scopes: vec![ResourceScope::parse("mail:read").expect("a scope")],
        token_lifetime: None,
        signing_algorithm: None,
        token_typ: TokenTyp::Jwt,
        facts: tokend::model::facts::Facts::default(),
    };
    create(server.services(), &operator(), new).await.expect("a resource");
    server.catch_up().await;
    server.new_client(|new| new.grants.push(grant(MAIL, None))).await
}

async fn set(server: &Server, resource: &str, typ: TokenTyp) {
    let wanted = ResourceUpdate { token_typ: Some(typ), ..ResourceUpdate::default() };
    let id = ResourceId::parse(resource).expect("a resource");
    update(server.services(), &operator(), &id, wanted).await.expect("an update");
    server.catch_up().await;
}

/// Returns the token for a resource, signed by the server under another type.
fn retyped(server: &Server, claims: &Value, typ: &str) -> String {
    let keyring = server.app.directory.keyring();
    let key = keyring.signing(Algorithm::Es256, server.clock.now()).expect("a key");
    key.sign_as(typ, claims.to_string().as_bytes()).expect("a token")
}

fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).expect("claims");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).expect("base64url"))
        .expect("JSON")
}

/// True if introspection and the check accept a token; they must agree.
async fn is_accepted(server: &Server, client: &TestClient, resource: &str, token: &str) -> bool {
    let is_active = server.is_active(client, token).await;
    let url = server.url(&format!("/v1/oauth/check?resource={resource}"));
    let check = Answer::of(server.http.get(url).bearer_auth(token)).await;
    assert_eq!(check.status, if is_active { 204 } else { 401 }, "{check:?}");
    is_active
}

/// Only such a resource has tokens of type JWT.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_resource_may_have_tokens_of_type_jwt(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = mail(&server).await;
    let ask =
        async |resource: &str| server.ask_for(&client, &[("resource", resource)]).await.token();
    let (mail, orders) = (ask(MAIL).await, ask(ORDERS).await);
    assert_eq!(header(&mail)["typ"], "JWT");
    assert_eq!(header(&orders)["typ"], "at+jwt");
    assert!(is_accepted(&server, &client, MAIL, &mail).await);
    assert!(is_accepted(&server, &client, ORDERS, &orders).await);

    // Signed with the key of the server: only the type is wrong.
    for typ in ["JWT", "jwt"] {
        let forged = retyped(&server, &claims(&orders), typ);
        assert!(!is_accepted(&server, &client, ORDERS, &forged).await, "{typ}");
    }
    for typ in ["", "logout+jwt", "token-revocation-list+jwt", "JOSE", "application/JWT"] {
        let forged = retyped(&server, &claims(&mail), typ);
        assert!(!is_accepted(&server, &client, MAIL, &forged).await, "{typ}");
    }
    let mut unknown = claims(&mail);
    unknown["aud"] = json!("https://elsewhere.example");
    let forged = retyped(&server, &unknown, "JWT");
    let told = server.post("/v1/oauth/introspect", &client, &[("token", &forged)]).await;
    assert_eq!(told.json(), json!({ "active": false }));

    // It can be revoked like every other token.
    let form = [("token", mail.as_str())];
    assert_eq!(server.post("/v1/oauth/revoke", &client, &form).await.status, 200);
    assert!(!is_accepted(&server, &client, MAIL, &mail).await);
}

/// Tokens of type at+jwt from before a change stay valid, those of type JWT do not.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_type_is_effective_at_once(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let before = server.ask(&client).await.token();
    set(&server, ORDERS, TokenTyp::Jwt).await;
    let during = server.ask(&client).await.token();
    for token in [&before, &during] {
        assert!(is_accepted(&server, &client, ORDERS, token).await, "{}", header(token));
    }
    set(&server, ORDERS, TokenTyp::AtJwt).await;
    assert!(is_accepted(&server, &client, ORDERS, &before).await);
    assert!(!is_accepted(&server, &client, ORDERS, &during).await);
}

/// This server verifies its own tokens, so they keep their type.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_for_this_server_are_never_of_type_jwt() {
    let server = Server::start(Engine::Sqlite).await;
    let own = ResourceId::SERVER;
    let client = server.new_client(|new| new.grants.push(grant(own, Some("introspect")))).await;
    let id = ResourceId::parse(own).expect("a resource");
    let wanted = ResourceUpdate { token_typ: Some(TokenTyp::Jwt), ..ResourceUpdate::default() };
    let refused = update(server.services(), &operator(), &id, wanted).await;
    assert!(refused.expect_err("refused").to_string().contains("at+jwt"));
    let token = server.ask_for(&client, &[("resource", own)]).await.token();
    assert_eq!(header(&token)["typ"], "at+jwt");
    let forged = retyped(&server, &claims(&token), "JWT");
    assert!(!is_accepted(&server, &client, own, &forged).await);
    assert!(is_accepted(&server, &client, own, &token).await);
}

/// The operator's commands: a warning, the row, the audit log and the verification of a token.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_operator_gets_a_warning_about_jwt_typed_tokens(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = mail(&server).await;
    let mail = server.ask_for(&client, &[("resource", MAIL)]).await.token();
    let orders = server.ask_for(&client, &[("resource", ORDERS)]).await.token();
    let forged = retyped(&server, &claims(&orders), "JWT");
    let (place, base) = (server.place.clone(), server.base.clone());
    let commands = tokio::task::spawn_blocking(move || {
        let cli = Cli::at(place).set("TOKEND_ISSUER", &base);
        assert_eq!(cli.run(&["token", "verify", &mail]).code, 0);
        assert_eq!(cli.run(&["token", "verify", &forged]).code, 8);
        let shown = cli.run(&["resource", "show", MAIL]);
        assert!(shown.stdout.contains("token typ") && shown.stdout.contains("JWT"), "{shown:?}");
        let update =
            |uri: &str, typ: &str| cli.run(&["resource", "update", uri, "--token-typ", typ]);
        let changed = update(ORDERS, "JWT");
        assert!(changed.code == 0 && changed.stderr.contains("RFC 9068"), "{changed:?}");
        assert_eq!(cli.json(&["resource", "show", ORDERS])["token_typ"], "JWT");
        let events = cli.json(&["audit", "list"]);
        let mut events = events.as_array().expect("events").iter();
        let event = events.find(|event| event["action"] == "resource.updated").expect("an event");
        assert_eq!(event["detail"]["was"]["token_typ"], "at+jwt", "{event}");
        assert_eq!(event["detail"]["is"]["token_typ"], "JWT", "{event}");
        let back = update(ORDERS, "at+jwt");
        assert!(back.code == 0 && !back.stderr.contains("warning"), "{back:?}");
        let made = ["resource", "create", "urn:example:a", "--token-typ", "JWT"];
        assert!(cli.run(&made).stderr.contains("RFC 9068"));
        for (uri, typ) in [(ORDERS, "id+jwt"), (ORDERS, ""), ("urn:tokend", "JWT")] {
            assert_eq!(update(uri, typ).code, 2, "{uri} {typ}");
        }
    });
    commands.await.expect("the commands");
}
