//! Policies of owners: the platform team sets them, and every write of a client enforces them.

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::{AdminErrorCode, Principal, owner};
use tokend::model::admin_scope::AdminScope;
use tokend::model::owner::Owner;
use tokend::model::owner_policy::{OwnerPolicy, OwnerPolicyRecord, PolicyScope};

use crate::repository::documents::{files, root};
use crate::repository::readme::blocks;
use crate::support::api::{ALL_SCOPES, Api};
use crate::support::process::Cli;
use crate::support::script::Script;
use crate::support::{Answer, Engine, Server, client_id, grant};

const DAY: i64 = 86_400;

async fn call(api: &Api<'_>, method: &str, path: &str, body: Value) -> Answer {
    let answer = api.call(method, path, Some(body)).await;
    if let Some(secret) =
        answer.text.starts_with('{').then(|| answer.json()["client_secret"].clone())
        && let Some(secret) = secret.as_str()
    {
        api.server.keep_secret(secret);
    }
    answer
}

fn assert_code(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (status, Some(code)),
        "{}",
        answer.text
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_set_read_and_removed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let policy = json!({
        "secret_expiry_required": false, "secret_max_age_seconds": 90 * DAY,
        "auth_methods": ["private_key_jwt", "client_secret_basic"], "max_clients": 5,
    });
    let set = call(&api, "PUT", "/v1/owner-policies/sales", policy.clone()).await;
    assert_eq!(set.status, 200, "{}", set.text);
    let mut expected = policy.clone();
    expected["owner"] = json!("sales");
    assert_eq!(set.json(), expected);
    let head = server.services().store.head().await.expect("a head");
    assert_eq!(call(&api, "PUT", "/v1/owner-policies/sales", policy).await.status, 200);
    assert_eq!(server.services().store.head().await.expect("a head"), head, "no second event");
    assert_eq!(call(&api, "PUT", "/v1/owner-policies/*", json!({})).await.status, 200);
    let first = api.call("GET", "/v1/owner-policies?limit=1", None).await.json();
    assert_eq!((&first["data"][0]["owner"], &first["next_cursor"]), (&json!("*"), &json!("*")));
    let rest = api.call("GET", "/v1/owner-policies?cursor=*", None).await.json();
    assert_eq!(rest, json!({ "data": [expected], "next_cursor": null }));
    assert_eq!(api.call("DELETE", "/v1/owner-policies/sales", None).await.status, 204);
    let gone = api.call("GET", "/v1/owner-policies/sales", None).await;
    assert_code(&gone, 404, "owner_policy_not_found");
    let events = api.call("GET", "/v1/audit-events?subject=owner-policy/sales", None).await.json();
    let actions: Vec<_> = events["data"].as_array().expect("a list").iter().collect();
    assert_eq!(actions[0]["action"], "owner_policy.deleted");
    assert_eq!(actions[1]["action"], "owner_policy.changed");
    assert_eq!(
        (&actions[1]["owner"], &actions[1]["detail"]["is"]["max_clients"]),
        (&json!("sales"), &json!(5))
    );
    for (body, pointer) in [
        (json!({ "max_clients": 1_000_001 }), "/max_clients"),
        (json!({ "secret_max_age_seconds": 0 }), "/secret_max_age_seconds"),
        (json!({ "auth_methods": ["client_secret_basic", "x"] }), "/auth_methods/1"),
    ] {
        let answer = call(&api, "PUT", "/v1/owner-policies/sales", body).await;
        assert_code(&answer, 422, "invalid_value");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_write_enforces_the_owner_policy(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    for (id, owner) in [("old", Some("sales")), ("free", None), ("other", Some("hr"))] {
        let body = json!({ "client_id": id, "owner": owner });
        assert_eq!(call(&api, "POST", "/v1/clients", body).await.status, 201);
    }
    let policy = json!({
        "secret_max_age_seconds": 90 * DAY, "max_clients": 2,
        "auth_methods": ["client_secret_basic", "client_secret_post"],
    });
    assert_eq!(call(&api, "PUT", "/v1/owner-policies/sales", policy).await.status, 200);
    let (expiry, method) = ("owner_policy_secret_expiry", "owner_policy_auth_method");

    // A new client.
    let new = |secret: Value| json!({ "client_id": "new", "owner": "sales", "secret": secret });
    let refused = call(&api, "POST", "/v1/clients", new(json!({}))).await;
    assert_code(&refused, 422, expiry);
    let too_long = json!({ "expires_in_seconds": 91 * DAY });
    assert_code(&call(&api, "POST", "/v1/clients", new(too_long.clone())).await, 422, expiry);
    let keyed =
        json!({ "client_id": "new", "owner": "sales", "auth_methods": ["private_key_jwt"] });
    assert_code(&call(&api, "POST", "/v1/clients", keyed).await, 422, method);
    let good = json!({ "expires_in_seconds": 90 * DAY });
    assert_eq!(call(&api, "POST", "/v1/clients", new(good.clone())).await.status, 201);
    let third = json!({ "client_id": "third", "owner": "sales", "secret": good });
    assert_code(&call(&api, "POST", "/v1/clients", third).await, 409, "owner_policy_client_limit");

    // Secrets, keys and trusts of a client that is older than the policy.
    let secrets = "/v1/clients/old/secrets";
    assert_code(&call(&api, "POST", secrets, json!({})).await, 422, expiry);
    assert_code(&call(&api, "POST", secrets, too_long).await, 422, expiry);
    let rotate = |seconds: Option<i64>| json!({ "overlap": "24h", "secret": { "expires_in_seconds": seconds } });
    let rotation = "/v1/clients/old/secrets/rotate";
    assert_code(&call(&api, "POST", rotation, rotate(None)).await, 422, expiry);
    let kept = api.call("GET", secrets, None).await.json();
    assert_eq!(kept["data"].as_array().map(Vec::len), Some(1), "nothing was written: {kept}");
    let answer = call(&api, "POST", rotation, rotate(Some(30 * DAY))).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    assert_code(
        &call(&api, "POST", "/v1/clients/old/keys", json!({ "pem": pem })).await,
        422,
        method,
    );
    let trust = json!({
        "trust_domain": "acme.example", "bundle_endpoint": "https://acme.example/bundle",
        "subject": "spiffe://acme.example/a",
    });
    assert_code(&call(&api, "POST", "/v1/clients/old/trusts", trust).await, 422, method);

    // A change that adds nothing is allowed, and so is a client of another owner or of none.
    let renamed = json!({ "name": "Renamed", "description": "of before the policy" });
    assert_eq!(call(&api, "PATCH", "/v1/clients/old", renamed).await.status, 200);
    let methods = json!({ "auth_methods": ["client_secret_basic", "tls_client_auth"] });
    let answer = call(&api, "PATCH", "/v1/clients/old", methods).await;
    assert!(answer.status == 422, "{}", answer.text);
    for id in ["free", "other"] {
        let path = format!("/v1/clients/{id}/secrets");
        assert_eq!(call(&api, "POST", &path, json!({})).await.status, 201);
    }
    // A change of owner checks the whole client.
    assert_eq!(api.call("DELETE", "/v1/clients/new", None).await.status, 204);
    let moved = call(&api, "PATCH", "/v1/clients/free", json!({ "owner": "sales" })).await;
    assert_code(&moved, 422, expiry);
    // The policy of all other owners.
    let others = json!({ "secret_expiry_required": true });
    assert_eq!(call(&api, "PUT", "/v1/owner-policies/*", others).await.status, 200);
    assert_code(&call(&api, "POST", "/v1/clients/other/secrets", json!({})).await, 422, expiry);
    assert_eq!(call(&api, "POST", "/v1/clients/free/secrets", json!({})).await.status, 201);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_held_to_the_policy(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let policy = ["owner-policy", "set", "sales", "--secret-max-age", "90d", "--max-clients", "2"];
    cli.json(&policy);
    let hash =
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ";
    let line = |id: &str, expires_at: Option<&str>| {
        let secret = json!({ "secret_hash": hash, "expires_at": expires_at });
        format!("{}\n", json!({ "client_id": id, "owner": "sales", "secrets": [secret] }))
    };
    let soon = tokend::model::time::Clock::System.now().plus_seconds(DAY).to_string();
    for (lines, words, code) in [
        ([line("a", Some(&soon)), line("b", None)].concat(), "line 2: secret: it has no expiry", 5),
        (
            ["a", "b", "c"].map(|id| line(id, Some(&soon))).concat(),
            "line 3: owner: sales would have",
            5,
        ),
    ] {
        let run = cli.run_with(&["client", "import", "-"], &lines);
        assert!(run.code == code && run.stderr.contains(words), "{run:?}");
        assert_eq!(cli.json(&["client", "list"]), json!([]), "nothing was imported");
    }
    let lines = ["a", "b"].map(|id| line(id, Some(&soon))).concat();
    let run = cli.run_with(&["client", "import", "-"], &lines);
    assert_eq!(run.code, 0, "{run:?}");
}

/// The rules are checked inside the transaction, after the status has been sent: the last line is
/// the problem, and nothing was imported. A dry run finds the same problem.
#[tokio::test]
async fn an_import_over_http_ends_with_the_problem() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let policy = json!({ "secret_expiry_required": true, "auth_methods": ["client_secret_basic"] });
    assert_eq!(call(&api, "PUT", "/v1/owner-policies/sales", policy).await.status, 200);
    let line = json!({ "client_id": "a", "owner": "sales", "client_secret": "as-it-was-before" });
    for query in ["", "?dry_run=true"] {
        let url = format!("{}/v1/clients/import{query}", server.management);
        let request = server.http.post(url).bearer_auth(&api.token);
        let request = request.header("content-type", "application/x-ndjson");
        let answer = Answer::of(request.body(line.to_string())).await;
        let last: Value =
            serde_json::from_str(answer.text.lines().last().expect("a line")).expect("JSON");
        let problem = &last["problem"];
        assert_eq!((answer.status, &problem["status"]), (200, &json!(422)), "{}", answer.text);
        let code = problem["code"].as_str().expect("a code");
        assert!(code.starts_with("owner_policy_"), "{problem}");
        assert!(!answer.text.contains("summary"), "{}", answer.text);
        server.catch_up().await;
        assert_eq!(api.call("GET", "/v1/clients/a", None).await.status, 404);
    }
}

/// A team cannot change the policy that restricts it.
#[tokio::test]
async fn an_administrator_of_some_owners_sets_no_policy() {
    let server = Server::start(Engine::Sqlite).await;
    let sales = Owner::parse("sales").expect("an owner");
    let client = server
        .new_client(|new| {
            new.grants = vec![grant("urn:tokend", Some("admins:write clients:read"))];
            new.admin_of = Some(BTreeSet::from([sales.clone()]));
        })
        .await;
    let scopes = BTreeSet::from([AdminScope::AdminsWrite]);
    let owners = Some(BTreeSet::from([sales.clone()]));
    let limited = Principal::administrator(&client_id(&client.id), scopes, owners);
    let scope = PolicyScope::Owner(sales);
    let record = OwnerPolicyRecord { scope: scope.clone(), policy: OwnerPolicy::default() };
    let set = owner::policy::set(server.services(), &limited, record).await;
    assert_eq!(set.expect_err("refused").code(), AdminErrorCode::AdministratorLimited);
    let deleted = owner::policy::delete(server.services(), &limited, &scope).await;
    assert_eq!(deleted.expect_err("refused").code(), AdminErrorCode::AdministratorLimited);
}

/// The samples of docs/owner-policy.md.
#[tokio::test(flavor = "multi_thread")]
async fn every_sample_of_the_policy_page_works() {
    let page = "docs/owner-policy.md";
    let cli = Cli::new(Engine::Sqlite).await;
    let text = Script::of_cli(&cli).run(&blocks(page, "sh").concat());
    assert!(text.contains(&blocks(page, "text")[0]), "{text}");
    let console = &blocks(page, "console")[0];
    let (command, expected) = console.split_once('\n').expect("a command and its output");
    let arguments: Vec<_> = command.split(' ').skip(2).collect();
    let run = cli.run(&arguments);
    assert_eq!((run.code, run.stderr.as_str()), (5, expected));
}

/// Files that write clients and need no check of their own, with the reasons.
const UNCHECKED: [(&str, &str); 4] = [
    ("import/update.rs", "import/planned.rs and declarative/execution.rs check"),
    ("client/registration.rs", "they check as well"),
    ("client/weaker_credentials.rs", "it ends credentials"),
    ("trust/mod.rs", "a trust adds a grant type, not a method"),
];

#[test]
fn every_file_that_writes_clients_or_secrets_checks_the_policy() {
    let folder = root().join("src/admin");
    for path in files(&folder, "rs") {
        let text = std::fs::read_to_string(&path).expect("a file");
        let name = path.strip_prefix(&folder).expect("a file of admin").display().to_string();
        let verbs = [
            "transaction.create_client(",
            "transaction.update_client(",
            "transaction.add_secret(",
            "registration::insert(",
        ];
        let writes = verbs.iter().any(|verb| text.contains(verb));
        let is_exempt = UNCHECKED.iter().any(|(exempt, _)| *exempt == name);
        let is_checked = text.contains("owner::policy::check(");
        assert_eq!(writes && !is_exempt, is_checked, "src/admin/{name}: owner::policy::check");
    }
}
