//! Extra audiences of client assertions, for software that sends the URL of the token endpoint.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::client::{ClientUpdate, update};
use tokend::admin::trust::{self, NewTrust};
use tokend::model::assertion_audiences::AssertionAudiences;
use tokend::model::claim_pattern::Pattern;
use tokend::model::client::JWT_BEARER_ASSERTION;
use tokend::model::signing_key::Algorithm;
use tokend::model::trust::ExternalIssuer;

use crate::support::keys::KeyPair;
use crate::support::process::Cli;
use crate::support::{Answer, Engine, ORDERS, Server, TestClient, client_id, method, operator};

/// The issuer of [`crate::support::Place::environment`].
const ISSUER: &str = "http://127.0.0.1:1";

async fn keyed(server: &Server, key: &KeyPair) -> TestClient {
    let new = |new: &mut tokend::admin::client::NewClient| {
        new.auth_methods = vec![method("private_key_jwt")];
        new.security.keys = Some(key.source());
    };
    server.new_client(new).await
}

async fn allow(server: &Server, client: &TestClient, urls: &str) {
    let audiences = AssertionAudiences::parse(urls).expect("audiences");
    let wanted = ClientUpdate { assertion_audiences: Some(audiences), ..ClientUpdate::default() };
    let id = client_id(&client.id);
    update(server.services(), &operator(), &id, wanted).await.expect("an update");
    server.catch_up().await;
}

async fn present(server: &Server, path: &str, assertion: &str) -> Answer {
    server.keep_secret(assertion);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER_ASSERTION),
        ("client_assertion", assertion),
    ];
    Answer::of(server.http.post(server.url(path)).form(&form)).await
}

/// Returns an assertion of the client for an audience.
fn assertion(server: &Server, client: &TestClient, key: &KeyPair, aud: &Value) -> String {
    key.sign(&json!({
        "iss": client.id, "sub": client.id, "aud": aud, "exp": server.clock.now().0 + 60,
        "jti": tokend::crypto::random::identifier("").expect("an id"),
    }))
}

/// The audience is rejected by default. Once registered, exactly these URLs are accepted, as one
/// string, and only for this client.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_have_the_token_endpoint_as_audience(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let key = KeyPair::new(Algorithm::Es256);
    let (client, other) = (keyed(&server, &key).await, keyed(&server, &key).await);
    let (plain, slash) = (server.url("/oauth/token"), server.url("/v1/oauth/token/"));
    let ask = async |client: &TestClient, aud: Value| {
        let assertion = assertion(&server, client, &key, &aud);
        present(&server, "/oauth/token", &assertion).await
    };
    let refused = async |client: &TestClient, aud: Value| {
        let answer = ask(client, aud.clone()).await;
        answer.assert_rejected(401, "invalid_client");
        assert!(answer.description().contains(&server.base), "{aud}: {answer:?}");
    };
    refused(&client, json!(plain)).await;
    allow(&server, &client, &format!("{plain} {slash}")).await;
    for aud in [json!(plain), json!(slash), json!([plain]), json!(server.base)] {
        ask(&client, aud).await.token();
    }
    for aud in [
        json!([plain, slash]),
        json!([plain, plain]),
        json!([server.base, plain]),
        json!(format!("{plain} {slash}")),
        json!(format!("{plain}/")),
        json!(server.url("/v1/oauth/token")),
        json!(server.url("/v1/oauth/introspect")),
        json!("https://elsewhere.example/oauth/token"),
        json!({ "url": plain }),
        Value::Null,
    ] {
        refused(&client, aud).await;
    }
    refused(&other, json!(plain)).await;
    allow(&server, &client, "").await;
    refused(&client, json!(plain)).await;
}

/// An extra audience is rejected when its path is no longer an alias.
#[tokio::test(flavor = "multi_thread")]
async fn an_extra_audience_is_accepted_while_it_is_the_token_endpoint() {
    let server = Server::start(Engine::Sqlite).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, &key).await;
    let alias = server.url("/oauth/token");
    allow(&server, &client, &alias).await;
    let settings = [("TOKEND_ISSUER", server.base.as_str()), ("TOKEND_TOKEN_ALIASES", "/token")];
    let second = Server::at(server.place.clone(), server.clock.clone(), &settings).await;
    let now = assertion(&server, &client, &key, &json!(alias));
    present(&second, "/token", &now).await.assert_rejected(401, "invalid_client");
    let now = assertion(&server, &client, &key, &json!(alias));
    present(&server, "/token", &now).await.token();
}

/// With an issuer that has a path, requests are routed below that path too.
#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_with_a_path_has_its_endpoint_at_both_places() {
    let server = Server::with(Engine::Sqlite, &[("TOKEND_ISSUER", "{base}/tenant")]).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, &key).await;
    let urls = [server.url("/oauth/token"), server.url("/tenant/oauth/token/")];
    allow(&server, &client, &urls.join(" ")).await;
    for aud in urls {
        let assertion = assertion(&server, &client, &key, &json!(aud));
        present(&server, "/tenant/oauth/token", &assertion).await.token();
    }
}

/// A token of an external issuer for the token endpoint stays rejected.
#[tokio::test(flavor = "multi_thread")]
async fn a_trust_has_no_extra_audience() {
    let server = Server::start(Engine::Sqlite).await;
    let (own, external) = (KeyPair::new(Algorithm::Es256), KeyPair::new(Algorithm::Es256));
    let client = keyed(&server, &own).await;
    let url = server.token_url();
    allow(&server, &client, &url).await;
    let pattern = Pattern::parse("sub", "worker").expect("a pattern");
    let new = NewTrust {
        issuer: ExternalIssuer::parse("https://issuer.example").expect("an issuer"),
        keys: Some(external.source()),
        audience: None,
        conditions: [("sub".to_owned(), pattern)].into(),
    };
    let id = client_id(&client.id);
    trust::add(server.services(), &operator(), &id, new).await.expect("a trust");
    server.catch_up().await;
    let token = |aud: &str| {
        external.sign(&json!({
            "iss": "https://issuer.example", "sub": "worker", "aud": aud,
            "exp": server.clock.now().0 + 60,
        }))
    };
    present(&server, "/token", &token(&url)).await.assert_rejected(401, "invalid_client");
    present(&server, "/token", &token(&server.base)).await.token();
}

/// `explain` prints the command, but only for a URL that can be allowed.
#[tokio::test(flavor = "multi_thread")]
async fn explain_prints_the_command_that_allows_an_audience() {
    let server = Server::start(Engine::Sqlite).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, &key).await;
    let explained = async |aud: &str| {
        let assertion = assertion(&server, &client, &key, &json!(aud));
        let answer = present(&server, "/token", &assertion).await;
        assert!(!answer.description().contains("--assertion-audience"), "{answer:?}");
        server.app.write_rejections().await.expect("written");
        let (id, place) = (answer.header("x-request-id").to_owned(), server.place.clone());
        let explaining =
            tokio::task::spawn_blocking(move || Cli::at(place).json(&["explain", &id]));
        explaining.await.expect("a command")["remedy"].as_str().expect("a remedy").to_owned()
    };
    let url = server.url("/oauth/token/");
    let command = format!("--assertion-audience {url}");
    assert!(explained(&url).await.contains(&command));
    assert!(!explained("https://elsewhere.example/token").await.contains("--assertion-audience"));
}

/// The operator's commands, the audit log and the import.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_operator_allows_and_removes_audiences(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let key = KeyPair::new(Algorithm::Es256);
    cli.json(&["resource", "create", ORDERS]);
    let (first, second) = (format!("{ISSUER}/oauth/token/"), format!("{ISSUER}/v1/oauth/token"));
    let create = ["client", "create", "--id", "a", "--no-secret", "--jwks", "-"];
    let create = [&create[..], &["--assertion-audience", &first]].concat();
    let made = cli.json_with(&create, &key.jwk.to_string());
    assert_eq!(made["assertion_audiences"], json!([first]));
    let both = ["client", "update", "a", "--assertion-audience", &first, "--assertion-audience"];
    cli.json(&[&both[..], &[&second]].concat());
    let table = cli.run(&["client", "show", "a"]);
    assert!(table.stdout.contains(&first) && table.stdout.contains(&second), "{table:?}");
    for bad in [
        "https://elsewhere.example/oauth/token",
        "http://127.0.0.1:1/oauth/token//",
        "http://127.0.0.1:1",
        "http://127.0.0.1:1/v1/oauth/introspect",
        "oauth/token",
        "",
    ] {
        let run = cli.run(&["client", "update", "a", "--assertion-audience", bad]);
        assert_eq!(run.code, 2, "{bad}: {run:?}");
    }
    let shown = cli.json(&["client", "show", "a"]);
    assert_eq!(shown["assertion_audiences"], json!([first, second]));
    let none = cli.json(&["client", "update", "a", "--assertion-audience", "none"]);
    assert_eq!(none["assertion_audiences"], json!([]), "{none}");
    let events = cli.json(&["audit", "list"]);
    let events = events.as_array().expect("events");
    let updates = events.iter().filter(|event| event["action"] == "client.updated");
    let told: Vec<_> = updates
        .map(|event| [&event["detail"]["was"], &event["detail"]["is"]])
        .map(|states| states.map(|state| state["assertion_audiences"].clone()))
        .collect();
    let (one, two) = (json!([first]), json!([first, second]));
    for [was, is] in [[one, two.clone()], [two, Value::Null]] {
        assert!(told.contains(&[was.clone(), is.clone()]), "{was} {is}: {told:?}");
    }

    let line = json!({ "client_id": "b", "jwks": { "keys": [key.jwk] },
        "assertion_audiences": [first] });
    let imported = cli.run_with(&["client", "import", "-"], &line.to_string());
    assert_eq!(imported.code, 0, "{imported:?}");
    assert_eq!(cli.json(&["client", "show", "b"])["assertion_audiences"], json!([first]));
    for bad in [json!(["https://e.example/token"]), json!([format!("{first} {second}")])] {
        let line = json!({ "client_id": "b", "assertion_audiences": bad });
        let run = cli.run_with(&["client", "import", "--update", "-"], &line.to_string());
        assert!(run.code == 2 && run.stderr.contains("assertion_audiences"), "{run:?}");
    }
    let line = json!({ "client_id": "b", "assertion_audiences": [] });
    cli.run_with(&["client", "import", "--update", "-"], &line.to_string());
    assert_eq!(cli.json(&["client", "show", "b"])["assertion_audiences"], json!([]));
}
