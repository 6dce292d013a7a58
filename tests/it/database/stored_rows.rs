//! Rows of the database: a change reads its own writes, and a client that was registered by older
//! rules stays readable.

use rstest::rstest;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use tokend::admin;
use tokend::admin::client::{ClientUpdate, NewClient};
use tokend::model::client::{ClientName, ClientState};
use tokend::model::event::{Action, EventSubject};
use tokend::model::secret::{SecretHash, SecretId, SecretKind, SecretRecord};
use tokend::model::time::Lifetime;
use tokend::services::audited_change::AuditedChange;
use tokend::store::StoreError;

use crate::support::process::Cli;
use crate::support::{Engine, ORDERS, Place, Server, client_id, grant, now, operator};

async fn execute(place: &Place, sql: &'static str) {
    if place.database_url.starts_with("sqlite") {
        let mut database = SqliteConnection::connect(&place.database_url).await.expect("one");
        database.execute(sql).await.expect("a change");
        database.close().await.expect("closed");
    } else {
        let mut database = PgConnection::connect(&place.database_url).await.expect("one");
        database.execute(sql).await.expect("a change");
        database.close().await.expect("closed");
    }
}

/// D1: reads through the store do not see the writes of an open change.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_change_reads_what_it_has_written(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let services = server.services();
    let known = server.client().await;
    let template = services.store.registration(&client_id(&known.id)).await.expect("an answer");
    let mut client = template.expect("a client").client;
    client.client_id = client_id("written-just-now");
    let id = client.client_id.clone();
    let (secret_id, hash) = (SecretId::parse("sec_1").expect("an id"), SecretHash::from_phc("$x"));
    let secret = SecretRecord {
        suffix: "abc".to_owned(),
        label: "tab\tand\nline break".to_owned(),
        ..SecretRecord::new(secret_id, SecretKind::Imported, hash, now())
    };
    let mut change = AuditedChange::begin(services, operator().actor()).await.expect("a change");
    change.transaction.create_client(&client).await.expect("written");
    change.transaction.add_secret(&id, &secret).await.expect("written");
    let orders = grant(ORDERS, Some("orders:read"));
    change.transaction.put_grant(&id, &orders).await.expect("written");
    let read = change.read().registration(&id).await.expect("an answer").expect("the client");
    assert_eq!(read.client.security, client.security);
    assert_eq!(read.grants, [orders]);
    assert_eq!(read.secrets.len(), 1);
    assert_eq!(read.secrets[0].label, secret.label, "control characters are only text");
    client.name = ClientName::parse("Changed").expect("a name");
    assert!(change.transaction.update_client(&client).await.expect("written"));
    let read = change.read().registration(&id).await.expect("an answer").expect("the client");
    assert_eq!(read.client.name.as_str(), "Changed");
    let outside = services.store.registration(&id).await.expect("an answer");
    assert!(outside.is_none(), "it has not been committed");
    drop(change);
    assert!(services.store.registration(&id).await.expect("an answer").is_none());
}

/// The pages contain each client exactly once, with all its child rows.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn pages_contain_each_client_once_with_its_child_rows(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    server.resource("https://invoices.example.com", &[]).await;
    let grants = ["https://invoices.example.com", ORDERS].map(|uri| grant(uri, None));
    for name in ["a", "b-1", "b_2", "B", "c"] {
        let new = |new: &mut NewClient| {
            new.client_id = Some(client_id(name));
            new.grants = grants.to_vec();
        };
        server.new_client(new).await;
    }
    let store = &server.services().store;
    let (mut pages, mut seen) = (store.all_clients(2), Vec::new());
    while let Some(page) = pages.next().await.expect("a page") {
        assert!((1..=2).contains(&page.len()));
        for (id, client) in page {
            let client = client.expect("a client");
            let held: Vec<_> = client.grants.into_iter().map(|held| held.grant).collect();
            assert_eq!((client.secrets.len(), &held[..]), (1, &grants[..]), "{id}");
            seen.push(id);
        }
    }
    seen.sort();
    assert_eq!(seen, ["B", "a", "b-1", "b_2", "c"]);
}

/// A start that cannot read everything must fail: the clients of missing pages would get no tokens.
#[rstest]
#[case::of_clients("ALTER TABLE client RENAME COLUMN token_rate TO renamed")]
#[case::of_child_rows("ALTER TABLE client_spiffe_trust RENAME TO renamed")]
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_read_is_not_the_end_of_the_pages(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] breaking: &'static str,
) {
    let server = Server::start(engine).await;
    for name in ["a", "b", "c"] {
        server.new_client(|new| new.client_id = Some(client_id(name))).await;
    }
    execute(&server.place, breaking).await;
    let mut pages = server.services().store.all_clients(1);
    let error = loop {
        match pages.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the end of the pages"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Failed(_)), "{error}");
}

/// D1: registration is strict, reading is lenient. Registration rejects each of these values today.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_todays_rules_would_reject_stays_usable(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let id = client_id("from-before");
    let known = server.new_client(|new| new.client_id = Some(id.clone())).await;
    execute(
        &server.place,
        "UPDATE client SET name = ' ', networks = '127.0.0.1/8', token_lifetime = 0,
            grant_types = 'client_credentials of_an_older_release',
            jwks_uri = 'http://keys.example/', tls_subject = 'subject_dn=not a name',
            assertion_audiences = 'urn:example:audience'
        WHERE client_id = 'from-before'",
    )
    .await;
    execute(
        &server.place,
        "UPDATE client_grant SET networks = '127.0.0.1/8' WHERE client_id = 'from-before'",
    )
    .await;
    execute(
        &server.place,
        "INSERT INTO client_trust
            (trust_id, client_id, issuer, audience, conditions, created_at)
        VALUES ('tru_1', 'from-before', 'https://ci.example', 'https://id.example',
            '{\"repository_owner\":\"acme\"}', 0)",
    )
    .await;
    let restarted = Server::at(server.place.clone(), server.clock.clone(), &[]).await;
    assert_eq!(restarted.ask(&known).await.status, 200);
    let read = restarted.services().store.registration(&id).await.expect("an answer");
    let read = read.expect("a client");
    assert_eq!(read.client.token_lifetime.map(Lifetime::seconds), Some(1));
    assert_eq!(read.client.security.networks.to_string(), "127.0.0.0/8");
    assert_eq!(
        read.trusts[0].conditions.iter().next().map(|(claim, _)| claim),
        Some("repository_owner")
    );
    // It can be changed too: only changed members are validated.
    let name = Some(ClientName::parse("Renamed").expect("a name"));
    let update = ClientUpdate { name, ..ClientUpdate::default() };
    let changed = admin::client::update(restarted.services(), &operator(), &id, update).await;
    changed.expect("a change");
    restarted.catch_up().await;
    assert_eq!(restarted.ask(&known).await.status, 200);
}

/// D1: a meaningless row stops the tokens of its own client, and of no other client.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_row_affects_only_its_own_client(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    // One client for each damage, and an intact one.
    const DAMAGE: [&str; 6] = [
        "UPDATE client SET auth_methods = 'client_secret_smoke' WHERE client_id = 'method'",
        "UPDATE client SET token_rate = 'often' WHERE client_id = 'rate'",
        "UPDATE client SET networks = 'here' WHERE client_id = 'network'",
        "UPDATE client SET tls_subject = 'nickname=x' WHERE client_id = 'subject'",
        "UPDATE client_grant SET networks = '10.0.0.0/99' WHERE client_id = 'grant'",
        "INSERT INTO client_trust (trust_id, client_id, issuer, audience, conditions, created_at)
            VALUES ('tru_1', 'trust', 'https://ci.example', 'https://id.example', '{\"sub\"', 0)",
    ];
    const DAMAGED: [&str; 6] = ["method", "rate", "network", "subject", "grant", "trust"];
    let server = Server::start(engine).await;
    let mut clients = Vec::new();
    for id in DAMAGED.iter().chain(["whole"].iter()) {
        clients.push(server.new_client(|new| new.client_id = Some(client_id(id))).await);
    }
    for sql in DAMAGE {
        execute(&server.place, sql).await;
    }
    let restarted = Server::at(server.place.clone(), server.clock.clone(), &[]).await;
    let whole = clients.pop().expect("a client");
    for client in &clients {
        restarted.ask(client).await.assert_rejected(401, "invalid_client");
    }
    restarted.ask(&whole).await.token();

    // An event about such a client does not delay the following ones.
    let (services, operator) = (restarted.services(), operator());
    let mut change = AuditedChange::begin(services, operator.actor()).await.expect("a change");
    let subject = EventSubject::Client(client_id("rate"));
    change.record(Action::ClientUpdated, subject, json!({})).await.expect("recorded");
    change.commit().await.expect("committed");
    let (id, state) = (client_id(&whole.id), ClientState::Disabled);
    admin::client::set_state(services, &operator, &id, state, None).await.expect("disabled");
    restarted.catch_up().await;
    restarted.ask(&whole).await.assert_rejected(401, "invalid_client");

    // After the repair, it gets tokens again.
    let repair = "UPDATE client SET networks = NULL WHERE client_id = 'network'";
    execute(&restarted.place, repair).await;
    let restarted = Server::at(server.place.clone(), server.clock.clone(), &[]).await;
    restarted.ask(&clients[2]).await.token();
}

/// A meaningless row of a resource stops the tokens of that resource, and nothing else.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_row_affects_only_its_own_resource(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    const DAMAGE: [&str; 4] = [
        "UPDATE resource SET signing_algorithm = 'none' WHERE resource = 'urn:example:algorithm'",
        "UPDATE resource SET token_typ = 'a typ' WHERE resource = 'urn:example:typ'",
        "UPDATE resource SET labels = '{\"team' WHERE resource = 'urn:example:labels'",
        "UPDATE resource SET signed_before = 'smoke' WHERE resource = 'urn:example:before'",
    ];
    const DAMAGED: [&str; 4] =
        ["urn:example:algorithm", "urn:example:typ", "urn:example:labels", "urn:example:before"];
    let server = Server::start(engine).await;
    for uri in DAMAGED {
        server.resource(uri, &["read"]).await;
    }
    let grants: Vec<_> = DAMAGED.iter().chain([&ORDERS]).map(|uri| grant(uri, None)).collect();
    let client = server.new_client(|new| new.grants = grants).await;
    for sql in DAMAGE {
        execute(&server.place, sql).await;
    }
    let restarted = Server::at(server.place.clone(), server.clock.clone(), &[]).await;
    restarted.ask_for(&client, &[("resource", ORDERS)]).await.token();
    for uri in DAMAGED {
        let answer = restarted.ask_for(&client, &[("resource", uri)]).await;
        answer.assert_rejected(400, "invalid_target");
    }
    let metrics = restarted.http.get(format!("{}/metrics", restarted.management));
    let metrics = metrics.send().await.expect("an answer").text().await.expect("a text");
    assert!(metrics.contains("tokend_resources_unreadable 4"), "{metrics}");

    // An event about such a resource does not delay the following ones.
    restarted.resource("urn:example:new", &["read"]).await;
    restarted.catch_up().await;
    restarted.ask_for(&client, &[("resource", ORDERS)]).await.token();

    // The doctor names the rows. After the repair, the resource has tokens again.
    let doctor = Cli::at(server.place.clone()).run(&["doctor", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&doctor.stdout).expect("JSON");
    let finding = report["checks"].as_array().into_iter().flatten();
    let finding = finding.clone().find(|check| check["code"] == "stored_resources");
    let finding = finding.unwrap_or_else(|| panic!("{report:#}"));
    assert_eq!(finding["state"], "error", "{finding}");
    for uri in DAMAGED {
        assert!(finding.to_string().contains(uri), "{finding}");
    }
    let repair = "UPDATE resource SET token_typ = NULL WHERE resource = 'urn:example:typ'";
    execute(&server.place, repair).await;
    let restarted = Server::at(server.place.clone(), server.clock.clone(), &[]).await;
    restarted.ask_for(&client, &[("resource", "urn:example:typ")]).await.token();
}
