//! `tokend client` and `tokend resource`, used by operators and scripts.

use rstest::rstest;
use serde_json::Value;

use crate::support::process::Cli;
use crate::support::{Engine, INVOICES, ORDERS};

async fn cli_with_resource(engine: Engine) -> Cli {
    let cli = Cli::new(engine).await;
    let made = cli.json(&[
        "resource",
        "create",
        ORDERS,
        "--scope",
        "orders:read=Read orders",
        "--scope",
        "orders:write",
    ]);
    assert_eq!(made["resource"], ORDERS);
    assert_eq!(made["scopes"][0]["description"], "Read orders");
    cli
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// The output that scripts read (K-10, W-25).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_can_be_created_changed_and_deleted(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = cli_with_resource(engine).await;
    let grant = format!("{ORDERS}=orders:read");
    let made = cli.json(&[
        "client",
        "create",
        "Billing worker",
        "--id",
        "7590139168389961",
        "--grant",
        &grant,
        "--auth-method",
        "client_secret_basic",
        "--grant-type",
        "client_credentials",
        "--token-ttl",
        "30m",
        "--secret-label",
        "first",
    ]);
    let id = text(&made, "client_id");
    assert_eq!(id, "7590139168389961");
    assert!(text(&made, "client_secret").starts_with("tkd_"));
    assert_eq!(made["shown_once"], true);
    assert_eq!(made["token_ttl_seconds"], 1800);
    assert_eq!(made["grants"][0]["scopes"], serde_json::json!(["orders:read"]));

    let shown = cli.json(&["client", "show", id]);
    assert!(shown.get("client_secret").is_none(), "{shown}");
    assert!(!shown.to_string().contains("argon2"), "{shown}");
    assert_eq!(shown["auth_methods"], serde_json::json!(["client_secret_basic"]));
    let secret = text(&made, "client_secret");
    assert!(secret.ends_with(text(&shown["secrets"][0], "suffix")));
    assert_eq!(shown["secrets"][0]["label"], "first");

    let changed =
        cli.json(&["client", "update", id, "--name", "Billing", "--token-ttl", "default"]);
    assert_eq!((text(&changed, "name"), &changed["token_ttl_seconds"]), ("Billing", &Value::Null));
    assert_eq!(cli.json(&["client", "disable", id, "--reason", "moved"])["state"], "disabled");
    assert_eq!(
        cli.json(&["client", "list", "--state", "disabled"]).as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(
        cli.json(&["client", "list", "--state", "active"]).as_array().map(Vec::len),
        Some(0)
    );
    assert_eq!(cli.json(&["client", "enable", id])["state"], "active");

    let rotated = cli.json(&["client", "rotate-secret", id, "--overlap", "24h"]);
    assert!(text(&rotated, "client_secret").starts_with("tkd_"));
    assert_ne!(text(&rotated, "client_secret"), secret);
    assert!(rotated["old_secrets_expire_at"].is_string(), "{rotated}");
    let added = cli.json(&["client", "add-secret", id, "--secret-ttl", "90d"]);
    assert!(added["expires_at"].is_string());
    let ended = cli.json(&["client", "expire-secret", id, text(&added, "secret_id")]);
    assert_eq!(ended["secret_id"], added["secret_id"]);
    // A secret that has ended does not become valid again by a later expiry.
    let later =
        cli.json(&["client", "expire-secret", id, text(&added, "secret_id"), "--in", "24h"]);
    assert_eq!(later["expires_at"], ended["expires_at"]);

    cli.json(&["client", "grant", id, "--resource", ORDERS, "--only-scope", "orders:write"]);
    let shown = cli.json(&["client", "show", id]);
    assert_eq!(shown["grants"][0]["scopes"], serde_json::json!(["orders:write"]));
    cli.json(&["client", "revoke-grant", id, "--resource", ORDERS]);
    assert_eq!(cli.json(&["client", "show", id])["grants"], serde_json::json!([]));
    assert_eq!(cli.json(&["client", "delete", id, "--yes"])["deleted"], true);
    assert_eq!(cli.run(&["client", "show", id]).code, 4);

    let actions: Vec<_> = cli
        .json(&["audit", "list", "--after", "0"])
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| text(event, "action").to_owned())
        .collect();
    assert_eq!(
        actions,
        [
            "resource.created",
            "client.created",
            "client.updated",
            "client.disabled",
            "client.enabled",
            "secret.rotated",
            "secret.added",
            "secret.expired",
            "grant.changed",
            "grant.revoked",
            "client.deleted",
        ]
    );
}

/// Scripts depend on the exit code (O-44, O-46).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_failure_has_its_exit_code(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = cli_with_resource(engine).await;
    cli.json(&["client", "create", "a", "--id", "taken"]);
    let cases: [(&[&str], i32, &str); 21] = [
        (&["client", "show", "nope"], 4, "client nope does not exist"),
        (&["client", "rotate-secret", "nope"], 4, "client nope does not exist"),
        (&["client", "expire-secret", "taken", "sec_nope"], 4, "does not exist"),
        (&["client", "revoke-grant", "taken", "--resource", ORDERS], 4, "does not exist"),
        (&["client", "create", "b", "--grant", INVOICES], 4, "does not exist"),
        (&["client", "create", "b", "--id", "taken"], 5, "there is already a client taken"),
        (&["resource", "create", ORDERS], 5, "there is already a resource https://orders"),
        (&["client", "create", "b", "--id", "bad id"], 2, "has no space"),
        (&["client", "create", ""], 2, "a client id is 1 to 256"),
        (&["client", "create"], 2, "--generate-id"),
        (&["client", "create", "b", "--token-ttl", "48h"], 2, "48h is longer than"),
        (&["client", "create", "b", "--token-ttl", "30"], 2, "30m"),
        (&["client", "create", "b", "--secret-ttl", "90"], 2, "90d"),
        (&["client", "rotate-secret", "taken", "--overlap", "24"], 2, "24h"),
        (&["client", "expire-secret", "taken", "sec_a", "--in", "24"], 2, "24h"),
        (&["resource", "update", ORDERS, "--token-ttl", "15"], 2, "15m"),
        (&["client", "update", "taken", "--token-rate", "5"], 2, "--token-rate: '5'"),
        (&["client", "create", "b", "--auth-method", "none"], 2, "client_secret_basic"),
        (&["client", "create", "b", "--grant-type", "client_credential"], 2, "a grant type is"),
        (
            &["client", "create", "b", "--client-secret", "hunter2"],
            2,
            "never taken from the command line",
        ),
        (&["resource", "create", "orders"], 2, "absolute URI"),
    ];
    for (arguments, code, words) in cases {
        let run = cli.run(arguments);
        assert_eq!(run.code, code, "{arguments:?}: {run:?}");
        assert!(run.stderr.contains(words), "{arguments:?}: {run:?}");
        assert_eq!(run.stdout, "", "{arguments:?}: {run:?}");
    }
    let typo = format!("{ORDERS}=orders:wirte");
    let run = cli.run(&["client", "create", "b", "--grant", &typo]);
    assert!(run.code == 2 && run.stderr.contains("did you mean orders:write?"), "{run:?}");
    let run = cli.run(&["client", "show", "nope", "-o", "json"]);
    let problem: Value = serde_json::from_str(&run.stderr).expect("a problem document");
    assert_eq!(problem["code"], "E-NOT-FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_can_go_to_a_file_that_only_its_owner_reads() {
    use std::os::unix::fs::PermissionsExt;
    let cli = cli_with_resource(Engine::Sqlite).await;
    let file = cli.place.folder.path().join("secret");
    let path = file.display().to_string();
    let made = cli.json(&["client", "create", "a", "--secret-file", &path]);
    assert!(made.get("client_secret").is_none(), "{made}");
    assert_eq!(std::fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&file).expect("the file").starts_with("tkd_"));
    let run = cli.run(&["client", "create", "b", "--secret-file", &path]);
    assert_eq!(run.code, 1, "a file that is there is overwritten: {run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_for_people_for_programs_or_for_pipes() {
    let cli = cli_with_resource(Engine::Sqlite).await;
    for id in ["one", "two"] {
        cli.json(&["client", "create", "A worker", "--id", id, "--grant", ORDERS]);
    }
    assert_eq!(cli.run(&["client", "list", "-o", "id"]).stdout, "one\ntwo\n");
    let table = cli.run(&["client", "list"]).stdout;
    let lines: Vec<_> =
        table.lines().map(|line| line.split("   ").next().expect("a cell").trim()).collect();
    assert_eq!(lines, ["CLIENT", "one", "two"]);
    assert!(table.contains("A worker") && table.contains("active"), "{table}");
    assert_eq!(
        cli.run(&["resource", "list", "-o", "id"]).stdout,
        format!("{ORDERS}\nurn:tokend\n")
    );
    let version = cli.run(&["version"]).stdout;
    assert_eq!(version, format!("tokend {}\n", env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "zsh", "fish"] {
        assert!(cli.run(&["completion", shell]).stdout.contains("rotate-secret"), "{shell}");
    }
}

/// K-06, D4: ids and secrets of other systems are imported unchanged.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn clients_of_other_systems_are_taken_over_with_their_secrets(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = cli_with_resource(engine).await;
    let lines = [
        r#"{"client_id":"7590139168389961","client_secret":"tfSl0c6_-ABCDEFGHIJKLMNOPQRSTUVW","name":"Tiki app","grants":[{"resource":"https://orders.example.com","scopes":["orders:read"]}]}"#,
        "",
        r##"{"client_id":"2f1c0c8e-8f0e-4a57-9d3c-0d0c8a1d9b11","client_secret":" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~","grants":[{"resource":"https://orders.example.com"}]}"##,
        r#"{"client_id":"hashed","secret_hash":"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ","token_lifetime":600}"#,
    ];
    let run = cli.run_with(&["client", "import", "-"], &lines.join("\n"));
    assert_eq!(run.code, 0, "{run:?}");
    let file = cli.place.folder.path().join("more.jsonl");
    std::fs::write(&file, r#"{"client_id":"from-a-file","client_secret":"s3cret-of-old"}"#)
        .expect("a file");
    assert_eq!(cli.run(&["client", "import", &file.display().to_string()]).code, 0);
    let ids = cli.run(&["client", "list", "-o", "id"]).stdout;
    assert_eq!(ids.lines().count(), 4, "{ids}");
    let shown = cli.json(&["client", "show", "7590139168389961"]);
    assert_eq!(
        (text(&shown, "name"), text(&shown["secrets"][0], "kind")),
        ("Tiki app", "imported")
    );

    let server = cli.serve().await;
    for (id, secret) in [
        ("7590139168389961", "tfSl0c6_-ABCDEFGHIJKLMNOPQRSTUVW"),
        ("2f1c0c8e-8f0e-4a57-9d3c-0d0c8a1d9b11", " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    ] {
        let form =
            [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
        let answer = crate::support::client()
            .post(format!("{}/v1/oauth/token", server.base))
            .form(&form)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "{id}");
        assert!(!server.log().contains(secret), "a secret is in the log");
    }
}

/// An import is atomic, and reports the error of each line without repeating the line.
#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_import_changes_nothing_and_names_the_lines() {
    let cli = cli_with_resource(Engine::Sqlite).await;
    let lines = [
        r#"{"client_id":"good","client_secret":"hush-hush"}"#,
        r#"{"client_id":"good","client_secret":"hush-hush"}"#,
        r#"{"client_id":"b","client_secret":"hush-hush","secret":"x"}"#,
        r#"{"client_id":"c"}"#,
        r#"{"client_id":"d","client_secret":"hush-hush","grants":[{"resource":"https://nope.example"}]}"#,
        r#"{"client_id":"e","secret_hash":"$2b$12$hush-hush"}"#,
        "{\"client_id\":\"f\",\"client_secret\":\"hush-h\u{fc}sh\"}",
        r#"{"client_id":"g","client_secret":"hush-hush""#,
    ];
    let run = cli.run_with(&["client", "import", "-"], &lines.join("\n"));
    assert_eq!(run.code, 2, "{run:?}");
    for line in 2..=8 {
        assert!(run.stderr.contains(&format!("line {line}: ")), "line {line}: {run:?}");
    }
    assert!(!run.stderr.contains("hush"), "{run:?}");
    assert_eq!(cli.run(&["client", "list", "-o", "id"]).stdout, "");
    let good = r#"{"client_id":"good","client_secret":"hush-hush"}"#;
    assert_eq!(cli.run_with(&["client", "import", "-"], good).code, 0);
    assert_eq!(cli.run_with(&["client", "import", "-"], good).code, 5);
}

/// K-11, W-17: the list of scopes of a resource, and the number of grants that its deletion
/// removed.
#[tokio::test(flavor = "multi_thread")]
async fn a_resource_can_be_changed_and_removed_with_its_grants() {
    let cli = cli_with_resource(Engine::Sqlite).await;
    cli.json(&["client", "create", "a", "--id", "a", "--grant", ORDERS]);
    let changed = cli.json(&[
        "resource",
        "update",
        ORDERS,
        "--scope",
        "orders:delete",
        "--remove-scope",
        "orders:write",
        "--yes",
        "--token-ttl",
        "10m",
    ]);
    let names: Vec<_> =
        changed["scopes"].as_array().expect("scopes").iter().map(|s| text(s, "name")).collect();
    assert_eq!(names, ["orders:delete", "orders:read"]);
    assert_eq!(changed["token_ttl_seconds"], 600);
    let run = cli.run(&["resource", "update", ORDERS, "--remove-scope", "nope"]);
    assert_eq!(run.code, 4, "{run:?}");
    assert_eq!(cli.json(&["resource", "show", ORDERS])["token_ttl_seconds"], 600);
    assert_eq!(cli.json(&["resource", "delete", ORDERS, "--yes"])["grants_revoked"], 1);
    assert_eq!(cli.json(&["client", "show", "a"])["grants"], serde_json::json!([]));
    assert_eq!(cli.run(&["resource", "show", ORDERS]).code, 4);
}

/// D4: a client can have several valid secrets, up to a limit.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_a_bounded_number_of_valid_secrets() {
    let cli = Cli::new(Engine::Sqlite).await.set("TOKEND_SECRETS_MAX_PER_CLIENT", "2");
    cli.json(&["client", "create", "a", "--id", "a"]);
    cli.json(&["client", "add-secret", "a"]);
    let run = cli.run(&["client", "add-secret", "a"]);
    assert_eq!(run.code, 5, "{run:?}");
    assert!(run.stderr.contains("secrets.max_per_client"), "{run:?}");
    cli.json(&["client", "rotate-secret", "a"]);
    cli.json(&["client", "add-secret", "a"]);
}
