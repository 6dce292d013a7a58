//! Static claims: set by the command line, imports and the admin API; used in tokens and
//! introspection.

use rstest::rstest;
use serde_json::{Value, json};
use tokend::admin;
use tokend::admin::client::ClientUpdate;
use tokend::admin::client::claims::ClaimsChange;
use tokend::admin::facts::FactsUpdate;
use tokend::admin::grant::{GrantChange, ScopeChange};
use tokend::admin::resource::ResourceUpdate;
use tokend::model::owner::Owner;
use tokend::model::reserved_claims::OF_THE_SERVER;
use tokend::model::resource::ResourceId;
use tokend::model::static_claims::StaticClaims;

use crate::repository::readme::{Stage, blocks};
use crate::support::process::{Cli, Run};
use crate::support::{
    Answer, Engine, INVOICES, ORDERS, Server, TestClient, client_id, grant, operator,
};

fn claims(value: &Value) -> StaticClaims {
    StaticClaims::parse(&value.to_string()).expect("claims")
}

/// One claim of each JSON type.
fn every_type() -> Value {
    json!({
        "tenant": "acme", "beta": true, "limit": 5, "code": "5", "roles": ["reader", 7],
        "limits": { "orders": { "daily": -3 } },
    })
}

async fn set_claims(server: &Server, client: &TestClient, change: ClaimsChange) {
    let update = ClientUpdate { claims: Some(change), ..ClientUpdate::default() };
    let id = client_id(&client.id);
    let changed = admin::client::update(server.services(), &operator(), &id, update).await;
    assert!(changed.expect("a change").is_changed);
}

/// Returns the static claims of a token: all except the registered names.
async fn of_token(server: &Server, client: &TestClient, resource: &str) -> Value {
    let token = server.ask_for(client, &[("resource", resource)]).await.token();
    let mut claims = server.claims(&token).await;
    claims.as_object_mut().expect("claims").retain(|name, _| !OF_THE_SERVER.contains(&&**name));
    claims
}

/// Types are kept, a claim of a grant replaces one of the client, and other instances see the
/// change, also after a restart.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn tokens_carry_the_claims_of_client_and_grant(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    server.resource(INVOICES, &["invoices:read"]).await;
    let other = Server::at(server.place.clone(), server.clock.clone(), &[]).await;
    let client = server
        .new_client(|new| {
            new.claims = claims(&every_type());
            new.grants = vec![grant(ORDERS, None), grant(INVOICES, None)];
            new.grants[1].claims = claims(&json!({ "limits": { "invoices": 1 }, "region": "eu" }));
        })
        .await;
    let plain = server.client().await;
    other.catch_up().await;
    let mut merged = every_type();
    merged["limits"] = json!({ "invoices": 1 });
    merged["region"] = json!("eu");
    for instance in [&server, &other] {
        assert_eq!(of_token(instance, &client, ORDERS).await, every_type());
        assert_eq!(of_token(instance, &client, INVOICES).await, merged);
        assert_eq!(of_token(instance, &plain, ORDERS).await, json!({}));
    }

    set_claims(&server, &client, ClaimsChange::Replace(claims(&json!({ "tenant": "b" })))).await;
    let change = GrantChange {
        resource: ResourceId::parse(INVOICES).expect("a resource"),
        scopes: ScopeChange::Keep,
        networks: None,
        claims: Some(ClaimsChange::Edit {
            set: claims(&json!({ "tenant": "c" })),
            remove: vec!["limits".to_owned()],
        }),
    };
    let id = client_id(&client.id);
    admin::grant::change(server.services(), &operator(), &id, change).await.expect("a change");
    other.catch_up().await;
    let again = Server::at(server.place.clone(), server.clock.clone(), &[]).await;
    for instance in [&other, &again] {
        assert_eq!(of_token(instance, &client, ORDERS).await, json!({ "tenant": "b" }));
        let expected = json!({ "tenant": "c", "region": "eu" });
        assert_eq!(of_token(instance, &client, INVOICES).await, expected);
    }
    set_claims(&server, &client, ClaimsChange::Replace(StaticClaims::default())).await;
    server.catch_up().await;
    assert_eq!(of_token(&server, &client, ORDERS).await, json!({}));
}

fn owned_by(name: Option<&str>) -> FactsUpdate {
    let owner = name.map(|name| Owner::parse(name).expect("an owner"));
    FactsUpdate { owner: Some(owner), ..FactsUpdate::default() }
}

async fn set_owners(
    server: &Server,
    client: &TestClient,
    [resource, of_client]: [Option<&str>; 2],
) {
    let (orders, id) = (ResourceId::parse(ORDERS).expect("a resource"), client_id(&client.id));
    let update = ResourceUpdate { facts: owned_by(resource), ..ResourceUpdate::default() };
    let services = server.services();
    admin::resource::update(services, &operator(), &orders, update).await.expect("a change");
    let update = ClientUpdate { facts: owned_by(of_client), ..ClientUpdate::default() };
    admin::client::update(services, &operator(), &id, update).await.expect("a change");
    // A change of owner ends a grant between two owners, so the operator grants it again.
    let roles = claims(&json!({ "roles": ["reader"] }));
    let change = GrantChange {
        resource: orders,
        scopes: ScopeChange::Keep,
        networks: None,
        claims: Some(ClaimsChange::Replace(roles)),
    };
    admin::grant::change(services, &operator(), &id, change).await.expect("a grant");
    server.catch_up().await;
}

/// A team cannot write roles into the tokens for the API of another team.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_resource_of_another_owner_gets_the_claims_of_the_grant_alone(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server
        .new_client(|new| {
            new.claims = claims(&json!({ "tenant": "acme", "roles": ["admin"] }));
            new.grants[0].claims = claims(&json!({ "roles": ["reader"] }));
        })
        .await;
    let merged = json!({ "tenant": "acme", "roles": ["reader"] });
    let approved = json!({ "roles": ["reader"] });
    for (owners, expected) in [
        ([None, Some("sales")], &merged),
        ([Some("orders"), Some("sales")], &approved),
        ([Some("sales"), Some("sales")], &merged),
        ([Some("orders"), None], &approved),
        ([None, None], &merged),
    ] {
        set_owners(&server, &client, owners).await;
        assert_eq!(&of_token(&server, &client, ORDERS).await, expected, "{owners:?}");
        let again = Server::at(server.place.clone(), server.clock.clone(), &[]).await;
        assert_eq!(&of_token(&again, &client, ORDERS).await, expected, "{owners:?}");
    }
}

/// Introspection shows them next to the registered members; the headers for a gateway are
/// unchanged.
#[tokio::test(flavor = "multi_thread")]
async fn introspection_shows_the_claims_and_a_gateway_does_not() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.new_client(|new| new.claims = claims(&every_type())).await;
    let token = server.ask(&client).await.token();
    let answer = server.post("/v1/oauth/introspect", &client, &[("token", &token)]).await.json();
    let mut expected = server.claims(&token).await;
    expected["active"] = json!(true);
    expected["token_type"] = json!("Bearer");
    assert_eq!(answer, expected);
    assert_eq!(answer["limits"], every_type()["limits"]);
    let path = format!("/v1/oauth/check?resource={ORDERS}");
    let request = server.http.get(server.url(&path)).bearer_auth(&token);
    let checked = Answer::of(request).await;
    assert_eq!(checked.status, 204, "{checked:?}");
    assert!(!format!("{checked:?}").contains("acme"), "{checked:?}");
}

async fn cli_with_resource(engine: Engine) -> Cli {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    cli
}

fn admin_code(run: &Run) -> String {
    assert_eq!(run.code, 2, "{run:?}");
    let problem: Value = serde_json::from_str(run.stderr.trim()).expect("a problem");
    problem["admin_code"].as_str().expect("a code").to_owned()
}

/// Claims are set, shown, changed and removed; the event has the old and the new value.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_sets_shows_and_removes_claims(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = cli_with_resource(engine).await;
    let made = cli.json(&[
        "client",
        "create",
        "a",
        "--grant",
        ORDERS,
        "--claim",
        "tenant=acme",
        "--claim",
        "roles=[\"reader\"]",
    ]);
    assert_eq!(made["claims"], json!({ "tenant": "acme", "roles": ["reader"] }));
    let shown = cli.run(&["client", "show", "a"]).stdout;
    assert!(shown.contains("roles=[\"reader\"]") && shown.contains("tenant=\"acme\""), "{shown}");
    let update = ["client", "update", "a", "--claim", "limit=5", "--remove-claim", "roles"];
    assert_eq!(cli.json(&update)["claims"], json!({ "tenant": "acme", "limit": 5 }));
    let newest = cli.json(&["audit", "list", "--limit", "1"])[0].clone();
    assert_eq!(newest["action"], "client.updated");
    let was = json!({ "claims": { "tenant": "acme", "roles": ["reader"] } });
    let is = json!({ "claims": { "tenant": "acme", "limit": 5 } });
    assert_eq!((&newest["detail"]["was"], &newest["detail"]["is"]), (&was, &is));

    let granted = cli.json(&["client", "grant", "a", "--resource", ORDERS, "--claim", "limit=9"]);
    assert_eq!(granted["claims"], json!({ "limit": 9 }));
    let newest = cli.json(&["audit", "list", "--limit", "1"])[0].clone();
    assert_eq!(newest["action"], "grant.changed");
    assert_eq!(newest["detail"]["is"]["claims"], json!({ "limit": 9 }));
    let shown = cli.json(&["client", "show", "a"]);
    assert_eq!(shown["grants"][0]["claims"], json!({ "limit": 9 }));
    let same = cli.json(&["client", "grant", "a", "--resource", ORDERS, "--claim", "limit=9"]);
    assert_eq!(same["changed"], false, "{same}");
    let missing = cli.run(&["client", "update", "a", "--remove-claim", "nope"]);
    assert_eq!(missing.code, 4, "{missing:?}");
    let both = cli.run(&["client", "update", "a", "--claim", "x=1", "--remove-claim", "x"]);
    assert_eq!(both.code, 2, "{both:?}");
}

/// Tests each reserved name, and the bounds that a client and a grant share.
#[tokio::test(flavor = "multi_thread")]
async fn reserved_names_and_too_large_claims_are_rejected() {
    let cli = cli_with_resource(Engine::Sqlite).await;
    cli.json(&["client", "create", "a", "--grant", ORDERS]);
    let set = |claim: &str| cli.run(&["client", "update", "a", "--claim", claim, "-o", "json"]);
    for name in ["scope", "evt", "active", "SUB", "test", "vct#"] {
        let expected = if name == "vct#" { 0 } else { 2 };
        assert_eq!(set(&format!("{name}=x")).code, expected, "{name}");
    }
    assert_eq!(admin_code(&set("iss=x")), "claim_reserved");
    assert_eq!(admin_code(&set("rate=0.5")), "claim_invalid");
    assert_eq!(admin_code(&set(&format!("big={}", "x".repeat(1100)))), "claim_limit_exceeded");
    assert_eq!(set(&format!("half={}", "x".repeat(600))).code, 0);
    let other = format!("other={}", "x".repeat(600));
    let grant = ["client", "grant", "a", "--resource", ORDERS, "-o", "json", "--claim", &other];
    assert_eq!(admin_code(&cli.run(&grant)), "claim_limit_exceeded");
    let replaced = format!("half={}", "y".repeat(600));
    let grant = ["client", "grant", "a", "--resource", ORDERS, "-o", "json", "--claim", &replaced];
    assert_eq!(cli.run(&grant).code, 0, "a grant replaces a claim of the same name");
}

/// The preview equals the next token and writes no event.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_preview_equals_the_next_token(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = cli_with_resource(engine).await;
    cli.json(&["client", "create", "a", "--grant", ORDERS, "--claim", "tenant=acme"]);
    cli.json(&["client", "grant", "a", "--resource", ORDERS, "--claim", "roles=[\"reader\"]"]);
    // The first command that issues a token creates the signing keys, with events.
    cli.json(&["token", "issue", "--client", "a"]);
    let count = || cli.json(&["audit", "list", "--limit", "100"]).as_array().map_or(0, Vec::len);
    let before = count();
    let mut preview =
        cli.json(&["token", "preview", "a", "--resource", ORDERS, "--scope", "orders:read"]);
    assert_eq!(count(), before);
    let token = cli.json(&["token", "issue", "--client", "a", "--scope", "orders:read"]);
    let token = token["access_token"].as_str().expect("a token").to_owned();
    let mut issued = cli.json_with(&["token", "verify", "-"], &token)["claims"].clone();
    assert_eq!(preview["tenant"], "acme");
    assert_eq!(preview["roles"], json!(["reader"]));
    for name in ["jti", "iat", "exp"] {
        assert!(!preview[name].is_null(), "{preview}");
        preview[name] = json!(null);
        issued[name] = json!(null);
    }
    assert_eq!(preview, issued);
    let inspected = cli.json_with(&["token", "inspect", "-"], &token);
    assert_eq!(inspected["claims"]["tenant"], "acme");

    let refused = cli.run(&["token", "preview", "a", "--scope", "orders:write"]);
    assert!(refused.code == 1 && refused.stderr.contains("orders:write"), "{refused:?}");
    assert_eq!(cli.run(&["token", "preview", "nobody"]).code, 4);
}

/// An import sets claims, an update replaces them, and a wrong one names its line.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_import_sets_and_replaces_claims(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = cli_with_resource(engine).await;
    let line = |claims: Value, of_grant: Value| {
        let grants = json!([{ "resource": ORDERS, "claims": of_grant }]);
        json!({ "client_id": "a", "client_secret": "a-secret", "grants": grants, "claims": claims })
            .to_string()
    };
    cli.json_with(&["client", "import", "-"], &line(every_type(), json!({ "region": "eu" })));
    let shown = cli.json(&["client", "show", "a"]);
    assert_eq!(
        (&shown["claims"], &shown["grants"][0]["claims"]),
        (&every_type(), &json!({ "region": "eu" }))
    );
    let update = ["client", "import", "-", "--update"];
    cli.json_with(&update, &line(json!({ "tenant": "b" }), json!({})));
    let shown = cli.json(&["client", "show", "a"]);
    assert_eq!(shown["claims"], json!({ "tenant": "b" }));
    let half = "x".repeat(600);
    for (claims, of_grant, words) in [
        (json!({ "scope": "all" }), json!({}), "line 1: claims: claim 'scope' is reserved"),
        (json!({ "a": [0.5] }), json!({}), "0.5 is not a whole number"),
        (json!({}), json!({ "a": null }), "grants[0].claims: claim 'a' is or contains null"),
        (json!({ "a": half }), json!({ "b": half }), "line 1: "),
    ] {
        let run = cli.run_with(&update, &line(claims, of_grant));
        assert!(run.code != 0 && run.stderr.contains(words), "{words}: {run:?}");
    }
    assert_eq!(cli.json(&["client", "show", "a"])["claims"], json!({ "tenant": "b" }));
}

/// The first commands of the page print the output shown, and a stock verifier reads the claims.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_the_page_works() {
    let (mut stage, _cli) = Stage::set().await;
    let [commands] = &blocks("docs/claims.md", "sh")[..] else { panic!("other commands") };
    let [shown] = &blocks("docs/claims.md", "json")[..] else { panic!("other samples") };
    let [reader] = &blocks("docs/claims.md", "python")[..] else { panic!("other samples") };
    let printed = stage.shell(commands);
    let preview = &printed[printed.find("\n{").expect("a preview")..];
    let stable = |text: &str| {
        let mut claims: Value = serde_json::from_str(text).expect("JSON");
        for name in ["iss", "iat", "exp", "jti", "evt"] {
            assert!(!claims[name].take().is_null(), "{name} in {text}");
        }
        claims
    };
    assert_eq!(stable(preview), stable(shown));

    let token = stage.shell("tokend token issue --client acme-orders");
    let issuer = stage.dev.issuer.clone();
    stage.set_variable("ISSUER", &issuer);
    stage.set_variable("TOKEN", token.trim());
    let python = stage.link_node_modules().join("python/bin/python");
    assert_eq!(stage.run(&python, &[], reader).trim(), "acme ['reader']");
}
