//! Answers to OAuth clients never contain a command, an option or a setting of tokend. The
//! developer of a client does not have the operator's shell; the operator uses `tokend explain`.

use serde_json::{Value, json};
use tokend::admin;
use tokend::config::sources::{Flags, Settings, variable_of};
use tokend::model::client::{ClientState, GrantType, JWT_BEARER_ASSERTION, JWT_SPIFFE};
use tokend::model::rate::RateLimit;
use tokend::model::remedy::OperatorAction;
use tokend::model::security::Networks;
use tokend::model::signing_key::Algorithm;

use crate::support::keys::KeyPair;
use crate::support::{
    Answer, Engine, INVOICES, ORDERS, Server, TestClient, client_id, grant, method, operator,
};

/// Returns the names of settings in sections, which no sentence contains by chance.
fn settings() -> Vec<String> {
    let settings = Settings::gather(&Flags::default(), &[]).expect("settings");
    let keys = settings.keys().iter().filter(|key| key.contains('.'));
    keys.flat_map(|key| [key.clone(), variable_of(key)]).collect()
}

/// Fails if the description or the challenge names something that only an operator has.
fn assert_for_clients(answer: &Answer) {
    assert!(answer.status >= 400, "not a rejection: {answer:?}");
    answer.assert_names_no_command();
    for text in [&answer.text, answer.header("www-authenticate")] {
        for setting in settings() {
            assert!(!text.contains(&setting), "{setting}: {answer:?}");
        }
        for part in ["client grant", "client update", "client revoke-tokens", "check-config"] {
            assert!(!text.contains(part), "{part}: {answer:?}");
        }
    }
}

/// Fails if the rejection stored for the operator has another client or another remedy.
async fn assert_kept(
    server: &Server,
    answer: &Answer,
    client: &TestClient,
    action: OperatorAction,
) {
    server.app.write_rejections().await.expect("written");
    let id = answer.header("x-request-id");
    let kept = server.services().store.rejection(id).await.expect("a store").expect("kept");
    assert_eq!(kept.client_id.as_deref(), Some(client.id.as_str()));
    assert_eq!(kept.remedy, Some(action.into()));
}

fn elsewhere() -> Networks {
    Networks::parse("10.0.0.0/8").expect("networks")
}

/// Answers to a client that authenticated but may not do what it requests.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_an_authenticated_client_has_no_command() {
    let settings = [("TOKEND_LIMITS_REVOCATIONS_PER_CLIENT", "1/h")];
    let server = Server::with(Engine::Sqlite, &settings).await;
    server.resource(INVOICES, &["invoices:read"]).await;
    let client = server
        .new_client(|new| {
            let mut narrow = grant(INVOICES, None);
            narrow.networks = elsewhere();
            new.grants.push(narrow);
        })
        .await;
    let away = server.new_client(|new| new.security.networks = elsewhere()).await;
    let bound = server.new_client(|new| new.security.dpop_bound = true).await;
    let slow = server
        .new_client(|new| new.token_rate = Some(RateLimit::parse("1/h").expect("a rate")))
        .await;
    let without = server.new_client(|new| new.grants.clear()).await;

    let refused = server.ask(&away).await;
    assert_for_clients(&refused);
    assert_kept(&server, &refused, &away, OperatorAction::PermitAddress).await;
    let refused = server.ask_for(&client, &[("resource", INVOICES)]).await;
    assert_for_clients(&refused);
    let resource = INVOICES.to_owned();
    let action = OperatorAction::PermitAddressOfGrant { resource };
    assert_kept(&server, &refused, &client, action).await;
    server.ask(&slow).await.token();
    for refused in [
        server.ask(&slow).await,
        server.ask(&bound).await,
        server.ask(&without).await,
        server.ask(&client).await,
        server.ask_for(&client, &[("resource", "https://orders.example.co")]).await,
        server.ask_for(&client, &[("scope", "orders:reed")]).await,
        server.ask_for(&client, &[("scope", "orders:read invoices:read")]).await,
        server.ask_for(&client, &[("scope", "\u{22}")]).await,
        server.ask_for(&client, &[("resource", ORDERS), ("resource", INVOICES)]).await,
        server.post("/v1/oauth/introspect", &client, &[]).await,
    ] {
        assert_for_clients(&refused);
    }
    let mut tokens = Vec::new();
    for _ in 0..2 {
        tokens.push(server.ask_for(&client, &[("resource", ORDERS)]).await.token());
    }
    server.post("/v1/oauth/revoke", &client, &[("token", &tokens[0])]).await;
    let refused = server.post("/v1/oauth/revoke", &client, &[("token", &tokens[1])]).await;
    assert_eq!(refused.status, 429);
    assert_for_clients(&refused);
    assert_kept(&server, &refused, &client, OperatorAction::RevokeAllTokens).await;
}

/// Answers to a caller that could not authenticate, by each method.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_an_unauthenticated_caller_has_no_command() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let disabled = server.client().await;
    let id = client_id(&disabled.id);
    let state = ClientState::Disabled;
    admin::client::set_state(server.services(), &operator(), &id, state, None)
        .await
        .expect("disabled");
    let post_only =
        server.new_client(|new| new.auth_methods = vec![method("client_secret_post")]).await;
    server.catch_up().await;
    let stranger = TestClient { id: "nobody".to_owned(), secret: "wrong".to_owned() };
    let wrong = TestClient { secret: "wrong".to_owned(), ..client.clone() };
    for refused in [
        server.ask(&disabled).await,
        server.ask(&post_only).await,
        server.ask(&stranger).await,
        server.ask(&wrong).await,
        server.form("grant_type=client_credentials").await,
        server.form(&format!("grant_type=client_credentials&client_id={}", client.id)).await,
        server.form("grant_type=password&client_id=a&client_secret=b").await,
        server.form("grant_type=client_credentials&client_secret=b").await,
        server.form("grantType=client_credentials").await,
        server.form("{}").await,
        server.json("grant_type=client_credentials").await,
        server.json("[]").await,
        server.get("/v1/oauth/token").await,
        server.get("/v1/oauth/authorize").await,
        server.get("/nothing").await,
        server.get("/v1/oauth/check?resource=https://orders.example.com").await,
    ] {
        assert_for_clients(&refused);
    }
}

/// Answers to assertions that are signed by the client's own key and by others.
#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_is_rejected_without_a_command() {
    let server = Server::start(Engine::Sqlite).await;
    let (key, other) = (KeyPair::new(Algorithm::Es256), KeyPair::new(Algorithm::Es256));
    let client = server
        .new_client(|new| {
            new.auth_methods = vec![method("private_key_jwt")];
            new.security.keys = Some(key.source());
        })
        .await;
    let keyless = server.client().await;
    let now = server.clock.now().0;
    let good =
        |id: &str| json!({ "iss": id, "sub": id, "aud": server.base, "exp": now + 60, "jti": "1" });
    let with = |member: &str, value: Value| {
        let mut claims = good(&client.id);
        claims[member] = value;
        key.sign(&claims)
    };
    for (kind, assertion) in [
        (JWT_BEARER_ASSERTION, with("exp", json!(now + 86_400))),
        (JWT_BEARER_ASSERTION, with("exp", json!(now - 86_400))),
        (JWT_BEARER_ASSERTION, with("aud", json!(server.token_url()))),
        (JWT_BEARER_ASSERTION, with("nbf", json!(now + 600))),
        (JWT_BEARER_ASSERTION, with("jti", Value::Null)),
        (JWT_BEARER_ASSERTION, other.sign(&good(&client.id))),
        (JWT_BEARER_ASSERTION, key.sign(&good(&keyless.id))),
        (JWT_BEARER_ASSERTION, with("iss", json!("https://issuer.example.com"))),
        (JWT_BEARER_ASSERTION, "not a JWT".to_owned()),
        (JWT_SPIFFE, with("sub", json!("spiffe://acme.example/worker"))),
        (JWT_SPIFFE, with("typ", json!("x"))),
        ("jwt", with("aud", json!("x"))),
    ] {
        server.keep_secret(&assertion);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", kind),
            ("client_assertion", assertion.as_str()),
        ];
        let refused = Answer::of(server.http.post(server.token_url()).form(&form)).await;
        assert_for_clients(&refused);
        let form = [("grant_type", GrantType::JWT_BEARER), ("assertion", form[2].1)];
        assert_for_clients(&Answer::of(server.http.post(server.token_url()).form(&form)).await);
    }
}
