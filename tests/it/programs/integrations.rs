//! Released programs that verify tokens of tokend or get them, with the configurations of
//! `docs/integrations.md`. A verifier accepts exactly the tokens that the page lists.

use std::path::Path;
use std::process::Command;

use rstest::rstest;
use serde_json::json;
use tokend::jose::jwt::read_unchecked;
use tokend::model::signing_key::Algorithm;

use crate::programs::tried_with::record;
use crate::repository::docs::blocks_below;
use crate::support::foreign::python_program;
use crate::support::gateways::gateway::Api;
use crate::support::gateways::imap::Imap;
use crate::support::gateways::kafka::Broker;
use crate::support::gateways::protected_api::ProtectedApi;
use crate::support::integration::{Integration, Tokens};
use crate::support::{INVOICES, ORDERS};

/// The option that is removed from a section's commands so that the resource stays at ES256.
const RS256: &str = " --signing-alg RS256";

async fn node_verifier(heading: &'static str, algorithm: Algorithm) -> (Integration, Tokens) {
    let mut stage = Integration::of(heading).await;
    if algorithm == Algorithm::Es256 {
        stage.replace(RS256, "");
        // Without any RSA key in the set, hapi does not start.
        stage.server.signed_resource(INVOICES, &["invoices:read"], Some(Algorithm::Rs256)).await;
    }
    stage.commands(0).await;
    stage.write("orders.mjs", "js", 0);
    stage.run("orders.mjs", ORDERS).await;
    let tokens = stage.tokens(ORDERS, algorithm, "orders:read").await;
    (stage, tokens)
}

#[rstest]
#[case("fastify-jwt-jwks", &["fastify", "fastify-jwt-jwks"])]
#[case("hapi", &["@hapi/hapi", "@hapi/jwt"])]
#[tokio::test(flavor = "multi_thread")]
async fn a_node_plugin_accepts_rs256_and_nothing_else(
    #[case] heading: &'static str,
    #[case] programs: &[&str],
) {
    let (stage, tokens) = node_verifier(heading, Algorithm::Rs256).await;
    let send = async |token: &str| stage.get("/orders", token).await;
    assert_eq!(tokens.accepted(send).await, ["good", "another type"]);
    assert_eq!(stage.get("/orders", &tokens.list[0].1).await.text, tokens.client.id);

    let (stage, tokens) = node_verifier(heading, Algorithm::Es256).await;
    let send = async |token: &str| stage.get("/orders", token).await;
    assert!(tokens.accepted(send).await.is_empty(), "it reads ES256: the page says otherwise");
    record(programs);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn fastmcp_accepts_only_the_configured_algorithm(
    #[values(Algorithm::Rs256, Algorithm::Es256)] algorithm: Algorithm,
) {
    let mut stage = Integration::of("FastMCP").await;
    if algorithm == Algorithm::Es256 {
        stage.replace(RS256, "");
        stage.replace("issuer=issuer,", "issuer=issuer, algorithm=\"ES256\",");
    }
    stage.commands(0).await;
    stage.write("orders.py", "python", 0);
    stage.run("orders.py", ORDERS).await;
    let tokens = stage.tokens(ORDERS, algorithm, "orders:read").await;
    let about = json!({ "name": "test", "version": "1" });
    let parameters =
        json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": about });
    let message =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": parameters });
    let send = async |token: &str| stage.post("/mcp", token, &message).await;
    assert_eq!(tokens.accepted(send).await, ["good", "another type", "DPoP", "certificate"]);
    record(&["fastmcp"]);
}

/// The audience must be a prefix of the URL of the request.
#[tokio::test(flavor = "multi_thread")]
async fn django_oauth_toolkit_takes_the_audience_as_a_prefix() {
    let mut stage = Integration::of("Django OAuth Toolkit").await;
    let base = format!("http://localhost:{}", stage.port);
    stage.replace(ORDERS, &base);
    stage.commands(0).await;
    stage.secret("orders-api");
    stage.write("settings.py", "python", 0);
    stage.write("views.py", "python", 1);
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/django_project.py");
    stage.write_text("project.py", &std::fs::read_to_string(project).expect("a file"));
    stage.run("project.py", &base).await;
    let resource = format!("{base}/v2");
    let tokens = stage.tokens(&resource, Algorithm::Es256, "orders:read").await;
    let at = |path: &'static str| {
        let stage = &stage;
        async move |token: &str| stage.get(path, token).await
    };
    assert_eq!(tokens.accepted(at("/v2/orders")).await, ["good", "DPoP", "certificate"]);
    assert!(tokens.accepted(at("/v1/orders")).await.is_empty());
    assert!(tokens.accepted(at("/v22/orders")).await.is_empty());
    record(&["django-oauth-toolkit"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keystonemiddleware_needs_a_mapping_of_the_user_name() {
    for is_mapped in [true, false] {
        let mut stage = Integration::of("keystonemiddleware").await;
        stage.commands(0).await;
        stage.fill_in_secret("orders-api");
        if !is_mapped {
            stage.replace("mapping_user_name = client_id\n", "");
        }
        stage.write("orders.conf", "ini", 0);
        stage.write("orders.py", "python", 0);
        stage.run("orders.py", ORDERS).await;
        let tokens = stage.tokens(ORDERS, Algorithm::Es256, "orders:read").await;
        let send = async |token: &str| stage.get("/orders", token).await;
        let expected: &[&str] =
            if is_mapped { &["good", "DPoP", "certificate", "another scope"] } else { &[] };
        assert_eq!(tokens.accepted(send).await, expected);
        if is_mapped {
            assert_eq!(stage.get("/orders", &tokens.list[0].1).await.text, tokens.client.id);
        }
    }
    record(&["keystonemiddleware"]);
}

/// With the filter of this page, and with the two of `docs/verifying-tokens.md`.
#[tokio::test(flavor = "multi_thread")]
async fn envoy_accepts_what_its_filters_accept() {
    let loose: &[&str] = &["good", "another type", "DPoP", "certificate", "another scope"];
    for (is_strict, expected) in [(false, loose), (true, &["good"])] {
        let mut stage = Integration::of("Envoy").await;
        let api = Api::start().await;
        let issuer_port = stage.server.base.rsplit_once(':').expect("a port").1.to_owned();
        let listen = stage.port.to_string();
        let ports = [("8000", &listen), ("8080", &issuer_port), ("3000", &api.port.to_string())];
        for (on_the_page, port) in ports {
            stage.replace(&format!("port_value: {on_the_page}"), &format!("port_value: {port}"));
        }
        stage.commands(0).await;
        let mut file = stage.block("yaml", 0);
        if is_strict {
            let filters = stage.adapt(&blocks_below("verifying-tokens.md", "Envoy", "yaml")[0]);
            let lines = filters.lines().map(|line| format!("          {line}\n"));
            let (before, rest) =
                file.split_once("          - name: envoy.filters.http.jwt").expect("it");
            let after =
                rest.split_once("          - name: envoy.filters.http.router").expect("it").1;
            let router = "          - name: envoy.filters.http.router";
            file = format!("{before}{}{router}{after}", lines.collect::<String>());
        }
        stage.write_text("envoy.yaml", &file);
        let mut envoy = Command::new(python_program("envoy"));
        envoy.args(["-c", "envoy.yaml", "--concurrency", "1", "--use-dynamic-base-id"]);
        stage.start(&mut envoy).await;
        let tokens = stage.tokens(ORDERS, Algorithm::Es256, "orders:read").await;
        let send = async |token: &str| stage.get("/orders", token).await;
        assert_eq!(tokens.accepted(send).await, expected, "strict: {is_strict}");
        assert_eq!(api.requests(), expected.len(), "the API has seen another request");
    }
    record(&["envoy"]);
}

/// Changes the tokens for a resource with `typ: JWT`: all have that type, except the one that must
/// not.
fn of_type_jwt(stage: &Integration, tokens: &mut Tokens) {
    let keyring = stage.server.app.directory.keyring();
    let key = keyring.signing(Algorithm::Es256, stage.server.clock.now()).expect("a key");
    for (label, token) in &mut tokens.list {
        let typ = match *label {
            "another key" | "tampered" | "none" => continue,
            "another type" => "at+jwt",
            _ => "JWT",
        };
        let claims = read_unchecked(token).expect("a JWT").1.to_string();
        *token = key.sign_as(typ, claims.as_bytes()).expect("a token");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn dovecot_lets_a_client_log_in(#[values(true, false)] by_introspection: bool) {
    const MAIL: &str = "https://mail.example.com";
    let mut stage = Integration::of("Dovecot").await;
    let folder = stage.folder.path().display().to_string();
    stage.replace("/etc/dovecot/", &format!("{folder}/"));
    let index = usize::from(!by_introspection);
    stage.commands(index).await;
    if by_introspection {
        stage.fill_in_secret("dovecot");
    } else {
        stage.write("keys.py", "python", 0);
        let mut keys = Command::new(python_program("python"));
        let keys = keys.arg("keys.py").current_dir(stage.folder.path()).output().expect("Python");
        assert!(keys.status.success(), "{keys:?}");
    }
    stage.write("dovecot-oauth2.conf.ext", "ini", index);
    let configuration = Imap::dovecot(&stage.folder, stage.port) + &stage.block("dovecot", 0);
    stage.write_text("dovecot.conf", &configuration);
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let mut dovecot = Command::new("dovecot");
    dovecot.args(["-F", "-c"]).arg(stage.folder.path().join("dovecot.conf")).env("PATH", path);
    stage.start(&mut dovecot).await;
    let mut tokens = stage.tokens(MAIL, Algorithm::Es256, "mail:read").await;
    if !by_introspection {
        of_type_jwt(&stage, &mut tokens);
    }
    let mut accepted = Vec::new();
    for (label, token) in &tokens.list {
        if Imap::log_in(stage.port, &tokens.client.id, token).await {
            accepted.push(*label);
        }
    }
    let expected: &[&str] =
        if by_introspection { &["good", "certificate"] } else { &["good", "DPoP", "certificate"] };
    assert_eq!(accepted, expected, "{}", stage.log());
    assert!(!Imap::log_in(stage.port, "another", &tokens.list[0].1).await);
    record(&["dovecot"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_a_protected_target() {
    let mut stage = Integration::of("Prometheus").await;
    stage.commands(0).await;
    stage.secret("prometheus");
    let page = ("/metrics", ("text/plain; version=0.0.4", "orders_total 7\n"));
    let api = ProtectedApi::start(&stage.server, ORDERS, &[page]).await;
    stage.replace("127.0.0.1:3000", &format!("127.0.0.1:{}", api.port));
    // The default is once a minute.
    stage.replace("- job_name: orders\n", "- job_name: orders\n  scrape_interval: 1s\n");
    stage.write("prometheus.yml", "yaml", 0);
    let listen = format!("--web.listen-address=127.0.0.1:{}", stage.port);
    let mut prometheus = Command::new("prometheus");
    prometheus.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", &listen]);
    stage.start(&mut prometheus).await;
    let url = format!("http://localhost:{}/api/v1/query?query=orders_total", stage.port);
    let http = stage.server.http.clone();
    let has_value = async || {
        let answer = http.get(&url).send().await;
        let Ok(answer) = answer else { return false };
        answer.text().await.is_ok_and(|text| text.contains("\"7\""))
    };
    stage.program().until(has_value).await;
    let (path, claims) = api.accepted().swap_remove(0);
    assert_eq!((path.as_str(), &claims["client_id"]), ("/metrics", &json!("prometheus")));
    assert_eq!(claims["scope"], "metrics:read");
    record(&["prometheus"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn librdkafka_presents_a_token_to_the_broker() {
    let mut stage = Integration::of("Kafka clients").await;
    stage.commands(0).await;
    stage.secret("billing");
    let broker = Broker::start().await;
    stage.replace("kafka.example.com:9093", &format!("127.0.0.1:{}", broker.port));
    stage.replace("\"SASL_SSL\"", "\"SASL_PLAINTEXT\"");
    let mut program = stage.block("python", 0);
    program.push_str("while True:\n    producer.poll(0.1)\n");
    stage.write_text("producer.py", &program);
    let mut python = Command::new(python_program("python"));
    stage.spawn(python.arg("producer.py")).until(async || broker.token().is_some()).await;
    let claims = stage.server.claims(&broker.token().expect("a token")).await;
    assert_eq!(claims["client_id"], "billing");
    assert_eq!(
        (&claims["aud"], &claims["scope"]),
        (&json!("https://kafka.example.com"), &json!("kafka"))
    );
    record(&["confluent-kafka"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pyiceberg_calls_a_rest_catalog() {
    const CATALOG: &str = "https://catalog.example.com";
    let mut stage = Integration::of("Iceberg catalogs").await;
    stage.commands(0).await;
    stage.fill_in_secret("billing");
    let pages = [
        ("/v1/config", ("application/json", r#"{"defaults":{},"overrides":{}}"#)),
        ("/v1/namespaces", ("application/json", r#"{"namespaces":[["orders"]]}"#)),
    ];
    let api = ProtectedApi::start(&stage.server, CATALOG, &pages).await;
    stage.replace("127.0.0.1:3000", &format!("127.0.0.1:{}", api.port));
    stage.write(".pyiceberg.yaml", "yaml", 0);
    let folder = stage.folder.path().to_owned();
    let mut pyiceberg = Command::new(python_program("pyiceberg"));
    pyiceberg.arg("list").current_dir(&folder).env("PYICEBERG_HOME", &folder);
    let output = tokio::task::spawn_blocking(move || pyiceberg.output().expect("PyIceberg"));
    let output = output.await.expect("its output");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("orders"), "{output:?}");
    let accepted = api.accepted();
    let paths: Vec<_> = accepted.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/v1/config", "/v1/namespaces"]);
    assert_eq!(accepted[1].1["client_id"], "billing");
    assert_eq!(accepted[1].1["scope"], "catalog");
    record(&["pyiceberg"]);
}
