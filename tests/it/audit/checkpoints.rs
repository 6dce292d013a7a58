//! Signed checkpoints of the audit log: they reveal a completely rewritten log, and cannot be
//! confused with tokens.

use std::path::PathBuf;
use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::audit;
use tokend::model::event::Event;
use tokend::model::time::Clock;
use tokend::services::event_chain;

use crate::database::backup::{back_up, restored};
use crate::fleet::following::tamper;
use crate::support::api::{ALL_SCOPES, Api};
use crate::support::process::{Cli, Run};
use crate::support::{Engine, Place, Server, now, operator};

/// A server with some events, and its command line.
struct Stage {
    engine: Engine,
    server: Server,
    cli: Cli,
}

impl Stage {
    async fn new(engine: Engine) -> Self {
        let server = Server::start(engine).await;
        for _ in 0..4 {
            server.client().await;
        }
        let cli = Cli::at(server.place.clone());
        Self { engine, server, cli }
    }

    async fn checkpoint(&self) -> String {
        let (services, issuer) = (self.server.services(), self.server.app.issuer.as_str());
        let made = audit::checkpoint::create(services, &operator(), issuer).await;
        made.expect("a checkpoint").jws
    }

    /// Writes a file next to the database.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.server.place.folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    async fn execute(&self, statements: &[&str]) {
        let statements: Vec<_> = statements.iter().map(ToString::to_string).collect();
        tamper(&self.server, self.engine, &statements).await;
    }

    /// Rewrites the log after an event, with another actor: the chain of the result is intact.
    async fn rewrite(&self, from: i64) {
        let events = self.server.services().store.events(from - 1, 1_000).await.expect("events");
        let mut previous = events[0].previous_hash.clone();
        let mut statements = Vec::new();
        for event in events {
            let mut event = Event {
                actor: "cli:innocent".to_owned(),
                previous_hash: previous.clone(),
                ..event
            };
            event.hash = event_chain::hash(&event);
            statements.push(format!(
                "UPDATE event SET actor = '{}', previous_hash = '{}', hash = '{}' WHERE sequence = {}",
                event.actor, event.previous_hash, event.hash, event.sequence
            ));
            previous = event.hash;
        }
        statements.push(format!("UPDATE event_head SET hash = '{previous}'"));
        tamper(&self.server, self.engine, &statements).await;
    }

    fn verify(&self, options: &[&str]) -> Run {
        self.cli.run(&[&["audit", "verify"][..], options].concat())
    }
}

fn assert_broken(run: &Run, text: &str) {
    assert!(run.code == 8 && run.stderr.contains(text), "{text}: {run:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_rewritten_as_a_whole_is_found(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let stage = Stage::new(engine).await;
    let jws = stage.checkpoint().await;
    let file = stage.file("checkpoint.jwt", &format!("{jws}\n"));
    let keys = stage.cli.run(&["audit", "keys"]).stdout;
    let (file, keys) = (file.to_str().expect("a path"), stage.file("keys.json", &keys));
    let keys = keys.to_str().expect("a path");
    stage.server.client().await;
    let second = stage.checkpoint().await;
    for options in [&[][..], &["--checkpoint", file], &["--checkpoint", &second, "--keys", keys]] {
        assert_eq!(stage.verify(options).code, 0, "{options:?}");
    }
    let shown = stage.cli.json(&["audit", "verify", "--checkpoint", file]);
    assert_eq!(shown["checkpoints"][0]["iss"], stage.server.base.as_str(), "{shown}");

    // The first checkpoint in the log does not match, and neither does the file.
    stage.rewrite(2).await;
    assert_broken(&stage.verify(&[]), "another hash than in its signed checkpoint");
    stage.execute(&["DELETE FROM audit_checkpoint"]).await;
    assert_eq!(stage.verify(&[]).code, 0, "in itself it is intact");
    assert_broken(&stage.verify(&["--checkpoint", file]), "is not the one that was noted");
    // This also holds if the keys are exchanged: keys that were stored elsewhere stay valid.
    stage
        .execute(&["DELETE FROM audit_key", "DELETE FROM sealed_key WHERE name = 'audit_key'"])
        .await;
    stage.checkpoint().await;
    assert_eq!(stage.verify(&[]).code, 0);
    assert_broken(&stage.verify(&["--checkpoint", file]), "not an audit key of this server");
    let options = ["--checkpoint", file, "--keys", keys];
    assert_broken(&stage.verify(&options), "is not the one that was noted");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn changed_removed_and_cut_events_are_found(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let stage = Stage::new(engine).await;
    let jws = stage.checkpoint().await;
    let head = stage.server.services().store.head().await.expect("a head").sequence;
    let (before, one) = (head - 2, head - 1);
    let event = stage.server.services().store.events(one - 1, 1).await.expect("an event").remove(0);
    let broken = |text: &'static str| assert_broken(&stage.verify(&[]), text);

    stage.execute(&[&format!("UPDATE event SET actor = 'x' WHERE sequence = {one}")]).await;
    broken("has been changed");
    let back = format!("UPDATE event SET actor = '{}' WHERE sequence = {one}", event.actor);
    stage.execute(&[&back]).await;
    assert_eq!(stage.verify(&[]).code, 0);

    // The end is removed, and the stored end of the chain is changed to match.
    let cut = format!(
        "UPDATE event_head SET sequence = {before}, hash = (SELECT hash FROM event WHERE sequence = {before})"
    );
    stage.execute(&[&format!("DELETE FROM event WHERE sequence > {before}"), &cut]).await;
    broken("ends before a signed checkpoint");
    // A log that does not match its earlier checkpoints is not signed again.
    let issuer = stage.server.app.issuer.as_str();
    let made = audit::checkpoint::create(stage.server.services(), &operator(), issuer).await;
    assert_eq!(made.expect_err("an error").code().as_str(), "audit_log_altered");
    stage.execute(&["DELETE FROM audit_checkpoint"]).await;
    assert_eq!(stage.verify(&[]).code, 0);
    assert_broken(&stage.verify(&["--checkpoint", &jws]), "is not in the log");

    // The beginning cannot be removed: a log begins only at a checkpoint with an event of the
    // removal.
    stage.execute(&["DELETE FROM event WHERE sequence <= 2"]).await;
    broken("an event is missing");
}

/// A removal without an event is not accepted as retention, even with valid checkpoints.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_beginning_without_an_event_of_the_removal_is_not_accepted(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let stage = Stage::new(engine).await;
    stage.checkpoint().await;
    let signed = stage.server.services().store.head().await.expect("a head").sequence;
    stage.server.client().await;
    let anchor = format!("UPDATE audit_checkpoint SET anchored_at = 1 WHERE sequence = {signed}");
    stage.execute(&[&anchor, &format!("DELETE FROM event WHERE sequence <= {signed}")]).await;
    assert_broken(&stage.verify(&[]), "no event records that the events");
    stage.execute(&["UPDATE audit_checkpoint SET jws = 'x'"]).await;
    assert_broken(&stage.verify(&[]), "not validly signed");
}

/// Checkpoints and tokens have different keys and types, so neither is accepted as the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_and_a_token_are_never_taken_for_one_another() {
    let stage = Stage::new(Engine::Sqlite).await;
    let server = &stage.server;
    let jws = stage.checkpoint().await;
    let (header, claims) = tokend::jose::jwt::read_unchecked(&jws).expect("a JWT");
    assert_eq!(header["typ"], "audit-checkpoint+jwt");
    let names: Vec<_> = claims.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(names, ["hash", "iat", "iss", "sequence"], "{claims}");
    let kid = header["kid"].as_str().expect("a kid");
    let public = server.get("/.well-known/jwks.json").await.text;
    assert!(!public.contains(kid), "{public}");
    let api = Api::with(server, ALL_SCOPES).await;
    let set = api.call("GET", "/v1/audit-keys", None).await.json();
    assert_eq!(set["keys"][0]["kid"], kid, "{set}");
    assert!(set["keys"][0].get("d").is_none(), "{set}");

    let verified = api.call("POST", "/v1/tokens/verify", Some(json!({ "token": jws }))).await;
    assert_eq!(verified.json()["valid"], false, "{}", verified.text);
    let caller = Api { server, token: jws.clone(), administrator: api.administrator.clone() };
    assert_eq!(caller.call("GET", "/v1/audit-events", None).await.status, 401);
    let token = server.ask(&server.client().await).await.token();
    assert_broken(&stage.verify(&["--checkpoint", &token]), "not a JWT of type audit-checkpoint");
    // This also holds with the key set of tokens.
    let keys = stage.file("tokens.json", &public);
    let keys = keys.to_str().expect("a path");
    for text in [&token, &jws] {
        assert_eq!(stage.verify(&["--checkpoint", text, "--keys", keys]).code, 8);
    }
}

/// A checkpoint is due on two instances: only one is signed, by one key.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_signed_when_it_is_due(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Arc::new(Place::new(engine).await);
    let clock = Clock::fixed(now());
    let one = Server::at(place.clone(), clock.clone(), &[]).await;
    let other = Server::at(place.clone(), clock, &[]).await;
    one.new_client(|new| new.grants.clear()).await;
    let both = async || {
        let due = |server: &Server| {
            let services = server.app.services.clone();
            async move { audit::checkpoint::create_if_due(&services, "https://id.example").await }
        };
        let (first, second) = tokio::join!(due(&one), due(&other));
        let made = [first.expect("no error"), second.expect("no error")];
        made.into_iter().flatten().collect::<Vec<_>>()
    };
    assert_eq!(both().await.len(), 1);
    assert_eq!(both().await.len(), 0);
    let cli = Cli::at(place);
    let listed = cli.json(&["audit", "checkpoints"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    let keys: Value = serde_json::from_str(&cli.run(&["audit", "keys"]).stdout).expect("JSON");
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "{keys}");
    // Postgres has a clock of its own, which a test cannot advance.
    if engine == Engine::Sqlite {
        one.clock.advance(86_400);
        assert_eq!(both().await.len(), 1, "the same event, signed again");
        let again = cli.json(&["audit", "checkpoints"]);
        assert_eq!(again.as_array().map(Vec::len), Some(1), "{again}");
        assert_ne!(again[0]["signed_at"], listed[0]["signed_at"]);
    }
}

/// Checkpoints stay valid after a restore to the other engine, and the same key signs the next one.
#[rstest]
#[case(Engine::Sqlite, Engine::Postgres)]
#[case(Engine::Postgres, Engine::Sqlite)]
#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_survive_a_restore(#[case] from: Engine, #[case] to: Engine) {
    let stage = Stage::new(from).await;
    let jws = stage.checkpoint().await;
    let (file, _) = back_up(&stage.server.place);
    let cli = Cli::at(restored(&file, to).await).set("TOKEND_ISSUER", &stage.server.base);
    assert_eq!(cli.run(&["audit", "verify", "--checkpoint", &jws]).code, 0);
    let next = cli.run(&["audit", "checkpoint", "-o", "id"]).stdout;
    let kid = |text: &str| {
        tokend::jose::jwt::read_unchecked(text.trim()).expect("a JWT").0["kid"].clone()
    };
    assert_eq!(kid(&next), kid(&jws));
}

/// After the loss of a master key, another audit key signs, and earlier checkpoints stay valid.
#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_stay_valid_after_the_master_key_was_lost() {
    let cli = Cli::new(Engine::Sqlite).await;
    // The logs of both servers are read at their end.
    let _place = cli.place.clone();
    let run = cli.run(&["audit", "checkpoint"]);
    assert!(run.code != 0, "without keys: {run:?}");
    let mut server = cli.serve().await;
    assert_eq!(cli.run(&["client", "create", "a"]).code, 0);
    server.signal("TERM");
    server.ended().await;
    let first = cli.json(&["audit", "checkpoint"]);
    let first = first["jws"].as_str().expect("a JWS");
    let cli = cli.set(
        "TOKEND_MASTER_KEY",
        "7777777777777777777777777777777777777777777777777777777777777777",
    );
    let run = cli.run(&["audit", "checkpoint"]);
    assert!(run.code != 0, "{run:?}");
    assert_eq!(cli.run(&["master-key", "reset", "--lost", "--yes"]).code, 0);
    let mut server = cli.serve().await;
    server.signal("TERM");
    server.ended().await;
    let second = cli.json(&["audit", "checkpoint"]);
    let second = second["jws"].as_str().expect("a JWS");
    let run = cli.run(&["audit", "verify", "--checkpoint", first, "--checkpoint", second]);
    assert_eq!(run.code, 0, "{run:?}");
    let keys: Value = serde_json::from_str(&cli.run(&["audit", "keys"]).stdout).expect("JSON");
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(2), "{keys}");
}
