use std::fs;

use super::*;
use crate::config::problem::SettingRemedy;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load(flags: &Flags, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(flags, &env(pairs), Requirement::Nothing)
}

fn problems(pairs: &[(&str, &str)]) -> Vec<ConfigProblem> {
    load(&Flags::default(), pairs).expect_err("problems").problems().to_vec()
}

/// SECURITY 28, D9: management listens on loopback, and the master key has no default.
#[test]
fn the_embedded_defaults_are_valid() {
    let config = load(&Flags::default(), &[]).expect("settings");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.management_listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.token.lifetime.seconds(), 3600);
    assert_eq!(config.token.algorithm, Algorithm::Es256);
    assert_eq!(config.assertions.lifetime_max.seconds(), 3600);
    assert!(config.issuer.is_none() && config.master_key.is_none());
    assert!(
        matches!(config.database.location, Location::Sqlite(path) if path.ends_with("tokend.db"))
    );
}

#[test]
fn every_setting_in_the_manual_has_a_comment_above_it() {
    let lines: Vec<_> = DEFAULTS.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let is_setting = line.contains(" = ") && !line.starts_with('#');
        let above = index.checked_sub(1).map_or("", |above| lines[above]);
        let is_second = above.contains(" = ");
        assert!(!is_setting || is_second || above.starts_with('#'), "no comment above {line}");
    }
}

/// In increasing precedence: file, environment variable, file named by a variable, flag.
#[test]
fn a_later_source_overrides_an_earlier_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.toml");
    fs::write(&file, "[token]\nlifetime = \"10m\"\n").expect("a file");
    let value = folder.path().join("value");
    fs::write(&value, "30m\n").expect("a file");
    let value = value.display().to_string();
    let mut flags = Flags { files: vec![file], ..Flags::default() };
    let lifetime = |flags: &Flags, pairs: &[(&str, &str)]| {
        load(flags, pairs).expect("settings").token.lifetime.seconds()
    };
    assert_eq!(lifetime(&flags, &[]), 600);
    assert_eq!(lifetime(&flags, &[("TOKEND_TOKEN_LIFETIME", "20m")]), 1200);
    assert_eq!(lifetime(&flags, &[("TOKEND_TOKEN_LIFETIME_FILE", &value)]), 1800);
    flags.set.push("token.lifetime=40m".to_owned());
    assert_eq!(lifetime(&flags, &[("TOKEND_TOKEN_LIFETIME", "20m")]), 2400);
}

#[test]
fn an_unknown_setting_is_rejected_with_the_one_that_was_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.toml");
    fs::write(&file, "# a comment\nisuer = \"https://id.example.com\"\n").expect("a file");
    let flags = Flags { files: vec![file], ..Flags::default() };
    let error = load(&flags, &[("TOKEND_TOKEN_LIFETIM", "1h")]).expect_err("problems");
    let [first, second] = error.problems() else { panic!("{error}") };
    assert_eq!(first.remedy, "did you mean `issuer`?".into());
    assert!(first.origin.contains("a.toml:2"), "{first:?}");
    assert_eq!(second.remedy, "did you mean `TOKEND_TOKEN_LIFETIME`?".into());
    assert_eq!(problems(&[("TOKEND_QQQQQQ", "1")])[0].code, "E-CONF-UNKNOWN");
}

/// A secret under a misspelt key, and a line that ends inside a secret: neither is repeated.
#[test]
fn a_report_never_repeats_a_line_of_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.toml");
    for text in [
        "[databse]\nurl = \"postgres://u:hunter2@h/d\"\n",
        "masterkey = \"hunter2\"\n",
        "# x\nmaster_key = \"hunter2\n",
    ] {
        fs::write(&file, text).expect("a file");
        let flags = Flags { files: vec![file.clone()], ..Flags::default() };
        let report = load(&flags, &[]).expect_err("problems").to_string();
        assert!(!report.contains("hunter2"), "{report}");
        assert!(report.contains("a.toml"), "{report}");
    }
}

/// Kubernetes describes a Service called `tokend` in the environment of every container.
#[test]
fn what_kubernetes_adds_to_the_environment_is_not_a_setting() {
    let added = [
        ("TOKEND_PORT", "tcp://10.0.0.1:8080"),
        ("TOKEND_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("TOKEND_SERVICE_HOST", "10.0.0.1"),
        ("TOKEND_SERVICE_PORT_HTTP", "8080"),
        ("TOKEND_MANAGEMENT_SERVICE_HOST", "10.0.0.2"),
        ("TOKEND_MANAGEMENT_PORT", "tcp://10.0.0.2:8081"),
    ];
    assert!(load(&Flags::default(), &added).is_ok());
    // A port that the operator meant to set is reported instead of ignored.
    assert_eq!(problems(&[("TOKEND_PORT", "8080")])[0].code, "E-CONF-UNKNOWN");
}

/// A server may run in the same environment as its operator's commands.
#[test]
fn a_variable_of_the_commands_is_not_an_unknown_setting() {
    for name in [
        "TOKEND_SERVER",
        "TOKEND_ISSUER_URL",
        "TOKEND_SERVER_CA_FILE",
        "TOKEND_ADMIN_CLIENT_ID",
        "TOKEND_ADMIN_CLIENT_ID_FILE",
        "TOKEND_ADMIN_CLIENT_SECRET",
        "TOKEND_ADMIN_CLIENT_SECRET_FILE",
        "TOKEND_ADMIN_KEY_FILE",
        "TOKEND_ACTOR",
    ] {
        assert!(load(&Flags::default(), &[(name, "x")]).is_ok(), "{name}");
    }
    let misspelt = &problems(&[("TOKEND_SERVR", "x")])[0];
    assert_eq!(misspelt.code, "E-CONF-UNKNOWN");
    assert_eq!(misspelt.remedy, "did you mean `TOKEND_SERVER`?".into());
}

#[test]
fn all_problems_are_reported_at_once_with_origin_and_remedy() {
    let found = problems(&[
        ("TOKEND_ISSUER", "https://id.example.com/"),
        ("TOKEND_LISTEN", "8080"),
        ("TOKEND_TOKEN_LIFETIME", "soon"),
        ("TOKEND_DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("TOKEND_LOG_LEVEL", "loud"),
    ]);
    assert_eq!(found.len(), 5, "{found:?}");
    for problem in &found {
        assert!(problem.origin.contains("from TOKEND_"), "{problem:?}");
        assert_ne!(problem.remedy, SettingRemedy::from(""));
        assert!(!problem.origin.contains("hunter2"), "{problem:?}");
    }
    let is_right = |text: &str| text.ends_with("use https://id.example.com");
    assert!(
        matches!(&found[0].remedy, SettingRemedy::Text(text) if is_right(text)),
        "{:?}",
        found[0]
    );
}

#[test]
fn a_setting_and_its_file_at_once_are_rejected() {
    let found = problems(&[("TOKEND_MASTER_KEY", "a"), ("TOKEND_MASTER_KEY_FILE", "b")]);
    assert_eq!(found[0].code, "E-CONF-TWICE");
}

/// A text is split by the quoting rules of a shell; the elements of a list stay unchanged.
#[test]
fn a_command_is_a_list_or_a_text_that_is_split() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.toml");
    fs::write(&file, "master_key_command = [\"a b\", \"$c\", \"\"]\n").expect("a file");
    let flags = Flags { files: vec![file], ..Flags::default() };
    let command = |flags: &Flags, environment: &[(&str, &str)]| {
        let command = load(flags, environment).expect("settings").master_key_command;
        command.map(|command| (command.program, command.arguments))
    };
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(command(&flags, &[]), Some(("a b".to_owned(), words(&["$c", ""]))));
    let text = ("TOKEND_MASTER_KEY_COMMAND", "a 'b c' $d | e");
    let split = Some(("a".to_owned(), words(&["b c", "$d", "|", "e"])));
    assert_eq!(command(&flags, &[text]), split);
    assert_eq!(command(&Flags::default(), &[]), None);
}

#[test]
fn secrets_are_not_taken_from_the_command_line() {
    for key in ["master_key", "notifications.webhook_secret"] {
        let flags = Flags { set: vec![format!("{key}=abc")], ..Flags::default() };
        let error = load(&flags, &[]).expect_err("problems");
        assert_eq!(error.problems()[0].code, "E-CONF-SECRET");
        assert!(!error.to_string().contains("abc"), "{error}");
    }
}

#[test]
fn a_webhook_needs_a_secret_which_no_problem_shows() {
    let webhook = ("TOKEND_NOTIFICATIONS_WEBHOOKS", "https://a.example/");
    let found = problems(&[webhook]);
    assert_eq!(found[0].setting, "notifications.webhook_secret");
    let found = problems(&[webhook, ("TOKEND_NOTIFICATIONS_WEBHOOK_SECRET", "whsec_hunter2")]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let both = format!("{secret},{secret}");
    let good = [webhook, ("TOKEND_NOTIFICATIONS_WEBHOOK_SECRET", &both)];
    let config = load(&Flags::default(), &good).expect("settings");
    assert_eq!(config.notifications.webhooks[0].secrets.len(), 2);
    assert!(!format!("{config:?}").contains("MfKQ"));
}

/// C-06, C-18, C-50, C-72: https without a query, a fragment or a trailing slash; http for loopback
/// hosts only.
#[test]
fn an_issuer_is_an_https_url_in_its_normal_form() {
    let is_valid = |issuer| load(&Flags::default(), &[("TOKEND_ISSUER", issuer)]).is_ok();
    for issuer in [
        "https://id.example.com",
        "https://id.example.com:8443/tenant",
        "http://localhost:8080",
        "http://127.0.0.1:1",
        "http://[::1]:8080",
        "http://api.localhost",
    ] {
        assert!(is_valid(issuer), "{issuer} was rejected");
    }
    for issuer in [
        "http://id.example.com",
        "http://10.0.0.1",
        "https://id.example.com/",
        "https://id.example.com/?",
        "https://id.example.com?a=b",
        "https://id.example.com#a",
        "https://user:secret@id.example.com",
        "https://ID.example.com",
        "https://id.example.com:443",
        "ftp://id.example.com",
        "id.example.com",
        "https://",
        "https://id.example.com/{a}",
    ] {
        assert!(!is_valid(issuer), "{issuer} was accepted");
    }
}

#[test]
fn an_issuer_knows_its_path() {
    for (issuer, path) in [("https://a.example", ""), ("https://a.example/b/c", "/b/c")] {
        let config = load(&Flags::default(), &[("TOKEND_ISSUER", issuer)]).expect("settings");
        assert_eq!(config.issuer.expect("an issuer").path(), path);
    }
}

#[test]
fn an_issuer_with_port_0_takes_the_real_port() {
    for (issuer, expected) in [
        ("http://localhost:0", "http://localhost:8081"),
        ("http://[::1]:0/a/b", "http://[::1]:8081/a/b"),
        ("https://id.example.com", "https://id.example.com"),
        ("https://id.example.com:8443/a:0", "https://id.example.com:8443/a:0"),
    ] {
        let issuer = Issuer(issuer.to_owned());
        assert_eq!(issuer.with_real_port(8081).as_str(), expected);
    }
}

#[test]
fn a_server_needs_an_issuer() {
    let error = Config::load(&Flags::default(), &[], Requirement::Issuer).expect_err("problems");
    assert_eq!(error.problems()[0].remedy, SettingRemedy::SetIssuer, "{error}");
}

/// SECURITY 21: trusted proxies are a list of networks.
#[test]
fn lists_sizes_and_networks_are_read() {
    let config = load(
        &Flags::default(),
        &[
            ("TOKEND_TOKEN_ALIASES", "/a, /b/c"),
            ("TOKEND_PROXY_TRUSTED", "10.0.0.0/8,192.0.2.1,2001:db8::/32"),
            ("TOKEND_LIMITS_BODY_SIZE", "8KiB"),
        ],
    )
    .expect("settings");
    assert_eq!(config.token.aliases, ["/a", "/b/c"]);
    assert_eq!(config.trusted_proxies.len(), 3);
    assert_eq!(config.limits.body_size, 8192);
    for (name, value) in [
        ("TOKEND_TOKEN_ALIASES", "a"),
        ("TOKEND_TOKEN_ALIASES", "/a/"),
        ("TOKEND_TOKEN_ALIASES", "/{id}"),
        ("TOKEND_TOKEN_ALIASES", "/livez"),
        ("TOKEND_TOKEN_ALIASES", "/a/.well-known/jwks.json"),
        ("TOKEND_DIRECTORY_POLL_INTERVAL", "0s"),
        ("TOKEND_DIRECTORY_POLL_INTERVAL", "2h"),
        ("TOKEND_ASSERTIONS_LIFETIME_MAX", "59s"),
        ("TOKEND_ASSERTIONS_LIFETIME_MAX", "86401s"),
        ("TOKEND_ASSERTIONS_LIFETIME_MAX", "3600"),
        ("TOKEND_PROXY_TRUSTED", "all"),
        ("TOKEND_LIMITS_BODY_SIZE", "1GiB"),
        ("TOKEND_LIMITS_BODY_SIZE", "-1"),
        ("TOKEND_DATABASE_MAX_CONNECTIONS", "0"),
    ] {
        assert_eq!(problems(&[(name, value)]).len(), 1, "{name}={value}");
    }
}

/// A colliding path would make the router panic, so it is reported as a problem of the setting.
#[test]
fn an_alias_that_collides_or_is_a_pattern_is_a_problem() {
    let issuer = ("TOKEND_ISSUER", "https://id.example.com/tenant");
    for alias in [
        "/livez",
        "/v1/oauth/introspect",
        "/v1/oauth/check",
        "/v1/oauth/revocations",
        "/v1/oauth/authorize",
        "/tenant",
        "/tenant/v1/oauth/revoke",
        "/{id}",
        "/a/{*rest}",
        "/a*",
        "/a}",
    ] {
        let found = problems(&[issuer, ("TOKEND_TOKEN_ALIASES", &format!("/token,{alias}"))]);
        assert_eq!(found.len(), 1, "{alias}: {found:?}");
        assert_eq!(found[0].setting, "token.aliases", "{alias}");
        assert!(found[0].what.contains(alias), "{alias}: {found:?}");
    }
    for alias in ["/v1/oauth/token", "/tenant/token", "/tenant/livez"] {
        assert!(load(&Flags::default(), &[issuer, ("TOKEND_TOKEN_ALIASES", alias)]).is_ok());
    }
    let found = problems(&[("TOKEND_ISSUER", "https://id.example.com/v1/oauth/token")]);
    assert_eq!((found.len(), found[0].setting.as_str()), (1, "issuer"), "{found:?}");
}
