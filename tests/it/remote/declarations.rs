//! `tokend diff`, `apply` and `export` have the same output and effect at a server as on the local
//! database.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};
use tokend::model::time::Clock;

use crate::support::process::{Cli, Run};
use crate::support::{Engine, Place, Server};

const DECLARED: &str = "\
source: git
resources:
  - resource: https://api.example.com
    scopes: [read, write]
clients:
  - client_id: billing
    owner: payments
    claims: { tenant: acme }
    grants:
      - resource: https://api.example.com
        scopes: [read]
  - client_id: reports
    secret: null
";

async fn at_server(server: &Server, local: &Cli, scopes: &str) -> Cli {
    administrator(server, local, &format!("ops-{}", scopes.len()), scopes).await
}

/// Returns the command line of a new administrator with this id and these scopes at a server.
pub async fn administrator(server: &Server, local: &Cli, id: &str, scopes: &str) -> Cli {
    let grant = format!("urn:tokend={scopes}");
    let made = local.json(&["client", "create", id, "--grant", &grant]);
    let secret = made["client_secret"].as_str().expect("a secret").to_owned();
    server.keep_secret(&secret);
    server.catch_up().await;
    Cli::at(local.place.clone())
        .remote(&server.base, &server.management, id)
        .set("TOKEND_ADMIN_CLIENT_SECRET", &secret)
}

fn shown(run: &Run) -> (i32, String) {
    (run.code, run.stdout.clone())
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn declarations_are_applied_at_a_server(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Arc::new(Place::new(engine).await);
    let server = Server::at(place.clone(), Clock::System, &[]).await;
    let local = Cli::at(place);
    let all =
        "clients:read,clients:write,secrets:write,grants:write,resources:read,resources:write";
    let remote = at_server(&server, &local, all).await;
    let reader = at_server(&server, &local, "clients:read,resources:read").await;
    let folder = local.place.folder.path();
    let (file, secrets) = (folder.join("clients.yaml"), folder.join("secrets"));
    fs::write(&file, DECLARED).expect("a file");
    let file = file.to_str().expect("a path");
    let dir = secrets.to_str().expect("a path");

    // Both plans are equal, in words and in JSON.
    for options in [&[][..], &["-o", "json"], &["-o", "id"]] {
        let command = [&["diff", "-f", file, "--exit-code"][..], options].concat();
        let (here, there) = (local.run(&command), remote.run(&command));
        assert_eq!(shown(&here), shown(&there), "{command:?}: {there:?}");
        assert_eq!(there.code, 9, "{there:?}");
    }
    assert_eq!(local.run(&["client", "show", "billing"]).code, 4, "a diff changes nothing");

    // Without a folder for its secret, or without the rights, nothing is changed.
    let refused = remote.run(&["apply", "-f", file]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("billing"), "{refused:?}");
    let refused = reader.run(&["apply", "-f", file, "--secrets-dir", dir]);
    assert_eq!(refused.code, 6, "{refused:?}");
    assert_eq!(local.run(&["client", "show", "billing"]).code, 4);

    let done = remote.run(&["apply", "-f", file, "--secrets-dir", dir, "-o", "json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let value: Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!((&value["applied"], &value["unchanged"]), (&json!(true), &json!(0)));
    let stored = secrets.join("billing");
    assert_eq!(value["secret_files"], json!({ "billing": stored }));
    let mode = fs::metadata(&stored).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let secret = fs::read_to_string(&stored).expect("a secret");
    server.keep_secret(secret.trim());
    server.catch_up().await;
    let client = server.known("billing", &secret.trim().to_owned().into());
    assert_eq!(server.ask(&client).await.status, 200, "the secret in the file is valid");

    // A second apply changes nothing, and both exports are equal.
    let again = remote.run(&["apply", "-f", file]);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.stdout.contains("0 to create, 0 to change, 0 to delete, 3 unchanged"));
    for options in [&[][..], &["-o", "json"], &["-o", "jsonl"]] {
        let command = [&["export", "--source", "git"][..], options].concat();
        let (here, there) = (local.run(&command), remote.run(&command));
        assert_eq!(shown(&here), shown(&there), "{command:?}: {there:?}");
    }
    let exported = remote.run(&["export", "--source", "git"]);
    fs::write(file, &exported.stdout).expect("a file");
    let same = remote.run(&["diff", "-f", file, "--exit-code"]);
    assert_eq!(same.code, 0, "{same:?}");

    // Objects that are no longer declared are deleted, up to the limit.
    fs::write(file, "source: git\nresources:\n  - resource: https://api.example.com\n    scopes: [read, write]\n").expect("a file");
    let refused = remote.run(&["apply", "-f", file, "--prune", "--max-deletions", "1"]);
    assert_eq!(refused.code, 5, "{refused:?}");
    let pruned = remote.run(&["apply", "-f", file, "--prune", "--yes"]);
    assert_eq!(pruned.code, 0, "{pruned:?}");
    assert_eq!(local.run(&["client", "show", "billing"]).code, 4);
}
