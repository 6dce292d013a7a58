//! `tokend doctor` on the machine of a server: a healthy one, and one fault at a time.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rstest::rstest;
use serde_json::Value;
use tokend::admin::doctor::{CheckCode, CheckState, Report, examine_host};
use tokend::config::sources::{Flags, Settings};
use tokend::model::time::Clock;
use tokend::store::schema;

use crate::commands::opening::files;
use crate::database::backup::text;
use crate::listeners::stopping::execute;
use crate::support::process::{Cli, Process, Run};
use crate::support::{Engine, Place, Server, now, undone_migrations};

/// The exit codes of warnings and of errors.
const WARNINGS: i32 = 10;
const ERRORS: i32 = 11;

/// The issuer of these servers, and the proxy in front of them.
const ISSUER: &str = "https://id.example.com";

/// A master key that differs from that of the tests.
const OTHER_KEY: &str = "b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3Q=";

/// Returns a command line behind a proxy on this machine, and its running server.
async fn deployment(engine: Engine) -> (Cli, Process) {
    let cli = behind_a_proxy(Cli::new(engine).await);
    let server = cli.serve_at(([127, 0, 0, 1], 0).into()).await;
    (cli, server)
}

fn behind_a_proxy(cli: Cli) -> Cli {
    cli.set("TOKEND_ISSUER", ISSUER).set("TOKEND_PROXY_TRUSTED", "127.0.0.1")
}

/// Runs the doctor.
pub fn examine(cli: &Cli, arguments: &[&str]) -> (Run, Value) {
    let run = cli.run(&[&["doctor", "-o", "json"], arguments].concat());
    let report = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    assert_eq!(run.stderr, "", "{run:?}");
    (run, report)
}

/// Returns the codes of the findings in this state.
pub fn codes(report: &Value, state: &str) -> Vec<String> {
    let checks = report["checks"].as_array().expect("checks").iter();
    let wanted = checks.filter(|check| check["state"] == state);
    wanted.map(|check| check["code"].as_str().expect("a code").to_owned()).collect()
}

/// Returns the finding of a check.
pub fn finding<'a>(report: &'a Value, code: &str) -> &'a Value {
    let mut checks = report["checks"].as_array().expect("checks").iter();
    checks.find(|check| check["code"] == code).unwrap_or_else(|| panic!("no {code}: {report}"))
}

/// Asserts that this is the only bad finding of the doctor.
fn assert_finds(cli: &Cli, state: &str, code: &str, words: &str) {
    let (run, report) = examine(cli, &[]);
    let (warnings, errors) = (codes(&report, "warning"), codes(&report, "error"));
    let (expected, found, others) = match state {
        "warning" => (WARNINGS, warnings, errors),
        _ => (ERRORS, errors, warnings),
    };
    assert_eq!(found, [code], "{report:#}");
    assert!(others.is_empty(), "{report:#}");
    assert_eq!(run.code, expected, "{code}: {run:?}");
    let finding = finding(&report, code);
    let text = finding["found"].as_str().expect("a text");
    assert!(text.contains(words), "no {words:?} in {finding}");
    assert!(finding["fix"].as_str().is_some_and(|fix| fix.len() > 8), "{finding}");
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("a mode");
}

/// O-6, D14: a healthy deployment has no finding, and the doctor changes nothing.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_server_has_no_finding_and_nothing_is_written(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (cli, mut server) = deployment(engine).await;
    let (run, report) = examine(&cli, &[]);
    assert_eq!(run.code, 0, "{report:#}");
    assert_eq!(report["worst"], "note", "{report:#}");
    assert_eq!(codes(&report, "note"), ["backup_age"], "{report:#}");
    for code in ["database", "schema", "master_key", "signing_key", "next_signing_key"] {
        assert_eq!(finding(&report, code)["state"], "ok", "{report:#}");
    }
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));
    let folder = cli.place.folder.path();
    let (before, head) = (files(folder), cli.json(&["audit", "verify"]));
    let (run, again) = examine(&cli, &[]);
    assert_eq!(run.code, 0, "{again:#}");
    assert_eq!(codes(&again, "ok"), codes(&report, "ok"));
    assert_eq!(files(folder), before);
    assert_eq!(cli.json(&["audit", "verify"]), head);
    let jsonl = cli.run(&["doctor", "-o", "jsonl"]);
    assert_eq!((jsonl.code, jsonl.stdout.lines().count()), (0, 1), "{jsonl:?}");
    assert_eq!(cli.run(&["doctor", "-o", "id"]).stdout, "backup_age\n");
}

/// D14: without a database nothing is created.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_the_doctor_reports_the_path_and_creates_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = behind_a_proxy(Cli::without_database(engine).await);
    let data = cli.place.folder.path().join("absent");
    let cli = match engine {
        Engine::Sqlite => cli.unset("TOKEND_DATABASE_URL").set("TOKEND_DATA_DIR", text(&data)),
        Engine::Postgres => cli,
    };
    match engine {
        Engine::Sqlite => assert_finds(&cli, "error", "database", "a database does not exist at"),
        Engine::Postgres => assert_finds(&cli, "warning", "schema", "schema 0 of"),
    }
    assert!(!data.exists());
    assert!(files(cli.place.folder.path()).is_empty());
    if engine == Engine::Postgres {
        assert_eq!(cli.json(&["migrate", "--status"])["schema"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_setting_that_may_be_a_mistake_is_one_finding() {
    let (cli, _server) = deployment(Engine::Sqlite).await;
    let with =
        |name: &str, value: &str| behind_a_proxy(Cli::at(cli.place.clone())).set(name, value);
    for (name, value, state, code, words) in [
        ("TOKEND_PROXY_TRUSTED", "0.0.0.0/0", "error", "settings", "covers most IPv4"),
        ("TOKEND_PROXY_TRUSTED", "10.0.0.0/8", "warning", "trusted_networks", "10.0.0.0/8"),
        ("TOKEND_PROXY_TRUSTED", "", "warning", "proxy_trust", "proxy.trusted is empty"),
        ("TOKEND_ISSUER", "https://b.example.com", "warning", "stored_issuer", ISSUER),
        ("TOKEND_ISSUER", "https://b.example.com/", "error", "settings", "slash"),
        ("TOKEND_MANAGEMENT_LISTEN", "0.0.0.0:1", "warning", "management_listener", "0.0.0.0:1"),
        ("TOKEND_MASTER_KEY", OTHER_KEY, "error", "master_key", "does not open 2 of 2"),
        ("TOKEND_BACKUP_SCHEDULE", "24h", "error", "backup_age", "has no backup"),
    ] {
        assert_finds(&with(name, value), state, code, words);
    }
    // A note does not fail the command.
    let (run, report) = examine(&with("TOKEND_LOG_LEVEL", "debug"), &[]);
    assert_eq!((run.code, codes(&report, "note").len()), (0, 2), "{report:#}");
    // A second master key, the new one first: nothing is lost, and a rotation is due.
    let keys = format!("{OTHER_KEY},dGVzdHMgb25seSB0ZXN0cyBvbmx5IHRlc3RzIG9ubHk=");
    let (run, report) = examine(&with("TOKEND_MASTER_KEY", &keys), &[]);
    assert_eq!(run.code, 0, "{report:#}");
    assert_eq!(finding(&report, "master_key")["state"], "note", "{report:#}");
    // A shell without the issuer of the server: everything else is checked anyway.
    let without = behind_a_proxy(Cli::at(cli.place.clone())).unset("TOKEND_ISSUER");
    assert_finds(&without, "error", "settings", "`issuer` is not set");
    let (_, report) = examine(&without, &[]);
    let seen = ["database", "schema", "master_key", "signing_key"];
    assert!(seen.iter().all(|code| finding(&report, code)["state"] == "ok"), "{report:#}");
    // Several problems of the settings are one finding, and everything else is skipped.
    let broken = with("TOKEND_LISTEN", "x").set("TOKEND_TOKEN_LIFETIME", "soon");
    assert_finds(&broken, "error", "settings", "`token.lifetime`");
    let (_, report) = examine(&broken, &[]);
    assert_eq!(report["summary"]["ok"], 0, "{report:#}");
}

/// A common TLS mistake behind an https issuer: the server accepts plain HTTP from other machines.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_listener_without_tls_is_an_error() {
    let (cli, server) = deployment(Engine::Sqlite).await;
    let cli = cli.set("TOKEND_PROXY_TRUSTED", "").set("TOKEND_LISTEN", "0.0.0.0:8080");
    assert_finds(&cli, "error", "proxy_trust", "0.0.0.0:8080 is open to other machines");
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_others_may_read_or_write_are_errors() {
    let cli = Cli::without_database(Engine::Sqlite).await.unset("TOKEND_MASTER_KEY");
    let data = cli.place.folder.path().join("data");
    let cli = behind_a_proxy(cli.unset("TOKEND_DATABASE_URL").set("TOKEND_DATA_DIR", text(&data)));
    let mut server = cli.serve_at(([127, 0, 0, 1], 0).into()).await;
    server.signal("TERM");
    server.ended().await;
    assert_eq!(examine(&cli, &[]).0.code, 0);
    for (file, open, closed, code) in [
        ("master.key", 0o644, 0o600, "master_key_file"),
        ("tokend.db", 0o640, 0o600, "database_files"),
        ("", 0o777, 0o700, "data_dir"),
    ] {
        let path = data.join(file);
        chmod(&path, open);
        assert_finds(&cli, "error", code, &format!("mode {open:04o}"));
        chmod(&path, closed);
    }
    let secret = cli.place.folder.path().join("webhook");
    std::fs::write(&secret, format!("whsec_{OTHER_KEY}")).expect("written");
    chmod(&secret, 0o644);
    let cli = cli.set("TOKEND_NOTIFICATIONS_WEBHOOK_SECRET_FILE", text(&secret));
    assert_finds(&cli, "error", "secret_files", text(&secret));
    chmod(&secret, 0o600);
    assert_eq!(examine(&cli, &[]).0.code, 0);
    // No part of a secret is printed, whatever is wrong with its file.
    let key = std::fs::read_to_string(data.join("master.key")).expect("a key");
    std::fs::write(data.join("master.key"), format!("x{key}")).expect("written");
    let (run, report) = examine(&cli, &[]);
    assert_eq!(codes(&report, "error"), ["master_key"], "{report:#}");
    assert!(!run.stdout.contains(key.trim()) && !run.stdout.contains(OTHER_KEY), "{run:?}");
    drop(server);
}

/// The schemas of an older program and of a newer one.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn another_schema_is_reported_and_not_migrated(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (cli, mut server) = deployment(engine).await;
    server.signal("TERM");
    server.ended().await;
    for statement in undone_migrations::back_to(engine, 21) {
        execute(engine, &cli.place.database_url, statement).await;
    }
    assert_finds(&cli, "warning", "schema", &format!("schema 21 of {}", schema::NEWEST));
    let checked =
        behind_a_proxy(Cli::at(cli.place.clone())).set("TOKEND_DATABASE_MIGRATE", "check");
    assert_finds(&checked, "error", "schema", "migrations are missing");
    let (_, report) = examine(&cli, &[]);
    assert_eq!(finding(&report, "master_key")["state"], "skipped", "{report:#}");
    assert_eq!(cli.json(&["migrate", "--status"])["schema"], 21);
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
                 execution_time) VALUES (9999, 'x', TRUE, '', 0)";
    execute(engine, &cli.place.database_url, newer).await;
    assert_finds(&cli, "error", "schema", "a newer tokend");
}

/// An unreachable Postgres, and one that never answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_does_not_answer_is_one_finding() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let cli = behind_a_proxy(Cli::without_database(Engine::Sqlite).await)
        .set("TOKEND_DATABASE_TIMEOUT", "200ms");
    for (port, words) in [(1, "cannot connect to 127.0.0.1:1"), (port, "did not answer within")] {
        let url = format!("postgres://tokend:hunter2@127.0.0.1:{port}/tokend");
        let cli = behind_a_proxy(Cli::at(cli.place.clone()))
            .set("TOKEND_DATABASE_TIMEOUT", "200ms")
            .set("TOKEND_DATABASE_URL", &url);
        assert_finds(&cli, "error", "database", words);
        let run = cli.run(&["doctor"]);
        assert!(!run.stdout.contains("hunter2"), "{run:?}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_expires_soon_is_a_warning(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (cli, _server) = deployment(engine).await;
    cli.json(&["client", "create", "billing", "--secret-ttl", "90d"]);
    assert_eq!(examine(&cli, &[]).0.code, 0);
    cli.json(&["client", "create", "worker", "--secret-ttl", "5d"]);
    assert_finds(
        &cli,
        "warning",
        "expiring_secrets",
        "1 client has a secret that expires within 14d: worker",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_old_or_cannot_be_used_is_an_error() {
    let (cli, server) = deployment(Engine::Sqlite).await;
    let dir = cli.place.folder.path().join("backups");
    std::fs::create_dir(&dir).expect("a folder");
    let old = dir.join("tokend-20260101T000000Z.backup");
    cli.json(&["backup", "create", text(&old)]);
    let cli = cli.set("TOKEND_BACKUP_SCHEDULE", "24h").set("TOKEND_BACKUP_DIR", text(&dir));
    assert_finds(&cli, "error", "backup_age", "backup.schedule is 24h");
    let digits: String = now().to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let fresh = dir.join(format!("tokend-{digits}.backup"));
    std::fs::rename(&old, &fresh).expect("renamed");
    let (run, report) = examine(&cli, &[]);
    assert_eq!(run.code, 0, "{report:#}");
    assert_eq!(finding(&report, "backup_key")["state"], "ok", "{report:#}");
    std::fs::write(&fresh, "{}\n").expect("written");
    assert_finds(&cli, "error", "backup_key", text(&fresh));
    drop(server);
}

/// Returns the findings of a doctor in this process, with its own clock.
async fn at(server: &Server, place: &Place, clock: &Clock) -> Report {
    let mut environment = place.environment();
    environment.retain(|(name, _)| name != "TOKEND_ISSUER");
    environment.push(("TOKEND_ISSUER".to_owned(), server.base.clone()));
    let settings = Settings::gather(&Flags::default(), &environment).expect("settings");
    examine_host(&settings, clock).await
}

fn bad(report: &Report) -> Vec<(CheckCode, CheckState)> {
    let bad = report.findings().iter().filter(|finding| finding.state >= CheckState::Warning);
    bad.map(|finding| (finding.code, finding.state)).collect()
}

/// The clock of this machine differs from that of Postgres. SQLite uses the clock of the machine.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_differs_from_the_database_is_a_finding(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    for (seconds, state) in [(-30, CheckState::Warning), (3600, CheckState::Error)] {
        let clock = Clock::fixed(now().plus_seconds(seconds));
        let report = at(&server, &server.place, &clock).await;
        let expected = match engine {
            Engine::Sqlite => vec![],
            Engine::Postgres => vec![(CheckCode::DatabaseClock, state)],
        };
        assert_eq!(bad(&report), expected, "{report:#?}");
    }
}

/// No server created the next key in time.
#[tokio::test(flavor = "multi_thread")]
async fn a_next_signing_key_that_is_overdue_is_a_warning() {
    let server = Server::start(Engine::Sqlite).await;
    let day = 86_400;
    let clock = Clock::fixed(now().plus_seconds(89 * day));
    assert!(bad(&at(&server, &server.place, &clock).await).is_empty());
    clock.jump(day);
    let expected = [(CheckCode::NextSigningKey, CheckState::Warning)];
    assert_eq!(bad(&at(&server, &server.place, &clock).await), expected);
}

/// The certificate of `tls.certificate`: its expiry, its host, its key and its chain.
#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_tls_are_examined() {
    let (cli, _server) = deployment(Engine::Sqlite).await;
    let folder = cli.place.folder.path().to_owned();
    let path = |name: &str| folder.join(name);
    let write = |name: &str, host: &str, year: i32| {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(vec![host.to_owned()]).expect("names");
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = params.self_signed(&key).expect("a certificate");
        std::fs::write(path(&format!("{name}.pem")), certificate.pem()).expect("written");
        std::fs::write(path(&format!("{name}.key")), key.serialize_pem()).expect("written");
        chmod(&path(&format!("{name}.key")), 0o600);
    };
    write("good", "id.example.com", 2100);
    write("other", "other.example.com", 2100);
    write("old", "id.example.com", 2026);
    let with = |certificate: &str, key: &str| {
        behind_a_proxy(Cli::at(cli.place.clone()))
            .set("TOKEND_TLS_CERTIFICATE", text(&path(certificate)))
            .set("TOKEND_TLS_KEY", text(&path(key)))
    };
    // A certificate of a private authority is a note; it is valid where that is trusted.
    let (run, report) = examine(&with("good.pem", "good.key"), &[]);
    assert_eq!(run.code, 0, "{report:#}");
    assert_eq!(finding(&report, "tls_chain")["state"], "note", "{report:#}");
    let trusted = with("good.pem", "good.key").set("TOKEND_FETCH_CA_FILE", text(&path("good.pem")));
    let (_, report) = examine(&trusted, &[]);
    assert_eq!(finding(&report, "tls_chain")["state"], "ok", "{report:#}");
    assert_finds(&with("old.pem", "old.key"), "error", "tls_certificate", "expired at 2026-01-01");
    assert_finds(&with("other.pem", "other.key"), "error", "tls_name", "other.example.com");
    assert_finds(&with("good.pem", "old.key"), "error", "tls_certificate", "old.key");
    chmod(&path("good.key"), 0o644);
    assert_finds(&with("good.pem", "good.key"), "error", "secret_files", "good.key");
}
