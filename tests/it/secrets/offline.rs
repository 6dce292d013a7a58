//! Secrets that were generated offline and registered by their digest.

use rstest::rstest;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokend::model::secret::SecretKind;
use tokend::model::secret_digest::SecretDigest;
use tokend::secrets::offline;

use crate::listeners::costs::reason;
use crate::support::api::Api;
use crate::support::process::Cli;
use crate::support::{Engine, Server, TestClient, client_id, lifetime};

fn generated() -> (SecretString, SecretDigest) {
    let secret = offline::generate().expect("a secret");
    let digest = offline::digest_of(secret.expose_secret()).expect("a digest");
    (secret, digest)
}

/// An offline secret authenticates like any other secret. Neither it nor a wrong one of its form
/// costs a hash.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_registered_digest_authenticates_without_a_hash(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    server.import("{\"client_id\":\"legacy\",\"client_secret\":\"as-it-was-there\"}\n").await;
    let (secret, digest) = generated();
    let client =
        server.new_client(|new| new.secret.get_or_insert_default().digest = Some(digest)).await;
    let client = server.known(&client.id, &secret);
    let before = server.services().hasher.checks();
    for _ in 0..3 {
        server.ask(&client).await.token();
    }
    let (wrong, _) = generated();
    for id in [client.id.as_str(), "legacy", "absent"] {
        let wrong = server.known(id, &wrong);
        server.ask(&wrong).await.assert_rejected(401, "invalid_client");
    }
    assert_eq!(server.services().hasher.checks(), before, "a digest entered a hash queue");
    let found = server.services().store.registration(&client_id(&client.id)).await;
    let found = found.expect("a store").expect("a client").secrets.remove(0);
    assert_eq!((found.kind, found.suffix.as_str()), (SecretKind::Digest, ""));
    server.app.write_usage().await.expect("written");
    assert!(server.usage(&client).await.is_none(), "it is the use of the secret");
}

/// A digest of another text matches nothing: neither the text itself, nor the digest as a secret.
#[tokio::test(flavor = "multi_thread")]
async fn a_digest_matches_only_its_own_form() {
    let server = Server::start(Engine::Sqlite).await;
    let of_password = "sha256:5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
    let digest = SecretDigest::parse(of_password).expect("a digest");
    let client =
        server.new_client(|new| new.secret.get_or_insert_default().digest = Some(digest)).await;
    for guess in ["password", of_password, &of_password[7..], ""] {
        let guess = TestClient { secret: guess.to_owned(), ..client.clone() };
        server.ask(&guess).await.assert_rejected(401, "invalid_client");
    }
}

/// `explain` reports what is wrong with a secret of this form, but never the digest of the
/// presented one: a remedy with it would register the secret of an attacker.
#[tokio::test(flavor = "multi_thread")]
async fn explain_recognizes_offline_secrets() {
    let server = Server::start(Engine::Sqlite).await;
    let (secret, digest) = generated();
    let client = server
        .new_client(|new| {
            let secret = new.secret.get_or_insert_default();
            secret.digest = Some(digest);
            secret.lifetime = Some(lifetime(60));
        })
        .await;
    let with = |text: &str| server.known(&client.id, &text.into());
    let text = secret.expose_secret();
    let refused = server.ask(&with(&format!("{text}\n"))).await;
    assert!(reason(&server, &refused).await.contains("line break"), "the usual mistakes");
    let refused = server.ask(&with(&text[..40])).await;
    assert!(reason(&server, &refused).await.contains("its checksum does not match"));
    let (other, of_other) = generated();
    let refused = server.ask(&with(other.expose_secret())).await;
    let told = reason(&server, &refused).await;
    assert!(told.contains("generated offline") && told.contains("is not registered"), "{told}");
    assert!(!told.contains(&of_other.to_string()[7..]), "{told}");
    server.clock.advance(120);
    server.catch_up().await;
    let refused = server.ask(&with(text)).await;
    assert!(reason(&server, &refused).await.contains("expired at"), "it was this client's");
}

/// The API accepts a digest where it would generate a secret, and registers it once for each
/// client.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_api_registers_digests(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, "clients:read clients:write secrets:write grants:write").await;
    let (first, of_first) = generated();
    let body = json!({
        "client_id": "worker", "secret": { "secret_digest": of_first.to_string() },
        "grants": [{ "resource": crate::support::ORDERS }],
    });
    let made = api.call("POST", "/v1/clients", Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(made.json().get("client_secret").is_none(), "{}", made.text);
    server.ask(&server.known("worker", &first)).await.token();

    let (second, of_second) = generated();
    let path = "/v1/clients/worker/secrets";
    let body = json!({ "secret_digest": of_second.to_string(), "label": "terraform" });
    let added = api.call("POST", path, Some(body.clone())).await;
    assert_eq!(added.status, 201, "{}", added.text);
    assert_eq!(added.json()["kind"], "digest");
    assert_eq!(added.json()["secret_digest"], of_second.to_string());
    server.ask(&server.known("worker", &second)).await.token();
    let again = api.call("POST", path, Some(body)).await;
    assert_eq!((again.status, &again.json()["code"]), (409, &json!("already_exists")));
    for digest in ["sha256:00", "5e88", second.expose_secret()] {
        let wrong = api.call("POST", path, Some(json!({ "secret_digest": digest }))).await;
        assert_eq!(wrong.status, 422, "{}", wrong.text);
        assert_eq!(wrong.json()["errors"][0]["pointer"], "/secret_digest");
        assert!(!wrong.text.contains(digest), "it may be a secret");
    }
    // The name of an unknown member may be a secret too.
    let body = json!({ second.expose_secret(): 1 });
    let wrong = api.call("POST", path, Some(body)).await;
    assert_eq!(wrong.status, 422, "{}", wrong.text);
    assert!(!wrong.text.contains(second.expose_secret()), "{}", wrong.text);
    let (third, of_third) = generated();
    let body = json!({ "overlap": "0s", "secret": { "secret_digest": of_third.to_string() } });
    let rotated = api.call("POST", &format!("{path}/rotate"), Some(body)).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text);
    server.ask(&server.known("worker", &first)).await.assert_rejected(401, "invalid_client");
    server.ask(&server.known("worker", &third)).await.token();
}

/// `secret generate` and `check` work without a database, and accept no secret as an argument.
#[tokio::test(flavor = "multi_thread")]
async fn the_commands_work_offline() {
    let cli = Cli::without_database(Engine::Sqlite).await;
    let made = cli.json(&["secret", "generate"]);
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    let (secret, digest) = (text("client_secret"), text("secret_digest"));
    let checked = cli.run_with(&["secret", "check", "-o", "json"], &format!("{secret}\n"));
    assert_eq!(checked.code, 0, "{checked:?}");
    assert!(checked.stdout.contains(&digest) && !checked.stdout.contains(&secret), "{checked:?}");
    for (text, words) in [
        (&secret[..52], "its checksum does not match"),
        ("hunter2", "is not a secret that tokend generates"),
        ("", "is not a secret that tokend generates"),
    ] {
        let run = cli.run_with(&["secret", "check", "-"], text);
        assert_eq!(run.code, 8, "{run:?}");
        assert!(run.stderr.contains(words), "{run:?}");
    }
    for command in ["check", "leaked"] {
        let run = cli.run(&["secret", command, &secret]);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(!run.stderr.contains(&secret), "{run:?}");
    }
    let run = cli.run(&["secret", "generate", "--secret-file", "new.secret", "-o", "id"]);
    assert_eq!(run.code, 0, "{run:?}");
    let file = cli.place.folder.path().join("new.secret");
    let written = std::fs::read_to_string(&file).expect("the secret");
    let expected = offline::digest_of(written.trim()).expect("a digest").to_string();
    assert_eq!(run.stdout.trim(), expected);
    let again = cli.run(&["secret", "generate", "--secret-file", "new.secret"]);
    assert_eq!(again.code, 1, "{again:?}");
    assert_eq!(std::fs::read_to_string(&file).expect("the secret"), written);
}

/// An import of such a secret stores its digest and no hash.
#[tokio::test(flavor = "multi_thread")]
async fn an_imported_secret_of_this_form_is_kept_by_its_digest() {
    let server = Server::start(Engine::Sqlite).await;
    let (secret, _) = generated();
    let line = json!({
        "client_id": "moved", "client_secret": secret.expose_secret(),
        "grants": [{ "resource": crate::support::ORDERS }],
    });
    server.import(&format!("{line}\n")).await;
    let before = server.services().hasher.checks();
    server.ask(&server.known("moved", &secret)).await.token();
    assert_eq!(server.services().hasher.checks(), before);
}
