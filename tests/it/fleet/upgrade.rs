//! The upgrade from the program of the previous commit to this one, under load, and back if the
//! schema allows it. `make faults` builds that program.

use std::path::PathBuf;
use std::sync::Arc;

use rstest::rstest;

use crate::support::eventually::eventually;
use crate::support::fleet::{Fleet, Load, make_client, token_request};
use crate::support::gateways::front::Proxy;
use crate::support::process::Cli;
use crate::support::{Answer, Engine, Place, client};

/// The program of the previous commit.
fn previous() -> PathBuf {
    let path = std::env::var_os("TEST_PREVIOUS_PROGRAM");
    path.expect("TEST_PREVIOUS_PROGRAM is not set: make faults").into()
}

/// Asserts that each instance issues a new client a token, and rejects it after it was disabled.
async fn assert_all_follow(fleet: &Fleet, commands: &Cli, name: &str) {
    let http = client();
    let new = make_client(commands, name);
    for status in [200, 401] {
        for instance in &fleet.instances {
            eventually(name, async || {
                let answer = token_request(&http, &instance.base, &new).send().await.ok()?;
                (answer.status() == status).then_some(())
            })
            .await;
        }
        if status == 200 {
            commands.json(&["client", "disable", &new.0]);
        }
    }
}

/// Asserts that each instance accepts the tokens of every other one.
async fn assert_tokens_are_known(fleet: &Fleet) {
    let http = client();
    for issuing in &fleet.instances {
        let token = Answer::of(token_request(&http, &issuing.base, &fleet.client)).await.token();
        for instance in &fleet.instances {
            let (id, secret) = &fleet.client;
            let request = http
                .post(format!("{}/v1/oauth/introspect", instance.base))
                .basic_auth(id, Some(secret))
                .form(&[("token", token.as_str())]);
            assert_eq!(Answer::of(request).await.json()["active"], true);
        }
    }
}

fn schema(cli: &Cli) -> i64 {
    cli.json(&["migrate", "--status"])["schema"].as_i64().expect("a number")
}

/// Instances of both versions run together, and no request fails.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the previous program: make faults"]
async fn the_previous_program_and_this_one_run_together(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let this = Cli::at(Arc::new(Place::new(engine).await));
    let mut fleet = Fleet::of(Proxy::Nginx, this.of_version(previous()), 3).await;
    let (old, new) = (fleet.cli.of_version(previous()), fleet.cli.of_this_version());
    let before = schema(&old);
    let load = Load::start(&fleet);
    // The first new instance migrates, while two old ones serve.
    fleet.replace(0, &new).await;
    assert_tokens_are_known(&fleet).await;
    assert_all_follow(&fleet, &new, "of the new program").await;
    let has_migrated = schema(&new) != before;
    if has_migrated {
        let run = old.run(&["client", "list"]);
        assert!(run.code != 0 && run.stderr.contains("E-SCHEMA"), "{run:?}");
    } else {
        assert_all_follow(&fleet, &old, "of the old program").await;
    }
    for index in 1..fleet.instances.len() {
        fleet.replace(index, &new).await;
    }
    assert_tokens_are_known(&fleet).await;
    if !has_migrated {
        // Back to the old version.
        for index in 0..fleet.instances.len() {
            fleet.replace(index, &old).await;
        }
        assert_tokens_are_known(&fleet).await;
    }
    load.end().await.assert_none_failed();
    assert_eq!(new.run(&["audit", "verify"]).code, 0);
}
