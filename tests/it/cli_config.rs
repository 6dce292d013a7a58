//! `tokend check-config` and `tokend config`.

use crate::support::Engine;
use crate::support::process::Cli;

#[tokio::test(flavor = "multi_thread")]
async fn check_config_tells_every_problem_at_once() {
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
        "letter by letter",
        "from TOKEND_ISSUER",
        "`token.lifetime`",
        "Nothing was started",
    ] {
        assert!(run.stderr.contains(words), "no {words:?} in {}", run.stderr);
    }
}

/// The screen of UX §5.3.
#[tokio::test(flavor = "multi_thread")]
async fn the_report_reads_like_this() {
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
         verifiers compare `iss` letter by letter; use https://id.example.com

      Nothing was started. Every setting and its meaning: tokend config defaults
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn config_show_tells_each_value_and_where_it_came_from() {
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
    assert_eq!(defaults, include_str!("../../config/default.toml"));
}

/// A rate that cannot be read names the setting, its origin and how a rate is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_that_is_none_is_refused_with_an_example() {
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
