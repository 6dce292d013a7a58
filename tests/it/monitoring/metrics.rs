//! Metrics: the content of `/metrics`, its access control, and the bound on series.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use rstest::rstest;
use serde_json::json;
use tokend::model::owner::Owner;
use tokend::telemetry::metrics::definitions::ALL;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::browser::console::{Browser, limits};
use crate::support::eventually::eventually;
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, Server, TestClient, grant};

/// Returns the text that a scraper without preferences gets.
async fn text(server: &Server) -> String {
    let answer = Answer::of(server.http.get(format!("{}/metrics", server.management))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.text
}

/// Returns the value of a series, by its name with labels, such as
/// `tokend_clients{state="active"}`.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().expect("a number"))
}

/// Returns every series with its labels, without values.
fn series(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
}

/// The counters after a token, two rejections and an introspection.
const COUNTED: &str = r#"
tokend_tokens_issued_total{grant_type="client_credentials",resource="https://orders.example.com",alg="ES256"} 1
tokend_token_requests_rejected_total{error="invalid_client",reason="wrong_secret"} 1
tokend_token_requests_rejected_total{error="invalid_scope",reason="scope_not_granted"} 1
tokend_http_requests_total{method="POST",route="/v1/oauth/token",code="200"} 1
tokend_http_requests_total{method="POST",route="/v1/oauth/token",code="401"} 1
tokend_http_request_duration_seconds_count{method="POST",route="/v1/oauth/token",code="200"} 1
tokend_http_requests_in_flight{listener="management"} 1.0
tokend_token_issue_duration_seconds_count{stage="mint"} 1
tokend_sign_duration_seconds_count{alg="ES256"} 1
tokend_client_authentications_total{method="client_secret_basic",result="succeeded"} 3
tokend_client_authentications_total{method="client_secret_basic",result="rejected"} 1
tokend_introspections_total{active="false"} 1
tokend_clients{state="active"} 1.0
tokend_signing_keys{state="signing",alg="ES256"} 1.0
tokend_jwks_keys 1.0
tokend_admin_changes_total{action="client.created",outcome="done"} 1
tokend_audit_events_total{action="client.created"} 1
tokend_secret_hashes_total{queue="generated"} 1
tokend_secret_hashes_total{queue="new"} 1
tokend_signature_checks_total 0
tokend_health{state="ready"} 1.0
tokend_directory_events_behind 0.0
tokend_db_errors_total{kind="timed_out"} 0
"#;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_and_a_rejection_are_counted(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    server.ask(&client).await.token();
    let wrong = TestClient { secret: "wrong".to_owned(), ..client.clone() };
    assert_eq!(server.ask(&wrong).await.status, 401);
    assert_eq!(server.ask_for(&client, &[("scope", "orders:burn")]).await.status, 400);
    let query = [("token", "nonsense")];
    assert_eq!(server.post("/v1/oauth/introspect", &client, &query).await.status, 200);
    let text = text(&server).await;
    for line in COUNTED.trim().lines() {
        assert!(text.lines().any(|written| written == line), "{line}:\n{text}");
    }
    assert!(text.contains("\ntokend_build_info{version=\""), "{text}");
    assert!(value(&text, "tokend_db_pool_connections{state=\"limit\"}") >= Some(4.0));
    assert!(value(&text, "process_resident_memory_bytes") > Some(1e6));
    assert!(value(&text, "tokend_db_query_duration_seconds_count{query=\"commit\"}") > Some(0.0));
}

#[tokio::test]
async fn every_metric_has_a_help_text_and_is_one_of_the_table() {
    let server = Server::with(Engine::Sqlite, &[("TOKEND_METRICS_PER_CLIENT", "5")]).await;
    let client = server.client().await;
    server.ask(&client).await.token();
    let written = text(&server).await;
    let mut types = BTreeMap::new();
    for line in written.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|it| it.split_once(' ')) {
            assert_eq!(types.insert(name, kind), None, "{name} is there twice");
            assert!(written.contains(&format!("# HELP {name} ")), "{name} has no help text");
        }
    }
    // Only Linux has /proc, only a schedule makes backups, and only a sink gets events.
    let is_here = |name: &str| {
        let is_set =
            name.starts_with("tokend_backup_") || name.starts_with("tokend_audit_delivery_");
        !is_set && (cfg!(target_os = "linux") || !name.starts_with("process_"))
    };
    let table: BTreeMap<_, _> = ALL
        .iter()
        .filter(|metric| is_here(metric.name))
        .map(|metric| (metric.name, metric.kind.as_str()))
        .collect();
    assert_eq!(types, table);
    // A series has the labels of its definition.
    for line in series(&written) {
        let (name, labels) = line.split_once('{').unwrap_or((&line, ""));
        let name = ["_bucket", "_sum", "_count"]
            .iter()
            .filter_map(|suffix| name.strip_suffix(suffix))
            .find(|name| types.contains_key(name))
            .unwrap_or(name);
        let metric = ALL.iter().find(|metric| metric.name == name);
        let metric = metric.unwrap_or_else(|| panic!("{name} is not defined"));
        for label in labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0)) {
            assert!(metric.labels.contains(&label) || label == "le", "{name} has {label}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_open_metrics_format_has_exemplars() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let wrong = TestClient { secret: "wrong".to_owned(), ..client };
    let rejected = server.ask(&wrong).await;
    let request_id = rejected.header("x-request-id").to_owned();
    let request = server
        .http
        .get(format!("{}/metrics", server.management))
        .header("accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
    let answer = Answer::of(request).await;
    assert!(answer.header("content-type").starts_with("application/openmetrics-text; version=1.0"));
    assert!(answer.text.ends_with("# EOF\n"));
    let exemplar = format!("reason=\"wrong_secret\"}} 1 # {{request_id=\"{request_id}\"}} 1");
    assert!(answer.text.contains(&exemplar), "{}", answer.text);
    let plain = text(&server).await;
    assert!(!plain.contains(&request_id) && !plain.contains("# EOF"), "{plain}");
}

/// A rejection of the admin API or the console is counted by the code of its problem.
#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_of_the_admin_api_is_counted() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, "clients:read").await;
    let browser = Browser::by_link(&server, limits(None, None)).await;
    for (path, status, code) in [
        ("/v1/clients?limit=0", 400, "invalid_query"),
        ("/v1/clients/absent", 404, "client_not_found"),
        ("/v1/signing-keys", 403, "scope_missing"),
        ("/console/absent", 404, "page_not_found"),
    ] {
        let answer = if path.starts_with("/console") {
            browser.get(path).await
        } else {
            api.call("GET", path, None).await
        };
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        let series =
            format!("tokend_other_requests_rejected_total{{error=\"{code}\",reason=\"{code}\"}}");
        let written = text(&server).await;
        assert_eq!(value(&written, &series), Some(1.0), "{path}: {written}");
        // Prometheus rejects a text with duplicate series.
        let lines = written.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(self::series(&written).len(), lines, "{written}");
    }
}

/// SECURITY 33, D21: no caller can choose a label.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_cannot_create_a_series() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let attack = async |round: &str| {
        for number in 0..20 {
            let word = format!("{round}{number}");
            let method: Method = format!("M{word}").parse().expect("a method");
            for base in [&server.base, &server.management] {
                for path in [format!("/{word}"), "/v1/oauth/token".to_owned()] {
                    let url = format!("{base}{path}");
                    Answer::of(server.http.request(method.clone(), url)).await;
                }
                let url = format!("{base}/v1/clients/{word}");
                Answer::of(server.http.get(url)).await;
            }
            for path in [
                format!("/v1/clients?{word}=1"),
                format!("/v1/clients?cursor={word}%20"),
                format!("/v1/clients/{word}"),
                format!("/v1/clients/{word}/secrets"),
                format!("/v1/resources/{word}"),
                format!("/console/{word}"),
            ] {
                api.call("GET", &path, None).await;
                api.call("PUT", &path, Some(json!({ word.as_str(): word }))).await;
            }
            server.ask_for(&client, &[("resource", &format!("https://{word}.example"))]).await;
            server.ask_for(&client, &[("scope", &word)]).await;
            server.basic(&word, "secret", &[("grant_type", &word)]).await;
            server.basic(&word, "secret", &CLIENT_CREDENTIALS).await;
            server.form(&format!("grant_type=client_credentials&client_id={word}")).await;
        }
    };
    attack("one").await;
    let before = series(&text(&server).await);
    attack("two").await;
    let after = text(&server).await;
    let new: Vec<_> = series(&after).difference(&before).cloned().collect();
    // The first request for the metrics creates its own series.
    assert!(new.iter().all(|series| series.contains("route=\"/metrics\"")), "{new:?}");
    for word in ["one1", "two2"] {
        assert!(!after.contains(word), "{word}:\n{after}");
    }
    let other =
        "tokend_http_requests_total{method=\"other\",route=\"/v1/oauth/token\",code=\"405\"}";
    assert_eq!(value(&after, other), Some(40.0), "{after}");
}

#[tokio::test]
async fn metrics_are_open_on_loopback_alone_or_need_the_scope() {
    let settings = [("TOKEND_METRICS_ACCESS", "token")];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let url = format!("{}/metrics", server.management);
    let answer = Answer::of(server.http.get(&url)).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some("token_missing")));
    let api = Api::with(&server, "server:read audit:read").await;
    let answer = api.call("GET", "/metrics", None).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some("scope_missing")));
    let api = Api::with(&server, "stats:read").await;
    let answer = api.call("GET", "/metrics", None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(api.call("POST", "/metrics", None).await.status, 405);
    // Metrics name the resources of all owners.
    let limited = server
        .new_client(|new| {
            new.grants = vec![grant("urn:tokend", Some("stats:read"))];
            new.admin_of = Some(BTreeSet::from([Owner::parse("pay").expect("an owner")]));
        })
        .await;
    let token = server.ask(&limited).await.token();
    let answer = Answer::of(server.http.get(&url).bearer_auth(token)).await;
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (403, Some("administrator_limited"))
    );
    assert_eq!(server.get("/metrics").await.status, 404, "not on the public listener");
    // The default for each address.
    for (listen, access, status) in [
        ("0.0.0.0:8081", "auto", 401),
        ("0.0.0.0:8081", "open", 200),
        ("127.0.0.1:8081", "auto", 200),
        ("[::1]:8081", "auto", 200),
    ] {
        let settings = [("TOKEND_MANAGEMENT_LISTEN", listen), ("TOKEND_METRICS_ACCESS", access)];
        let server = Server::with(Engine::Sqlite, &settings).await;
        let answer = Answer::of(server.http.get(format!("{}/metrics", server.management))).await;
        assert_eq!(answer.status, status, "{listen} {access}");
    }
}

/// The URL of another machine belongs to a proxy, which reaches loopback for every caller.
#[tokio::test]
async fn metrics_need_a_token_behind_a_proxy_by_default() {
    for (url, access, status) in [
        ("https://ops.example.com", "auto", 401),
        ("https://ops.example.com", "open", 200),
        ("http://localhost:8081", "auto", 200),
        ("https://127.0.0.1:8443", "auto", 200),
        ("", "auto", 200),
    ] {
        let settings = [("TOKEND_MANAGEMENT_URL", url), ("TOKEND_METRICS_ACCESS", access)];
        let server = Server::with(Engine::Sqlite, &settings).await;
        let answer = Answer::of(server.http.get(format!("{}/metrics", server.management))).await;
        assert_eq!(answer.status, status, "{url} {access}: {}", answer.text);
    }
}

/// A page in a browser on this machine can reach loopback under another host name.
#[tokio::test]
async fn open_metrics_on_loopback_are_read_by_a_name_of_the_listener() {
    let ask = async |server: &Server, hosts: &[&str]| {
        let mut request = server.http.get(format!("{}/metrics", server.management));
        for host in hosts {
            request = request.header("host", *host);
        }
        Answer::of(request).await
    };
    let url = ("TOKEND_MANAGEMENT_URL", "https://ops.example.com");
    let server = Server::with(Engine::Sqlite, &[url, ("TOKEND_METRICS_ACCESS", "open")]).await;
    for (host, status) in [
        ("127.0.0.1:8081", 200),
        ("127.0.0.1", 200),
        ("localhost:8081", 200),
        ("LOCALHOST", 200),
        ("[::1]:8081", 200),
        ("127.9.9.9:1", 200),
        ("ops.example.com", 200),
        ("Ops.example.com:443", 200),
        ("evil.example:8081", 421),
        ("localhost.evil.example:8081", 421),
        ("127.0.0.1.evil.example", 421),
        ("ops.example.com.evil.example", 421),
        ("10.0.0.7:8081", 421),
        ("0.0.0.0:8081", 421),
    ] {
        let answer = ask(&server, &[host]).await;
        assert_eq!(answer.status, status, "{host}: {}", answer.text);
        if status == 421 {
            assert_eq!(answer.json()["code"], "unknown_host", "{host}");
            assert!(!answer.text.contains("tokend_"), "{host}: {}", answer.text);
        }
    }
    // An operator that makes metrics public on another address has decided which callers reach it.
    let settings =
        [("TOKEND_MANAGEMENT_LISTEN", "0.0.0.0:8081"), ("TOKEND_METRICS_ACCESS", "open")];
    let server = Server::with(Engine::Sqlite, &settings).await;
    assert_eq!(ask(&server, &["tokend.monitoring.svc:8081"]).await.status, 200);
    // With a token, the name does not matter: a browser does not have a token.
    let server = Server::with(Engine::Sqlite, &[("TOKEND_METRICS_ACCESS", "token")]).await;
    let api = Api::with(&server, "stats:read").await;
    let answer = api.send("GET", "/metrics", &[("host", "evil.example")], None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_busiest_clients_have_series_only_if_the_operator_wants_them() {
    let server = Server::with(Engine::Sqlite, &[("TOKEND_METRICS_PER_CLIENT", "1")]).await;
    let (busy, calm) = (server.client().await, server.client().await);
    server.ask(&calm).await.token();
    for _ in 0..5 {
        server.ask(&busy).await.token();
    }
    let warn_before = server.services().config.secrets.warn_before;
    server.app.directory.count_clients(server.clock.now(), warn_before);
    server.ask(&busy).await.token();
    server.ask(&calm).await.token();
    assert_eq!(server.ask_for(&busy, &[("scope", "no")]).await.status, 400);
    let written = text(&server).await;
    let tokens = |client: &str| {
        value(&written, &format!("tokend_client_tokens_issued_total{{client=\"{client}\"}}"))
    };
    assert_eq!((tokens(&busy.id), tokens("other"), tokens(&calm.id)), (Some(1.0), Some(7.0), None));
    let rejected = format!("tokend_client_requests_rejected_total{{client=\"{}\"}}", busy.id);
    assert_eq!(value(&written, &rejected), Some(1.0));
    let server = Server::start(Engine::Sqlite).await;
    server.ask(&server.client().await).await.token();
    assert!(!text(&server).await.contains("tokend_client_tokens_issued_total"));
}

/// After a minute, an ended secret is counted in its new state.
#[tokio::test]
async fn secrets_are_counted_by_state() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let api = Api::with(&server, "secrets:write").await;
    let path = format!("/v1/clients/{}/secrets/rotate", client.id);
    let answer = api.call("POST", &path, Some(serde_json::json!({ "overlap": "24h" }))).await;
    assert!(answer.status < 300, "{}", answer.text);
    let warn_before = server.services().config.secrets.warn_before;
    server.app.directory.count_clients(server.clock.now(), warn_before);
    let written = text(&server).await;
    let state =
        |state: &str| value(&written, &format!("tokend_client_secrets{{state=\"{state}\"}}"));
    assert_eq!((state("current"), state("leaving")), (Some(2.0), Some(1.0)), "{written}");
    assert_eq!((state("expiring"), state("expired")), (Some(0.0), Some(0.0)));
}

/// The size of the database is measured in the background, at the start for the first time.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_size_of_the_database_is_measured(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    eventually("a size", async || {
        value(&text(&server).await, "tokend_db_size_bytes").filter(|size| *size > 10_000.0)
    })
    .await;
}
