//! The dashboard, the alert rules and their page match the metrics of a live instance.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tokend::model::reason_code::ReasonCode;
use tokend::telemetry::metrics::definitions::{ALL, Definition, Kind};

use crate::repository::docs::blocks;
use crate::repository::documents::root;
use crate::support::foreign::Foreign;
use crate::support::generated::{assert_current, read};
use crate::support::reserved_port::ReservedPort;
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, Server, grant};

const PAGE: &str = "docs/monitoring.md";

fn folder() -> PathBuf {
    root().join("deploy/monitoring")
}

/// Returns every expression of the dashboard, with values for its variables.
fn dashboard() -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member.as_str() {
                        Some(text) if name == "expr" => found.push(text.to_owned()),
                        _ => collect(member, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let text = read("deploy/monitoring/dashboard.json");
    let mut found = Vec::new();
    collect(&serde_json::from_str(&text).expect("JSON"), &mut found);
    let filled = |text: &String| {
        let text = text.replace("$__rate_interval", "5m");
        text.replace("$instance", ".*").replace("$job", ".*")
    };
    found.iter().map(filled).collect()
}

/// Returns the alerts: name, expression, runbook.
fn alerts() -> Vec<(String, String, String)> {
    let text = read("deploy/monitoring/alerts.yml");
    let rules = text.split("- alert: ").skip(1);
    rules
        .map(|rule| {
            let after = |key: &str| rule.split_once(key).map(|(_, rest)| rest).unwrap_or_default();
            let expression = after("expr: ").split("\n        for:").next().unwrap_or_default();
            let expression = expression.split("\n        labels:").next().unwrap_or_default();
            let runbook = after("runbook: ").lines().next().unwrap_or_default();
            let name = rule.lines().next().unwrap_or_default();
            let expression = expression.trim_start_matches('>').trim();
            (name.to_owned(), expression.to_owned(), runbook.to_owned())
        })
        .collect()
}

fn expressions() -> Vec<String> {
    let alerts = alerts().into_iter().map(|(_, expression, _)| expression);
    dashboard().into_iter().chain(alerts).collect()
}

/// Returns the metrics of tokend in an expression, each with the labels that are compared to a
/// value.
fn selectors(expression: &str) -> Vec<(String, Vec<String>)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = ["tokend_", "process_"].iter().filter_map(|it| rest.find(it)).min() {
        rest = &rest[start..];
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        rest = &rest[end..];
        let matchers = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let matchers = matchers.map(|(inner, _)| inner).unwrap_or_default();
        let labels = matchers.split(',').filter(|text| text.contains(['=', '~']));
        let label =
            |text: &str| text.split(['=', '!']).next().unwrap_or_default().trim().to_owned();
        found.push((name, labels.map(label).collect()));
    }
    found
}

/// Returns the labels by which an expression groups.
fn grouped(expression: &str) -> Vec<String> {
    let groups = expression.split("by (").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    groups.flat_map(|group| group.split(',').map(|label| label.trim().to_owned())).collect()
}

fn definition(name: &str) -> Option<&'static Definition> {
    let is_it = |metric: &&&Definition| {
        let of_histogram = ["_bucket", "_sum", "_count"]
            .iter()
            .any(|suffix| name.strip_suffix(suffix) == Some(metric.name));
        metric.name == name || (metric.kind == Kind::Histogram && of_histogram)
    };
    ALL.iter().find(is_it).copied()
}

#[test]
fn an_expression_is_read_as_it_is() {
    let expression =
        "sum by (le, queue) (rate(tokend_a_bucket{x=\"1\",y!~\"2|3\"}[5m])) > tokend_b";
    let labels = vec!["x".to_owned(), "y".to_owned()];
    let expected = [("tokend_a_bucket".to_owned(), labels), ("tokend_b".to_owned(), Vec::new())];
    assert_eq!(selectors(expression), expected);
    assert_eq!(grouped(expression), ["le", "queue"]);
    assert!(alerts().len() > 15 && dashboard().len() > 50, "the files are read wrongly");
    assert!(alerts().iter().all(|(_, expression, _)| !expression.is_empty()));
}

/// An empty dashboard and an alert that never fires would look like good news (O-13).
#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_the_dashboard_and_the_alerts_exists_on_a_live_instance() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = format!("file:{}", folder.path().join("audit.jsonl").display());
    let settings = [
        ("TOKEND_METRICS_PER_CLIENT", "5"),
        ("TOKEND_BACKUP_SCHEDULE", "24h"),
        ("TOKEND_AUDIT_SINK", sink.as_str()),
    ];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let client = server.client().await;
    server.ask(&client).await.token();
    let answer = Answer::of(server.http.get(format!("{}/metrics", server.management))).await;
    let live: BTreeSet<_> = answer
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    for expression in expressions() {
        let selectors = selectors(&expression);
        let mut known: BTreeSet<&str> = BTreeSet::from(["instance", "job", "le"]);
        for (name, labels) in &selectors {
            let metric = definition(name).unwrap_or_else(|| panic!("no {name}: {expression}"));
            assert!(live.contains(metric.name), "{name} does not exist: {expression}");
            known.extend(metric.labels);
            for label in labels {
                let is_target = ["instance", "job"].contains(&label.as_str());
                let is_known = metric.labels.contains(&label.as_str());
                assert!(is_target || is_known, "{name} has no label {label}: {expression}");
            }
        }
        for label in grouped(&expression) {
            assert!(known.contains(label.as_str()), "no label {label}: {expression}");
        }
    }
}

/// Each metric for operators is on the dashboard or in an alert.
#[test]
fn every_metric_is_used() {
    let used: BTreeSet<_> = expressions()
        .iter()
        .flat_map(|expression| selectors(expression))
        .filter_map(|(name, _)| Some(definition(&name)?.name))
        .collect();
    let for_lookup =
        ["tokend_db_schema_version", "process_virtual_memory_bytes", "process_threads"];
    let unused: Vec<_> = ALL
        .iter()
        .map(|metric| metric.name)
        .filter(|name| !used.contains(name) && !for_lookup.contains(name))
        .collect();
    assert_eq!(unused, Vec::<&str>::new());
}

/// Runs promtool in the folder of the rules; returns its output.
fn promtool(arguments: &[&str], input: &str) -> String {
    let mut promtool = Command::new("promtool")
        .args(arguments)
        .current_dir(folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool, see tests/needs.txt");
    promtool.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("written");
    let output = promtool.wait_with_output().expect("an end");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "promtool {arguments:?}: {text}");
    text
}

/// O-13: the alerts, also those for failed writes.
#[test]
fn promtool_accepts_the_alerts_and_they_fire_when_they_should() {
    assert!(promtool(&["check", "rules", "alerts.yml"], "").contains("SUCCESS"));
    assert!(promtool(&["test", "rules", "alerts_test.yml"], "").contains("SUCCESS"));
}

#[test]
fn promtool_accepts_every_expression_of_the_dashboard() {
    let rule = |(number, expression): (usize, String)| json!({ "record": format!("dashboard:{number}"), "expr": expression });
    let rules: Vec<_> = dashboard().into_iter().enumerate().map(rule).collect();
    // JSON is YAML.
    let group = json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dashboard.yml");
    std::fs::write(&file, group.to_string()).expect("written");
    let output = promtool(&["check", "rules", &file.display().to_string()], "");
    assert!(output.contains("SUCCESS"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_accepts_the_metrics() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    server.ask(&client).await.token();
    server.basic("nobody", "wrong", &CLIENT_CREDENTIALS).await;
    let answer = Answer::of(server.http.get(format!("{}/metrics", server.management))).await;
    let output = promtool(&["check", "metrics"], &answer.text);
    assert_eq!(output, "");
}

/// The configuration of the page, with a Prometheus that gets its own tokens.
#[tokio::test(flavor = "multi_thread")]
async fn prometheus_reads_the_metrics_with_a_token() {
    let server = Server::with(Engine::Sqlite, &[("TOKEND_METRICS_ACCESS", "token")]).await;
    let scope = Some("stats:read");
    let client = server.new_client(|new| new.grants = vec![grant("urn:tokend", scope)]).await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("prometheus.secret"), &client.secret).expect("written");
    let management = server.management.trim_start_matches("http://");
    let mut page = blocks("monitoring.md", "yaml").swap_remove(0);
    for (from, to) in [
        ("\"tokend-1.internal:8443\", \"tokend-2.internal:8443\"", management),
        ("scheme: https", "scheme: http"),
        ("https://id.example.com/v1/oauth/token", &server.token_url()),
        ("client_id: prometheus", &format!("client_id: {}", client.id)),
        ("job_name: tokend\n", "job_name: tokend\n    scrape_interval: 1s\n"),
    ] {
        assert!(page.contains(from), "{PAGE} has no {from}");
        page = page.replace(from, to);
    }
    std::fs::write(folder.path().join("prometheus.yml"), page).expect("written");
    let port = ReservedPort::new();
    let mut command = Command::new("prometheus");
    command.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
    command.arg(format!("--web.listen-address={}", port.address));
    let mut prometheus = Foreign::start(&mut command, folder.path());
    prometheus.until_listening(port.number()).await;
    let url = format!("http://{}/api/v1/query?query=tokend_health", port.address);
    let has_value = async || match server.http.get(&url).send().await {
        Ok(answer) => answer.text().await.is_ok_and(|text| text.contains("\"state\":\"ready\"")),
        Err(_) => false,
    };
    prometheus.until(has_value).await;
}

/// `docs/monitoring.md` is current, and has a runbook for each alert.
#[test]
fn the_page_has_every_metric_reason_and_alert() {
    let mut metrics = "\n| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n".to_owned();
    for metric in ALL {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, labels) = (metric.name, metric.kind.as_str(), labels.join(", "));
        metrics.push_str(&format!("| `{name}` | {kind} | {labels} | {} |\n", metric.help));
    }
    let mut reasons = "\n| Reason | Meaning |\n|---|---|\n".to_owned();
    for reason in ReasonCode::ALL {
        reasons.push_str(&format!("| `{}` | {} |\n", reason.as_str(), reason.meaning()));
    }
    let mut page = read(PAGE);
    for (name, table) in [("metrics", metrics), ("reasons", reasons)] {
        let begin = format!("<!-- begin {name}: generated from the code by `make docs` -->\n");
        let end = format!("\n<!-- end {name} -->");
        let start = page.find(&begin).map(|at| at + begin.len()).expect("a marker");
        let stop = page[start..].find(&end).map(|at| start + at).expect("a marker");
        page.replace_range(start..stop, &table);
    }
    assert_current(PAGE, &page);
    for (name, _, runbook) in alerts() {
        assert_eq!(runbook, format!("{PAGE}#{}", name.to_lowercase()), "{name}");
        assert!(page.contains(&format!("\n### {name}\n")), "{PAGE} has no runbook of {name}");
    }
    let headings = page.matches("\n### Tokend").count();
    assert_eq!(headings, alerts().len(), "{PAGE} has a runbook of an alert that does not exist");
}
