//! The access matrix: every route, with every scope, for an object of the caller's owner, of
//! another owner and of none. The routes are read from the source, so a route without a row fails
//! here.

mod credential_rows;
mod policy_rows;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use rstest::rstest;
use serde_json::Value;
use tokend::model::admin_scope::AdminScope;
use tokend::model::client::ClientId;
use tokend::model::facts::Facts;
use tokend::model::owner::Owner;
use tokend::model::owner_policy::{OwnerPolicy, OwnerPolicyRecord, PolicyScope};
use tokend::model::rejection::RejectionRecord;
use tokend::model::resource::{ResourceId, ResourceScope, TokenTyp};
use tokend::model::scope::Scopes;
use tokend::model::security::Networks;
use tokend::model::static_claims::StaticClaims;

use self::credential_rows::CREDENTIAL_ROWS;
use self::policy_rows::POLICY_ROWS;
use self::rows::{Expected, ROWS, Row};
use crate::repository::documents::root;
use crate::support::{Answer, Engine, Server, TestClient, grant, operator};

/// The owners of the objects, seen from a caller that is limited to `a`.
const OWNERS: [(&str, Option<&str>); 3] =
    [("own", Some("a")), ("other", Some("b")), ("none", None)];

/// The owner of the other side of grants and grant requests.
const THIRD: &str = "c";

/// The objects of one cell: they have one owner, and no other cell uses them.
struct Objects {
    /// A text that only the names of these objects contain.
    mark: String,
    owner: Option<&'static str>,
    client: String,
    secret: String,
    plain_secret: String,
    resource: String,
    /// A resource of [`THIRD`], of which `client` has a grant.
    third_resource: String,
    /// A client of [`THIRD`], which has a grant of `resource`.
    third_client: String,
    /// A request of `client` for `free_third_resource`.
    outgoing: String,
    /// A request of `third_client` for `free_resource`.
    incoming: String,
    /// A resource of [`THIRD`] that no client has a grant of, and no request is for.
    free_third_resource: String,
    /// A rejected request of `client`.
    rejection: String,
}

/// Returns the routes that the source declares, such as `GET /v1/clients`, and the scope of each.
fn declared_routes() -> BTreeMap<String, AdminScope> {
    let source = std::fs::read_to_string(root().join("src/web/api/mod.rs")).expect("a file");
    let source: String = source.split_whitespace().collect();
    let scopes = AdminScope::ALL.map(|scope| (format!("{scope:?}"), scope));
    let calls = source.split("api.").skip(1);
    let routes = calls.filter_map(|call| {
        let (verb, rest) = call.split_once('(')?;
        let mut parts = rest.split(',');
        let method = match verb {
            "get" | "get_with_query" => "GET",
            "post" | "post_unstored" | "post_import" => "POST",
            "put" => "PUT",
            "patch" => "PATCH",
            "delete" => "DELETE",
            // Their rights depend on the body: `declarative/owners.rs` tests them.
            "post_apply" | "get_export" | "list_open" | "into_router" => return None,
            other => panic!("api.{other} is unknown here"),
        };
        let path = parts.next().expect("a path").trim_matches('"');
        let scope = parts.next().expect("a scope");
        let scope = scopes.iter().find(|(name, _)| name == scope).expect("a scope of urn:tokend");
        Some((format!("{method} {path}"), scope.1))
    });
    routes.collect()
}

#[test]
fn every_route_has_a_row_and_every_row_a_route() {
    let declared: BTreeSet<String> = declared_routes().into_keys().collect();
    assert!(declared.len() > 45, "the source is read wrongly: {declared:?}");
    let rows: BTreeSet<String> = ROWS
        .iter()
        .chain(CREDENTIAL_ROWS)
        .chain(POLICY_ROWS)
        .map(|row| row.route.to_owned())
        .collect();
    let missing: Vec<_> = declared.difference(&rows).collect();
    assert!(missing.is_empty(), "routes without a row in team_matrix/rows.rs: {missing:?}");
    let unknown: Vec<_> = rows.difference(&declared).collect();
    assert!(unknown.is_empty(), "rows without a route: {unknown:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_cell_of_route_and_scope_and_owner_has_its_answer(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let tokens = tokens(&server).await;
    policy(&server, "a").await;
    policy(&server, "b").await;
    let declared = declared_routes();
    let has_all_scopes = matches!(engine, Engine::Sqlite);
    let mut number = 0;
    let mut cells = BTreeSet::new();
    let mut wrong = Vec::new();
    for row in ROWS.iter().chain(CREDENTIAL_ROWS).chain(POLICY_ROWS) {
        let needed = declared[row.route];
        for (place, (name, owner)) in OWNERS.into_iter().enumerate() {
            number += 1;
            let objects = objects(&server, number, owner).await;
            // The last call is the one that may change the objects. The decision on scopes does not
            // depend on the database, so one engine is enough.
            let is_tried = |scope: &AdminScope| *scope != needed && has_all_scopes;
            let others = AdminScope::ALL.into_iter().filter(is_tried);
            for scope in others.chain([needed]) {
                let answer = call(&server, &tokens[&scope], row, &objects).await;
                let problem = if scope == needed {
                    row.expected[place].difference(&answer, &objects.mark)
                } else {
                    Expected::Problem(403, "scope_missing").difference(&answer, &objects.mark)
                };
                cells.insert((row.route, scope, name));
                wrong.extend(problem.map(|problem| {
                    format!("{} with {} for {name}: {problem}", row.route, scope.as_str())
                }));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    for (route, needed) in &declared {
        for scope in AdminScope::ALL.into_iter().filter(|it| has_all_scopes || it == needed) {
            for (owner, _) in OWNERS {
                let is_tested = cells.contains(&(route.as_str(), scope, owner));
                assert!(is_tested, "the cell {route} × {} × {owner} is empty", scope.as_str());
            }
        }
    }
}

async fn call(server: &Server, token: &str, row: &Row, objects: &Objects) -> Answer {
    let (method, _) = row.route.split_once(' ').expect("a method and a path");
    let (path, body) = (row.request)(objects);
    let method: reqwest::Method = method.parse().expect("a method");
    let url = format!("{}{path}", server.management);
    let mut request = server.http.request(method, url).bearer_auth(token);
    if let Some(body) = body {
        let is_import = path.starts_with("/v1/clients/import");
        let kind = if is_import { "application/x-ndjson" } else { "application/json" };
        request = request.header("content-type", kind).body(body.to_string());
    }
    Answer::of(request).await
}

/// Returns a token for each scope, of an administrator with only that scope, limited to `a`.
async fn tokens(server: &Server) -> BTreeMap<AdminScope, String> {
    let mut tokens = BTreeMap::new();
    for scope in AdminScope::ALL {
        let administrator = server
            .new_client(|new| {
                new.grants = vec![grant(ResourceId::SERVER, Some(scope.as_str()))];
                new.admin_of = Some(BTreeSet::from([Owner::parse("a").expect("an owner")]));
            })
            .await;
        let answer = server.ask_for(&administrator, &[("resource", ResourceId::SERVER)]).await;
        tokens.insert(scope, answer.token());
    }
    tokens
}

fn facts(owner: Option<&str>) -> Facts {
    let owner = owner.map(|name| Owner::parse(name).expect("an owner"));
    Facts { owner, ..Facts::default() }
}

/// Sets a policy without rules.
async fn policy(server: &Server, owner: &str) {
    let scope = PolicyScope::parse(owner).expect("an owner");
    let record = OwnerPolicyRecord { scope, policy: OwnerPolicy::default() };
    let set = tokend::admin::owner::policy::set(server.services(), &operator(), record).await;
    set.expect("a policy");
}

async fn resource(server: &Server, uri: String, owner: Option<&str>) -> String {
    let new = tokend::admin::resource::NewResource {
        resource: ResourceId::parse(&uri).expect("a resource"),
        scopes: vec![ResourceScope::parse("read").expect("a scope")],
        token_lifetime: None,
        signing_algorithm: None,
        token_typ: TokenTyp::default(),
        facts: facts(owner),
    };
    let made = tokend::admin::resource::create(server.services(), &operator(), new).await;
    made.expect("a resource");
    uri
}

async fn client(server: &Server, id: String, owner: Option<&str>, resource: &str) -> TestClient {
    server
        .new_client(|new| {
            new.client_id = Some(ClientId::parse(&id).expect("an id"));
            new.grants = vec![grant(resource, Some("read"))];
            new.facts = facts(owner);
        })
        .await
}

async fn request(server: &Server, client: &str, resource: &str) -> String {
    let new = tokend::admin::grant_request::NewGrantRequest {
        client_id: ClientId::parse(client).expect("an id"),
        resource: ResourceId::parse(resource).expect("a resource"),
        scopes: Scopes::parse("read").expect("scopes"),
        networks: Networks::default(),
        claims: StaticClaims::default(),
        message: None,
    };
    let made = tokend::admin::grant_request::create(server.services(), &operator(), new).await;
    made.expect("a request").value.request_id.to_string()
}

async fn objects(server: &Server, number: usize, owner: Option<&'static str>) -> Objects {
    // Long enough that no hash of an event contains it.
    let mark = format!("object{number}x");
    let uri = |name: &str| format!("https://{mark}.{name}.example");
    let free_resource = resource(server, uri("free"), owner).await;
    let free_third_resource =
        resource(server, format!("https://t{number}f.example"), Some(THIRD)).await;
    let third_resource = resource(server, format!("https://t{number}t.example"), Some(THIRD)).await;
    let with_grant = resource(server, uri("granted"), owner).await;
    let made = client(server, format!("{mark}client"), owner, &third_resource).await;
    let client_id = made.id;
    let third_client = client(server, format!("t{number}t"), Some(THIRD), &with_grant).await.id;
    let outgoing = request(server, &client_id, &free_third_resource).await;
    let incoming = request(server, &third_client, &free_resource).await;
    let id = ClientId::parse(&client_id).expect("an id");
    let known = server.services().store.registration(&id).await.expect("a store");
    let secret = known.expect("a client").secrets[0].secret_id.to_string();
    let rejection = format!("req_{mark}");
    let record = RejectionRecord {
        request_id: rejection.clone(),
        at: server.clock.now(),
        status: 401,
        error: "invalid_client".to_owned(),
        address: "127.0.0.1".to_owned(),
        client_id: Some(client_id.clone()),
        reason: "the secret is wrong".to_owned(),
        remedy: None,
        suffix: None,
    };
    server.services().store.add_rejections(&[record]).await.expect("a store");
    Objects {
        mark,
        owner,
        client: client_id,
        secret,
        plain_secret: made.secret,
        resource: with_grant,
        third_resource,
        third_client,
        outgoing,
        incoming,
        free_third_resource,
        rejection,
    }
}

impl Expected {
    /// Returns the difference to the expected answer; `None` if there is none.
    fn difference(&self, answer: &Answer, mark: &str) -> Option<String> {
        let code = || answer.json()["code"].as_str().unwrap_or_default().to_owned();
        let is_right = match self {
            Self::Status(status) => answer.status == *status,
            Self::Problem(status, expected) => answer.status == *status && code() == *expected,
            Self::Listed => answer.status == 200 && is_listed(answer, mark),
            Self::Has(text) => answer.status == 200 && answer.text.contains(text),
            Self::HasNot(text) => answer.status == 200 && !answer.text.contains(text),
            Self::NotListed => answer.status == 200 && !answer.text.contains(mark),
        };
        (!is_right).then(|| format!("expected {self:?}, got {} {}", answer.status, answer.text))
    }
}

/// True if the answer is a list that has a data entry with the text.
fn is_listed(answer: &Answer, mark: &str) -> bool {
    let data = answer.json()["data"].clone();
    data.as_array().is_some_and(|data| data.iter().any(|it: &Value| it.to_string().contains(mark)))
}
