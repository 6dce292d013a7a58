//! A database like that of a large organization, filled only by SQL: `benches/commands.sql`.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

const STATEMENTS: &str = include_str!("../../../../benches/commands.sql");

/// Fills a database with the newest schema with this number of clients. `now` is a Unix time in
/// seconds.
pub async fn fill(url: &str, clients: u32, now: i64) {
    let text = STATEMENTS.replace("{clients}", &clients.to_string());
    let text = text.replace("{now}", &now.to_string());
    let statements = text.split(";\n").map(str::trim).filter(|sql| !sql.is_empty());
    let all: Vec<_> = ["BEGIN"].into_iter().chain(statements).chain(["COMMIT"]).collect();
    if url.starts_with("sqlite") {
        let mut database = SqliteConnection::connect(url).await.expect("a connection");
        for sql in ["PRAGMA synchronous = off", "PRAGMA cache_size = -500000"] {
            database.execute(sql).await.expect("a setting");
        }
        for sql in all {
            database.execute(AssertSqlSafe(sql)).await.expect("a statement");
        }
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").await.expect("a checkpoint");
        database.close().await.expect("a clean end");
    } else {
        let mut database = PgConnection::connect(url).await.expect("a connection");
        for sql in all {
            database.execute(AssertSqlSafe(sql)).await.expect("a statement");
        }
        database.execute("VACUUM ANALYZE").await.expect("statistics");
        database.close().await.expect("a clean end");
    }
}
