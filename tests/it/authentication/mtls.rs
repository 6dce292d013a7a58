//! Clients that authenticate by a certificate, and certificate-bound tokens (RFC 8705).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rcgen::string::BmpString;
use rcgen::{DistinguishedName, DnType, DnValue};
use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;
use tokend::admin;
use tokend::admin::client::{ClientUpdate, NewClient};
use tokend::model::remedy::OperatorAction;
use tokend::model::security::{KeySet, KeySource, TlsSubject};
use tokend::x509::certificate::ClientCertificate;

use crate::support::certificates::{Ca, Pair, params, self_signed};
use crate::support::eventually::eventually;
use crate::support::process::Cli;
use crate::support::{
    Answer, CLIENT_CREDENTIALS, Engine, Server, TestClient, client_id, method, operator,
};

/// An instance that terminates TLS, with a root for client certificates.
struct Tls {
    server: Server,
    ca: Ca,
    url: String,
    root: reqwest::Certificate,
    folder: TempDir,
}

impl Tls {
    async fn new(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let ca = Ca::new();
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a pair");
        std::fs::write(path("own.pem"), own.cert.pem()).expect("a file");
        std::fs::write(path("own.key"), own.signing_key.serialize_pem()).expect("a file");
        std::fs::write(path("ca.pem"), &ca.pem).expect("a file");
        let (certificate, key, roots) = (path("own.pem"), path("own.key"), path("ca.pem"));
        let settings = [
            ("TOKEND_TLS_CERTIFICATE", certificate.as_str()),
            ("TOKEND_TLS_KEY", key.as_str()),
            ("TOKEND_TLS_CLIENT_CA", roots.as_str()),
            ("TOKEND_TLS_MTLS_URL", "https://mtls.example.com"),
        ];
        let server = Server::with(engine, &settings).await;
        let port = server.base.rsplit_once(':').expect("a port").1;
        let url = format!("https://localhost:{port}/v1/oauth/token");
        let root = reqwest::Certificate::from_pem(own.cert.pem().as_bytes()).expect("a root");
        Self { server, ca, url, root, folder }
    }

    fn http(&self, shown: Option<&Pair>) -> reqwest::Client {
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only([self.root.clone()]);
        match shown {
            Some(pair) => builder.identity(pair.identity()),
            None => builder,
        }
        .build()
        .expect("a client")
    }

    async fn ask(&self, client: &TestClient, shown: Option<&Pair>) -> Answer {
        let form = [("grant_type", "client_credentials"), ("client_id", client.id.as_str())];
        Answer::of(self.http(shown).post(&self.url).form(&form)).await
    }

    fn claims(answer: &Answer) -> serde_json::Value {
        let claims = answer.token().split('.').nth(1).expect("claims").to_owned();
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("base64url");
        serde_json::from_slice(&claims).expect("JSON")
    }

    async fn of_subject(&self, subject: &str) -> TestClient {
        let subject = TlsSubject::parse(subject).expect("a subject");
        let change = |new: &mut NewClient| {
            new.auth_methods = vec![method("tls_client_auth")];
            new.security.tls_subject = Some(subject);
        };
        self.server.new_client(change).await
    }
}

/// C-140, C-141, C-143, C-100, SECURITY 40: a valid chain and the registered subject, of any type;
/// the token is bound to the hash of the whole certificate.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_the_registered_subject_authenticates(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let tls = Tls::new(engine).await;
    let worker = tls.ca.issue(&params("worker"));
    for subject in [
        r"subject_dn=CN=worker,O=Acme\, Inc.",
        r"subject_dn=cn=worker, o=Acme\, Inc.",
        "san_dns=worker.example",
        "san_uri=spiffe://acme.example/worker",
        "san_ip=10.0.0.7",
    ] {
        let client = tls.of_subject(subject).await;
        let answer = tls.ask(&client, Some(&worker)).await;
        assert_eq!(answer.json()["token_type"], "Bearer", "{subject}: {answer:?}");
        let claims = Tls::claims(&answer);
        assert_eq!(claims["cnf"], json!({ "x5t#S256": worker.thumbprint() }));
        assert_eq!(tls.server.usage(&client).await.expect("a use").uses, 1);
    }
    for subject in
        [r"subject_dn=2.5.4.3=worker,O=Acme\2C Inc.", "subject_dn=CN=worker , O=Acme\\, Inc."]
    {
        tls.ask(&tls.of_subject(subject).await, Some(&worker)).await.token();
    }
    for subject in [
        r"subject_dn=O=Acme\, Inc.,CN=worker",
        "subject_dn=CN=worker",
        "san_dns=other.example",
        "san_uri=spiffe://acme.example/other",
        "san_ip=10.0.0.8",
        "san_email=worker.example",
    ] {
        let client = tls.of_subject(subject).await;
        tls.ask(&client, Some(&worker)).await.assert_rejected(401, "invalid_client");
        assert_eq!(tls.server.usage(&client).await, None);
    }
}

/// C-140: no certificate, one with another root, a self-signed one of the same name, and an expired
/// one get the same rejection.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_without_a_valid_chain_does_not_authenticate() {
    let tls = Tls::new(Engine::Sqlite).await;
    let client = tls.of_subject("san_dns=worker.example").await;
    let mut old = params("worker");
    old.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let wrong = [
        self_signed("worker"),
        Ca::new().issue(&params("worker")),
        tls.ca.issue(&old),
        tls.ca.issue(&params("other")),
    ];
    for pair in &wrong {
        let answer = tls.ask(&client, Some(pair)).await;
        answer.assert_rejected(401, "invalid_client");
        assert!(answer.description().starts_with("Client authentication failed."), "{answer:?}");
    }
    tls.ask(&client, None).await.assert_rejected(401, "invalid_client");
    let nobody = TestClient { id: "nobody".to_owned(), secret: String::new() };
    let worker = tls.ca.issue(&params("worker"));
    tls.ask(&nobody, Some(&worker)).await.assert_rejected(401, "invalid_client");
    // A certificate does not authenticate a client that is registered for secrets only.
    let other = tls.ask(&client, Some(&tls.ca.issue(&params("other")))).await;
    tls.server.app.write_rejections().await.expect("written");
    let id = other.header("x-request-id").to_owned();
    let kept = tls.server.services().store.rejection(&id).await.expect("a store").expect("one");
    for name in ["san_dns=other.example", "san_uri=spiffe://acme.example/other", "san_ip=10.0.0.7"]
    {
        assert!(kept.reason.contains(name), "{name}: {}", kept.reason);
    }
    assert_eq!(kept.remedy, Some(OperatorAction::RegisterCertificate.into()));
    let by_secret = tls.server.client().await;
    tls.ask(&by_secret, Some(&worker)).await.assert_rejected(401, "invalid_client");
    tls.ask(&client, Some(&worker)).await.token();
}

/// C-142: a registered self-signed certificate, whose chain is not checked.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_registered_self_signed_certificate_authenticates(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let tls = Tls::new(engine).await;
    let own = self_signed("worker");
    let jwk = ClientCertificate::new(own.der.clone(), Vec::new()).to_jwk().expect("a key");
    let set = KeySet::parse(&json!({ "keys": [jwk] }).to_string()).expect("a set");
    let change = |new: &mut NewClient| {
        new.auth_methods = vec![method("self_signed_tls_client_auth")];
        new.security.keys = Some(KeySource::Inline(set));
    };
    let client = tls.server.new_client(change).await;
    let answer = tls.ask(&client, Some(&own)).await;
    assert_eq!(Tls::claims(&answer)["cnf"]["x5t#S256"], own.thumbprint().as_str());
    for other in [self_signed("worker"), tls.ca.issue(&params("worker"))] {
        tls.ask(&client, Some(&other)).await.assert_rejected(401, "invalid_client");
    }
}

/// A client that may use both methods authenticates by either.
#[tokio::test(flavor = "multi_thread")]
async fn either_of_two_permitted_methods_authenticates() {
    let tls = Tls::new(Engine::Sqlite).await;
    let own = self_signed("worker");
    let jwk = ClientCertificate::new(own.der.clone(), Vec::new()).to_jwk().expect("a key");
    let set = KeySet::parse(&json!({ "keys": [jwk] }).to_string()).expect("a set");
    let change = |new: &mut NewClient| {
        new.auth_methods = vec![method("self_signed_tls_client_auth"), method("tls_client_auth")];
        new.security.keys = Some(KeySource::Inline(set));
        new.security.tls_subject = Some(TlsSubject::parse("san_dns=worker.example").expect("one"));
    };
    let client = tls.server.new_client(change).await;
    tls.ask(&client, Some(&own)).await.token();
    tls.ask(&client, Some(&tls.ca.issue(&params("worker")))).await.token();
    let other = self_signed("worker");
    tls.ask(&client, Some(&other)).await.assert_rejected(401, "invalid_client");
}

/// RFC 4514: white space other than a space is part of a name, and an unreadable value is not
/// treated as empty.
#[tokio::test(flavor = "multi_thread")]
async fn a_similar_subject_name_does_not_authenticate() {
    let tls = Tls::new(Engine::Sqlite).await;
    let client = tls.of_subject("subject_dn=CN=worker").await;
    let named = |name: DnValue| {
        let mut params = params("worker");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        tls.ca.issue(&params)
    };
    let text = |text: &str| DnValue::Utf8String(text.to_owned());
    tls.ask(&client, Some(&named(text("worker")))).await.token();
    let wide = BmpString::try_from("worker").expect("a string");
    for name in [text("\u{a0}worker"), text("\tworker"), text(" worker"), DnValue::BmpString(wide)]
    {
        let answer = tls.ask(&client, Some(&named(name))).await;
        answer.assert_rejected(401, "invalid_client");
    }
}

/// Section 3.4: a client with another authentication method may bind its tokens too. It must if it
/// is registered for bound tokens.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_bound_client_must_present_a_certificate() {
    let tls = Tls::new(Engine::Sqlite).await;
    let client = tls.server.new_client(|new| new.security.certificate_bound = true).await;
    let own = self_signed("anything");
    let ask = async |shown: Option<&Pair>| {
        let request = tls.http(shown).post(&tls.url).form(&CLIENT_CREDENTIALS);
        Answer::of(request.basic_auth(&client.id, Some(&client.secret))).await
    };
    let bound = Tls::claims(&ask(Some(&own)).await);
    assert_eq!(bound["cnf"]["x5t#S256"], own.thumbprint().as_str());
    ask(None).await.assert_rejected(400, "invalid_request");

    // A token is bound to one key, and a proof with another key does not replace the certificate.
    let request =
        tls.http(Some(&own)).post(&tls.url).form(&CLIENT_CREDENTIALS).header("dpop", "any");
    let answer = Answer::of(request.basic_auth(&client.id, Some(&client.secret))).await;
    answer.assert_rejected(400, "invalid_request");
    assert!(answer.description().contains("certificate"), "{answer:?}");
    let update = ClientUpdate { dpop_bound: Some(true), ..ClientUpdate::default() };
    let id = client_id(&client.id);
    let both = admin::client::update(tls.server.services(), &operator(), &id, update).await;
    assert!(both.is_err_and(|error| error.to_string().contains("not to both")));
}

/// A renewed certificate is used without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_used_without_a_restart() {
    let tls = Tls::new(Engine::Sqlite).await;
    let url = tls.url.replace("/v1/oauth/token", "/.well-known/jwks.json");
    let new = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a pair");
    let root = reqwest::Certificate::from_pem(new.cert.pem().as_bytes()).expect("a root");
    // Connections are not kept alive, so each request sees the current certificate.
    let http = |root: &reqwest::Certificate| {
        let builder = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        builder.tls_certs_only([root.clone()]).build().expect("a client")
    };
    assert_eq!(Answer::of(http(&tls.root).get(&url)).await.status, 200);
    std::fs::write(tls.folder.path().join("own.pem"), new.cert.pem()).expect("a file");
    std::fs::write(tls.folder.path().join("own.key"), new.signing_key.serialize_pem())
        .expect("a file");
    eventually("the use of the new certificate", async || http(&root).get(&url).send().await.ok())
        .await;
    assert!(http(&tls.root).get(&url).send().await.is_err(), "the old one is still used");
}

/// C-145: the metadata with and without TLS in tokend.
#[tokio::test(flavor = "multi_thread")]
async fn metadata_names_the_methods_and_the_aliases() {
    let tls = Tls::new(Engine::Sqlite).await;
    let url = tls.url.replace("/v1/oauth/token", "/.well-known/oauth-authorization-server");
    let metadata = Answer::of(tls.http(None).get(url)).await.json();
    let methods = metadata["token_endpoint_auth_methods_supported"].to_string();
    assert!(methods.contains(r#""tls_client_auth""#), "{methods}");
    assert!(methods.contains(r#""self_signed_tls_client_auth""#), "{methods}");
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
    // Without a root no chain is valid, so that method is not offered.
    let proxied = Server::with(Engine::Sqlite, &[("TOKEND_PROXY_TRUSTED", "10.0.0.0/8")]).await;
    let without = proxied.get("/.well-known/oauth-authorization-server").await.json();
    let methods = without["token_endpoint_auth_methods_supported"].to_string();
    assert!(!methods.contains(r#""tls_client_auth""#), "{methods}");
    assert!(methods.contains(r#""self_signed_tls_client_auth""#), "{methods}");
    let aliases = &metadata["mtls_endpoint_aliases"];
    assert_eq!(aliases["token_endpoint"], "https://mtls.example.com/v1/oauth/token");
}

/// C-106: behind a proxy, the header of RFC 9440 is accepted from a trusted proxy only.
#[rstest]
#[case("127.0.0.0/8", true)]
#[case("10.0.0.0/8", false)]
#[tokio::test(flavor = "multi_thread")]
async fn only_a_trusted_proxy_passes_a_certificate_on(
    #[case] trusted: &str,
    #[case] is_believed: bool,
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let folder = tempfile::tempdir().expect("a folder");
    let ca = Ca::new();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, &ca.pem).expect("a file");
    let roots = path.display().to_string();
    let settings = [("TOKEND_PROXY_TRUSTED", trusted), ("TOKEND_TLS_CLIENT_CA", &roots)];
    let server = Server::with(engine, &settings).await;
    let client = server
        .new_client(|new| {
            new.auth_methods = vec![method("tls_client_auth")];
            new.security.tls_subject =
                Some(TlsSubject::parse("san_dns=worker.example").expect("a subject"));
        })
        .await;
    let ask = async |header: &str| {
        let form = [("grant_type", "client_credentials"), ("client_id", client.id.as_str())];
        let request = server.http.post(server.token_url()).header("client-cert", header);
        Answer::of(request.form(&form)).await
    };
    let worker = ca.issue(&params("worker"));
    let answer = ask(&worker.header()).await;
    if is_believed {
        let claims = server.claims(&answer.token()).await;
        assert_eq!(claims["cnf"]["x5t#S256"], worker.thumbprint().as_str());
        for bad in ["", "x", "::", ":!!:", &self_signed("worker").header()] {
            ask(bad).await.assert_rejected(401, "invalid_client");
        }
        let unreadable = ask("-----BEGIN CERTIFICATE-----").await;
        unreadable.assert_rejected(401, "invalid_client");
        server.app.write_rejections().await.expect("written");
        let id = unreadable.header("x-request-id");
        let kept = server.services().store.rejection(id).await.expect("a store").expect("one");
        assert!(kept.remedy.is_some_and(|remedy| remedy.encode().contains("RFC 9440")));
        let request = server.http.post(server.token_url()).header("client-cert", worker.header());
        let answer = Answer::of(request.form(&CLIENT_CREDENTIALS)).await;
        answer.assert_rejected(401, "invalid_client");
        assert!(answer.description().contains("client_id"), "{answer:?}");
    } else {
        answer.assert_rejected(401, "invalid_client");
    }
}

/// The operator's commands.
#[tokio::test(flavor = "multi_thread")]
async fn the_operator_registers_subjects_and_certificates() {
    let cli = Cli::new(Engine::Sqlite).await;
    let made = cli.json(&[
        "client",
        "create",
        "A",
        "--id",
        "a",
        "--auth-method",
        "tls_client_auth",
        "--tls-subject",
        "san_dns=worker.example",
    ]);
    assert_eq!(made["tls_client_auth_san_dns"], "worker.example");
    let words = ["client", "create", "E", "--auth-method", "tls_client_auth"];
    let run = cli.run(&words);
    assert!(run.code == 2 && run.stderr.contains("--tls-subject"), "{run:?}");
    assert_eq!(made["secrets"], json!([]));
    let run = cli.run(&["client", "update", "a", "--tls-subject", "worker.example"]);
    assert!(run.code == 2 && run.stderr.contains("san_dns"), "{run:?}");
    let made = cli.json_with(
        &[
            "client",
            "create",
            "B",
            "--id",
            "b",
            "--auth-method",
            "self_signed_tls_client_auth",
            "--certificate",
            "-",
        ],
        &self_signed("worker").certificate,
    );
    assert_eq!(made["auth_methods"], json!(["self_signed_tls_client_auth"]));
    assert!(made["jwks"]["keys"][0]["x5c"][0].is_string(), "{made}");
    let certificate = self_signed("worker").certificate;
    let words = ["client", "create", "C", "--id", "c", "--no-secret", "--certificate", "-"];
    let made = cli.json_with(&words, &certificate);
    assert_eq!(made["auth_methods"], json!(["self_signed_tls_client_auth"]));
    cli.json(&["client", "create", "D", "--id", "d"]);
    cli.json_with(&["client", "keys", "add", "d", "--certificate", "-"], &certificate);
    let methods = cli.json(&["client", "show", "d"])["auth_methods"].to_string();
    assert!(methods.contains("self_signed_tls_client_auth"), "{methods}");
    assert!(!methods.contains("private_key_jwt"), "{methods}");
}
