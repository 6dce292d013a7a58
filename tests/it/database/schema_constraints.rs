//! Constraints of the schema itself, for any program.

use rstest::rstest;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tokend::model::security::KeySource;
use tokend::model::signing_key::Algorithm;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::keys::KeyPair;
use crate::support::process::Cli;
use crate::support::{Engine, INVOICES, ORDERS, Place, Server, client_id};

/// Tables that keep the id of a deleted client: its revocation, its rejections, and its ended
/// sessions.
const KEEP_IDS: [&str; 4] = ["revoked_client", "revoked_token", "refusal", "console_session"];

async fn run(place: &Place, sql: &str) -> Result<u64, sqlx::Error> {
    let sql = AssertSqlSafe(sql.to_owned());
    if place.database_url.starts_with("sqlite") {
        let mut database = SqliteConnection::connect(&place.database_url).await?;
        let done = sqlx::query(sql).execute(&mut database).await?;
        Ok(done.rows_affected())
    } else {
        let mut database = PgConnection::connect(&place.database_url).await?;
        let done = sqlx::query(sql).execute(&mut database).await?;
        Ok(done.rows_affected())
    }
}

/// Returns the texts of a query with one column.
async fn texts(place: &Place, sql: &str) -> Vec<String> {
    let sql = AssertSqlSafe(sql.to_owned());
    if place.database_url.starts_with("sqlite") {
        let mut database = SqliteConnection::connect(&place.database_url).await.expect("one");
        sqlx::query_scalar(sql).fetch_all(&mut database).await.expect("rows")
    } else {
        let mut database = PgConnection::connect(&place.database_url).await.expect("one");
        sqlx::query_scalar(sql).fetch_all(&mut database).await.expect("rows")
    }
}

/// Returns the tables that have a column with this name.
async fn tables_with(place: &Place, engine: Engine, column: &str) -> Vec<String> {
    let sql = match engine {
        Engine::Sqlite => format!(
            "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND c.name = '{column}' ORDER BY m.name"
        ),
        Engine::Postgres => format!(
            "SELECT table_name::TEXT FROM information_schema.columns
             WHERE table_schema = current_schema() AND column_name = '{column}'
             ORDER BY table_name"
        ),
    };
    texts(place, &sql).await
}

/// W-16: a value without a meaning, a row of an absent object, and a duplicate id.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_schema_rejects_what_has_no_meaning(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    cli.json(&["client", "create", "a", "--grant", ORDERS]);
    cli.json(&["client", "create", "b"]);
    for sql in [
        "UPDATE client SET state = 'paused'",
        "UPDATE client SET name = NULL",
        "UPDATE client SET client_id = 'a'",
        "UPDATE client_secret SET kind = 'guessed'",
        "UPDATE client_secret SET client_id = 'absent'",
        "UPDATE client_secret SET secret_id = 'x'",
        "UPDATE client_grant SET resource = 'https://absent.example.com'",
        "UPDATE resource_scope SET resource = 'https://absent.example.com'",
    ] {
        assert!(run(&cli.place, sql).await.is_err(), "the database takes: {sql}");
    }
    // The statements reach rows: a valid one succeeds.
    assert_eq!(run(&cli.place, "UPDATE client SET state = 'disabled'").await.expect("rows"), 2);
    if engine == Engine::Postgres {
        let sql = "UPDATE client SET created_at = 'yesterday'";
        assert!(run(&cli.place, sql).await.is_err(), "a text is taken for a number");
    }
}

/// W-18: no table has a row of a deleted client or resource, except tables that record the past.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_leaves_no_orphans(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let server = Server::start(engine).await;
    server.resource(INVOICES, &["invoices:read"]).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = server
        .new_client(|new| {
            new.client_id = Some(client_id("gone"));
            new.security.keys = Some(KeySource::Inline(
                tokend::model::security::KeySet::parse(&json!({ "keys": [key.jwk] }).to_string())
                    .expect("a key set"),
            ));
        })
        .await;
    let changes = json!({
        "labels": { "env": "prod" },
        "grants": [{ "resource": INVOICES, "scopes": ["invoices:read"] }, { "resource": ORDERS }],
    });
    let changed = api.call("PATCH", "/v1/clients/gone", Some(changes)).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let trust = json!({
        "issuer": "https://127.0.0.1:1", "audience": "a", "conditions": { "sub": "b" },
    });
    let made = api.call("POST", "/v1/clients/gone/trusts", Some(trust)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    server.ask_for(&client, &[("resource", ORDERS)]).await.token();
    server.usage(&client).await;

    let rows = async |column: &str, id: &str| -> Vec<String> {
        let mut found = Vec::new();
        for table in tables_with(&server.place, engine, column).await {
            let sql = format!("SELECT '{table}' FROM {table} WHERE {column} = '{id}'");
            found.extend(texts(&server.place, &sql).await);
        }
        found.dedup();
        found
    };
    let uses = "SELECT secret_id FROM secret_use WHERE secret_id NOT IN
        (SELECT secret_id FROM client_secret)";
    for table in ["client", "client_grant", "client_label", "client_secret", "client_trust"] {
        assert!(rows("client_id", "gone").await.contains(&table.to_owned()), "{table}");
    }
    assert_eq!(api.call("DELETE", "/v1/clients/gone", None).await.status, 204);
    let mut left = rows("client_id", "gone").await;
    left.retain(|table| !KEEP_IDS.contains(&table.as_str()));
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(texts(&server.place, uses).await, Vec::<String>::new());

    let other = server.new_client(|new| new.grants[0].resource = invoices()).await;
    assert_eq!(rows("resource", INVOICES).await, ["client_grant", "resource", "resource_scope"]);
    let path = "/v1/resources/https:%2F%2Finvoices.example.com";
    let deleted = api.call("DELETE", path, None).await;
    assert!(deleted.status < 300, "{}", deleted.text);
    assert_eq!(rows("resource", INVOICES).await, Vec::<String>::new());
    let shown = api.call("GET", &format!("/v1/clients/{}", other.id), None).await;
    assert_eq!(shown.json()["grants"], json!([]));
}

fn invoices() -> tokend::model::resource::ResourceId {
    tokend::model::resource::ResourceId::parse(INVOICES).expect("a resource")
}
