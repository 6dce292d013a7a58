//! Secrets that declarations name by their digest: registered once, never made valid again, and
//! without a gain of rights.

use rstest::rstest;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokend::model::secret_digest::SecretDigest;
use tokend::secrets::offline;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::{Engine, ORDERS, Server};

const SECRETS: &str = "/v1/clients/worker/secrets";

fn generated() -> (SecretString, SecretDigest) {
    let secret = offline::generate().expect("a secret");
    let digest = offline::digest_of(secret.expose_secret()).expect("a digest");
    (secret, digest)
}

/// Returns a document with one client that has these secrets.
fn worker(secrets: &Value) -> Value {
    let grants = json!([{ "resource": ORDERS }]);
    let client = json!({ "client_id": "worker", "secrets": secrets, "grants": grants });
    json!({ "source": "s", "clients": [client] })
}

async fn apply(api: &Api<'_>, body: &Value) -> Value {
    let answer = api.call("POST", "/v1/apply", Some(body.clone())).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// Returns the secret with a digest, and the number of all secrets of the client.
async fn secret_of(api: &Api<'_>, digest: &SecretDigest) -> (Value, usize) {
    let listed = api.call("GET", SECRETS, None).await.json();
    let all = listed["data"].as_array().expect("secrets");
    let found = all.iter().find(|secret| secret["secret_digest"] == digest.to_string());
    (found.expect("the secret").clone(), all.len())
}

async fn is_accepted(server: &Server, secret: &SecretString) -> bool {
    server.ask(&server.known("worker", &secret.expose_secret().into())).await.status == 200
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_declared_digest_is_registered_once(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let (secret, digest) = generated();
    let first = json!({ "secret_digest": digest.to_string(), "label": "ci" });
    let applied = apply(&api, &worker(&json!([first]))).await;
    assert_eq!(applied["secrets"], json!([]), "nothing is generated");
    assert_eq!(applied["changes"][0]["gets_secret"], false);
    assert!(is_accepted(&server, &secret).await);
    let listed = api.call("GET", SECRETS, None).await.json();
    assert_eq!(listed["data"][0]["secret_digest"], digest.to_string());
    assert_eq!(
        (&listed["data"][0]["kind"], &listed["data"][0]["label"]),
        (&json!("digest"), &json!("ci"))
    );

    // A repetition changes nothing, nor does the output of an export.
    let events = async || api.call("GET", "/v1/audit-events", None).await.json();
    let before = events().await;
    assert_eq!(apply(&api, &worker(&json!([first]))).await["unchanged"], 1);
    let exported = api.call("GET", "/v1/export?source=s", None).await.json();
    let found = &exported["documents"][0]["clients"][0];
    assert_eq!(found["secrets"], json!([first]));
    assert_eq!(found.get("secret"), None, "{found}");
    assert_eq!(apply(&api, &exported).await["unchanged"], 1);
    assert_eq!(events().await, before);

    // A second one is added. The first gets another label and an expiry.
    let (other, of_other) = generated();
    let end = "2999-01-01T00:00:00Z";
    let both = json!([
        { "secret_digest": digest.to_string(), "expires_at": end },
        { "secret_digest": of_other.to_string() },
    ]);
    apply(&api, &worker(&both)).await;
    assert!(is_accepted(&server, &secret).await && is_accepted(&server, &other).await);
    let (first, count) = secret_of(&api, &digest).await;
    assert_eq!((&first["label"], &first["expires_at"], count), (&json!(""), &json!(end), 2));
    // A digest that is no longer listed is kept, and no expiry is moved later.
    let alone = json!([{ "secret_digest": digest.to_string() }]);
    assert_eq!(apply(&api, &worker(&alone)).await["unchanged"], 1);
    assert!(is_accepted(&server, &other).await);
    assert_eq!(secret_of(&api, &digest).await.0["expires_at"], end);
}

/// A leaked secret that was ended stays ended despite the file, and no other one is created.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_has_ended_is_not_revived(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let (secret, digest) = generated();
    let body = worker(&json!([{ "secret_digest": digest.to_string(), "label": "ci" }]));
    apply(&api, &body).await;
    let listed = api.call("GET", SECRETS, None).await.json();
    let id = listed["data"][0]["secret_id"].as_str().expect("an id").to_owned();
    let ended = api.call("DELETE", &format!("{SECRETS}/{id}"), None).await;
    assert_eq!(ended.status, 204, "{}", ended.text);
    let applied = apply(&api, &body).await;
    assert_eq!((&applied["changes"], &applied["secrets"]), (&json!([]), &json!([])));
    let later = worker(&json!([
        { "secret_digest": digest.to_string(), "label": "b", "expires_at": "2999-01-01T00:00:00Z" },
    ]));
    assert_eq!(apply(&api, &later).await["unchanged"], 1);
    assert!(!is_accepted(&server, &secret).await);
    let exported = api.call("GET", "/v1/export?source=s", None).await.json();
    assert_eq!(exported["documents"][0]["clients"][0].get("secrets"), None, "{exported}");

    // A digest with a past expiry is not registered.
    let (_, past) = generated();
    let past = json!([{ "secret_digest": past.to_string(), "expires_at": "2001-01-01T00:00:00Z" }]);
    assert_eq!(apply(&api, &worker(&past)).await["unchanged"], 1);
}

/// A rejection names the place, and never repeats the text, which may be the secret itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_digest_is_reported_without_its_value() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let (secret, digest) = generated();
    let (text, digest) = (secret.expose_secret(), digest.to_string());
    let many: Vec<_> =
        (0..11).map(|_| json!({ "secret_digest": generated().1.to_string() })).collect();
    let mut without_method = worker(&json!([{ "secret_digest": digest }]));
    without_method["clients"][0]["auth_methods"] = json!(["private_key_jwt"]);
    for (body, words) in [
        (worker(&json!([{ "secret_digest": text }])), "clients[0].secrets[0].secret_digest: "),
        (
            worker(&json!([{ "secret_digest": digest }, { "secret_digest": digest }])),
            "secrets[1].secret_digest: another secret of the client has this digest",
        ),
        (worker(&json!([{ "label": "a" }])), "secrets[0].secret_digest is missing"),
        (worker(&json!([{ "client_secret": text }])), "client_secret is not a member of a secret"),
        (worker(&json!([text])), "secrets[0] is a string"),
        (worker(&json!(many)), "11 valid secrets"),
        (without_method, "auth_methods has no method by a secret"),
    ] {
        let answer = api.call("POST", "/v1/apply", Some(body)).await;
        assert_eq!(answer.status, 422, "{words}: {}", answer.text);
        assert!(answer.text.contains(words), "no {words:?} in {}", answer.text);
        assert!(!answer.text.contains(text), "{}", answer.text);
    }
}

/// A digest is a credential: it needs `secrets:write`, and the rights of its client.
#[tokio::test(flavor = "multi_thread")]
async fn a_digest_needs_the_right_to_write_secrets() {
    let server = Server::start(Engine::Sqlite).await;
    let digest = generated().1.to_string();
    let mut body = worker(&json!([{ "secret_digest": digest }]));
    let all = Api::with(&server, ALL_SCOPES).await;
    let scopes = "clients:read clients:write grants:write resources:read resources:write";
    let less = Api::with(&server, scopes).await;
    let refused = less.call("POST", "/v1/apply", Some(body.clone())).await;
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("scope_missing")));
    apply(&all, &body).await;
    assert_eq!(apply(&less, &body).await["unchanged"], 1, "what exists needs no right");
    body["clients"][0]["secrets"][0]["label"] = json!("b");
    let refused = less.call("POST", "/v1/apply", Some(body.clone())).await;
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("scope_missing")));

    let stronger = json!({ "source": "s", "clients": [{
        "client_id": all.administrator.id, "secrets": [{ "secret_digest": digest }],
        "grants": [{ "resource": "urn:tokend", "scopes": ["admins:write"] }],
    }] });
    let writer = Api::with(&server, &format!("{scopes} secrets:write")).await;
    let refused = writer.call("POST", "/v1/apply?adopt=true", Some(stronger)).await;
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("client_more_powerful")));
}
