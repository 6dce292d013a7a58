//! `tokend check-config` and `tokend config`.

use crate::support::Engine;
use crate::support::process::Cli;

#[tokio::test(flavor = "multi_thread")]
async fn check_config_reports_every_problem() {
    let cli = Cli::new(Engine::Sqlite).await;
    assert_eq!(cli.run(&["check-config"]).code, 0);
    assert_eq!(cli.run(&["check-config", "--online"]).code, 0);
    let file = cli.place.folder.path().join("bad.toml");
    std::fs::write(&file, "isuer = \"x\"\n[token]\nlifetime = \"soon\"\n").expect("a file");
    let cli = cli.set("TOKEND_ISSUER", "https://id.example.com/");
    let run = cli.run(&["check-config", &file.display().to_string()]);
    assert_eq!(run.code, 3, "{run:?}");
    for words in [
        "3 problems",
        "did you mean `issuer`?",
        "bad.toml:1",
        "exactly",
        "from TOKEND_ISSUER",
        "`token.lifetime`",
        "Nothing was started",
    ] {
        assert!(run.stderr.contains(words), "no {words:?} in {}", run.stderr);
    }
}

/// The router would panic on two endpoints with one path.
#[tokio::test(flavor = "multi_thread")]
async fn an_alias_that_collides_or_is_a_pattern_is_a_problem() {
    for alias in ["/v1/oauth/introspect", "/tenant", "/{id}", "/a/*"] {
        let cli = Cli::new(Engine::Sqlite)
            .await
            .set("TOKEND_ISSUER", "http://localhost:8080/tenant")
            .set("TOKEND_TOKEN_ALIASES", alias);
        for command in ["check-config", "serve"] {
            let run = cli.run(&[command]);
            assert_eq!(run.code, 3, "{command} {alias}: {run:?}");
            assert!(run.stderr.contains("`token.aliases` contains"), "{command} {alias}: {run:?}");
            assert!(run.stderr.contains(alias), "{command} {alias}: {run:?}");
            assert!(!run.stderr.contains("panicked"), "{command} {alias}: {run:?}");
        }
    }
}

/// The report of checked settings.
#[tokio::test(flavor = "multi_thread")]
async fn check_config_prints_this_report() {
    let cli = Cli::new(Engine::Sqlite)
        .await
        .set("TOKEND_ISSUER", "https://id.example.com/")
        .set("TOKEND_TOKEN_LIFETIM", "1h");
    insta::assert_snapshot!(cli.run(&["check-config"]).stderr, @r#"
    error: 2 problems in the configuration

      1  unknown setting `TOKEND_TOKEN_LIFETIM`                   [E-CONF-UNKNOWN]
         in the environment
         did you mean `TOKEND_TOKEN_LIFETIME`?

      2  `issuer` must not end with a slash                       [E-CONF-ISSUER]
         from TOKEND_ISSUER = "https://id.example.com/"
         verifiers compare `iss` exactly; use https://id.example.com

      Nothing was started. Every setting and its meaning: tokend config defaults
    "#);
}

/// The environment of a pod next to a Service called `tokend`, and that of an operator.
#[tokio::test(flavor = "multi_thread")]
async fn serve_starts_next_to_variables_that_are_not_settings() {
    let misspelt = Cli::new(Engine::Sqlite).await.set("TOKEND_LISTN", "127.0.0.1:0");
    let run = misspelt.run(&["serve"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("unknown setting `TOKEND_LISTN`"), "{run:?}");
    assert!(run.stderr.contains("did you mean `TOKEND_LISTEN`?"), "{run:?}");

    let mut cli = Cli::new(Engine::Sqlite).await;
    for (name, value) in [
        ("TOKEND_SERVICE_HOST", "10.0.0.1"),
        ("TOKEND_SERVICE_PORT", "8080"),
        ("TOKEND_PORT", "tcp://10.0.0.1:8080"),
        ("TOKEND_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("TOKEND_MANAGEMENT_PORT", "tcp://10.0.0.2:8081"),
        ("TOKEND_ADMIN_CLIENT_ID_FILE", "/absent"),
        ("TOKEND_ISSUER_URL", "https://id.example.com"),
    ] {
        cli = cli.set(name, value);
    }
    let mut server = cli.serve().await;
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn config_show_prints_each_value_and_its_source() {
    let cli = Cli::new(Engine::Sqlite)
        .await
        .set("TOKEND_DATABASE_URL", "postgres://tokend:hunter2@db.example/tokend");
    let file = cli.place.folder.path().join("tokend.toml");
    std::fs::write(&file, "[token]\nlifetime = \"10m\"\n").expect("a file");
    let run = cli.run(&["config", "show", "--set", "log.level=debug"]);
    assert_eq!(run.code, 0, "{run:?}");
    let row = |key: &str| {
        let line = run.stdout.lines().find(|line| line.starts_with(key)).expect("a row");
        line.split("   ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert!(
        row("token.lifetime ")[1] == "10m" && row("token.lifetime ")[2].contains("tokend.toml")
    );
    assert_eq!(row("log.level")[1..], ["debug", "from --set on the command line"]);
    assert_eq!(row("token.lifetime_max")[1..], ["24h", "built-in default"]);
    assert_eq!(row("master_key")[1..], ["[set, 44 characters]", "from TOKEND_MASTER_KEY"]);
    assert!(row("database.url")[1].contains("tokend:masked@db.example"), "{run:?}");
    assert!(!run.stdout.contains("hunter2") && !run.stdout.contains("dGVzdHM"), "{run:?}");
    let defaults = cli.run(&["config", "defaults"]).stdout;
    assert_eq!(defaults, include_str!("../../../config/default.toml"));
}

/// The error of an invalid rate names the setting, its origin and the format.
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_rate_is_rejected_with_an_example() {
    let good = Cli::new(Engine::Sqlite)
        .await
        .set("TOKEND_LIMITS_TOKENS_PER_CLIENT", "600/h")
        .set("TOKEND_LIMITS_GUESSES_PER_CLIENT", "5/min")
        .set("TOKEND_SECRETS_HASHING_LANES", "3");
    assert_eq!(good.run(&["check-config"]).code, 0);
    let bad = good
        .set("TOKEND_LIMITS_TOKENS_PER_CLIENT", "many")
        .set("TOKEND_LIMITS_GUESSES_PER_ADDRESS", "off")
        .set("TOKEND_SECRETS_HASHING_LANES", "0");
    let run = bad.run(&["check-config"]);
    assert_eq!(run.code, 3, "{run:?}");
    for words in [
        "3 problems",
        "`limits.tokens_per_client` is not a rate; write 50/s, 60/m, 1000/h or 5000/d",
        "from TOKEND_LIMITS_TOKENS_PER_CLIENT = \"many\"",
        "`limits.guesses_per_address` is not a rate",
        "`secrets.hashing_lanes` must be a whole number from 1 to 256, or auto",
    ] {
        assert!(run.stderr.contains(words), "no {words:?} in {}", run.stderr);
    }
}

/// O-51, O-52, O-56, O-57, O-59, O-64: settings that would start with an unintended effect are
/// rejected.
#[tokio::test(flavor = "multi_thread")]
async fn settings_that_would_mean_something_else_are_rejected() {
    let cli = Cli::without_database(Engine::Sqlite).await;
    for (name, value, words) in [
        ("TOKEND_PROXY_TRUSTED", "0.0.0.0/0", "covers most IPv4 addresses"),
        ("TOKEND_PROXY_TRUSTED", "0.0.0.0/1,128.0.0.0/1", "covers most IPv4 addresses"),
        ("TOKEND_PROXY_TRUSTED", "::/0", "covers most IPv6 addresses"),
        ("TOKEND_MASTER_KEY", "abc", "`master_key` is not 32 bytes"),
        ("TOKEND_MANAGEMENT_LISTEN", "127.0.0.1:8080", "is the address of `listen`"),
        ("TOKEND_MANAGEMENT_LISTEN", "0.0.0.0:8080", "is the address of `listen`"),
        ("TOKEND_DATA_DIR", "~/tokend", "`~`, which is not expanded"),
        ("TOKEND_DATABASE_URL", "sqlite://~/tokend.db", "`~`, which is not expanded"),
        ("TOKEND_DATABASE_URL", "postgres://u:hunter2@h/d?sslmod=require", "did you mean sslmode?"),
        ("TOKEND_DATABASE_URL", "postgres://u:hun@ter2/x@h/d", "@ as %40"),
        ("TOKEND_FETCH_CA_FILE", "~/ca.pem", "`~`, which is not expanded"),
    ] {
        let changed = Cli::at(cli.place.clone()).set(name, value);
        let run = changed.run(&["check-config"]);
        assert_eq!(run.code, 3, "{name}={value}: {run:?}");
        assert!(run.stderr.contains(words), "{name}={value}: {run:?}");
        assert!(!run.stderr.contains("hunter2") && !run.stderr.contains("ter2"), "{run:?}");
    }
    let run = cli.set("TOKEND_LISTEN", "x").set("TOKEND_MASTER_KEY", "abc").run(&[
        "check-config",
        "-o",
        "json",
    ]);
    let report: serde_json::Value = serde_json::from_str(run.stderr.trim()).expect("JSON");
    assert_eq!(report["title"], "2 problems in the configuration", "{report}");
    let problem = &report["problems"][0];
    assert_eq!(problem["setting"], "listen", "{report}");
    assert_eq!(problem["code"], "E-CONF-VALUE", "{report}");
    assert!(problem["origin"].as_str().expect("text").contains("TOKEND_LISTEN"), "{report}");
}

/// O-58: a configuration file may name the files of the secrets.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_settings_names_the_files_of_secrets() {
    use std::os::unix::fs::PermissionsExt;
    let cli = Cli::without_database(Engine::Sqlite)
        .await
        .unset("TOKEND_MASTER_KEY")
        .unset("TOKEND_DATABASE_URL");
    let folder = cli.place.folder.path().to_owned();
    let (key, url) = (folder.join("key"), folder.join("url"));
    std::fs::write(&key, "7".repeat(64)).expect("a key");
    std::fs::write(&url, format!("sqlite://{}/named.db\n", folder.display())).expect("a URL");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).expect("a mode");
    let settings = format!("master_key_file = {key:?}\n[database]\nurl_file = {url:?}\n");
    std::fs::write(folder.join("tokend.toml"), &settings).expect("settings");
    assert_eq!(cli.run(&["check-config"]).code, 0);
    assert_eq!(cli.run(&["migrate"]).code, 0);
    assert!(folder.join("named.db").exists());
    assert_eq!(cli.run(&["client", "create", "Ops"]).code, 0);
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).expect("a mode");
    let run = cli.run(&["check-config"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("master_key_file in tokend.toml"), "{run:?}");
    std::fs::write(folder.join("tokend.toml"), format!("master_key = \"x\"\n{settings}"))
        .expect("settings");
    let run = cli.run(&["check-config"]);
    assert!(run.stderr.contains("E-CONF-TWICE"), "{run:?}");
}

/// O-66: a syntax error is one problem, not two.
#[tokio::test(flavor = "multi_thread")]
async fn a_syntax_error_is_reported_once() {
    let cli = Cli::without_database(Engine::Sqlite).await.unset("TOKEND_ISSUER");
    std::fs::write(cli.place.folder.path().join("tokend.toml"), "issuer = \n").expect("a file");
    let run = cli.run(&["check-config"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("1 problem in the configuration"), "{run:?}");
    assert_eq!(run.stderr.matches("tokend.toml").count(), 1, "{run:?}");
}

/// O-53, O-55: the message of the database is shown without its source code locations, and with the
/// damaged file.
#[tokio::test(flavor = "multi_thread")]
async fn the_text_of_a_database_error_is_unchanged() {
    let cli = Cli::new(Engine::Postgres).await;
    let missing = format!("{}_missing", cli.place.database_url);
    let run = cli.set("TOKEND_DATABASE_URL", &missing).run(&["client", "list"]);
    assert_eq!(run.code, 7, "{run:?}");
    assert!(run.stderr.contains("does not exist"), "{run:?}");
    assert!(!run.stderr.contains("at line"), "{run:?}");

    let cli = Cli::without_database(Engine::Sqlite).await;
    std::fs::write(cli.place.folder.path().join("tokend.db"), "x".repeat(5000)).expect("a file");
    for command in [&["client", "list"][..], &["serve"], &["migrate", "--status"]] {
        let run = cli.run(command);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stderr.contains("is not a SQLite database, or it is damaged"), "{run:?}");
        assert!(run.stderr.contains("restore it from a backup"), "{run:?}");
    }
}

/// O-62: the suggested port is free.
#[tokio::test(flavor = "multi_thread")]
async fn the_suggested_port_is_free() {
    let (first, second) = loop {
        let first = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = first.local_addr().expect("an address").port();
        if let Ok(second) = std::net::TcpListener::bind(("127.0.0.1", port.wrapping_add(1))) {
            break (first, second);
        }
    };
    let address = first.local_addr().expect("an address").to_string();
    let taken = second.local_addr().expect("an address").to_string();
    let cli = Cli::new(Engine::Sqlite).await.set("TOKEND_LISTEN", &address);
    let run = cli.run(&["serve"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("TOKEND_LISTEN=127.0.0.1:"), "{run:?}");
    assert!(!run.stderr.contains(&taken), "{run:?}");
}

/// An invalid value may contain a secret anywhere.
#[tokio::test(flavor = "multi_thread")]
async fn no_problem_and_no_list_repeats_a_secret_of_a_url_or_a_command() {
    let wrong = [
        ("TOKEND_NOTIFICATIONS_WEBHOOKS", "http://u:Zq9@hooks.example/Zq9?Zq9"),
        ("TOKEND_AUDIT_SINK", "https://u:Zq9@siem.example/Zq9?Zq9"),
        ("TOKEND_MASTER_KEY_COMMAND", "sh -c 'echo Zq9"),
        ("TOKEND_DATABASE_URL", "postgres://u:Zq9/x@one,two/d"),
    ];
    for (name, value) in wrong {
        let cli = Cli::new(Engine::Sqlite).await.set(name, value);
        let run = cli.run(&["check-config"]);
        assert_eq!(run.code, 3, "{name}: {run:?}");
        let texts = format!("{run:?} {:?}", cli.run(&["config", "show"]));
        assert!(!texts.contains("Zq9"), "{name}: {texts}");
    }
    let right = [
        ("TOKEND_NOTIFICATIONS_WEBHOOKS", "https://hooks.example/Zq9?Zq9"),
        ("TOKEND_NOTIFICATIONS_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("TOKEND_AUDIT_SINK", "https://siem.example/Zq9"),
        ("TOKEND_MASTER_KEY_COMMAND", "sh -c 'echo Zq9'"),
        ("TOKEND_DATABASE_URL", "postgres://u:Zq9@one,two/d"),
    ];
    let mut cli = Cli::new(Engine::Sqlite).await.unset("TOKEND_MASTER_KEY");
    for (name, value) in right {
        cli = cli.set(name, value);
    }
    let run = cli.run(&["config", "show"]);
    assert_eq!(run.code, 0, "{run:?}");
    for shown in ["https://hooks.example", "https://siem.example", "sh [arguments: 2]"] {
        assert!(run.stdout.contains(shown), "{shown}: {run:?}");
    }
    assert!(!format!("{run:?}").contains("Zq9"), "{run:?}");
}
