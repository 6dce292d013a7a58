//! TLS of the server itself: every endpoint that takes credentials, and the warning of a start
//! without TLS.

use crate::support::process::Cli;
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, Server};

/// C-116: introspection and revocation work over TLS, and never over plain HTTP on the same port.
#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_is_served_over_tls_alone() {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a pair");
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("own.pem"), own.cert.pem()).expect("a file");
    std::fs::write(path("own.key"), own.signing_key.serialize_pem()).expect("a file");
    let (certificate, key) = (path("own.pem"), path("own.key"));
    let settings =
        [("TOKEND_TLS_CERTIFICATE", certificate.as_str()), ("TOKEND_TLS_KEY", key.as_str())];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let client = server.client().await;
    let number = server.base.rsplit_once(':').expect("a port").1;
    let root = reqwest::Certificate::from_pem(own.cert.pem().as_bytes()).expect("a root");
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build();
    let http = http.expect("a client");
    let post = async |scheme: &str, path: &str, form: &[(&str, &str)]| {
        let request = http.post(format!("{scheme}://localhost:{number}/v1/oauth/{path}"));
        request.basic_auth(&client.id, Some(&client.secret)).form(form).send().await
    };
    let token = post("https", "token", &CLIENT_CREDENTIALS).await;
    let token = token.expect("an answer").json::<serde_json::Value>().await.expect("JSON");
    let token = token["access_token"].as_str().expect("a token");
    let form = [("token", token)];
    for path in ["introspect", "revoke"] {
        let plain = post("http", path, &form).await;
        assert!(plain.is_err(), "{path}: {plain:?}");
    }
    let active = async || {
        let answer = post("https", "introspect", &form).await.expect("an answer");
        answer.json::<serde_json::Value>().await.expect("JSON")["active"].clone()
    };
    assert_eq!(active().await, true);
    assert_eq!(post("https", "revoke", &form).await.expect("an answer").status(), 200);
    assert_eq!(active().await, false);
    // A client that does not trust the certificate sends nothing.
    let stranger = crate::support::client().get(format!("https://localhost:{number}/livez"));
    assert!(stranger.send().await.is_err());
}

/// SECURITY 42: a listener that other machines can reach, without TLS and without a proxy.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_in_plain_http_is_warned_of() {
    const WARNING: &str = "secrets travel in plain HTTP on this address";
    for (listen, trusted, is_warned) in
        [([0, 0, 0, 0], "", true), ([0, 0, 0, 0], "10.0.0.0/8", false), ([127, 0, 0, 1], "", false)]
    {
        let cli = Cli::new(Engine::Sqlite).await.set("TOKEND_PROXY_TRUSTED", trusted);
        let server = cli.serve_at((listen, 0).into()).await;
        // The warnings are logged before the server is ready.
        let log = server.log_with("tokend serves tokens").await;
        assert_eq!(log.contains(WARNING), is_warned, "{listen:?} {trusted}: {log}");
        let base = server.base.replace("0.0.0.0", "127.0.0.1");
        let answer = Answer::of(crate::support::client().get(format!("{base}/livez"))).await;
        assert_eq!(answer.status, 200);
    }
}
