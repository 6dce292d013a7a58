//! The rows that clients are searched by. Triggers maintain them.

use sqlx::{Connection, Executor, PgConnection};

use crate::support::Engine;
use crate::support::process::Cli;

/// Many clients, with ids in random order.
const MANY: &str = "
    INSERT INTO client (client_id, name, state, auth_methods, grant_types, created_at, updated_at)
    SELECT 'cl_' || md5(place::TEXT), 'load', 'active', 'client_secret_basic',
        'client_credentials', 0, 0
    FROM generate_series($1, $2) AS place";

/// A search row that becomes long is written anew from its own clients. Postgres counts what a
/// transaction reads.
#[tokio::test(flavor = "multi_thread")]
async fn new_clients_on_postgres_read_only_their_neighbors() {
    let cli = Cli::new(Engine::Postgres).await;
    cli.json(&["migrate"]);
    let mut database = PgConnection::connect(&cli.place.database_url).await.expect("one");
    let many = sqlx::query(MANY).bind(1).bind(4_000);
    database.execute(many).await.expect("clients");

    let mut change = database.begin().await.expect("a transaction");
    let rows_before: i64 = count(&mut change, "SELECT COUNT(*) FROM client_search").await;
    let more = sqlx::query(MANY).bind(4_001).bind(6_000);
    change.execute(more).await.expect("clients");
    let rows_after: i64 = count(&mut change, "SELECT COUNT(*) FROM client_search").await;
    let read = "SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'client'";
    let read: i64 = count(&mut change, read).await;
    assert!(rows_after > rows_before, "some rows were written anew");
    assert!(read < 20_000, "2,000 new clients read {read}");
}

async fn count(database: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(database).await.expect("a number")
}
