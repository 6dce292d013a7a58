//! Ids and names of clients: ids with colons on the wire, names on the command line.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rstest::rstest;
use serde_json::Value;
use tokend::model::client::ClientId;

use crate::support::process::Cli;
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, ORDERS, Server, TestClient};

const IDS: [&str; 5] = [
    "https://agent.example.com/client.json",
    "spiffe://example.org/worker",
    "svc:a",
    "svc",
    "urn:a%2Fb+c",
];

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn with_pair(server: &Server, path: &str, pair: &str, form: &[(&str, &str)]) -> Answer {
    let header = format!("Basic {}", BASE64_STANDARD.encode(pair));
    let request = server.http.post(server.url(path)).header("authorization", header);
    Answer::of(request.form(form)).await
}

async fn token_by(server: &Server, pair: &str) -> Answer {
    with_pair(server, "/v1/oauth/token", pair, &CLIENT_CREDENTIALS).await
}

/// Tests encoded and unencoded Basic, the body, and introspection, with a generated secret.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_id_with_colons_works_in_every_form(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    for id in IDS {
        let client = server
            .new_client(|new| new.client_id = Some(ClientId::parse_new(id).expect("an id")))
            .await;
        let TestClient { id, secret } = &client;
        let token = token_by(&server, &format!("{id}:{secret}")).await.token();
        let claims = server.claims(&token).await;
        assert_eq!(
            (claims["sub"].as_str(), claims["client_id"].as_str()),
            (Some(&**id), Some(&**id))
        );
        token_by(&server, &format!("{}:{}", encoded(id), encoded(secret))).await.token();
        let body = format!(
            "grant_type=client_credentials&client_id={}&client_secret={secret}",
            encoded(id)
        );
        server.form(&body).await.token();
        let json = serde_json::json!({
            "grant_type": "client_credentials", "client_id": id, "client_secret": secret,
        });
        server.json(&json.to_string()).await.token();
        // The same id in the body, as many libraries send it.
        let form = [CLIENT_CREDENTIALS[0], ("client_id", id.as_str())];
        let pair = format!("{id}:{secret}");
        with_pair(&server, "/v1/oauth/token", &pair, &form).await.token();
        // The same credentials can introspect its own token.
        let form = [("token", token.as_str())];
        let answer = with_pair(&server, "/v1/oauth/introspect", &pair, &form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        token_by(&server, &format!("{id}:wrong")).await.assert_rejected(401, "invalid_client");
    }
}

/// Secrets of other systems have no recognizable form, so the known ids decide.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn with_colons_in_an_imported_secret_the_longest_known_id_is_used(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = |id: &str, secret: &str| {
        format!(
            r#"{{"client_id":"{id}","client_secret":"{secret}","grants":[{{"resource":"{ORDERS}"}}]}}"#
        )
    };
    let known = [("svc", "x:y:z"), ("svc:a", "p:q%41"), ("svc:a:b", "r+s")];
    let lines = known.map(|(id, secret)| client(id, secret)).join("\n");
    server.import(&lines).await;
    for (id, secret) in known {
        let token = token_by(&server, &format!("{id}:{secret}")).await.token();
        assert_eq!(server.claims(&token).await["sub"], id);
    }
    // `svc:a:b` is the longest known id here, and the secret belongs to another client.
    token_by(&server, "svc:a:b:q%41").await.assert_rejected(401, "invalid_client");
    // Unknown clients get the same answer.
    let unknown = token_by(&server, "nope:a:b").await;
    let known = token_by(&server, "svc:a:nope").await;
    let comparable_parts = |answer: &Answer| {
        let id = answer.header("x-request-id").to_owned();
        (answer.status, answer.text.replace(&id, "ID"))
    };
    assert_eq!(comparable_parts(&unknown), comparable_parts(&known));
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// O-17, O-35, SECURITY 43: every command accepts an id, and a unique name.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_unique_name_is_resolved_and_its_id_is_reported(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "a"]);
    let made = cli.json(&["client", "create", "--generate-id", "--name", "Büro 7"]);
    let id = text(&made, "client_id").to_owned();
    assert!(id.starts_with("cl_") && text(&made, "name") == "Büro 7", "{made}");
    let run = cli.run(&["client", "show", "Büro 7", "-o", "id"]);
    assert_eq!((run.code, run.stdout.trim()), (0, &*id), "{run:?}");
    assert_eq!(run.stderr, format!("note: client \"Büro 7\" is {id}\n"));
    let secret = text(&cli.json(&["client", "add-secret", "Büro 7"]), "secret_id").to_owned();
    for words in [
        &["client", "update", "Büro 7", "--token-ttl", "15m"][..],
        &["client", "grant", "Büro 7", "--resource", ORDERS, "--scope", "a"],
        &["client", "rotate-secret", "Büro 7", "--overlap", "1h"],
        &["client", "expire-secret", "Büro 7", &secret],
        &["client", "keys", "list", "Büro 7"],
        &["client", "trust", "list", "Büro 7"],
        &["client", "revoke-tokens", "Büro 7"],
        &["client", "revoke-grant", "Büro 7", "--resource", ORDERS],
        &["client", "disable", "Büro 7"],
        &["client", "enable", "Büro 7"],
        &["client", "delete", "Büro 7", "--yes"],
    ] {
        let run = cli.run(words);
        assert_eq!(run.code, 0, "{words:?}: {run:?}");
        assert!(run.stderr.contains(&format!("is {id}")), "{words:?}: {run:?}");
    }
    assert_eq!(cli.run(&["client", "show", "Büro 7"]).code, 4);
}

/// An id takes precedence over a name; a name of two clients is ambiguous.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_id_wins_over_a_name_and_two_names_are_an_error(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    cli.json(&["client", "create", "one", "--name", "two"]);
    cli.json(&["client", "create", "two", "--name", "three"]);
    cli.json(&["client", "create", "four", "--name", "three"]);
    let run = cli.run(&["client", "show", "two", "-o", "id"]);
    assert_eq!((run.code, &*run.stdout, &*run.stderr), (0, "two\n", ""), "{run:?}");
    let run = cli.run(&["client", "delete", "three", "--yes"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("four, two"), "{run:?}");
    assert_eq!(cli.run(&["client", "list", "-o", "id"]).stdout.lines().count(), 3);
}

/// The arguments of earlier releases work for one more release.
#[tokio::test(flavor = "multi_thread")]
async fn the_forms_of_earlier_releases_still_work() {
    let cli = Cli::new(Engine::Sqlite).await;
    let run = cli.run(&["client", "create", "Nightly job", "-o", "json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let made: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(text(&made, "name"), "Nightly job");
    assert!(run.stderr.contains("warning: \"Nightly job\" cannot be an id"), "{run:?}");
    assert!(text(&made, "client_id").starts_with("cl_"), "{made}");
    let run = cli.run(&["client", "create", "Billing worker", "--id", "billing", "-o", "json"]);
    let made: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!((text(&made, "client_id"), text(&made, "name")), ("billing", "Billing worker"));
    assert!(run.stderr.contains("--id is deprecated"), "{run:?}");
    // The new form prints no note.
    let run = cli.run(&["client", "create", "plain"]);
    assert_eq!((run.code, &*run.stderr), (0, ""), "{run:?}");
    assert_eq!(text(&cli.json(&["client", "show", "plain"]), "name"), "plain");
}

/// The audit log and the command line take ids with slashes and colons.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_url_is_an_id_for_every_command(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "a"]);
    let url = IDS[0];
    let run = cli.run(&["client", "create", url, "--grant", ORDERS]);
    assert_eq!(run.code, 0, "{run:?}");
    let encoded = format!("curl -u '{}:SECRET'", encoded(url));
    assert!(run.stderr.contains(&encoded), "{run:?}");
    let long = format!("https://example.com/{}", "a".repeat(236));
    let made = cli.json(&["client", "create", &long]);
    assert_eq!(text(&made, "client_id").len(), 256);
    assert_eq!(cli.run(&["client", "create", &format!("{long}a")]).code, 2);
    cli.json(&["client", "disable", url]);
    cli.json(&["client", "enable", url]);
    let events = cli.json(&["audit", "list"]);
    let subject = format!("client/{url}");
    let subjects = events.as_array().expect("a list").iter().map(|event| text(event, "subject"));
    assert_eq!(subjects.filter(|found| *found == subject).count(), 3, "{events}");
    assert_eq!(cli.run(&["audit", "verify"]).code, 0);
}

/// O-18: a setting without a unit is rejected, with its place and the fix.
#[tokio::test(flavor = "multi_thread")]
async fn a_setting_without_a_unit_is_rejected() {
    let cli = Cli::new(Engine::Sqlite).await;
    let file = cli.place.folder.path().join("a.toml");
    std::fs::write(&file, "[token]\n# an hour\nlifetime = 3600\n").expect("a file");
    let path = file.display().to_string();
    let run = cli.run(&["--config", &path, "check-config"]);
    assert_eq!(run.code, 3, "{run:?}");
    let output = format!("{}{}", run.stdout, run.stderr);
    assert!(output.contains("`token.lifetime` has no unit: write 3600s"), "{output}");
    assert!(output.contains("a.toml:3"), "{output}");
    for (name, value) in [("TOKEND_DATABASE_TIMEOUT", "3"), ("TOKEND_SHUTDOWN_DRAIN", "10")] {
        let run = Cli::at(cli.place.clone()).set(name, value).run(&["check-config"]);
        let output = format!("{}{}", run.stdout, run.stderr);
        assert_eq!(run.code, 3, "{output}");
        assert!(output.contains(&format!("has no unit: write {value}s")), "{output}");
    }
    let zero = Cli::at(cli.place.clone()).set("TOKEND_SHUTDOWN_DELAY", "0");
    assert_eq!(zero.run(&["check-config"]).code, 0);
}
