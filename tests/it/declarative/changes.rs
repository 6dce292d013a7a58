//! Declarations with concurrent changes, interrupted applies, and many clients.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::declarative::{self, ApplyOptions, Declarations};
use tokend::admin::{self, AdminErrorCode, client::ClientUpdate};
use tokend::model::client::ClientName;

use crate::support::process::Cli;
use crate::support::{Answer, Engine, Server, client_id, operator};

/// Returns clients without secrets.
fn clients(count: usize) -> Value {
    let clients =
        (0..count).map(|number| json!({ "client_id": format!("c{number}"), "secret": null }));
    json!({ "source": "s", "clients": clients.collect::<Vec<_>>() })
}

/// The base of a plan is compared again inside the transaction.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_change_after_the_plan_is_a_conflict(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let services = server.services();
    let options = ApplyOptions::default();
    let declared = |value: &Value| Declarations::of_json(value.clone());
    let plan = async |value: &Value| {
        declarative::plan(services, &operator(), &declared(value), &options).await.expect("a plan")
    };
    let first = plan(&clients(2)).await;
    declarative::execute(services, &operator(), first, &options).await.expect("applied");
    let mut changed = clients(3);
    changed["clients"][0]["name"] = json!("from the file");

    // A client of the plan is changed, created and deleted in the meantime.
    let stale = plan(&changed).await;
    let name = Some(ClientName::parse("by hand").expect("a name"));
    let update = ClientUpdate { name, ..ClientUpdate::default() };
    let forced = operator().forced();
    admin::client::update(services, &forced, &client_id("c0"), update).await.expect("changed");
    let refused = declarative::execute(services, &operator(), stale, &options).await;
    assert_eq!(refused.expect_err("a conflict").code(), AdminErrorCode::ChangedDuringApply);
    let stale = plan(&changed).await;
    admin::client::delete(services, &forced, &client_id("c0")).await.expect("deleted");
    let refused = declarative::execute(services, &operator(), stale, &options).await;
    assert_eq!(refused.expect_err("a conflict").code(), AdminErrorCode::ChangedDuringApply);
    let stale = plan(&changed).await;
    let fresh = plan(&changed).await;
    declarative::execute(services, &operator(), fresh, &options).await.expect("applied");
    let refused = declarative::execute(services, &operator(), stale, &options).await;
    assert_eq!(refused.expect_err("a conflict").code(), AdminErrorCode::ChangedDuringApply);
    let found = admin::client::show(&services.store, &operator(), &client_id("c2")).await;
    assert!(found.is_ok(), "the fresh plan was applied once");
}

/// Kills an apply when it reaches a failpoint.
fn kill_at(cli: &Cli, point: &str, arguments: &[&str]) {
    let mut child = cli
        .command(arguments)
        .env("FAILPOINT", point)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let errors = BufReader::new(child.stderr.take().expect("its errors"));
    let reached = errors.lines().map_while(Result::ok).any(|line| line.contains("failpoint"));
    assert!(reached, "{point} is not reached");
    child.kill().expect("SIGKILL");
    child.wait().expect("its end");
}

/// The state is either the old or the new one, and the next apply completes the files.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_apply_leaves_the_state_before_or_after(
    #[values("secret-file-created", "secret-file-written", "committed", "secret-file-renamed")]
    point: &str,
    #[values("plain", "kubernetes", "env")] format: &str,
) {
    let cli = Cli::new(Engine::Sqlite).await;
    let folder = cli.place.folder.path().to_owned();
    let file = folder.join("a.yaml");
    std::fs::write(&file, "clients: [{client_id: a}, {client_id: b}]\n").expect("written");
    let (file, dir) = (file.to_str().expect("a path"), folder.join("secrets"));
    let words = ["apply", "-f", file, "--secrets-dir", "secrets", "--secrets-format", format];
    kill_at(&cli, point, &words);
    let after_commit = matches!(point, "committed" | "secret-file-renamed");
    let list = cli.run(&["client", "list", "-o", "id"]).stdout;
    assert_eq!(list, if after_commit { "a\nb\n" } else { "" });
    let run = cli.run(&words);
    assert_eq!(run.code, 0, "{run:?}");
    let ending = match format {
        "plain" => "",
        "kubernetes" => ".yaml",
        _ => ".env",
    };
    for id in ["a", "b"] {
        let path = dir.join(format!("{id}{ending}"));
        assert!(is_secret_of(&cli, id, &path), "{id}: {}", path.display());
        assert!(!dir.join(format!("{id}{ending}.new")).exists(), "a draft of {id} stays");
    }
    let again = cli.run(&words);
    assert!(again.stdout.contains("0 to create, 0 to change"), "{again:?}");
}

/// True if a file contains the one valid secret of a client, compared by its suffix.
fn is_secret_of(cli: &Cli, id: &str, file: &Path) -> bool {
    let text = std::fs::read_to_string(file).expect("a secret");
    let shown = cli.json(&["client", "show", id]);
    let secrets = shown["secrets"].as_array().expect("secrets");
    let suffix = secrets[0]["suffix"].as_str().expect("the last characters");
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    secrets.len() == 1 && words.any(|word| word.starts_with("tkd_") && word.ends_with(suffix))
}

/// One body, one transaction and one plan for many clients; a second apply has nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn many_clients_are_applied_at_once() {
    let server = Server::start(Engine::Sqlite).await;
    let scopes = "clients:read clients:write resources:read";
    let administrator = server.administrator(scopes).await;
    let token = server.ask_for(&administrator, &[("resource", "urn:tokend")]).await.token();
    let mut body = clients(1_200);
    for client in body["clients"].as_array_mut().expect("clients") {
        client["description"] = json!("x".repeat(300));
    }
    let call = async |method: Method, path: &str| {
        let url = format!("{}{path}", server.management);
        let request = server.http.request(method.clone(), url).bearer_auth(&token);
        let has_body = method == Method::POST;
        let answer = Answer::of(if has_body { request.json(&body) } else { request }).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    };
    let first = call(Method::POST, "/v1/apply").await;
    assert_eq!(first["changes"].as_array().expect("changes").len(), 1_200);
    let second = call(Method::POST, "/v1/apply").await;
    assert_eq!((&second["changes"], &second["unchanged"]), (&json!([]), &json!(1_200)));
    let exported = call(Method::GET, "/v1/export?source=s").await;
    let found = exported["documents"][0]["clients"].as_array().expect("clients");
    assert_eq!(found.len(), 1_200);
}
