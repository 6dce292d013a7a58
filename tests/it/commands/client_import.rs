//! `tokend client import`: every member of a client, repeated runs, and atomicity.

use std::fmt::Write as _;
use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};
use tokend::model::signing_key::Algorithm;

use crate::support::keys::KeyPair;
use crate::support::process::Cli;
use crate::support::{Engine, INVOICES, ORDERS};

pub const HASH: &str =
    "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ";

async fn cli_with_resources(engine: Engine) -> Cli {
    let cli = Cli::new(engine).await;
    for resource in [ORDERS, INVOICES] {
        cli.json(&["resource", "create", resource, "--scope", "a", "--scope", "b"]);
    }
    cli
}

fn import(cli: &Cli, options: &[&str], lines: &[Value]) -> Value {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    cli.json_with(&[&["client", "import", "-"], options].concat(), &text)
}

fn events(cli: &Cli) -> usize {
    cli.json(&["audit", "list", "--limit", "100"]).as_array().map_or(0, Vec::len)
}

fn results(imported: &Value) -> Vec<&str> {
    let clients = imported.as_array().expect("a list");
    clients.iter().map(|client| client["result"].as_str().expect("a result")).collect()
}

/// Returns a client with every member of a line, and its keys.
fn everything(key: &KeyPair) -> Value {
    let keys: Value =
        serde_json::from_str(&serde_json::to_string(&key.source()).expect("keys")).expect("JSON");
    json!({
        "client_id": "spiffe://example.org/worker",
        "name": "Worker",
        "state": "active",
        "client_secret": "a-first-secret",
        "secrets": [
            { "client_secret": "a-second-secret", "label": "second", "expires_at": "2999-01-31T00:00:00Z" },
            { "secret_hash": HASH, "label": "third", "expires_at": "2998-01-01" },
        ],
        "grants": [
            { "resource": ORDERS, "scopes": ["a"], "networks": ["10.0.0.0/8", "127.0.0.1"] },
            { "resource": INVOICES },
        ],
        "auth_methods": ["client_secret_post", "private_key_jwt"],
        "grant_types": ["client_credentials"],
        "token_lifetime": "15m",
        "token_rate": "60/m",
        "networks": ["127.0.0.0/8"],
        "jwks": keys["jwks"],
        "trusts": [{
            "issuer": "https://token.actions.githubusercontent.com",
            "audience": "https://id.example.com",
            "conditions": { "sub": "repo:acme/api:ref:refs/heads/main" },
        }],
        "tls_client_auth_san_uri": "spiffe://example.org/worker",
        "dpop_bound_access_tokens": false,
        "tls_client_certificate_bound_access_tokens": true,
    })
}

/// A line can set everything that `client create` and later commands can.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_line_can_set_every_member(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let cli = cli_with_resources(engine).await;
    let line = everything(&KeyPair::new(Algorithm::Es256));
    assert_eq!(results(&import(&cli, &[], std::slice::from_ref(&line))), ["imported"]);
    let shown = cli.json(&["client", "show", "spiffe://example.org/worker"]);
    for same in ["client_id", "name", "state", "jwks", "token_rate", "networks"] {
        assert_eq!(shown[same], line[same], "{same}: {shown}");
    }
    for same in ["tls_client_auth_san_uri", "tls_client_certificate_bound_access_tokens"] {
        assert_eq!(shown[same], line[same], "{same}: {shown}");
    }
    assert_eq!(shown["token_ttl_seconds"], 900);
    let methods = json!(["client_secret_post", "private_key_jwt", "tls_client_auth"]);
    assert_eq!(shown["auth_methods"], methods);
    let types = json!(["client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"]);
    assert_eq!(shown["grant_types"], types);
    let grants = shown["grants"].as_array().expect("grants");
    assert_eq!(grants.len(), 2);
    let orders = grants.iter().find(|grant| grant["resource"] == ORDERS).expect("a grant");
    assert_eq!(orders["scopes"], json!(["a"]));
    assert_eq!(orders["networks"], json!(["10.0.0.0/8", "127.0.0.1/32"]));
    assert_eq!(shown["trusts"][0]["conditions"], line["trusts"][0]["conditions"]);
    let secret = |label: &str| {
        let secrets = shown["secrets"].as_array().expect("secrets");
        secrets.iter().find(|secret| secret["label"] == label).cloned().expect(label)
    };
    assert_eq!(secret("imported")["expires_at"], Value::Null);
    assert_eq!(secret("second")["expires_at"], "2999-01-31T00:00:00Z");
    assert_eq!(secret("third")["expires_at"], "2998-01-01T00:00:00Z");

    let server = cli.serve().await;
    let ask = async |secret: &str| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "spiffe://example.org/worker"),
            ("client_secret", secret),
            ("resource", ORDERS),
        ];
        let request = crate::support::client().post(format!("{}/v1/oauth/token", server.base));
        request.form(&form).send().await.expect("an answer").status().as_u16()
    };
    // It authenticates, and is then rejected because its tokens need a certificate.
    assert_eq!(ask("a-first-secret").await, 400);
    assert_eq!(ask("a-second-secret").await, 400);
    assert_eq!(ask("another-secret").await, 401);
}

/// The next run skips existing clients or leaves them unchanged, and writes no event.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_rerun_changes_nothing(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let cli = cli_with_resources(engine).await;
    let lines = [
        everything(&KeyPair::new(Algorithm::Es256)),
        json!({ "client_id": "b", "client_secret": "hush-hush-hush-hush-hush" }),
        json!({ "client_id": "c", "secret_hash": HASH, "state": "disabled" }),
    ];
    import(&cli, &[], &lines[..2]);
    let before = events(&cli);
    let imported = import(&cli, &["--skip-existing"], &lines);
    assert_eq!(results(&imported), ["skipped", "skipped", "imported"]);
    assert_eq!(events(&cli), before + 1);
    let shown = cli.json(&["client", "list"]);
    for options in [&["--skip-existing"][..], &["--update"], &["--update", "--dry-run"]] {
        let imported = import(&cli, options, &lines);
        let word = if options[0] == "--update" { "unchanged" } else { "skipped" };
        assert_eq!(results(&imported), [word; 3], "{options:?}");
        assert_eq!(events(&cli), before + 1, "{options:?}");
    }
    assert_eq!(cli.json(&["client", "list"]), shown);
    let text = lines.map(|line| line.to_string()).join("\n");
    let run = cli.run_with(&["client", "import", "-"], &text);
    assert_eq!(run.code, 5, "{run:?}");
    for line in 1..=3 {
        assert!(run.stderr.contains(&format!("line {line}: there is already a client")), "{run:?}");
    }
    assert!(run.stderr.contains("--skip-existing") && run.stderr.contains("--update"), "{run:?}");
}

/// Given members are replaced, secrets are added, everything else is kept.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_update_replaces_what_is_given(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = cli_with_resources(engine).await;
    let id = "spiffe://example.org/worker";
    import(&cli, &[], &[everything(&KeyPair::new(Algorithm::Es256))]);
    let before = cli.json(&["client", "show", id]);
    let change = json!({
        "client_id": id,
        "name": null,
        "token_lifetime": null,
        "grants": [{ "resource": INVOICES, "scopes": ["b"] }],
        "trusts": [],
        "jwks": null,
        "secrets": [
            { "client_secret": "a-second-secret", "label": "renamed", "expires_at": "2998-01-01" },
            { "client_secret": "a-fourth-secret" },
        ],
    });
    let foreseen = import(&cli, &["--update", "--dry-run"], std::slice::from_ref(&change));
    assert_eq!(results(&foreseen), ["updated"]);
    assert_eq!(cli.json(&["client", "show", id]), before);
    assert_eq!(results(&import(&cli, &["--update"], std::slice::from_ref(&change))), ["updated"]);
    let shown = cli.json(&["client", "show", id]);
    assert_eq!((&shown["name"], &shown["token_ttl_seconds"]), (&json!(id), &Value::Null));
    let grant = json!({ "resource": INVOICES, "scopes": ["b"], "networks": [], "claims": {} });
    assert_eq!(shown["grants"], json!([grant]));
    assert_eq!((&shown["trusts"], shown.get("jwks")), (&json!([]), None), "{shown}");
    for same in ["state", "token_rate", "networks", "auth_methods", "tls_client_auth_san_uri"] {
        assert_eq!(shown[same], before[same], "{same}");
    }
    let labels = |shown: &Value| {
        let secrets = shown["secrets"].as_array().expect("secrets");
        let mut labels: Vec<_> = secrets
            .iter()
            .map(|secret| secret["label"].as_str().expect("a label").to_owned())
            .collect();
        labels.sort();
        labels
    };
    assert_eq!(labels(&shown), ["imported", "imported", "renamed", "third"]);
    let log = cli.json(&["audit", "list", "--limit", "100"]).to_string();
    assert!(log.contains("client.updated") && log.contains("renamed"), "{log}");
    assert!(!log.contains("argon2"), "{log}");
    // The same file again changes nothing, and an expiry is not moved later.
    let later = json!({
        "client_id": id,
        "secrets": [{ "client_secret": "a-second-secret", "expires_at": "2999-06-01" }],
    });
    for line in [change, later] {
        assert_eq!(results(&import(&cli, &["--update"], &[line])), ["unchanged"]);
    }
}

/// A secret that would never be valid is an error in the file. An existing secret may end at once,
/// but not before its creation.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_that_has_already_expired_is_rejected(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = cli_with_resources(engine).await;
    let line = |plain: &str, end: Option<&str>| {
        let secret = json!({ "client_secret": plain, "expires_at": end });
        json!({ "client_id": "a", "secrets": [secret] })
    };
    let past = line("a-first-secret", Some("2001-01-01"));
    let rejected = |options: &[&str], line: &Value| {
        let arguments = [&["client", "import", "-"], options].concat();
        let run = cli.run_with(&arguments, &format!("{line}\n"));
        assert_ne!(run.code, 0, "{run:?}");
        let text = "line 1: secrets: expires_at is 2001-01-01T00:00:00Z, which has passed";
        assert!(run.stderr.contains(text), "{run:?}");
    };
    rejected(&[], &past);
    rejected(&["--dry-run"], &past);
    import(&cli, &[], &[line("a-first-secret", None)]);
    rejected(&["--update"], &line("a-second-secret", Some("2001-01-01")));
    assert_eq!(results(&import(&cli, &["--update"], &[past])), ["updated"]);
    let shown = cli.json(&["client", "show", "a"]);
    let secret = &shown["secrets"][0];
    assert_eq!(secret["expires_at"], secret["created_at"], "{shown}");
}

/// A client that an import disables gets no tokens, and its tokens are revoked.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_disables_a_client_ends_its_tokens(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = cli_with_resources(engine).await;
    let made = cli.json(&["client", "create", "a", "--grant", ORDERS]);
    let server = cli.serve().await;
    let secret = made["client_secret"].as_str().expect("a secret").to_owned();
    let local = Cli::at(cli.place.clone()).set("TOKEND_ISSUER", &server.base);
    let token = local.run(&["token", "issue", "--client", "a"]).stdout;
    assert_eq!(local.run_with(&["token", "verify", "-"], &token).code, 0);
    let line = json!({ "client_id": "a", "state": "disabled" });
    assert_eq!(results(&import(&cli, &["--update"], &[line])), ["updated"]);
    let run = local.run_with(&["token", "verify", "-"], &token);
    assert_eq!(run.code, 8, "{run:?}");
    // A generated secret that is imported again is recognized.
    let line = json!({ "client_id": "a", "client_secret": secret });
    assert_eq!(results(&import(&cli, &["--update"], &[line])), ["unchanged"]);
}

/// All errors are reported at once, with their line numbers, and nothing is written.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_problem_has_its_line_and_nothing_is_written(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = cli_with_resources(engine).await;
    cli.json(&["client", "create", "taken"]);
    let before = events(&cli);
    let lines = [
        json!({ "client_id": "good", "client_secret": "hush-hush" }),
        json!({ "client_id": "a", "client_secret": "hush-hush", "token_ttl": 900 }),
        json!({ "client_id": "b", "client_secret": "hush-hush", "token_lifetime": "48h" }),
        json!({ "client_id": "c", "client_secret": "hush-hush",
            "grants": [{ "resource": ORDERS, "scopes": ["a", "c"] }] }),
        json!({ "client_id": "d", "jwks": { "keys": [{ "kty": "oct", "k": "hush-hush" }] } }),
        json!({ "client_id": "e", "trusts": [{ "issuer": "https://a.example", "conditions": {} }] }),
        json!({ "client_id": "f", "secret_hash": "$2b$12$hush-hush" }),
        json!({ "client_id": "taken", "client_secret": "hush-hush" }),
        json!({ "client_id": "g", "auth_methods": ["tls_client_auth"], "client_secret": "hush-hush" }),
        json!({ "client_id": "bad id", "client_secret": "hush-hush" }),
        json!({ "client_id": "h", "secrets": vec![json!({ "client_secret": "hush-hush" }); 11] }),
    ];
    let text = lines.map(|line| line.to_string()).join("\n");
    for options in [&[][..], &["--dry-run"]] {
        let run = cli.run_with(&[&["client", "import", "-"], options].concat(), &text);
        assert_eq!(run.code, 2, "{run:?}");
        for (line, words) in [
            (2, "token_ttl is not a member of a client. Did you mean token_lifetime?"),
            (3, "48h is longer than token.lifetime_max"),
            (4, "grants[0].scope"),
            (5, "keys"),
            (6, "trusts[0].conditions"),
            (7, "this is a bcrypt hash; only argon2id"),
            (8, "there is already a client taken"),
            (9, "tls subject"),
            (10, "a client id has no space"),
            (11, "11 valid secrets"),
        ] {
            let found = run
                .stderr
                .lines()
                .any(|error| error.contains(&format!("line {line}: ")) && error.contains(words));
            assert!(found, "line {line}, {words:?}: {run:?}");
        }
        assert!(!run.stderr.contains("line 1: ") && !run.stderr.contains("hush"), "{run:?}");
    }
    assert_eq!(events(&cli), before);
    assert_eq!(cli.run(&["client", "list", "-o", "id"]).stdout, "taken\n");
}

/// Ten thousand clients are imported atomically. With --update, unchanged clients have no event.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn many_clients_are_imported_at_once(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    const MANY: usize = 2_000;
    let cli = cli_with_resources(engine).await;
    let mut text = String::new();
    for number in 0..MANY {
        let line = json!({ "client_id": format!("c{number}"), "secret_hash": HASH,
            "grants": [{ "resource": ORDERS, "scopes": ["a"] }] });
        writeln!(text, "{line}").expect("a text");
    }
    let broken = format!("{text}{{\"client_id\":\"c7\",\"secret_hash\":\"{HASH}\"}}\n");
    let run = cli.run_with(&["client", "import", "-"], &broken);
    assert!(run.stderr.contains("line 2001: duplicate client c7, first in line 8"), "{run:?}");
    assert_eq!(cli.run(&["client", "list", "-o", "id"]).stdout, "");
    let run = cli.run_with(&["client", "import", "-"], &text);
    assert_eq!((run.code, run.stdout.lines().count()), (0, MANY + 1));
    assert!(run.stderr.contains("2000 imported, 0 updated, 0 unchanged, 0 skipped"), "{run:?}");
    let changed = text.replace("\"c1999\"", "\"c1999\",\"token_lifetime\":60");
    let run = cli.run_with(&["client", "import", "-", "--update"], &changed);
    assert!(run.stderr.contains("0 imported, 1 updated, 1999 unchanged"), "{run:?}");
    assert_eq!(cli.json(&["client", "show", "c1999"])["token_ttl_seconds"], 60);
    assert_eq!(cli.run(&["audit", "verify"]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_and_the_page_name_every_member() {
    let cli = Cli::new(Engine::Sqlite).await;
    let schema = cli.json(&["client", "import", "--schema"]);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/import.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let mut rows = Vec::new();
    let mut note = |schema: &Value, before: &str| {
        for name in schema["properties"].as_object().expect("properties").keys() {
            rows.push(format!("| `{before}{name}` |"));
        }
    };
    note(&schema, "");
    for list in ["secrets", "grants", "trusts", "spiffe_trusts"] {
        note(&schema["properties"][list]["items"], &format!("{list}[]."));
    }
    for row in &rows {
        assert!(page.contains(row), "{row} is not in docs/import.md");
    }
    let table = page.split("\n## ").find(|part| part.starts_with("Members\n")).expect("a table");
    assert_eq!(table.matches("\n| `").count(), rows.len(), "the page names another member");
    assert_eq!(cli.run(&["client", "import"]).code, 2);
}

/// The samples on the page have the described effect.
#[tokio::test(flavor = "multi_thread")]
async fn the_samples_of_the_page_are_imported() {
    let cli = Cli::new(Engine::Sqlite).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read", "--scope", "orders:write"]);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/import.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let blocks: Vec<&str> =
        page.split("```jsonl\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 3, "{}", blocks.len());
    for block in blocks {
        let run = cli.run_with(&["client", "import", "-", "--update"], block);
        assert_eq!(run.code, 0, "{block}\n{run:?}");
    }
    let shell: Vec<&str> =
        page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    for words in ["--schema", "--dry-run", "--skip-existing", "--update"] {
        assert!(shell.iter().any(|block| block.contains(words)), "{words}");
    }
}
