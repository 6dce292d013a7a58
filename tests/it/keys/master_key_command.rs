//! The master key comes from a command, for a KMS or an HSM, or from a systemd credential.

use std::path::{Path, PathBuf};

use rstest::rstest;

use crate::listeners::stopping::ask;
use crate::support::Engine;
use crate::support::process::{Cli, Run};

const KEY: &str = "7777777777777777777777777777777777777777777777777777777777777777";
const OTHER: &str = "8888888888888888888888888888888888888888888888888888888888888888";

const COMMAND: &str = "TOKEND_MASTER_KEY_COMMAND";

fn file(cli: &Cli, name: &str) -> PathBuf {
    cli.place.folder.path().join(name)
}

fn write(cli: &Cli, name: &str, text: &str) {
    std::fs::write(file(cli, name), text).expect("written");
}

/// Returns a place without a master key, with a shell script that prints it.
fn with_script(cli: &Cli, script: &str) -> Cli {
    write(cli, "script", script);
    let command = format!("sh '{}'", file(cli, "script").display());
    Cli::at(cli.place.clone()).unset("TOKEND_MASTER_KEY").set(COMMAND, &command)
}

/// Creates a database with a client; returns its secret.
fn client(cli: &Cli) -> String {
    let resource = ["resource", "create", "https://a.example", "--scope", "a"];
    assert_eq!(cli.run(&resource).code, 0);
    let made = cli.json(&["client", "create", "ops", "--grant", "https://a.example"]);
    made["client_secret"].as_str().expect("a secret").to_owned()
}

/// The keys of the command are used like those of the setting, also for a rotation.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_command_gives_the_master_keys(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Cli::new(engine).await;
    let cli = with_script(&place, &format!("echo {KEY}; echo a note >&2"));
    let secret = client(&cli);
    let mut server = cli.serve().await;
    ask(&server.base, "ops", &secret).await.token();
    assert!(!file(&cli, "master.key").exists(), "a key was generated next to that of the command");
    server.signal("TERM");
    server.ended().await;

    let both = with_script(&place, &format!("printf '%s,%s' {OTHER} {KEY}"));
    let rotated = both.json(&["master-key", "rotate"]);
    assert_eq!(rotated["tag_key"], true, "{rotated}");
    // The settings in a file name the program and each argument.
    let list = format!("master_key_command = [\"printf\", \"%s\\\\n\", \"{OTHER}\"]\n");
    write(&place, "tokend.toml", &list);
    let only_other = Cli::at(place.place.clone()).unset("TOKEND_MASTER_KEY");
    let server = only_other.serve().await;
    ask(&server.base, "ops", &secret).await.token();
    let cli = with_script(&place, &format!("echo {KEY}"));
    let run = cli.run(&["client", "disable", "ops"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("the master key of the command sh"), "{run:?}");
}

/// Its standard output is never shown, its standard error is, and each failure has its code.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_key_command_reports_its_cause() {
    let place = Cli::new(Engine::Sqlite).await;
    client(&Cli::at(place.place.clone()));
    let change = ["client", "disable", "ops"];
    for (script, code, words) in [
        (
            "echo hunter2; echo no access to the key >&2; exit 3",
            7,
            "exit status: 3. It says: no access to the key",
        ),
        ("kill -9 $$", 7, "signal: 9"),
        ("exec sleep 600", 7, "did not end within 500ms"),
        ("echo hunter2", 3, "printed 8 bytes that are not a list of master keys"),
        ("printf hunter2,", 3, "printed 8 bytes"),
        ("printf '\\377\\376'", 3, "printed 2 bytes"),
        ("exit 0", 3, "printed 0 bytes"),
        ("cat /dev/zero", 3, "printed more than 16384 bytes"),
    ] {
        let cli = with_script(&place, script).set("TOKEND_MASTER_KEY_COMMAND_TIMEOUT", "500ms");
        let run = cli.run(&change);
        // A loaded machine may be too slow to start it.
        if code == 3 && run.stderr.contains("did not end") {
            continue;
        }
        assert_eq!(run.code, code, "{script}: {run:?}");
        let name = if code == 7 { "[E-MASTER-KEY-COMMAND]" } else { "[E-MASTER-KEY]" };
        assert!(run.stderr.contains(words) && run.stderr.contains(name), "{script}: {run:?}");
        assert!(!run.stderr.contains("hunter2"), "{script}: {run:?}");
    }
    let absent = with_script(&place, "").set(COMMAND, "/absent/program --key 'a b'");
    let run = absent.run(&change);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("/absent/program") && run.stderr.contains("cannot be started"));
    let shown = place.json(&["client", "show", "ops"]);
    assert_eq!(shown["state"], "active", "{shown}");
}

/// It gets the environment for its own tools, without the settings of tokend.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_does_not_see_the_settings() {
    let place = Cli::new(Engine::Sqlite).await;
    let cli =
        with_script(&place, &format!("env > '{}'; echo {KEY}", file(&place, "env").display()))
            .set("PGPASSWORD", "hunter2")
            .set("TOKEND_ADMIN_CLIENT_SECRET", "hunter2")
            .set("CLOUD_REGION", "here");
    // A check alone does not run it.
    let run = cli.set("TOKEND_ISSUER", "https://id.example.com").run(&["check-config"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(!file(&place, "env").exists());
    let cli =
        with_script(&place, &format!("env > '{}'; echo {KEY}", file(&place, "env").display()))
            .set("PGPASSWORD", "hunter2")
            .set("TOKEND_ADMIN_CLIENT_SECRET", "hunter2")
            .set("CLOUD_REGION", "here");
    assert_eq!(cli.run(&["check-config", "--online"]).code, 0);
    let seen = std::fs::read_to_string(file(&place, "env")).expect("the environment");
    assert!(seen.contains("CLOUD_REGION=here"), "{seen}");
    assert!(!seen.contains("TOKEND_") && !seen.contains("hunter2"), "{seen}");
}

fn rejected(run: &Run, words: &[&str]) {
    assert_eq!(run.code, 3, "{run:?}");
    for words in words {
        assert!(run.stderr.contains(words), "no {words:?} in {run:?}");
    }
}

/// Only one source of the key is allowed, and the command must be valid.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_next_to_a_key_or_without_a_program_is_rejected() {
    let place = Cli::new(Engine::Sqlite).await;
    let both = with_script(&place, "").set("TOKEND_MASTER_KEY", KEY);
    rejected(
        &both.run(&["check-config"]),
        &["E-CONF-TWICE", "`master_key_command` is set, and `master_key` is set as well"],
    );
    let open = with_script(&place, "").set(COMMAND, "sh 'a b");
    rejected(&open.run(&["check-config"]), &["a quotation that does not end"]);
    let empty = with_script(&place, "").set(COMMAND, "''");
    rejected(&empty.run(&["check-config"]), &["does not name a program"]);
}

/// systemd passes the key as a file in a folder of the service.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_credential_of_systemd_gives_the_master_key(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    use std::os::unix::fs::PermissionsExt;
    let place = Cli::new(engine).await;
    let credentials = file(&place, "credentials");
    std::fs::create_dir(&credentials).expect("a folder");
    let key = credentials.join("master_key");
    std::fs::write(&key, format!("{KEY}\n")).expect("written");
    // The permissions that systemd uses for a service that does not run as root.
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o440)).expect("a mode");
    let cli = Cli::at(place.place.clone()).unset("TOKEND_MASTER_KEY");
    let cli = cli.set("CREDENTIALS_DIRECTORY", text(&credentials));
    let secret = client(&cli);
    let mut server = cli.serve().await;
    ask(&server.base, "ops", &secret).await.token();
    server.signal("TERM");
    server.ended().await;
    assert_eq!(cli.run(&["check-config"]).code, 0);
    let shown = cli.run(&["config", "show"]);
    assert!(shown.stdout.contains("from the systemd credential master_key"), "{shown:?}");
    let status = cli.json(&["master-key", "status"]);
    assert_eq!(status["keys"][0]["sealed"]["tag_key"], 1, "{status}");

    // The environment overrides it, like a file of settings.
    let other = cli.set("TOKEND_MASTER_KEY", OTHER);
    rejected(&other.run(&["client", "disable", "ops"]), &["from TOKEND_MASTER_KEY"]);
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}
