//! Privilege escalation: no administrator gains rights by looser restrictions, by tokens of others,
//! by signing keys, or by costly hashes.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin::{AdminErrorCode, Principal, secret, token};
use tokend::model::admin_preset::AdminPreset;
use tokend::model::admin_scope::AdminScope;
use tokend::model::resource::ResourceId;
use tokend::model::scope::Scopes;
use tokend::model::security::Networks;
use tokend::model::token::TokenUse;

use crate::support::process::Cli;
use crate::support::{
    Answer, Engine, INVOICES, ORDERS, Server, TestClient, client_id, grant, operator,
};

/// Returns a caller of the admin API that really has these scopes.
pub async fn principal(server: &Server, scopes: &str) -> Principal {
    let client = server.administrator(scopes).await;
    let scopes = AdminScope::known(&Scopes::parse(scopes).expect("scopes"));
    Principal::administrator(&client_id(&client.id), scopes, None)
}

/// Sends a request of an administrator over HTTP.
pub async fn call(
    server: &Server,
    caller: &TestClient,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let token = server.ask_for(caller, &[("resource", "urn:tokend")]).await.token();
    let method: Method = method.parse().expect("a method");
    let url = format!("{}{path}", server.management);
    let mut request = server.http.request(method, url).bearer_auth(token);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = Answer::of(request).await;
    server.catch_up().await;
    answer
}

/// Loosening the restrictions of an administrator gives it more rights.
#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_does_not_loosen_its_own_restrictions() {
    let server = Server::start(Engine::Sqlite).await;
    for (scopes, is_allowed) in [("clients:write", false), ("clients:write admins:write", true)] {
        let networks = json!(["127.0.0.0/8", "10.0.0.0/8"]);
        let caller = server.administrator(scopes).await;
        let path = format!("/v1/clients/{}", caller.id);
        let narrow = json!({ "networks": networks });
        let answer = call(&server, &caller, "PATCH", &path, Some(narrow)).await;
        assert_eq!(answer.status, 200, "a restriction may be added: {}", answer.text);
        let narrower = json!({ "networks": ["127.0.0.1/32", "10.0.0.0/8"] });
        let answer = call(&server, &caller, "PATCH", &path, Some(narrower)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        for looser in [
            json!({ "networks": networks }),
            json!({ "networks": ["127.0.0.1", "192.0.2.0/24"] }),
            json!({ "networks": [] }),
        ] {
            let answer = call(&server, &caller, "PATCH", &path, Some(looser.clone())).await;
            let expected = if is_allowed { 200 } else { 403 };
            assert_eq!(answer.status, expected, "{looser}: {}", answer.text);
            if !is_allowed {
                assert_eq!(answer.json()["code"], "scope_missing", "{}", answer.text);
            }
        }
    }
    // The same applies to token binding. A client that is not an administrator is not affected.
    let caller = server.administrator("clients:write").await;
    let bound = |resource: &'static str, scopes: &'static str| {
        server.new_client(move |new| {
            new.grants = vec![grant(resource, Some(scopes))];
            new.security.dpop_bound = true;
        })
    };
    for (client, status) in [
        (bound("urn:tokend", "clients:write").await, 403),
        (bound(ORDERS, "orders:read").await, 200),
    ] {
        let path = format!("/v1/clients/{}", client.id);
        let body = json!({ "dpop_bound_access_tokens": false });
        let answer = call(&server, &caller, "PATCH", &path, Some(body)).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
}

/// A caller is restricted to its network or its key. With a credential of an equal, unrestricted
/// administrator, it could act from anywhere.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_restricted_administrator_takes_no_looser_one_over(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let scopes = "clients:read clients:write secrets:write tokens:revoke";
    let local = || Networks::parse("127.0.0.0/8").expect("networks");
    let new = |scopes: String, of_client: bool, of_grant: bool| {
        server.new_client(move |new| {
            new.grants = vec![grant("urn:tokend", Some(&scopes))];
            if of_client {
                new.security.networks = local();
            }
            if of_grant {
                new.grants[0].networks = local();
            }
        })
    };
    let looser = new(scopes.to_owned(), false, false).await;
    let equal = new(scopes.to_owned(), true, false).await;
    let equal_by_grant = new(scopes.to_owned(), false, true).await;
    let plain = server.client().await;
    let trust =
        json!({ "issuer": "https://a.example", "conditions": { "sub": "b" }, "audience": "c" });
    for (caller, is_restricted) in [
        (new(scopes.to_owned(), true, false).await, true),
        (new(scopes.to_owned(), false, true).await, true),
        (new(scopes.to_owned(), false, false).await, false),
        (new(format!("{scopes} admins:write"), true, false).await, false),
    ] {
        for (target, is_looser) in [
            (&looser, true),
            (&equal, false),
            (&equal_by_grant, false),
            (&plain, false),
            (&caller, false),
        ] {
            let path = format!("/v1/clients/{}", target.id);
            for (method, path, body) in [
                ("POST", format!("{path}/secrets"), json!({})),
                ("POST", format!("{path}/secrets/rotate"), json!({ "overlap": "1h" })),
                ("POST", format!("{path}/trusts"), trust.clone()),
                ("PATCH", path.clone(), json!({ "name": "Mine" })),
            ] {
                let answer = call(&server, &caller, method, &path, Some(body)).await;
                if is_restricted && is_looser {
                    let found = (answer.status, answer.json()["code"].clone());
                    assert_eq!(found, (403, json!("client_more_powerful")), "{method} {path}");
                } else {
                    assert!(answer.status < 300, "{method} {path}: {}", answer.text);
                    if let Some(secret) = answer.json()["client_secret"].as_str() {
                        server.keep_secret(secret);
                    }
                }
            }
        }
    }
}

/// Creating the first signing key of an algorithm needs a right of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_signing_key_needs_the_right_to_keys() {
    let server = Server::start(Engine::Sqlite).await;
    let (weaker, stronger) = ("resources:write", "resources:write keys:write");
    let weaker = server.administrator(weaker).await;
    let new = |name: &str, algorithm: &str| {
        Some(json!({ "resource": format!("https://{name}.example"), "signing_alg": algorithm }))
    };
    let resources = "/v1/resources";
    let answer = call(&server, &weaker, "POST", resources, new("a", "RS256")).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (403, json!("scope_missing")));
    assert!(answer.text.contains("keys:write"), "{}", answer.text);
    let keys = async || server.services().store.signing_keys().await.expect("keys").len();
    assert_eq!(keys().await, 1);
    assert_eq!(call(&server, &weaker, "POST", resources, new("b", "ES256")).await.status, 201);
    let stronger = server.administrator(stronger).await;
    assert_eq!(call(&server, &stronger, "POST", resources, new("a", "RS256")).await.status, 201);
    assert_eq!(keys().await, 2);
    assert_eq!(call(&server, &weaker, "POST", resources, new("c", "RS256")).await.status, 201);
}

/// A token for this server itself would let its holder act as the client.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_for_the_server_is_issued_in_the_name_of_a_client() {
    let server = Server::start(Engine::Sqlite).await;
    let services = server.services();
    let client = server.administrator("clients:read tokens:issue").await;
    let (id, scope) = (client_id(&client.id), Scopes::default());
    let itself = ResourceId::parse(ResourceId::SERVER).expect("a resource");
    let orders = ResourceId::parse(ORDERS).expect("a resource");
    let strong = principal(&server, "clients:read tokens:issue").await;
    for (who, resource, code) in [
        (&strong, &itself, Some(AdminErrorCode::TokenForServer)),
        (&strong, &orders, None),
        (&principal(&server, "clients:read").await, &orders, Some(AdminErrorCode::ScopeMissing)),
        (
            &principal(&server, "tokens:issue").await,
            &orders,
            Some(AdminErrorCode::ClientMorePowerful),
        ),
        (&operator(), &itself, None),
    ] {
        let used = TokenUse::Access;
        let noted = token::note_issue(services, who, &id, resource, &scope, used).await;
        assert_eq!(noted.err().map(|error| error.code()), code, "{who:?} {resource}");
    }
}

/// A hash is costly: a rejected request computes none.
#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_request_costs_no_hash() {
    let server = Server::start(Engine::Sqlite).await;
    let stronger = server.administrator("clients:write keys:write").await;
    let full = server.client().await;
    for _ in 1..server.services().config.secrets.max_per_client {
        let (new, id) = (secret::NewSecret::default(), client_id(&full.id));
        secret::add(server.services(), &operator(), &id, &new).await.expect("a secret");
    }
    let scopes = "clients:write secrets:write grants:write";
    let caller = server.administrator(scopes).await;
    let reader = server.administrator("clients:read clients:write").await;
    let made = server.services().hasher.made();
    let unknown = json!({ "grants": [{ "resource": INVOICES }] });
    let cases = [
        (&caller, "/v1/clients".to_owned(), json!({ "client_id": full.id }), 409),
        (&caller, "/v1/clients".to_owned(), unknown, 404),
        (&reader, "/v1/clients".to_owned(), json!({}), 403),
        (&caller, "/v1/clients/absent/secrets".to_owned(), json!({}), 404),
        (&caller, format!("/v1/clients/{}/secrets", stronger.id), json!({}), 403),
        (&caller, format!("/v1/clients/{}/secrets", full.id), json!({}), 409),
        (&reader, format!("/v1/clients/{}/secrets", full.id), json!({}), 403),
        (&caller, format!("/v1/clients/{}/secrets", full.id), json!({ "label": "\n" }), 409),
        (
            &caller,
            format!("/v1/clients/{}/secrets/rotate", full.id),
            json!({ "overlap": "1h" }),
            409,
        ),
        (
            &caller,
            format!("/v1/clients/{}/secrets/rotate", stronger.id),
            json!({ "overlap": "0s" }),
            403,
        ),
        (&caller, "/v1/clients".to_owned(), json!({ "secret": { "label": "\n" } }), 422),
    ];
    for (who, path, body, status) in cases {
        let answer = call(&server, who, "POST", &path, Some(body.clone())).await;
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text);
    }
    assert_eq!(server.services().hasher.made(), made);
    let answer = call(&server, &caller, "POST", "/v1/clients", Some(json!({}))).await;
    server.keep_secret(answer.json()["client_secret"].as_str().expect("a secret"));
    assert_eq!(server.services().hasher.made(), made + 1);
}

/// Presets are named sets of scopes; the page lists the same sets.
#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_is_made_by_the_name_of_its_kind() {
    let cli = Cli::new(Engine::Sqlite).await;
    let scopes = |value: &Value| -> Vec<String> {
        serde_json::from_value(value.clone()).expect("a list of scopes")
    };
    let mut all = Vec::new();
    for preset in AdminPreset::ALL {
        let id = format!("ops-{}", preset.as_str());
        let made = cli.json(&["client", "create", &id, "--admin", preset.as_str()]);
        let mut expected: Vec<_> =
            preset.scopes().iter().map(|scope| scope.as_str().to_owned()).collect();
        expected.sort();
        assert_eq!(made["grants"][0]["resource"], "urn:tokend");
        assert_eq!(scopes(&made["grants"][0]["scopes"]), expected);
        all.push(expected);
    }
    let narrowed = cli.json(&["client", "grant", "ops-admin", "--admin", "viewer"]);
    assert_eq!(scopes(&narrowed["scopes"]), all[0]);
    for words in [
        &["client", "create", "x", "--admin", "root"][..],
        &["client", "create", "x", "--admin", "viewer", "--grant", "urn:tokend=introspect"],
        &["client", "grant", "ops-owner", "--admin", "viewer", "--scope", "audit:read"],
        &["client", "grant", "ops-owner", "--admin", "viewer", "--resource", ORDERS],
        &["client", "grant", "ops-owner"],
    ] {
        let run = cli.run(words);
        assert_eq!(run.code, 2, "{words:?}: {run:?}");
    }
    let page = crate::repository::docs::document("admin-api.md");
    let mut named = Vec::new();
    for (preset, own) in AdminPreset::ALL.into_iter().zip(all) {
        let start = format!("| `{}` |", preset.as_str());
        let row = page.lines().find_map(|line| line.strip_prefix(&start)).expect("a row");
        let added = row.split('|').next().expect("a cell");
        named.extend(added.split('`').skip(1).step_by(2).map(str::to_owned));
        named.sort();
        assert_eq!(named, own, "{preset:?}");
    }
}
