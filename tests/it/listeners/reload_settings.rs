//! SIGHUP applies limits, trusted proxies and TLS files, all or none.

use std::path::{Path, PathBuf};

use rstest::rstest;
use serde_json::Value;

use crate::database::backup::text;
use crate::listeners::reload::send_sighup;
use crate::listeners::stopping::ask;
use crate::support::eventually::eventually;
use crate::support::process::{Cli, Process};
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, ORDERS, client};

/// A server with its settings in a file, a client, and the secret of the client.
struct Stage {
    server: Process,
    file: PathBuf,
    secret: String,
    /// Keeps the folder.
    _cli: Cli,
}

impl Stage {
    async fn new(engine: Engine, settings: &str, network: &[&str]) -> Self {
        let cli = Cli::new(engine).await;
        let (level, file) =
            (cli.place.folder.path().join("level"), cli.place.folder.path().join("tokend.toml"));
        write(&level, "info\n");
        let cli = cli.set("TOKEND_LOG_LEVEL_FILE", text(&level));
        cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
        let create = ["client", "create", "ops", "--grant", ORDERS];
        let made = cli.json(&[&create, network].concat());
        write(&file, settings);
        let secret = made["client_secret"].as_str().expect("a secret").to_owned();
        Self { server: cli.serve().await, file, secret, _cli: cli }
    }

    /// Writes the settings and sends SIGHUP; returns the log up to this text.
    async fn reload(&self, settings: &str, text: &str) -> String {
        write(&self.file, settings);
        let start = self.server.log().len();
        send_sighup(&self.server, text).await;
        self.server.log()[start..].to_owned()
    }

    async fn ask(&self) -> Answer {
        ask(&self.server.base, "ops", &self.secret).await
    }

    /// Sends a request like a proxy of a client at this address.
    async fn ask_from(&self, address: &str) -> Answer {
        let request = client()
            .post(format!("{}/v1/oauth/token", self.server.base))
            .basic_auth("ops", Some(&self.secret))
            .header("x-forwarded-for", address)
            .form(&CLIENT_CREDENTIALS);
        Answer::of(request).await
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a file");
}

/// Returns the lines about applied settings: setting, old and new value.
fn applied(log: &str) -> Vec<[String; 3]> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let applied = lines.filter(|line| line["message"] == "SIGHUP: a setting is applied");
    let text = |line: &Value, name: &str| line[name].as_str().expect("a text").to_owned();
    applied.map(|line| ["setting", "old", "new"].map(|name| text(&line, name))).collect()
}

fn change(setting: &str, old: &str, new: &str) -> [String; 3] {
    [setting, old, new].map(str::to_owned)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_takes_effect_and_ends_again(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let stage = Stage::new(engine, "", &[]).await;
    for _ in 0..3 {
        stage.ask().await.token();
    }
    let limited = "[limits]\ntokens_per_client = \"2/d\"\nbody_size = \"32KiB\"\n";
    let log = stage.reload(limited, "tokens_per_client").await;
    let expected = [
        change("limits.body_size", "64KiB", "32KiB"),
        change("limits.tokens_per_client", "off", "2/d"),
    ];
    assert_eq!(applied(&log), expected, "{log}");
    for _ in 0..2 {
        stage.ask().await.token();
    }
    assert_eq!(stage.ask().await.status, 429);
    let body = format!("grant_type=client_credentials&x={}", "x".repeat(40 << 10));
    let request = client()
        .post(format!("{}/v1/oauth/token", stage.server.base))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    assert_eq!(Answer::of(request).await.status, 413);
    let log = stage.reload("", "tokens_per_client").await;
    assert_eq!(applied(&log).len(), 2, "{log}");
    stage.ask().await.token();
}

/// The client may use one network only. Only a trusted proxy can forward its address.
#[tokio::test(flavor = "multi_thread")]
async fn trusted_proxies_take_effect() {
    let stage = Stage::new(Engine::Sqlite, "", &["--network", "203.0.113.0/24"]).await;
    stage.ask_from("203.0.113.9").await.assert_rejected(400, "unauthorized_client");
    let trusted = "[proxy]\ntrusted = [\"127.0.0.1\"]\n";
    let log = stage.reload(trusted, "a setting is applied").await;
    assert_eq!(applied(&log), [change("proxy.trusted", "", "127.0.0.1")], "{log}");
    stage.ask_from("203.0.113.9").await.token();
    stage.ask_from("198.51.100.1").await.assert_rejected(400, "unauthorized_client");
    stage.reload("", "a setting is applied").await;
    stage.ask_from("203.0.113.9").await.assert_rejected(400, "unauthorized_client");
}

/// Nothing is applied if one setting is invalid; settings that need a restart are only named.
#[tokio::test(flavor = "multi_thread")]
async fn invalid_settings_change_nothing_at_all() {
    let stage = Stage::new(Engine::Sqlite, "", &[]).await;
    let limited = "[limits]\ntokens_per_client = \"1/d\"\n";
    for broken in [
        "[token]\nlifetime = \"soon\"\n",
        "[proxy]\ntrusted = [\"0.0.0.0/0\"]\n",
        "[tls]\ncertificate = \"absent.pem\"\nkey = \"absent.key\"\n",
        "unknown = 1\n",
        "[limits\n",
    ] {
        let settings = format!("{limited}{broken}");
        let settings =
            if broken.starts_with("unknown") { format!("{broken}{limited}") } else { settings };
        let log = stage.reload(&settings, "nothing was changed").await;
        assert!(applied(&log).is_empty(), "{log}");
        for _ in 0..2 {
            stage.ask().await.token();
        }
    }
    let mixed = format!("{limited}connections = 99\n[token]\nlifetime = \"2h\"\n");
    let log = stage.reload(&mixed, "a setting is applied").await;
    assert_eq!(applied(&log), [change("limits.tokens_per_client", "off", "1/d")], "{log}");
    let restart = log.lines().find(|line| line.contains("need a restart")).expect("a line");
    assert!(restart.contains("limits.connections, token.lifetime"), "{restart}");
    stage.reload("", "a setting is applied").await;
    stage.reload("", "no setting has changed").await;
}

/// True if the server presents this certificate.
async fn shows(url: &str, root: &Path) -> bool {
    let pem = std::fs::read(root).expect("a certificate");
    let root = reqwest::Certificate::from_pem(&pem).expect("a root");
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build();
    client.expect("a client").get(format!("{url}/livez")).send().await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tls_files_take_effect_and_broken_ones_do_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    for name in ["old", "new"] {
        let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        let pair = pair.expect("a pair");
        write(&path(&format!("{name}.pem")), &pair.cert.pem());
        write(&path(&format!("{name}.key")), &pair.signing_key.serialize_pem());
    }
    let tls = |certificate: &str, key: &str| {
        let (certificate, key) = (path(certificate), path(key));
        format!("[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n")
    };
    let stage = Stage::new(Engine::Sqlite, &tls("old.pem", "old.key"), &[]).await;
    let port = stage.server.base.rsplit_once(':').expect("a port").1;
    let url = format!("https://localhost:{port}");
    assert!(shows(&url, &path("old.pem")).await && !shows(&url, &path("new.pem")).await);
    // The key does not match, so the limit is not applied either.
    let broken = format!("[limits]\nbody_size = \"32KiB\"\n{}", tls("new.pem", "old.key"));
    let log = stage.reload(&broken, "nothing was changed").await;
    assert!(log.contains("tls.certificate") && applied(&log).is_empty(), "{log}");
    assert!(shows(&url, &path("old.pem")).await);
    let log = stage.reload(&tls("new.pem", "new.key"), "the renewed certificate").await;
    let changed: Vec<_> = applied(&log).into_iter().map(|[setting, ..]| setting).collect();
    assert_eq!(changed, ["tls.certificate", "tls.key"], "{log}");
    assert!(shows(&url, &path("new.pem")).await && !shows(&url, &path("old.pem")).await);
    // The new files are watched for renewals from now on.
    std::fs::copy(path("old.pem"), path("new.pem")).expect("copied");
    std::fs::copy(path("old.key"), path("new.key")).expect("copied");
    eventually("the renewed certificate", async || {
        shows(&url, &path("old.pem")).await.then_some(())
    })
    .await;
    // TLS can be turned off only by a restart.
    let log = stage.reload("", "need a restart").await;
    assert!(log.contains("tls.certificate, tls.key"), "{log}");
    assert!(shows(&url, &path("old.pem")).await, "{}", text(&path("old.pem")));
}
