//! `docs/examples/kubernetes`: a job that rotates a secret, with a `kubectl` that stores its input.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rstest::rstest;
use serde_json::{Value, json};
use tokend::model::signing_key::Algorithm;
use tokend::model::time::Clock;

use crate::repository::readme::blocks;
use crate::support::generated::read;
use crate::support::keys::{self, KeyPair};
use crate::support::script::Script;
use crate::support::{Engine, Place, Server, TestClient};

const FOLDER: &str = "docs/examples/kubernetes";
const RUN: &str = "sh docs/examples/kubernetes/sync-secret.sh";
const CLUSTER_ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// Fails while the file `down` exists.
const KUBECTL: &str = r#"#!/bin/sh
[ ! -e "$CLUSTER/down" ] || { echo "the cluster is down" >&2; exit 1; }
echo "$*" >> "$CLUSTER/calls"
for last; do :; done
if [ "$last" = - ]; then cat; else cat "$last"/*; fi > "$CLUSTER/manifest.yaml"
"#;

/// Returns a file of YAML documents as JSON.
fn documents(text: &str) -> Vec<Value> {
    text.split("\n---\n").map(|part| serde_saphyr::from_str(part).expect("YAML")).collect()
}

/// Returns a shell with a cluster: its `kubectl`, and `$CLUSTER`, the folder of its objects.
fn in_cluster(server: &Server) -> Script {
    let script = Script::of(server);
    let bin = script.folder.join("bin");
    std::fs::create_dir(&bin).expect("a folder");
    let kubectl = bin.join("kubectl");
    std::fs::write(&kubectl, KUBECTL).expect("written");
    std::fs::set_permissions(&kubectl, PermissionsExt::from_mode(0o755)).expect("a mode");
    let cluster = script.folder.display().to_string();
    script.with_programs(&bin).set("CLUSTER", &cluster)
}

/// Returns the environment of the container in the manifest, without field references.
fn environment() -> Vec<(String, String)> {
    let documents = documents(&read(&format!("{FOLDER}/cronjob.yaml")));
    let job = documents.iter().find(|object| object["kind"] == "CronJob").expect("a CronJob");
    let container = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    let variables = container["env"].as_array().expect("variables").iter();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    variables.filter_map(|one| Some((text(&one["name"])?, text(&one["value"])?))).collect()
}

/// Returns the pod of the `CronJob`: the administrator of the page trusts its service account.
async fn pod(server: &Server) -> Script {
    let mut script = in_cluster(server);
    let key = KeyPair::new(Algorithm::Rs256);
    script.write("keys.json", &keys::set(&[&key.jwk]));
    let setup = &blocks(&format!("{FOLDER}/README.md"), "sh")[0];
    let setup = setup.replace("https://id.example.com", &server.base);
    script.run(&setup.replace("kubectl get --raw /openid/v1/jwks", "cat keys.json"));
    server.catch_up().await;
    let now = Clock::System.now().0;
    let token = key.sign(&json!({
        "iss": CLUSTER_ISSUER, "sub": "system:serviceaccount:billing:tokend-sync",
        "aud": [server.base], "exp": now + 600, "iat": now,
    }));
    script.write("token", &token);
    for (name, value) in environment() {
        let value = match name.as_str() {
            "ISSUER" => server.base.clone(),
            "ADMIN_API" => server.management.clone(),
            _ => value,
        };
        script = script.set(&name, &value);
    }
    script.set("TOKEN_FILE", "token")
}

/// Returns the client in the Secret of the cluster.
fn stored(server: &Server, script: &Script) -> TestClient {
    let secret = &documents(&script.read("manifest.yaml"))[0];
    assert_eq!((&secret["kind"], &secret["apiVersion"]), (&json!("Secret"), &json!("v1")));
    assert_eq!(secret["metadata"]["name"], "billing-credentials");
    let data = |name: &str| {
        let text = secret["data"][name].as_str().expect("a text");
        String::from_utf8(BASE64_STANDARD.decode(text).expect("base64")).expect("text")
    };
    let client = TestClient { id: data("TOKEND_CLIENT_ID"), secret: data("TOKEND_CLIENT_SECRET") };
    server.keep_secret(&client.secret);
    client
}

/// Returns the number of valid secrets of the client.
fn valid_secrets(script: &Script) -> usize {
    script.run("tokend client show billing").matches("has secret").count()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_job_makes_a_secret_and_rotates_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let script = pod(&server).await.set("RUN", "tokend-sync-1");
    // The cluster is unavailable after the secret was created: the retry of the job stores the same
    // secret.
    script.write("down", "");
    let run = script.try_run(RUN);
    assert!(run.code != 0 && run.stderr.contains("the cluster is down"), "{run:?}");
    script.run("rm down");
    script.run(RUN);
    assert_eq!(valid_secrets(&script), 1);
    assert_eq!(script.read("calls"), "apply --server-side --field-manager=tokend -f -\n");
    let first = stored(&server, &script);

    // The client exists from now on, and its team changes it.
    script.run("tokend client grant billing --resource https://orders.example.com");
    let script = script.set("RUN", "tokend-sync-2");
    assert_eq!(script.run(RUN), "stored the secret of billing in billing-credentials\n");
    let second = stored(&server, &script);
    assert_ne!(first.secret, second.secret);
    assert_eq!(valid_secrets(&script), 2, "the old one is valid until it is unused");
    server.catch_up().await;
    for client in [&first, &second] {
        assert_eq!(server.claims(&server.ask(client).await.token()).await["sub"], "billing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_fails_and_stores_nothing_when_it_may_not() {
    let server = Server::start(Engine::Sqlite).await;
    let script = pod(&server).await.set("RUN", "tokend-sync-1");
    script.run("tokend client create of-another-team --owner shop --no-secret");
    server.catch_up().await;
    for (variables, words) in [
        ("CLIENT_ID=of-another-team", "cannot create of-another-team"),
        ("OWNER=shop", "cannot create billing"),
        ("ADMIN_ID=another", "cannot get a token for another"),
        ("TOKEN_FILE=keys.json", "cannot get a token for billing-sync"),
    ] {
        let run = script.try_run(&format!("{variables} {RUN}"));
        assert!(run.code != 0 && run.stderr.contains(words), "{variables}: {run:?}");
    }
    assert!(!script.folder.join("manifest.yaml").exists());
}

/// The second example: the manifests that an apply writes.
#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_of_an_apply_are_stored() {
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let server = Server::at(place, Clock::System, &[]).await;
    let script = in_cluster(&server);
    let commands = &blocks(&format!("{FOLDER}/README.md"), "sh")[2];
    script.run(&format!("cp docs/examples/gitops/clients.yaml . && {commands}"));
    let [secret] = &documents(&script.read("manifest.yaml"))[..] else { panic!("one manifest") };
    assert_eq!(
        (&secret["kind"], &secret["metadata"]["name"]),
        (&json!("Secret"), &json!("billing"))
    );
    let text = |name: &str| secret["stringData"][name].as_str().expect("a text").to_owned();
    let client = TestClient { id: text("TOKEND_CLIENT_ID"), secret: text("TOKEND_CLIENT_SECRET") };
    server.keep_secret(&client.secret);
    server.catch_up().await;
    assert_eq!(server.claims(&server.ask(&client).await.token()).await["sub"], "billing");
    // Without a change, nothing is stored.
    script.run("rm -r secrets manifest.yaml");
    script.run(commands);
    assert!(!script.folder.join("manifest.yaml").exists());
}

/// The manifest names what the script and the administrator need.
#[test]
fn the_manifest_fits_the_script() {
    let text = read(&format!("{FOLDER}/cronjob.yaml"));
    let script = read(&format!("{FOLDER}/sync-secret.sh"));
    let job = documents(&text).pop().expect("a CronJob");
    let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let variables = pod["containers"][0]["env"].as_array().expect("variables");
    for name in variables.iter().filter_map(|one| one["name"].as_str()) {
        assert!(script.contains(&format!("\n# {name} ")), "{name}");
        assert!(script.contains(&format!("${name}")), "{name}");
    }
    assert_eq!(
        script.lines().filter(|line| line.starts_with("# ") && line.contains("  ")).count(),
        8
    );
    let mount = pod["containers"][0]["volumeMounts"][1]["mountPath"].as_str().expect("a path");
    let file = &pod["volumes"][1]["projected"]["sources"][0]["serviceAccountToken"]["path"];
    assert!(script.contains(&format!("{mount}/{}", file.as_str().expect("a path"))), "{mount}");
    let kustomization: Value =
        serde_saphyr::from_str(&read(&format!("{FOLDER}/kustomization.yaml"))).expect("YAML");
    assert_eq!(
        kustomization["configMapGenerator"][0]["name"],
        pod["volumes"][0]["configMap"]["name"]
    );
    assert_eq!(kustomization["configMapGenerator"][0]["files"][0], "sync-secret.sh");
    assert_eq!(pod["containers"][0]["command"], json!(["sh", "/scripts/sync-secret.sh"]));
}
