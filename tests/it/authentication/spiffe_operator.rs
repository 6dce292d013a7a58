//! The operator's commands about trusts in SPIFFE trust domains.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::model::signing_key::Algorithm;

use crate::support::keys::KeyPair;
use crate::support::process::Cli;
use crate::support::spiffe::{DOMAIN, Domain, WORKER};
use crate::support::{Engine, ORDERS};

/// Trusts are created, rejected, shown, tested, imported and removed.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_operator_adds_tests_imports_and_removes_trusts(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let domain = Domain::new(Algorithm::Es256).await;
    let mut cli = Cli::new(engine).await;
    for (name, value) in domain.endpoint.settings() {
        cli = cli.set(name, &value);
    }
    let cli = cli.set("TOKEND_ISSUER", "https://id.example.com");
    cli.json(&["resource", "create", ORDERS]);
    cli.json(&["client", "create", "A", "--id", "a", "--no-secret", "--grant", ORDERS]);
    let url = domain.endpoint.url("/bundle");
    let add = |domain: &str, url: &str, subject: &str| {
        let arguments = ["client", "trust", "add", "a", "--trust-domain", domain];
        let more = ["--bundle-endpoint", url, "--subject", subject];
        cli.run(&[&arguments[..], &more].concat())
    };
    for (domain, url, subject, word) in [
        ("Acme.example", url.as_str(), WORKER, "lower-case"),
        ("spiffe://acme.example", &url, WORKER, "without spiffe://"),
        (DOMAIN, "http://acme.example/bundle", WORKER, "a bundle endpoint begins with https://"),
        (DOMAIN, &url, "spiffe://evil.example/worker", "trust domain evil.example, expected acme"),
        (DOMAIN, &url, "spiffe://acme.example/*", "every workload"),
        (DOMAIN, &url, "spiffe://acme.example/ns/prod*", "not the last segment"),
        (DOMAIN, &url, "spiffe://acme.example/ns/../x", "'..' is not a segment"),
        (DOMAIN, &url, "worker", "begins with spiffe://"),
    ] {
        let run = add(domain, url, subject);
        assert!(run.code == 2 && run.stderr.contains(word), "{word}: {run:?}");
    }
    let mixed = ["client", "trust", "add", "a", "--trust-domain", DOMAIN, "--subject", WORKER];
    let other = ["--issuer", "https://x.example"];
    for more in [&[][..], &["--bundle-endpoint", &url, "--audience", "x"], &other] {
        assert_eq!(cli.run(&[&mixed[..], more].concat()).code, 2, "{more:?}");
    }
    let run = add(DOMAIN, &url, "spiffe://acme.example/ns/prod/*");
    assert!(run.code == 0 && run.stderr.contains("usable keys for JWT-SVIDs: 1"), "{run:?}");
    let listed = cli.json(&["client", "trust", "list", "a"]);
    assert_eq!(listed[0]["trust_domain"], DOMAIN);
    assert_eq!(listed[0]["bundle_endpoint"], url.as_str());
    assert_eq!(listed[0]["subject"], "spiffe://acme.example/ns/prod/*");
    let trust_id = listed[0]["trust_id"].as_str().expect("an id").to_owned();
    let shown = cli.json(&["client", "show", "a"]);
    assert_eq!(shown["auth_methods"], json!(["private_key_jwt", "spiffe_jwt"]));
    assert_eq!(shown["spiffe_trusts"], listed);
    let run = cli.run(&["client", "show", "a"]);
    assert!(run.stdout.contains("sub=spiffe://acme.example/ns/prod/*"), "{run:?}");

    let now = tokend::model::time::Clock::System.now().0;
    let mut claims = json!({ "sub": WORKER, "aud": ["https://id.example.com"], "exp": now + 300 });
    let test = |token: &str| cli.run_with(&["client", "trust", "test", "a"], token);
    let run = test(&domain.svid(&claims));
    assert!(run.code == 0 && run.stdout.contains(&trust_id), "{run:?}");
    assert!(run.stdout.contains("jwt-spiffe"), "{run:?}");
    for (claim, value, word) in [
        ("sub", json!("spiffe://evil.example/ns/prod/w"), "trust domain of sub is 'evil.example'"),
        ("sub", json!("spiffe://acme.example/ns/production/w"), "whole segments only"),
        ("sub", json!("repo:acme/api:x"), "not a SPIFFE ID"),
        ("aud", json!("https://b.example"), "expected exactly https://id.example.com"),
        ("exp", json!(now - 100), "expired"),
        ("exp", json!(now + 90_000), "the maximum is 3600 s"),
    ] {
        let right = std::mem::replace(&mut claims[claim], value);
        let run = test(&domain.svid(&claims));
        assert!(run.code == 8 && run.stderr.contains(word), "{word}: {run:?}");
        claims[claim] = right;
    }
    let run = test(&KeyPair::new(Algorithm::Es256).sign(&claims));
    assert!(run.code == 8 && run.stderr.contains("no key of the bundle"), "{run:?}");

    // The output can be imported unchanged; the same line again changes nothing.
    let line = json!({ "client_id": "b", "spiffe_trusts": [{
        "trust_domain": DOMAIN, "bundle_endpoint": url, "subject": WORKER,
    }], "grants": [{ "resource": ORDERS }] });
    let import = |line: &Value, more: &[&str]| {
        cli.run_with(&[&["client", "import", "-"], more].concat(), &line.to_string())
    };
    assert_eq!(import(&line, &[]).code, 0);
    let first = cli.json(&["client", "show", "b"]);
    assert_eq!(first["auth_methods"], json!(["spiffe_jwt"]));
    assert_eq!(first["spiffe_trusts"][0]["subject"], WORKER);
    assert_eq!(import(&line, &["--update"]).code, 0);
    assert_eq!(cli.json(&["client", "show", "b"])["spiffe_trusts"], first["spiffe_trusts"]);
    let mut bad = line.clone();
    bad["spiffe_trusts"][0]["trust_domain"] = json!("evil.example");
    let run = import(&bad, &["--update"]);
    assert!(run.code == 2 && run.stderr.contains("spiffe_trusts[0].subject"), "{run:?}");
    let mut none = line.clone();
    none["spiffe_trusts"] = json!([]);
    assert_eq!(import(&none, &["--update"]).code, 0);
    assert_eq!(cli.json(&["client", "show", "b"])["spiffe_trusts"], Value::Null);

    cli.json(&["client", "trust", "remove", "a", &trust_id]);
    assert_eq!(cli.run(&["client", "trust", "remove", "a", &trust_id]).code, 4);
    assert_eq!(cli.json(&["client", "trust", "list", "a"]), json!([]));
    assert_eq!(test(&domain.svid(&claims)).code, 8);
}
