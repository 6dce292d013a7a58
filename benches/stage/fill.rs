//! Puts many clients into a database at once. The secrets and their proofs are real; only the
//! events are left out, which a server does not read when it starts.

use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection, Postgres, QueryBuilder, Sqlite, SqliteConnection};
use tokend::app::Services;
use tokend::crypto::random;
use tokend::crypto::secret::suffix;
use tokend::model::client::ClientId;

use crate::load::Credentials;
use crate::stage::{INVOICES, ORDERS};

/// How many clients one statement writes.
const BATCH: usize = 500;

struct New {
    client_id: String,
    secret_id: String,
    secret: String,
    hash: String,
}

macro_rules! write {
    ($engine:ty, $connection:expr, $clients:expr, $grants:expr) => {{
        let mut transaction = $connection.begin().await.expect("a transaction");
        for batch in $clients.chunks(BATCH) {
            let mut rows = QueryBuilder::<$engine>::new(
                "INSERT INTO client (client_id, name, state, auth_methods, grant_types, created_at, updated_at) ",
            );
            rows.push_values(batch, |mut row, new| {
                row.push_bind(&new.client_id)
                    .push_bind("load")
                    .push_bind("active")
                    .push_bind("client_secret_basic client_secret_post")
                    .push_bind("client_credentials")
                    .push_bind(0_i64)
                    .push_bind(0_i64);
            });
            rows.build().execute(&mut *transaction).await.expect("clients");
            let mut rows = QueryBuilder::<$engine>::new(
                "INSERT INTO client_secret (secret_id, client_id, kind, hash, hint, label, created_at) ",
            );
            rows.push_values(batch, |mut row, new| {
                row.push_bind(&new.secret_id)
                    .push_bind(&new.client_id)
                    .push_bind("minted")
                    .push_bind(&new.hash)
                    .push_bind(suffix(&new.secret))
                    .push_bind("")
                    .push_bind(0_i64);
            });
            rows.build().execute(&mut *transaction).await.expect("secrets");
            for resource in $grants {
                let mut rows =
                    QueryBuilder::<$engine>::new("INSERT INTO client_grant (client_id, resource) ");
                rows.push_values(batch, |mut row, new| {
                    row.push_bind(&new.client_id).push_bind(*resource);
                });
                rows.build().execute(&mut *transaction).await.expect("grants");
            }
        }
        transaction.commit().await.expect("committed");
    }};
}

/// Makes so many clients, each with one secret and the first one or two grants.
pub async fn clients(
    services: &Services,
    database_url: &str,
    count: usize,
    grants: usize,
) -> Vec<Credentials> {
    let clients: Vec<New> = (0..count).map(|_| new(services)).collect();
    let grants = &[ORDERS, INVOICES][..grants];
    if database_url.starts_with("sqlite") {
        let mut connection = SqliteConnection::connect(database_url).await.expect("a connection");
        write!(Sqlite, connection, clients, grants);
        connection.close().await.expect("closed");
    } else {
        let mut connection = PgConnection::connect(database_url).await.expect("a connection");
        write!(Postgres, connection, clients, grants);
        // What autovacuum would have done by the time a server has so many clients.
        for table in ["client", "client_secret", "client_grant"] {
            let vacuum = sqlx::AssertSqlSafe(format!("VACUUM ANALYZE {table}"));
            sqlx::query(vacuum).execute(&mut connection).await.expect("vacuumed");
        }
        connection.close().await.expect("closed");
    }
    clients
        .into_iter()
        .map(|New { client_id, secret, .. }| Credentials { id: client_id, secret })
        .collect()
}

fn new(services: &Services) -> New {
    let client_id = random::identifier("cl_").expect("an id");
    let id = ClientId::parse(&client_id).expect("an id");
    let secret = services.vault.tag_key.mint(&id).expect("a secret");
    let hash = services.vault.hasher.hash(&secret).expect("a hash");
    New {
        client_id,
        secret_id: random::identifier("sec_").expect("an id"),
        secret: secret.expose_secret().to_owned(),
        hash: hash.as_phc().to_owned(),
    }
}
