//! The program as a process: starting, stopping and being killed.

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::eventually::eventually;
use crate::support::process::Cli;
use crate::support::reserved_port::ReservedPort;
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, ORDERS, Place, client};

/// Creates a client on the command line; returns its id and secret.
fn make_client(cli: &Cli) -> (String, String) {
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    let made = cli.json(&["client", "create", "worker", "--grant", ORDERS]);
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    (text("client_id"), text("client_secret"))
}

pub async fn ask(base: &str, id: &str, secret: &str) -> Answer {
    Answer::of(
        client()
            .post(format!("{base}/v1/oauth/token"))
            .basic_auth(id, Some(secret))
            .form(&CLIENT_CREDENTIALS),
    )
    .await
}

/// SECURITY 17: readiness fails at once, requests in flight finish, the exit code is 0.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_finishes_what_was_begun(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await.set("TOKEND_SHUTDOWN_DELAY", "5s");
    let (id, secret) = make_client(&cli);
    let mut server = cli.serve().await;
    // A request with a body in transfer, and a peer that sends nothing.
    let address = server.base.trim_start_matches("http://").to_owned();
    let mut slow = TcpStream::connect(&address).await.expect("a connection");
    let _silent = TcpStream::connect(&address).await.expect("a connection");
    let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let head = format!(
        "POST /v1/oauth/token HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.expect("written");
    tokio::time::sleep(Duration::from_millis(100)).await;

    server.signal("TERM");
    let ready = eventually("a readiness that fails", async || {
        let answer = Answer::of(client().get(format!("{}/readyz", server.base))).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!((ready.status, ready.json()["status"].as_str()), (503, Some("stopping")));
    // Requests are still accepted while load balancers notice the stop.
    ask(&server.base, &id, &secret).await.token();
    slow.write_all(body.as_bytes()).await.expect("written");
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.ended().await, Some(0), "{}", server.log());
    // The silent peer has not delayed the stop.
    assert!(!server.log().contains("shutdown.drain"), "{}", server.log());
}

/// Sends a whole request on its own connection. Returns `None` if the connection was refused.
async fn exchange(address: &str, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let mut answer = Vec::new();
    if stream.write_all(request.as_bytes()).await.is_ok() {
        let _ = stream.read_to_end(&mut answer).await;
    }
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// SECURITY 17: a request on an accepted connection is answered, even if the connection was
/// accepted just before the listener closed.
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_leaves_no_accepted_request_without_an_answer() {
    let cli = Cli::new(Engine::Sqlite).await.set("TOKEND_SHUTDOWN_DELAY", "200ms");
    let (id, secret) = make_client(&cli);
    let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let request = format!(
        "POST /v1/oauth/token HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (mut answered, mut lost) = (0, 0);
    for _ in 0..3 {
        let mut server = cli.serve().await;
        let address: Arc<str> = server.base.trim_start_matches("http://").into();
        let request: Arc<str> = request.as_str().into();
        let asking = (0..8).map(|_| {
            let (address, request) = (address.clone(), request.clone());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while let Some(answer) = exchange(&address, &request).await {
                    answers.push(answer.starts_with("HTTP/1.1 200"));
                }
                answers
            })
        });
        let asking: Vec<_> = asking.collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.signal("TERM");
        for asked in asking {
            let answers = asked.await.expect("no panic");
            answered += answers.iter().filter(|is_answered| **is_answered).count();
            lost += answers.iter().filter(|is_answered| !**is_answered).count();
        }
        assert_eq!(server.ended().await, Some(0), "{}", server.log());
    }
    // The kernel may complete a handshake while the listener closes: the server has not accepted
    // that connection.
    assert!(answered > 100 && lost <= 3, "{lost} of {answered} were lost");
}

/// SECURITY 17: acknowledged changes survive `kill -9`, and so do the signing key and tokens.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_nothing_that_was_acknowledged(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    let mut server = cli.serve().await;
    let (id, secret) = make_client(&cli);
    let token = eventually("the new client", async || {
        let answer = ask(&server.base, &id, &secret).await;
        (answer.status == 200).then(|| answer.token())
    })
    .await;
    server.signal("KILL");
    server.ended().await;
    let again = cli.serve().await;
    ask(&again.base, &id, &secret).await.token();
    // The second server has another address, and therefore another issuer.
    let first = Cli::at(cli.place.clone()).set("TOKEND_ISSUER", &server.base);
    assert_eq!(first.run_with(&["token", "verify", "-"], &token).code, 0, "the key is lost");
    assert_eq!(cli.run(&["audit", "verify"]).code, 0);
}

/// Several instances that start at once on an empty database agree on one schema and one key.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn several_first_starts_at_once_agree(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Arc::new(Place::new(engine).await);
    let clis: Vec<_> = (0..4).map(|_| Cli::at(place.clone())).collect();
    let servers = [clis[0].serve(), clis[1].serve(), clis[2].serve(), clis[3].serve()];
    let [one, two, three, four] = servers;
    let servers = tokio::join!(one, two, three, four);
    let mut sets = Vec::new();
    for server in [&servers.0, &servers.1, &servers.2, &servers.3] {
        let url = format!("{}/.well-known/jwks.json", server.base);
        // An instance may have to wait for the key that another one created.
        let set = eventually("a key", async || {
            let set = Answer::of(client().get(&url)).await.text;
            set.contains("kid").then_some(set)
        });
        sets.push(set.await);
    }
    assert!(sets.iter().all(|set| *set == sets[0]), "{sets:?}");
    let keys = clis[0].json(&["key", "list"]);
    assert_eq!(keys.as_array().expect("a list").len(), 1, "{keys}");
}

/// With SQLite the first start creates the master key, readable only by its owner.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_makes_its_own_master_key_and_rejects_another() {
    use std::os::unix::fs::PermissionsExt;
    let cli = Cli::without_database(Engine::Sqlite).await.unset("TOKEND_MASTER_KEY");
    let mut first = cli.serve().await;
    first.signal("TERM");
    assert_eq!(first.ended().await, Some(0));
    let (id, secret) = make_client(&cli);
    let path = cli.place.folder.path().join("master.key");
    let mode = std::fs::metadata(&path).expect("the key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = std::fs::read_to_string(&path).expect("the key");
    let mut server = cli.serve().await;
    ask(&server.base, &id, &secret).await.token();
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));

    let other = Cli::at(cli.place.clone());
    let run = other.run(&["serve"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("is not the one this database was sealed with"), "{run:?}");
    assert_eq!(other.run(&["client", "disable", &id]).code, 3);
    assert_eq!(other.run(&["client", "list"]).code, 0, "reading needs no master key");

    // With both keys, the new one first, a rotation seals everything again, and the old key can be
    // removed.
    let new = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    let both =
        Cli::at(cli.place.clone()).set("TOKEND_MASTER_KEY", &format!("{new},{}", key.trim()));
    assert_eq!(both.run(&["client", "enable", &id]).code, 0);
    let only_new = Cli::at(cli.place.clone()).set("TOKEND_MASTER_KEY", new);
    assert_eq!(only_new.run(&["serve"]).code, 3, "another command has sealed the keys again");
    let run = both.run(&["master-key", "rotate"]);
    assert_eq!(run.code, 0, "{run:?}");
    let server = only_new.serve().await;
    ask(&server.base, &id, &secret).await.token();
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_without_a_master_key_is_rejected_with_the_command_that_makes_one() {
    let cli = Cli::new(Engine::Postgres).await.unset("TOKEND_MASTER_KEY");
    let run = cli.run(&["serve"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("openssl rand -base64 32"), "{run:?}");
}

/// A schema newer than the program stops the start; an older one stops it if it may not migrate.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_does_not_fit_stops_the_start(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let checking = Cli::without_database(engine).await.set("TOKEND_DATABASE_MIGRATE", "check");
    let run = checking.run(&["serve"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("run `tokend migrate`"), "{run:?}");
    let migrated = checking.json(&["migrate"]);
    let newest = tokend::store::schema::NEWEST;
    assert_eq!((migrated["before"].as_i64(), migrated["schema"].as_i64()), (Some(0), Some(newest)));
    assert_eq!(checking.run(&["client", "list"]).code, 0);

    let url = &checking.place.database_url;
    let newer =
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (999, 'from the future', TRUE, '', 0)";
    execute(engine, url, newer).await;
    for command in [&["serve"][..], &["client", "list"], &["migrate"]] {
        let run = checking.run(command);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stderr.contains("has schema 999"), "{run:?}");
    }
}

/// Runs a statement that tokend would never run.
pub async fn execute(engine: Engine, url: &str, sql: &'static str) {
    use sqlx::Connection;
    match engine {
        Engine::Sqlite => {
            let mut connection = sqlx::SqliteConnection::connect(url).await.expect("a connection");
            sqlx::query(sql).execute(&mut connection).await.expect("a change");
            connection.close().await.expect("a clean end");
        }
        Engine::Postgres => {
            let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
            sqlx::query(sql).execute(&mut connection).await.expect("a change");
            connection.close().await.expect("a clean end");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_of_health_reports_the_state_of_the_server() {
    let cli = Cli::new(Engine::Sqlite).await;
    let server = cli.serve().await;
    let listen = server.base.trim_start_matches("http://").to_owned();
    let health = Cli::at(cli.place.clone()).set("TOKEND_LISTEN", &listen);
    for arguments in [&["health"][..], &["health", "--live"]] {
        assert_eq!(health.run(arguments).code, 0);
    }
    drop(server);
    let run = health.run(&["health"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("cannot connect"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_and_an_unwritable_folder_are_reported_with_the_remedy() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let cli = Cli::new(Engine::Sqlite).await.set("TOKEND_LISTEN", &address);
    let run = cli.run(&["serve"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("is taken by another process"), "{run:?}");
    assert!(run.stderr.contains("TOKEND_LISTEN=127.0.0.1:"), "{run:?}");

    // No user can create a folder below a file, not even root.
    let file = cli.place.folder.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let below = file.join("data").display().to_string();
    let cli =
        Cli::new(Engine::Sqlite).await.unset("TOKEND_DATABASE_URL").set("TOKEND_DATA_DIR", &below);
    let run = cli.run(&["client", "list"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("E-DATA-NOT-WRITABLE"), "{run:?}");
    assert!(run.stderr.contains("TOKEND_DATA_DIR"), "{run:?}");
}

/// The exit code is 7, and the message has the cause, not only a timeout.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_exist_is_reported_with_its_cause() {
    let nobody = ReservedPort::new();
    let url = format!("postgres://tokend:hunter2@{}/tokend", nobody.address);
    let cli = Cli::new(Engine::Sqlite).await.set("TOKEND_DATABASE_URL", &url);
    for command in [&["serve"][..], &["client", "list"]] {
        let run = cli.run(command);
        assert_eq!(run.code, 7, "{run:?}");
        assert!(run.stderr.contains("refused") && run.stderr.contains("database.url"), "{run:?}");
        assert!(!run.stderr.contains("hunter2"), "{run:?}");
    }
}
