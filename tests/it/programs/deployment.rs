//! The container files in `deploy/`: they match the schemas of their formats, and name existing
//! settings.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use rstest::rstest;
use serde_json::Value;
use tokend::config::sources::{Flags, Settings, variable_of};

use crate::repository::documents::root;
use crate::support::deploy_tools::{deploy_tool, succeeds};
use crate::support::generated::read;
use crate::support::process::Cli;
use crate::support::{Engine, files_below};

const CHART: &str = "deploy/helm/tokend";

/// The required values of a chart.
const REQUIRED: [&str; 4] =
    ["--set", "issuer=https://id.example.com", "--set", "existingSecret=tokend"];

/// The values of a chart for SQLite, with every optional part enabled.
const SQLITE: [&str; 12] = [
    "--set",
    "database=sqlite",
    "--set",
    "replicaCount=1",
    "--set",
    "ingress.enabled=true",
    "--set",
    "ingress.tlsSecret=id",
    "--set",
    "trustedProxies={10.0.1.0/24,10.0.2.0/24}",
    "--set",
    "storage.className=fast",
];

/// Returns the names of settings in the lines of a text that are not comments.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    let is_of_name = |c: char| c.is_ascii_uppercase() || c == '_';
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines
        .flat_map(move |line| line.split(move |c| !is_of_name(c)))
        .filter(|word| word.starts_with("TOKEND_"))
}

/// tokend rejects unknown settings, so a misspelt one stops a deployment.
#[test]
fn the_variables_are_settings() {
    let settings = Settings::gather(&Flags::default(), &[]).expect("settings");
    let known: BTreeSet<_> = settings.keys().iter().map(|key| variable_of(key)).collect();
    let mut count = 0;
    for path in files_below(&root().join("deploy")).into_iter().chain([root().join("Dockerfile")]) {
        let text = std::fs::read_to_string(&path).expect("a text");
        for name in variables(&text) {
            let plain = name.strip_suffix("_FILE").unwrap_or(name);
            let exists = known.contains(name) || known.contains(plain);
            assert!(exists, "{}: {name} is not a setting", path.display());
            count += 1;
        }
    }
    assert!(count > 15, "the files are read wrongly: {count}");
}

fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).expect("YAML")
}

/// Returns the plain manifests, as one text.
fn manifests() -> String {
    let files = files_below(&root().join("deploy/kubernetes"));
    let texts = files.iter().map(|path| std::fs::read_to_string(path).expect("a text"));
    texts.collect::<Vec<_>>().join("---\n")
}

/// Renders the chart with these values.
fn rendered(values: &[&str]) -> String {
    let mut helm = deploy_tool("helm");
    succeeds(helm.args(["template", "one", CHART]).args(REQUIRED).args(values))
}

/// Fails unless the objects are as described on the page.
fn check_objects(objects: &[Value]) {
    let of_kind = |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
    let deployment = of_kind("Deployment").next().expect("a Deployment");
    let template = &deployment["spec"]["template"];
    let pod = &template["spec"];
    assert_eq!(pod["enableServiceLinks"], false);
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["runAsUser"], 65532);
    assert_eq!(pod["securityContext"]["fsGroup"], 65532);
    let container = &pod["containers"][0];
    let context = &container["securityContext"];
    assert_eq!(context["readOnlyRootFilesystem"], true);
    assert_eq!(context["allowPrivilegeEscalation"], false);
    assert_eq!(context["capabilities"]["drop"][0], "ALL");
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/livez");
    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");

    let labels = template["metadata"]["labels"].as_object().expect("labels");
    let selects = |selector: &Value| {
        let selector = selector.as_object().expect("a selector");
        assert!(!selector.is_empty());
        selector.iter().for_each(|(name, value)| assert_eq!(labels.get(name), Some(value)));
    };
    selects(&deployment["spec"]["selector"]["matchLabels"]);
    assert_eq!(of_kind("Service").count(), 2);
    for service in of_kind("Service") {
        selects(&service["spec"]["selector"]);
        let port = &service["spec"]["ports"][0]["targetPort"];
        let ports = container["ports"].as_array().expect("ports");
        assert!(ports.iter().any(|known| known["name"] == *port), "{port}");
    }
    for budget in of_kind("PodDisruptionBudget") {
        selects(&budget["spec"]["selector"]["matchLabels"]);
    }
    selects(
        &of_kind("NetworkPolicy").next().expect("a policy")["spec"]["podSelector"]["matchLabels"],
    );
    let mounted = |name: &str| {
        let volumes = pod["volumes"].as_array().expect("volumes").iter();
        volumes.into_iter().any(|volume| volume["name"] == name)
    };
    for mount in container["volumeMounts"].as_array().expect("mounts") {
        assert!(mounted(mount["name"].as_str().expect("a name")), "{mount}");
    }
}

#[test]
fn the_manifests_agree_with_one_another() {
    let objects = documents(&manifests());
    check_objects(&objects);
    assert!(objects.iter().any(|object| object["kind"] == "PodDisruptionBudget"));
}

/// Checks that the settings of a `ConfigMap` are valid for the program.
async fn check_settings(objects: &[Value]) {
    let config = objects.iter().find(|object| object["kind"] == "ConfigMap").expect("a ConfigMap");
    let cli = Cli::without_database(Engine::Sqlite).await;
    let text = config["data"]["tokend.toml"].as_str().expect("settings");
    std::fs::write(cli.place.folder.path().join("its.toml"), text).expect("written");
    let run = cli.run(&["check-config", "its.toml"]);
    assert_eq!(run.code, 0, "{text}: {run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_of_the_manifests_are_valid() {
    check_settings(&documents(&manifests())).await;
}

/// Compose sets variables that are not in `.env` to an empty value, which must mean the default.
#[tokio::test(flavor = "multi_thread")]
async fn the_variables_that_compose_leaves_empty_are_valid() {
    let text = read("deploy/compose.yaml");
    let empty = text.lines().filter_map(|line| line.trim().split_once(": ${"));
    let mut cli = Cli::without_database(Engine::Sqlite).await;
    let mut count = 0;
    for (name, _) in
        empty.filter(|(name, value)| name.starts_with("TOKEND_") && value.ends_with(":-}"))
    {
        cli = cli.set(name, "");
        count += 1;
    }
    assert_eq!(count, 2);
    let run = cli.run(&["check-config"]);
    assert_eq!(run.code, 0, "{run:?}");
}

fn validate(text: &str) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    let mut tool = deploy_tool("kubernetes-validate");
    succeeds(tool.args(["--strict", "--no-warn"]).arg(file.path()));
}

/// The schemas of Kubernetes know each field of each kind.
#[test]
fn schemas_of_kubernetes_accept_the_manifests() {
    validate(&manifests());
    let wrong = manifests().replace("enableServiceLinks", "enableServiceLink");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), wrong).expect("written");
    let mut tool = deploy_tool("kubernetes-validate");
    let output = tool.arg("--strict").arg(file.path()).output().expect("the program");
    assert!(!output.status.success(), "the schemas accept everything");
}

#[rstest]
#[case::postgres(&[])]
#[case::sqlite(&SQLITE)]
#[tokio::test(flavor = "multi_thread")]
async fn schemas_of_kubernetes_accept_the_chart(#[case] values: &[&str]) {
    let text = rendered(values);
    validate(&text);
    let objects = documents(&text);
    check_objects(&objects);
    check_settings(&objects).await;
    let has = |kind: &str| objects.iter().any(|object| object["kind"] == kind);
    let is_sqlite = !values.is_empty();
    assert_eq!(has("PersistentVolumeClaim"), is_sqlite);
    assert_eq!(has("Ingress"), is_sqlite);
    assert_eq!(has("PodDisruptionBudget"), !is_sqlite);
    assert_eq!(text.contains("TOKEND_DATABASE_URL_FILE"), !is_sqlite);
}

#[test]
fn schemas_of_the_chart_reject_wrong_values() {
    let mut helm = deploy_tool("helm");
    succeeds(helm.args(["lint", "--strict", CHART]).args(REQUIRED));
    for (values, word) in [
        (&["--set", "database=sqlite"][..], "replicaCount"),
        (&["--set", "issuer=http://id.example.com"], "issuer"),
        (&["--set", "issuer=https://id.example.com/"], "issuer"),
        (&["--set", "replicas=3"], "replicas"),
        (&["--set", "existingSecret="], "existingSecret"),
    ] {
        let mut helm = deploy_tool("helm");
        helm.args(["template", "one", CHART]).args(REQUIRED).args(values);
        let output = helm.output().expect("helm");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains(word), "{values:?}: {stderr}");
    }
    // The chart has the version of the program.
    let chart = &documents(&read(&format!("{CHART}/Chart.yaml")))[0];
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
}

#[rstest]
#[case("vendor.compose-spec", "deploy/compose.yaml")]
#[case("vendor.github-workflows", ".github/workflows/ci.yml")]
#[case("vendor.github-workflows", ".github/workflows/nightly.yml")]
#[case("vendor.github-workflows", ".github/workflows/release.yml")]
fn vendor_schemas_accept_the_files(#[case] schema: &str, #[case] file: &str) {
    succeeds(deploy_tool("check-jsonschema").args(["--builtin-schema", schema, file]));
}

/// Every copied file exists, and the first layer of the image builds only the dependencies.
#[test]
fn the_image_copies_files_that_exist() {
    let text = read("Dockerfile");
    let copies = text.lines().filter_map(|line| line.strip_prefix("COPY "));
    let mut count = 0;
    for copy in copies.filter(|copy| !copy.starts_with("--from")) {
        let paths: Vec<_> = copy.split_whitespace().collect();
        for path in &paths[..paths.len() - 1] {
            assert!(root().join(path).exists(), "{path}");
            count += 1;
        }
    }
    assert!(count > 5, "{count}");
    let ignored = read(".dockerignore");
    assert!(ignored.lines().any(|line| line == "/target"), "{ignored}");
}

/// The image version in the files is the version of the program.
#[test]
fn the_files_name_the_present_version() {
    for file in ["deploy/compose.yaml", "deploy/kubernetes/deployment.yaml"] {
        let image = format!("image: tokend:{}\n", env!("CARGO_PKG_VERSION"));
        assert!(read(file).contains(&image), "{file}");
    }
}

/// Returns the output of `systemd-analyze` for the unit.
fn analyze(arguments: &[&str], files: &[&Path]) -> String {
    crate::support::foreign::assert_allowed("systemd");
    succeeds(Command::new("systemd-analyze").args(arguments).args(files))
}

/// 0 means no exposure, 10 means a service without any restriction. The threshold is ten times the
/// figure.
#[test]
fn systemd_finds_the_unit_hardened() {
    let unit = root().join("deploy/systemd/tokend.service");
    let output = analyze(&["security", "--offline=true", "--threshold=20", "--no-pager"], &[&unit]);
    assert!(output.contains("Overall exposure level"), "{output}");
}

/// With an existing program and man page, nothing is reported.
#[test]
fn systemd_accepts_the_units() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = crate::support::process::program().display().to_string();
    for name in ["tokend.service", "tokend.socket"] {
        let text = read(&format!("deploy/systemd/{name}"));
        let text = text.replace("/usr/local/bin/tokend", &program);
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    let paths = ["tokend.service", "tokend.socket"].map(|name| folder.path().join(name));
    analyze(&["verify", "--man=no"], &[&paths[0], &paths[1]]);
}
