//! `tokend token`, `key` and `audit`: issuing, reading and verification.

use rstest::rstest;
use serde_json::Value;

use crate::listeners::stopping::execute;
use crate::support::process::Cli;
use crate::support::{Engine, INVOICES, ORDERS};

async fn cli_with_client(engine: Engine) -> Cli {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read", "--scope", "orders:write"]);
    cli.json(&["client", "create", "a", "--id", "a", "--grant", ORDERS]);
    cli
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_can_make_read_and_check_a_token(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = cli_with_client(engine).await;
    let answer = cli.json(&["token", "issue", "--client", "a", "--scope", "orders:read"]);
    let token = answer["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(answer["scope"], "orders:read");

    // The input is the token, a header's value, or the whole answer of the token endpoint.
    for input in [token.clone(), format!("Bearer {token}\n"), answer.to_string()] {
        let run = cli.run_with(&["token", "verify", "-"], &input);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.contains("orders:read"), "{run:?}");
    }
    let inspected = cli.run_with(&["token", "inspect", "-", "-o", "json"], &token);
    let inspected: Value = serde_json::from_str(&inspected.stdout).expect("JSON");
    assert_eq!(inspected["header"]["typ"], "at+jwt");
    assert_eq!(inspected["claims"]["aud"], ORDERS);
    assert_eq!(inspected["claims"]["client_id"], "a");

    let events = cli.json(&["audit", "list"]);
    let newest = events.as_array().and_then(|events| events.first()).expect("an event");
    assert_eq!(newest["action"], "token.issued_by_operator");
    assert!(!events.to_string().contains(&token), "a token is in the audit log");

    cli.json(&["client", "disable", "a"]);
    let run = cli.run(&["token", "issue", "--client", "a"]);
    assert!(run.code == 1 && run.stderr.contains("is disabled"), "{run:?}");
    cli.json(&["client", "enable", "a"]);
    let run = cli.run(&["token", "issue", "--client", "a", "--resource", INVOICES]);
    assert!(run.code == 1 && run.stderr.contains("is granted to a"), "{run:?}");
    assert_eq!(cli.run(&["token", "issue", "--client", "nope"]).code, 4);
}

/// Exit code 8 for everything that is not a valid token of this server.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_valid_token_of_this_server_is_rejected() {
    let cli = cli_with_client(Engine::Sqlite).await;
    let token = cli.run(&["token", "issue", "--client", "a"]).stdout.trim().to_owned();
    let other = cli_with_client(Engine::Sqlite).await;
    let foreign = other.run(&["token", "issue", "--client", "a"]).stdout;
    let parts: Vec<_> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("{token}") };
    // {"typ":"at+jwt","alg":"none"} and the same with HS256
    let none = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJub25lIn0";
    let hmac = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9";
    let swapped: String = claims.chars().rev().collect();
    let cases = [
        ("nothing", String::new()),
        ("a word", "hello".to_owned()),
        ("another server's", foreign),
        ("without signature", format!("{header}.{claims}.")),
        ("with algorithm none", format!("{none}.{claims}.")),
        ("with an HMAC", format!("{hmac}.{claims}.{signature}")),
        ("with other claims", format!("{header}.{swapped}.{signature}")),
        ("with a cut signature", token[..token.len() - 4].to_owned()),
    ];
    for (name, token) in cases {
        let run = cli.run_with(&["token", "verify", "-"], &token);
        assert_eq!(run.code, 8, "{name}: {run:?}");
    }
    let elsewhere = Cli::at(cli.place.clone()).set("TOKEND_ISSUER", "https://other.example.com");
    let run = elsewhere.run_with(&["token", "verify", "-"], &token);
    assert!(run.code == 8 && run.stderr.contains("its issuer is"), "{run:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_removed_or_reordered_event_is_found(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let attacks: [(&str, i64); 7] = [
        ("UPDATE event SET detail = '{}' WHERE sequence = 2", 2),
        ("UPDATE event SET actor = 'somebody else' WHERE sequence = 1", 1),
        ("DELETE FROM event WHERE sequence = 2", 2),
        ("DELETE FROM event WHERE sequence = 3", 3),
        ("UPDATE event SET sequence = CASE sequence WHEN 1 THEN -2 ELSE -1 END WHERE sequence < 3;
          UPDATE event SET sequence = -sequence WHERE sequence < 0", 1),
        ("DELETE FROM event; UPDATE event_head SET sequence = 5", 5),
        (
            "INSERT INTO event (sequence, at, actor, action, subject, detail, previous_hash, hash)
             SELECT 9000, at, actor, action, subject, detail, previous_hash, hash
             FROM event WHERE sequence = 1",
            4,
        ),
    ];
    for (attack, sequence) in attacks {
        let cli = cli_with_client(engine).await;
        cli.json(&["client", "disable", "a"]);
        let run = cli.run(&["audit", "verify"]);
        assert!(run.code == 0 && run.stdout.contains("3 events"), "{run:?}");
        for statement in attack.split(';') {
            execute(
                engine,
                &cli.place.database_url,
                Box::leak(statement.to_owned().into_boxed_str()),
            )
            .await;
        }
        let run = cli.run(&["audit", "verify"]);
        assert_eq!(run.code, 8, "{attack}: {run:?}");
        assert!(run.stderr.contains(&format!("at event {sequence}")), "{attack}: {run:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_listed_without_their_private_half() {
    let cli = cli_with_client(Engine::Sqlite).await;
    cli.run(&["token", "issue", "--client", "a"]);
    let keys = cli.json(&["key", "list"]);
    let members: Vec<_> = keys[0].as_object().expect("a key").keys().cloned().collect();
    let expected = [
        "algorithm",
        "created_at",
        "kid",
        "leaves_at",
        "next_step",
        "postponed_at",
        "public_jwk",
        "readers",
        "retired_at",
        "revoked_at",
        "signs_from",
        "signs_until",
        "state",
        "successor",
    ];
    assert_eq!(members, expected);
    assert!(keys[0]["public_jwk"].get("d").is_none());
    assert_eq!(keys[0]["state"], "signing");
}
