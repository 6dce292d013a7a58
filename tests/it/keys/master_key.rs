//! The replacement of the master key while servers run: `tokend master-key rotate` and `status`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::listeners::stopping::ask;
use crate::repository::readme::blocks;
use crate::support::eventually::eventually;
use crate::support::process::{Cli, Process};
use crate::support::script::Script;
use crate::support::{Answer, Engine, client};

/// The master key of [`Place::environment`].
const OLD: &str = "dGVzdHMgb25seSB0ZXN0cyBvbmx5IHRlc3RzIG9ubHk=";

const NEW: &str = "7777777777777777777777777777777777777777777777777777777777777777";

const API: &str = "https://a.example";

/// Returns the same place with other master keys.
fn with_keys(cli: &Cli, keys: &str) -> Cli {
    Cli::at(cli.place.clone()).set("TOKEND_MASTER_KEY", keys)
}

fn new_and_old(cli: &Cli) -> Cli {
    with_keys(cli, &format!("{NEW},{OLD}"))
}

async fn stop(server: &mut Process) {
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
}

/// Creates a database with a client of an API and an administrator; returns their secrets.
async fn place(engine: Engine) -> (Cli, String, String) {
    let cli = Cli::new(engine).await;
    assert_eq!(cli.run(&["resource", "create", API, "--scope", "a"]).code, 0);
    let create = |id: &str, grant: &str| {
        let made = cli.json(&["client", "create", id, "--grant", grant]);
        made["client_secret"].as_str().expect("a secret").to_owned()
    };
    let client = create("ops", API);
    let administrator = create("root", "urn:tokend=clients:read,clients:write,introspect");
    (cli, client, administrator)
}

/// Returns a token of the administrator.
async fn admin_token(server: &Process, secret: &str) -> String {
    let form = [("grant_type", "client_credentials"), ("resource", "urn:tokend")];
    let request = client().post(format!("{}/v1/oauth/token", server.base));
    Answer::of(request.basic_auth("root", Some(secret)).form(&form)).await.token()
}

/// Creates a client under an `Idempotency-Key`, or reads the stored answer.
async fn create_once(server: &Process, token: &str) -> Answer {
    let request = client().post(format!("{}/v1/clients", server.management));
    let request = request.bearer_auth(token).header("idempotency-key", "once");
    Answer::of(request.json(&json!({ "client_id": "once", "secret": null }))).await
}

/// Returns the numbers of values sealed under a key: signing keys, tag key, stored answers,
/// backups.
fn sealed(status: &Value, state: &str) -> [u64; 4] {
    let keys = status["keys"].as_array().expect("keys");
    let key = keys.iter().find(|key| key["state"] == state).expect("a key of that state");
    ["signing_keys", "tag_key", "stored_answers", "backups"]
        .map(|name| key["sealed"][name].as_u64().expect("a number"))
}

fn status(cli: &Cli) -> Value {
    cli.json(&["master-key", "status"])
}

/// Requests tokens and introspects them until `stop` is set; returns the number of tokens.
async fn ask_until(stop: Arc<AtomicBool>, base: String, secrets: [String; 2]) -> usize {
    let [client_secret, admin_secret] = secrets;
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        let token = ask(&base, "ops", &client_secret).await.token();
        let request = client().post(format!("{base}/v1/oauth/introspect"));
        let request = request.basic_auth("root", Some(&admin_secret)).form(&[("token", &token)]);
        let answer = Answer::of(request).await;
        assert_eq!(answer.json()["active"], true, "{answer:?}");
        count += 1;
    }
    count
}

/// Everything is sealed under the new key while tokens are issued, and the old key can be removed.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn everything_is_sealed_again_while_tokens_are_issued_and_the_old_key_can_go(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (cli, secret, admin_secret) = place(engine).await;
    let mut server = cli.serve().await;
    let old_token = ask(&server.base, "ops", &secret).await.token();
    stop(&mut server).await;

    let both = new_and_old(&cli);
    let mut server = both.serve().await;
    let administrator = admin_token(&server, &admin_secret).await;
    let made = create_once(&server, &administrator).await;
    assert_eq!(made.status, 201, "{made:?}");
    let before = status(&both);
    assert_eq!(sealed(&before, "opens"), [1, 1, 0, 0], "{before}");
    assert_eq!(sealed(&before, "seals"), [0, 0, 1, 0], "{before}");
    let told = Arc::new(AtomicBool::new(false));
    let secrets = [secret.clone(), admin_secret.clone()];
    let asking = tokio::spawn(ask_until(told.clone(), server.base.clone(), secrets));

    let rotated = both.json(&["master-key", "rotate"]);
    assert_eq!(rotated["tag_key"], true, "{rotated}");
    assert_eq!(rotated["signing_keys"].as_array().map(Vec::len), Some(1), "{rotated}");
    assert_eq!(rotated["sealing_under_another_key"], json!([]), "{rotated}");
    let after = status(&both);
    assert_eq!(sealed(&after, "opens"), [0, 0, 0, 0], "{after}");
    assert_eq!(sealed(&after, "seals"), [1, 1, 1, 0], "{after}");
    let again = both.json(&["master-key", "rotate"]);
    assert_eq!((&again["tag_key"], &again["signing_keys"]), (&json!(false), &json!([])), "{again}");
    told.store(true, Ordering::Relaxed);
    assert!(asking.await.expect("no failed request") > 0);
    stop(&mut server).await;

    let run = cli.run(&["serve"]);
    assert_eq!(run.code, 3, "{run:?}");
    let only_new = with_keys(&cli, NEW);
    let server = only_new.serve().await;
    let token = ask(&server.base, "ops", &secret).await.token();
    let (header, _) = tokend::jose::jwt::read_unchecked(&token).expect("a token");
    let (old_header, _) = tokend::jose::jwt::read_unchecked(&old_token).expect("a token");
    assert_eq!(header["kid"], old_header["kid"], "the signing key is the same");
    let forged = format!("{}x", &secret[..secret.len() - 1]);
    assert_eq!(ask(&server.base, "ops", &forged).await.status, 401);
    let administrator = admin_token(&server, &admin_secret).await;
    let replayed = create_once(&server, &administrator).await;
    assert_eq!(replayed.header("idempotency-replayed"), "true", "{replayed:?}");
    assert_eq!(replayed.text, made.text);
    let events = only_new.json(&["audit", "list", "--action", "master_key"]);
    let events = events.as_array().expect("a list");
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["action"], "master_key.rotated");
    assert_eq!(only_new.json(&["audit", "verify"])["intact"], true);
}

/// A key that an instance cannot open is not used: the rotation names the instance, and waits.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_waits_for_every_instance(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (cli, secret, _) = place(engine).await;
    let mut behind = cli.serve().await;
    let both = new_and_old(&cli);
    let mut ahead = both.serve().await;
    let known = status(&both);
    let instances = known["instances"].as_array().expect("instances");
    assert_eq!(instances.len(), 2, "{known}");
    let lacking = instances.iter().find(|it| it["master_keys"].as_array().map(Vec::len) == Some(1));
    let name = lacking.expect("one with one key")["instance"].as_str().expect("a name");
    let run = both.run(&["master-key", "rotate"]);
    assert_eq!(run.code, 5, "{run:?}");
    let process = format!("process {})", behind.child.id());
    for words in [name, &process, "expires in 3", "restart it"] {
        assert!(run.stderr.contains(words), "no {words:?} in {run:?}");
    }
    assert_eq!(run.stderr.matches("ins_").count(), 1, "{run:?}");
    assert_eq!(sealed(&status(&both), "opens"), [1, 1, 0, 0], "nothing was changed");
    assert_eq!(both.json(&["audit", "list", "--action", "master_key"]), json!([]));

    // With the new key as the second one, it opens sealed values, and still seals with the old key.
    stop(&mut behind).await;
    let old_first = with_keys(&cli, &format!("{OLD},{NEW}"));
    let mut behind = old_first.serve().await;
    let rotated = both.json(&["master-key", "rotate"]);
    let others = rotated["sealing_under_another_key"].as_array().expect("a list");
    assert_eq!(others.len(), 1, "{rotated}");
    assert_eq!(rotated["tag_key"], true, "{rotated}");
    for server in [&behind, &ahead] {
        ask(&server.base, "ops", &secret).await.token();
    }
    stop(&mut behind).await;
    stop(&mut ahead).await;
    ask(&with_keys(&cli, NEW).serve().await.base, "ops", &secret).await.token();
}

/// With Postgres, the rotation waits for a killed instance until it expires: it may only be
/// unreachable. With SQLite, an instance has ended if no process has the file open.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_instance_is_waited_for_only_if_it_may_run(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (cli, ..) = place(engine).await;
    let mut server = cli.serve().await;
    server.signal("KILL");
    server.ended().await;
    let both = new_and_old(&cli);
    if engine == Engine::Postgres {
        let run = both.run(&["master-key", "rotate"]);
        assert_eq!(run.code, 5, "{run:?}");
        assert!(run.stderr.contains("expires in 3"), "{run:?}");
        return;
    }
    // Times have whole seconds: an instance with a heartbeat in this second may still run.
    eventually("a later second", async || {
        (both.run(&["master-key", "rotate"]).code == 0).then_some(())
    })
    .await;
    let mut server = both.serve().await;
    assert_eq!(sealed(&status(&both), "opens"), [0, 0, 0, 0]);
    stop(&mut server).await;
}

/// Values that no configured key opens are named, and nothing is changed.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_is_not_sealed_again(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (cli, ..) = place(engine).await;
    stop(&mut cli.serve().await).await;
    let stranger = with_keys(&cli, NEW);
    let run = stranger.run(&["master-key", "rotate"]);
    assert_eq!(run.code, 3, "{run:?}");
    let shown = status(&stranger);
    assert_eq!(sealed(&shown, "seals"), [0, 0, 0, 0], "{shown}");
    // The key that the snapshot names, and then the values that none of the keys opens.
    let of_snapshot = &shown["keys"][1];
    assert_eq!(
        (&of_snapshot["state"], &of_snapshot["sealed"]["snapshots"]),
        (&json!("not_set"), &json!(1))
    );
    let unknown = &shown["keys"][2];
    assert_eq!(unknown["fingerprint"], Value::Null, "{shown}");
    let counts = ["signing_keys", "tag_key"].map(|name| &unknown["sealed"][name]);
    assert_eq!(counts, [&json!(1), &json!(1)], "{shown}");
    let table = stranger.run(&["master-key", "status"]);
    assert!(table.stdout.contains("(none of the settings)"), "{table:?}");
}

/// Backups stay sealed under their key, and the status counts them.
#[tokio::test(flavor = "multi_thread")]
async fn the_status_counts_backups_under_their_keys() {
    let (cli, ..) = place(Engine::Sqlite).await;
    stop(&mut cli.serve().await).await;
    let backups = cli.place.folder.path().join("backups");
    std::fs::create_dir(&backups).expect("a folder");
    let path = backups.join("before.backup");
    let path = path.to_str().expect("text");
    assert_eq!(cli.run(&["backup", "create", path]).code, 0);
    std::fs::write(backups.join("mine.backup"), "something else").expect("written");
    let both = new_and_old(&cli);
    assert_eq!(both.json(&["master-key", "rotate"])["tag_key"], true);
    let shown = status(&both);
    assert_eq!(sealed(&shown, "opens"), [0, 0, 0, 1], "{shown}");
    assert_eq!(sealed(&shown, "seals"), [1, 1, 0, 0], "{shown}");
    let shown = status(&with_keys(&cli, NEW));
    assert_eq!(sealed(&shown, "not_set"), [0, 0, 0, 1], "{shown}");
    assert_eq!(both.run(&["backup", "verify", path]).code, 0);
}

/// A killed rotation leaves each value under the old key or the new one, and the next rotation
/// completes it.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_rotation_is_continued_by_the_next_one(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (cli, secret, admin_secret) = place(engine).await;
    let mut server = with_keys(&cli, &format!("{OLD},{NEW}")).serve().await;
    let administrator = admin_token(&server, &admin_secret).await;
    assert_eq!(create_once(&server, &administrator).await.status, 201);
    let both = new_and_old(&cli);
    for milliseconds in [0, 2, 5, 10, 20, 40] {
        let mut child = rotation(&both, "");
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        child.kill().expect("SIGKILL");
        child.wait().expect("its end");
        let under_old = sealed(&status(&both), "opens");
        assert!(matches!(under_old, [1, 1, 1, 0] | [0, 0, 1 | 0, 0]), "{under_old:?}");
    }
    let mut child = rotation(&both, "master-key-keys-rotated");
    let lines = BufReader::new(child.stderr.take().expect("its errors")).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("failpoint")));
    child.kill().expect("SIGKILL");
    child.wait().expect("its end");
    let under_old = sealed(&status(&both), "opens");
    assert!(matches!(under_old, [0, 0, 1 | 0, 0]), "{under_old:?}");
    ask(&server.base, "ops", &secret).await.token();
    assert_eq!(both.run(&["master-key", "rotate"]).code, 0);
    assert_eq!(sealed(&status(&both), "opens"), [0, 0, 0, 0]);
    assert_eq!(both.json(&["audit", "verify"])["intact"], true);
    let events = both.json(&["audit", "list", "--action", "master_key"]);
    assert_eq!(events.as_array().map(Vec::len), Some(1), "{events}");
    stop(&mut server).await;
    ask(&with_keys(&cli, NEW).serve().await.base, "ops", &secret).await.token();
}

/// Starts a rotation that stops at a failpoint.
fn rotation(cli: &Cli, failpoint: &str) -> std::process::Child {
    let mut command = cli.command(&["master-key", "rotate"]);
    let command = command.env("FAILPOINT", failpoint).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program")
}

/// The log and a metric of a server report values that are sealed under an older key.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_reports_seals_under_an_older_key() {
    let (cli, ..) = place(Engine::Sqlite).await;
    let mut server = cli.serve().await;
    assert!(metrics(&server).await.contains("tokend_master_key_outdated_seals 0"));
    stop(&mut server).await;
    let server = new_and_old(&cli).serve().await;
    eventually("the count", async || {
        metrics(&server).await.contains("tokend_master_key_outdated_seals 2").then_some(())
    })
    .await;
    assert!(server.log().contains("which must stay in master_key"), "{}", server.log());
}

async fn metrics(server: &Process) -> String {
    Answer::of(client().get(format!("{}/metrics", server.management))).await.text
}

/// The commands of the page are run unchanged.
#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_page_works() {
    let cli = Cli::without_database(Engine::Sqlite).await.unset_database();
    let mut server = cli.serve().await;
    let blocks = blocks("docs/operations/master-key.md", "sh");
    let [show, add, rotate, remove] = &blocks[..] else { panic!("other blocks: {blocks:?}") };
    let run = |text: &str| Script::of_cli(&cli).done(text).stdout;
    let shown = run(show);
    assert!(shown.contains("seals   1") && shown.contains("\"tag_key\": 1"), "{shown}");
    run(add);
    stop(&mut server).await;
    let mut server = cli.serve().await;
    let output = run(rotate);
    for words in ["sealed again\n", "signing keys sealed again     1", "opens   0", "seals   1"] {
        assert!(output.contains(words), "no {words:?} in {output}");
    }
    stop(&mut server).await;
    run(remove);
    stop(&mut cli.serve().await).await;
}
