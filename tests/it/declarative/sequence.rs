//! Declarations: `diff`, `apply` and `export`, by the command line, the API and at the start.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::Engine;
use crate::support::generated::{assert_current, read};
use crate::support::process::{Cli, Run};

const FILE: &str = "source: payments
resources:
- resource: https://orders.example.com
  owner: orders
  scopes: [orders:read, {name: orders:write, description: 'Change orders'}]
clients:
- client_id: billing
  owner: payments
  labels: {team: payments}
  claims: {tenant: acme}
  secret: {label: first, expires_in: 90d}
  grants:
  - resource: https://orders.example.com
    scopes: [orders:read]
- client_id: worker
  secret: null
";

fn write(cli: &Cli, name: &str, text: &str) -> String {
    let path = cli.place.folder.path().join(name);
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("a path").to_owned()
}

fn secrets(cli: &Cli) -> PathBuf {
    cli.place.folder.path().join("secrets")
}

fn apply(cli: &Cli, file: &str, more: &[&str]) -> Run {
    let dir = secrets(cli);
    let dir = dir.to_str().expect("a path");
    cli.run(&[&["apply", "-f", file, "--secrets-dir", dir], more].concat())
}

fn succeeds(run: &Run) {
    assert_eq!(run.code, 0, "{run:?}");
}

/// Returns the files of a folder, sorted by name.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names.map(|name| name.to_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

/// O-15, D19: a file is compared, applied and exported.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_applied_once_and_exported_unchanged(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let file = write(&cli, "clients.yaml", FILE);
    let differs = cli.run(&["diff", "-f", &file, "--exit-code"]);
    assert_eq!(differs.code, 9, "{differs:?}");
    assert!(differs.stdout.contains("+ create client billing (source payments)"), "{differs:?}");
    assert!(differs.stderr.is_empty(), "{differs:?}");
    assert_eq!(cli.run(&["diff", "-f", &file]).code, 0, "without --exit-code");

    let nowhere = cli.run(&["apply", "-f", &file]);
    assert_eq!(nowhere.code, 2, "{nowhere:?}");
    assert!(nowhere.stderr.contains("--secrets-dir"), "{nowhere:?}");
    assert_eq!(cli.json(&["client", "list"]), json!([]), "nothing was applied");

    let run = apply(&cli, &file, &[]);
    succeeds(&run);
    assert!(run.stdout.contains("3 to create, 0 to change, 0 to delete"), "{run:?}");
    let secret = std::fs::read_to_string(secrets(&cli).join("billing")).expect("a secret");
    assert!(secret.starts_with("tkd_"), "{secret}");
    assert!(!format!("{run:?}").contains(secret.trim()), "the output holds the secret");
    let mode = std::fs::metadata(secrets(&cli).join("billing")).expect("a file").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert_eq!(files(&secrets(&cli)), ["billing"], "worker gets none, and no draft stays");

    let shown = cli.json(&["client", "show", "billing"]);
    assert_eq!(shown["source"], "payments");
    assert_eq!(shown["claims"], json!({ "tenant": "acme" }));
    assert_eq!(shown["secrets"][0]["label"], "first");
    let events = cli.json(&["audit", "list"]).as_array().expect("events").len();
    let again = apply(&cli, &file, &[]);
    assert!(
        again.stdout.contains("0 to create, 0 to change, 0 to delete, 3 unchanged"),
        "{again:?}"
    );
    assert_eq!(cli.run(&["diff", "-f", &file, "--exit-code"]).code, 0);
    assert_eq!(cli.json(&["audit", "list"]).as_array().expect("events").len(), events);

    let exported = cli.run(&["export"]).stdout;
    assert!(!exported.contains("tkd_") && !exported.contains("argon2"), "{exported}");
    let other = Cli::new(engine).await;
    let copy = write(&other, "export.yaml", &exported);
    succeeds(&apply(&other, &copy, &[]));
    assert_eq!(other.run(&["export"]).stdout, exported);
    let as_json = write(&other, "export.json", &cli.run(&["export", "-o", "json"]).stdout);
    assert_eq!(other.run(&["diff", "-f", &as_json, "--exit-code"]).code, 0);
}

/// An omitted member gets its default; a listed object is replaced as a whole.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_no_longer_declared_gets_its_default(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    succeeds(&apply(&cli, &write(&cli, "a.yaml", FILE), &[]));
    let trust = "  trusts:\n  - issuer: https://ci.example.com\n    audience: tokend\n    conditions: {sub: build}\n";
    let text = format!(
        "source: payments\nresources:\n- resource: https://orders.example.com\n  scopes: [orders:read]\nclients:\n- client_id: billing\n  auth_methods: [client_secret_basic]\n  grant_types: [client_credentials]\n{trust}- client_id: worker\n  secret: null\n  token_lifetime: 5m\n"
    );
    let file = write(&cli, "b.yaml", &text);
    let refused = cli.run(&["apply", "-f", &file]);
    assert!(refused.code == 5 && refused.stderr.contains("--adopt"), "{refused:?}");
    let plan = cli.run(&["diff", "-f", &file, "--adopt"]).stdout;
    for words in [
        "~ change client billing",
        "grants: - ",
        "owner: payments -> none",
        "token_lifetime: none -> 300",
    ] {
        assert!(plan.contains(words), "no {words:?} in {plan}");
    }
    succeeds(&cli.run(&["apply", "-f", &file, "--adopt"]));
    let shown = cli.json(&["client", "show", "billing"]);
    assert_eq!(
        (&shown["owner"], &shown["grants"], &shown["claims"]),
        (&Value::Null, &json!([]), &json!({}))
    );
    assert_eq!(shown["auth_methods"], json!(["client_secret_basic"]));
    assert_eq!(shown["trusts"][0]["issuer"], "https://ci.example.com");
    assert_eq!(shown["secrets"].as_array().expect("secrets").len(), 1, "secrets are untouched");
    assert_eq!(cli.run(&["diff", "-f", &file, "--exit-code"]).code, 0, "the trust keeps its id");
    let scopes = &cli.json(&["resource", "show", "https://orders.example.com"])["scopes"];
    assert_eq!(scopes.as_array().expect("scopes").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_has_one_source() {
    let cli = Cli::new(Engine::Sqlite).await;
    cli.json(&["client", "create", "worker", "--no-secret"]);
    let file = write(&cli, "a.yaml", FILE);
    let run = apply(&cli, &file, &[]);
    assert_eq!(run.code, 5, "{run:?}");
    assert!(run.stderr.contains("worker exists and is of no source"), "{run:?}");
    assert!(run.stderr.contains("--adopt"), "{run:?}");
    assert_eq!(cli.json(&["resource", "list"]).as_array().expect("resources").len(), 1, "nothing");
    succeeds(&apply(&cli, &file, &["--adopt"]));
    assert_eq!(cli.json(&["client", "show", "worker"])["source"], "payments");

    // Other edits are rejected, except of undeclared members.
    for words in [
        &["client", "update", "billing", "--name", "x"][..],
        &["client", "disable", "billing"],
        &["client", "delete", "billing", "--yes"],
        &[
            "client",
            "grant",
            "billing",
            "--resource",
            "https://orders.example.com",
            "--scope",
            "orders:write",
        ],
        &["resource", "update", "https://orders.example.com", "--token-ttl", "5m"],
        &["resource", "delete", "https://orders.example.com", "--yes"],
    ] {
        let run = cli.run(words);
        assert_eq!(run.code, 5, "{words:?}: {run:?}");
        assert!(run.stderr.contains("applied from the source payments"), "{words:?}: {run:?}");
    }
    succeeds(&cli.run(&["client", "revoke-tokens", "billing"]));
    cli.json(&["client", "add-secret", "billing"]);
    succeeds(&cli.run(&["client", "disable", "billing", "--force"]));
    let plan = cli.run(&["diff", "-f", &file]).stdout;
    assert!(plan.contains("state: disabled -> active"), "{plan}");

    let other =
        write(&cli, "b.yaml", "source: other\nclients: [{client_id: worker, secret: null}]\n");
    assert_eq!(cli.run(&["apply", "-f", &other]).code, 5);
    succeeds(&cli.run(&["apply", "-f", &other, "--adopt"]));
    assert_eq!(cli.json(&["client", "show", "worker"])["source"], "other");
    let wrong = cli.run(&["diff", "-f", &other, "--source", "third"]);
    assert!(wrong.stderr.contains("b.yaml:1: source: other is given, expected third"), "{wrong:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn pruning_deletes_only_what_the_source_declared(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let clients: String =
        (0..12).map(|number| format!("- {{client_id: c{number}, secret: null}}\n")).collect();
    let all = format!(
        "source: many\nresources: [{{resource: 'urn:a', scopes: [x]}}]\nclients:\n{clients}"
    );
    succeeds(&cli.run(&["apply", "-f", &write(&cli, "a.yaml", &all)]));
    cli.json(&["client", "create", "by-hand", "--no-secret", "--grant", "urn:a"]);
    let other = "source: other\nclients: [{client_id: of-other, secret: null}]\n";
    succeeds(&cli.run(&["apply", "-f", &write(&cli, "other.yaml", other)]));

    let less = write(&cli, "b.yaml", "source: many\nclients: [{client_id: c0, secret: null}]\n");
    assert!(cli.run(&["diff", "-f", &less]).stdout.contains("0 to delete"), "only with --prune");
    let plan = cli.run(&["diff", "-f", &less, "--prune"]).stdout;
    assert!(plan.contains("- delete client c1") && plan.contains("12 to delete"), "{plan}");
    assert!(plan.contains("ends: grant of client by-hand (all scopes), never used"), "{plan}");
    assert!(!plan.contains("of-other"), "{plan}");
    let run = cli.run(&["apply", "-f", &less, "--prune"]);
    assert_eq!(run.code, 5, "{run:?}");
    assert!(
        run.stderr.contains("the plan deletes 12 objects") && run.stderr.contains("--yes"),
        "{run:?}"
    );
    assert_eq!(cli.json(&["client", "list"]).as_array().expect("clients").len(), 14);
    succeeds(&cli.run(&["apply", "-f", &less, "--prune", "--yes"]));
    let left = cli.run(&["client", "list", "-o", "id"]).stdout;
    assert_eq!(left.split_whitespace().collect::<Vec<_>>(), ["by-hand", "c0", "of-other"]);
    assert_eq!(cli.json(&["client", "show", "by-hand"])["grants"], json!([]));
    let none = write(&cli, "c.yaml", "clients: []\n");
    let run = cli.run(&["apply", "-f", &none, "--prune"]);
    assert!(run.code == 2 && run.stderr.contains("--source"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_go_to_files_of_the_wanted_format() {
    let cli = Cli::new(Engine::Sqlite).await;
    let file = write(&cli, "a.yaml", "clients: [{client_id: 'https://a/b'}, {client_id: plain}]\n");
    succeeds(&apply(&cli, &file, &["--secrets-format", "kubernetes"]));
    let names = files(&secrets(&cli));
    assert_eq!(names, ["https%3A%2F%2Fa%2Fb.yaml", "plain.yaml"]);
    let manifest = std::fs::read_to_string(secrets(&cli).join("plain.yaml")).expect("a manifest");
    for words in
        ["kind: Secret", "name: plain", "TOKEND_CLIENT_ID: plain", "TOKEND_CLIENT_SECRET: tkd_"]
    {
        assert!(manifest.contains(words), "no {words:?} in {manifest}");
    }
    let cli = Cli::new(Engine::Sqlite).await;
    let file = write(&cli, "a.yaml", "clients: [{client_id: 'a$b'}]\n");
    let run = apply(&cli, &file, &["--secrets-format", "env", "-o", "json"]);
    let done: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(
        (&done["applied"], &done["changes"][0]["gets_secret"]),
        (&json!(true), &json!(true))
    );
    let path = done["secret_files"]["a$b"].as_str().expect("a file");
    let text = std::fs::read_to_string(path).expect("a file");
    assert!(text.starts_with("TOKEND_CLIENT_ID='a$b'\nTOKEND_CLIENT_SECRET=tkd_"), "{text}");
}

/// Declarations from a folder, standard input and JSON, and problems with their places.
#[tokio::test(flavor = "multi_thread")]
async fn declarations_come_from_folders_and_standard_input() {
    let cli = Cli::new(Engine::Sqlite).await;
    let folder = cli.place.folder.path().join("clients");
    std::fs::create_dir(&folder).expect("a folder");
    for (name, text) in [
        (
            "b.json",
            "{\"clients\":[{\"client_id\":\"b\",\"secret\":null}]}\n{\"clients\":[{\"client_id\":\"c\",\"secret\":null}]}",
        ),
        ("a.yml", "clients:\n- client_id: a\n  secret: null\n"),
        (".hidden.yaml", "not: ours"),
        ("README.md", "# not ours"),
    ] {
        std::fs::write(folder.join(name), text).expect("written");
    }
    let path = folder.to_str().expect("a path");
    succeeds(&cli.run(&["apply", "-f", path]));
    assert_eq!(cli.run(&["client", "list", "-o", "id"]).stdout, "a\nb\nc\n");
    let text = "clients:\n- client_id: d\n  secret: null\n";
    assert_eq!(cli.run_with(&["apply", "-f", "-"], text).code, 0);
    assert_eq!(cli.json(&["client", "show", "d"])["client_id"], "d");
    let wrong = "clients:\n- client_id: e\n  grants:\n  - resource: urn:absent\n  token_ttl: 5m\n";
    let run = cli.run_with(&["apply", "-f", "-"], wrong);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(
        run.stderr.contains("standard input:5: clients[0].token_ttl is not a member"),
        "{run:?}"
    );
    assert!(run.stderr.contains("Did you mean token_lifetime?"), "{run:?}");
    let wrong = "clients:\n- client_id: e\n  grants:\n  - resource: urn:absent\n";
    let run = cli.run_with(&["apply", "-f", "-"], wrong);
    assert!(
        run.stderr.contains("standard input:4: clients[0].grants[0].resource: urn:absent"),
        "{run:?}"
    );
}

/// The server applies the file before it serves, and stops if it cannot.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_applies_its_bootstrap_file() {
    let cli = Cli::new(Engine::Sqlite).await;
    let (file, dir) = (write(&cli, "boot.yaml", FILE), secrets(&cli));
    let cli = cli
        .set("TOKEND_BOOTSTRAP_FILE", &file)
        .set("TOKEND_BOOTSTRAP_SECRETS_DIR", dir.to_str().expect("a path"));
    drop(cli.serve().await);
    assert_eq!(files(&dir), ["billing"]);
    let first = std::fs::read_to_string(dir.join("billing")).expect("a secret");
    drop(cli.serve().await);
    assert_eq!(std::fs::read_to_string(dir.join("billing")).expect("a secret"), first);
    assert_eq!(cli.json(&["client", "show", "billing"])["source"], "payments");
    std::fs::write(&file, "clients: [7]").expect("written");
    let run = cli
        .set("TOKEND_ISSUER", "http://127.0.0.1:0")
        .set("TOKEND_LISTEN", "127.0.0.1:0")
        .set("TOKEND_MANAGEMENT_LISTEN", "127.0.0.1:0")
        .run(&["serve"]);
    assert_ne!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("boot.yaml:1: clients[0] is a number"), "{run:?}");
}

/// `UPDATE_DOCS=1` writes the file.
#[test]
fn the_schema_is_current() {
    let schema = serde_json::to_string_pretty(&tokend::admin::declarative::schema());
    assert_current("docs/declarative.schema.json", &(schema.expect("JSON") + "\n"));
}

/// Each example is applied, compared and exported.
#[tokio::test(flavor = "multi_thread")]
async fn the_examples_are_applied() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples");
    // The files in a subfolder have their own test.
    let names = files(&folder).into_iter().filter(|name| folder.join(name).is_file());
    let names: Vec<_> = names.collect();
    assert!(names.len() >= 4, "{names:?}");
    let page = read("docs/declarative.md");
    for name in names {
        assert!(page.contains(&format!("(examples/{name})")), "the page lacks {name}");
        let cli = Cli::new(Engine::Sqlite).await;
        let path = folder.join(&name);
        let path = path.to_str().expect("a path");
        succeeds(&apply(&cli, path, &[]));
        assert_eq!(cli.run(&["diff", "-f", path, "--exit-code"]).code, 0, "{name}");
        let exported = write(&cli, "export.yaml", &cli.run(&["export"]).stdout);
        let run = cli.run(&["diff", "-f", &exported, "--exit-code"]);
        assert_eq!(run.code, 0, "{name}: {run:?}");
    }
}
