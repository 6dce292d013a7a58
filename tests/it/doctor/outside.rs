//! `tokend doctor --url`: a live server, and a stub with each kind of invalid answer.

use std::sync::atomic::{AtomicUsize, Ordering};

use rstest::rstest;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::database::backup::text;
use crate::doctor::machine::{codes, examine, finding};
use crate::support::https::{self, HANG, Https, INTERIM};
use crate::support::process::Cli;
use crate::support::{Engine, Server};

const METADATA: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/.well-known/jwks.json";

/// A public key that every verifier can use (RFC 8037, appendix A.2).
const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"a","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// The answers of a server.
#[derive(Clone)]
struct Documents {
    metadata: Value,
    keys: String,
    cache: &'static str,
    date: Option<String>,
}

impl Documents {
    fn good(base: &str) -> Self {
        let metadata = json!({
            "issuer": base,
            "token_endpoint": format!("{base}/v1/oauth/token"),
            "jwks_uri": format!("{base}{KEYS}"),
        });
        let keys = format!("{{\"keys\":[{KEY}]}}");
        Self { metadata, keys, cache: "public, max-age=300", date: None }
    }

    fn answer(&self, path: &str) -> String {
        let body = if path == KEYS { self.keys.clone() } else { self.metadata.to_string() };
        let date = self.date.iter().map(|date| format!("date: {date}\r\n")).collect::<String>();
        let cache = format!("cache-control: {}\r\n", self.cache);
        https::json(&body).replacen("\r\n", &format!("\r\n{date}{cache}"), 1)
    }
}

/// A stub, and a command line that trusts it.
struct Stage {
    cli: Cli,
    stub: Https,
    base: String,
}

impl Stage {
    async fn new() -> Self {
        let stub = Https::new(|_| String::new()).await;
        let base = stub.url("");
        Self { cli: Cli::without_database(Engine::Sqlite).await, stub, base }
    }

    fn examine(&self) -> (i32, Value) {
        let ca_file = text(self.stub.ca_file.path());
        let (run, report) = examine(&self.cli, &["--url", &self.base, "--ca-file", ca_file]);
        assert_eq!(report["target"], self.base.as_str());
        (run.code, report)
    }

    /// Returns the exit code and the report of the doctor about these documents.
    fn of(&self, change: impl FnOnce(&mut Documents)) -> (i32, Value) {
        let mut documents = Documents::good(&self.base);
        change(&mut documents);
        self.stub.answer(move |path| documents.answer(path));
        self.examine()
    }
}

/// Asserts that this is the only bad check, and that its text has these words.
fn assert_bad(found: (i32, Value), state: &str, code: &str, words: &str) {
    let (exit, report) = found;
    let bad = [codes(&report, "warning"), codes(&report, "error")].concat();
    assert_eq!(bad, [code], "{report:#}");
    let finding = finding(&report, code);
    assert_eq!(finding["state"], state, "{report:#}");
    assert_eq!(exit, if state == "error" { 11 } else { 10 }, "{report:#}");
    assert!(finding["found"].as_str().is_some_and(|text| text.contains(words)), "{finding}");
    assert!(finding["fix"].is_string(), "{finding}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_live_server_has_no_finding(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let server = Server::start(engine).await;
    let cli = Cli::without_database(Engine::Sqlite).await.unset_database();
    let (run, report) = examine(&cli, &["--url", &server.base]);
    assert_eq!(run.code, 0, "{report:#}");
    assert_eq!(report["worst"], "ok", "{report:#}");
    assert_eq!(codes(&report, "skipped"), ["tls_certificate", "tls_name", "tls_chain"]);
    assert!(!cli.place.folder.path().join(".tokend").exists());
}

/// The report about a server that terminates TLS.
#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_prints_this_report_for_a_server_with_tls() {
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a pair");
    let file = |content: String| {
        let file = NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), content).expect("written");
        file
    };
    let (certificate, key) = (file(pair.cert.pem()), file(pair.signing_key.serialize_pem()));
    let settings = [
        ("TOKEND_ISSUER", "https://localhost:{port}"),
        ("TOKEND_TLS_CERTIFICATE", text(certificate.path())),
        ("TOKEND_TLS_KEY", text(key.path())),
    ];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let issuer = server.app.issuer.as_str().to_owned();
    let cli = Cli::without_database(Engine::Sqlite).await;
    let run = cli.run(&["doctor", "--url", &issuer, "--ca-file", text(certificate.path())]);
    assert_eq!(run.code, 0, "{run:?}");
    let kid = server.app.directory.keyring().records()[0].kid.to_string();
    let screen = run.stdout.replace(&issuer, "https://id.example.com").replace(&kid, "KID");
    let left = screen.split("valid until ").nth(1).and_then(|rest| rest.split('\n').next());
    let screen = screen.replace(left.expect("a date"), "2027-02-25T08:00:00Z, 90 days left");
    insta::assert_snapshot!(screen, @"
    tokend 0.1.0 doctor: https://id.example.com, from outside

    TLS
      ok       tls_certificate       valid until 2027-02-25T08:00:00Z, 90 days left
      ok       tls_name              it is for this host
      ok       tls_chain             it ends at an authority that this machine trusts

    Documents
      ok       metadata              https://id.example.com/.well-known/oauth-authorization-server
      ok       metadata_issuer       https://id.example.com
      ok       endpoints             7 endpoints are below the issuer
      ok       openid_configuration  it agrees with the metadata
      ok       key_set               ES256 'KID'
      ok       key_set_cache         verifiers may cache it for 300 s
      ok       server_clock          the clock of the server agrees with that of this machine
      ok       forwarded_headers     forged Forwarded and X-Forwarded-* headers change nothing

    11 ok, 0 notes, 0 warnings, 0 errors, 0 skipped
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stub_that_answers_well_has_no_finding() {
    let stage = Stage::new().await;
    let (code, report) = stage.of(|_| {});
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(codes(&report, "skipped"), ["server_clock"], "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_the_documents_is_one_finding() {
    let stage = Stage::new().await;
    let of = |change: fn(&mut Documents)| stage.of(change);
    assert_bad(
        of(|it| it.metadata["issuer"] = json!("https://evil.example\u{1b}[31m")),
        "error",
        "metadata_issuer",
        "https://evil.example",
    );
    assert_bad(
        of(|it| it.metadata["token_endpoint"] = json!("http://10.0.0.7:8080/v1/oauth/token")),
        "error",
        "endpoints",
        "token_endpoint is http://10.0.0.7:8080",
    );
    // The key set of another host is not fetched.
    let (_, report) = of(|it| it.metadata["jwks_uri"] = json!("https://10.0.0.7/jwks"));
    assert_eq!(codes(&report, "error"), ["endpoints"], "{report:#}");
    assert_eq!(finding(&report, "key_set")["state"], "skipped", "{report:#}");
    assert_bad(of(|it| it.keys = "{\"keys\":[]}".to_owned()), "error", "key_set", "no key");
    assert_bad(
        of(|it| it.keys = it.keys.replace("\"kid\"", "\"d\":\"AA\",\"kid\"")),
        "error",
        "key_set",
        "private",
    );
    assert_bad(of(|it| it.cache = "no-store"), "warning", "key_set_cache", "no-store");
    assert_bad(of(|it| it.cache = "max-age=604800"), "warning", "key_set_cache", "604800");
    let date = |it: &mut Documents| it.date = Some("Thu, 01 Jan 2026 00:00:00 GMT".to_owned());
    assert_bad(of(date), "error", "server_clock", "behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_differ_from_one_request_to_the_next_are_errors() {
    let stage = Stage::new().await;
    let good = Documents::good(&stage.base);
    let mut other = good.clone();
    other.metadata["token_endpoint"] = json!(format!("{}/other", stage.base));
    let (first, second) = (good.clone(), other.clone());
    stage.stub.answer(move |path| {
        let documents = if path == OPENID { &second } else { &first };
        documents.answer(path)
    });
    assert_bad(stage.examine(), "error", "openid_configuration", "token_endpoint");
    let (first, second) = (good.clone(), other);
    // The second request for the metadata is the one with forged headers.
    let count = AtomicUsize::new(0);
    stage.stub.answer(move |path| {
        let is_forged = path == METADATA && count.fetch_add(1, Ordering::Relaxed) > 0;
        let documents = if is_forged { &second } else { &first };
        documents.answer(path)
    });
    assert_bad(stage.examine(), "error", "forwarded_headers", "change the metadata");
    let absent = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    stage.stub.answer(move |path| if path == OPENID { absent.into() } else { good.answer(path) });
    let (code, report) = stage.examine();
    assert_eq!((code, &finding(&report, "openid_configuration")["state"]), (0, &json!("skipped")));
}

/// The doctor ends with every kind of answer, and reports it.
#[rstest]
#[case("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "status 404")]
#[case("HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\noops", "status 500")]
#[case("HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n", "status 302, to /x")]
#[case(
    "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n<!doctype html>",
    "begins with \"<!doctype html>\""
)]
#[case("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]", "not a JSON object")]
#[case("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}", "no HTTP response")]
#[case("SSH-2.0-OpenSSH_9.9\r\n", "no HTTP response")]
#[case(INTERIM, "too many interim responses")]
#[case(HANG, "no complete answer within 5 seconds")]
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_metadata_is_one_finding(#[case] answer: &str, #[case] words: &str) {
    let stage = Stage::new().await;
    let answer = answer.to_owned();
    stage.stub.answer(move |_| answer.clone());
    assert_bad(stage.examine(), "error", "metadata", words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_end_is_one_finding() {
    let stage = Stage::new().await;
    let body = https::json(&format!("{{\"issuer\":\"{}\"}}", "x".repeat(300 << 10)));
    stage.stub.answer(move |_| body.clone());
    assert_bad(stage.examine(), "error", "metadata", "longer than");
}

/// A key set that never arrives does not hide other findings.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_set_that_hangs_is_one_finding() {
    let stage = Stage::new().await;
    let good = Documents::good(&stage.base);
    stage.stub.answer(move |path| if path == KEYS { HANG.into() } else { good.answer(path) });
    assert_bad(stage.examine(), "error", "key_set", "within 5 seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_the_certificate_is_one_finding() {
    let stage = Stage::new().await;
    let (run, report) = examine(&stage.cli, &["--url", &stage.base]);
    assert_bad((run.code, report), "error", "tls_chain", "authority that this machine trusts");
    let by_address = stage.base.replace("localhost", "127.0.0.1");
    let ca_file = text(stage.stub.ca_file.path());
    let (run, report) = examine(&stage.cli, &["--url", &by_address, "--ca-file", ca_file]);
    assert_bad((run.code, report), "error", "tls_name", "localhost");
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("names");
    params.not_after = rcgen::date_time_ymd(2026, 1, 1);
    let expired = Https::with(params, |_| String::new()).await;
    let ca_file = text(expired.ca_file.path());
    let (run, report) = examine(&stage.cli, &["--url", &expired.url(""), "--ca-file", ca_file]);
    assert_bad((run.code, report), "error", "tls_certificate", "expired at 2026-01-01");
    // A port that serves plain HTTP.
    let server = Server::start(Engine::Sqlite).await;
    let url = server.base.replace("http:", "https:");
    let (run, report) = examine(&stage.cli, &["--url", &url]);
    assert_bad((run.code, report), "error", "tls_certificate", "the TLS handshake failed");
}

/// The problem of a file that a flag names is not attributed to a setting.
const ABSENT_CA: &str = "--ca-file: the CA file cannot be used: /absent: ";

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_server_and_an_invalid_url_are_reported() {
    let cli = Cli::without_database(Engine::Sqlite).await.unset_database();
    for (url, words) in [
        ("http://127.0.0.1:1", "cannot connect to 127.0.0.1:1"),
        ("https://absent.invalid", "absent.invalid"),
    ] {
        let (run, report) = examine(&cli, &["--url", url]);
        assert_bad((run.code, report), "error", "metadata", words);
    }
    for (arguments, words) in [
        (&["--url", "http://id.example.com"][..], "must be https"),
        (&["--url", "id.example.com"], "is not a URL"),
        (&["--url", "https://a:hunter2@id.example.com/"], "credentials"),
        (&["--url", "https://id.example.com", "--ca-file", "/absent"], ABSENT_CA),
        (&["--ca-file", "/absent"], "--url"),
    ] {
        let run = cli.run(&[&["doctor"], arguments].concat());
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}: {run:?}");
        assert!(run.stderr.contains(words), "{arguments:?}: {run:?}");
        assert!(!run.stderr.contains("hunter2"), "{run:?}");
    }
}
