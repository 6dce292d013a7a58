//! `make soak`: a fleet under load for a given time, with every event of a year of operation.
//! Nothing fails except injected faults, and nothing grows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::task::JoinHandle;

use crate::support::eventually::eventually;
use crate::support::fleet::{Fleet, Load, make_client, token_request};
use crate::support::gateways::front::Proxy;
use crate::support::postgres::{Deed, OwnPostgres};
use crate::support::{Place, client};

/// The duration, unless `SOAK_SECONDS` sets another one.
const DEFAULT_SECONDS: u64 = 600;

/// The number of instances. The first one is never restarted: its memory is measured.
const SIZE: usize = 3;

/// The allowed growth of memory after the first third, in addition to a tenth. Longer runs are more
/// exact.
const MEMORY_SLACK_KIB: u64 = 12 << 10;

/// The allowed growth of open descriptors after the first third.
const DESCRIPTOR_SLACK: usize = 64;

/// Returns the maximum number of rows of a table, after these actions.
fn bound(table: &str, done: &Done) -> Option<i64> {
    let clients = i64::from(done.created) + 2;
    let rotations = i64::from(done.keys_rotated) + 3;
    Some(match table {
        "event" => i64::from(done.changes()) + 40,
        // Checkpoints are daily, and one instance holds the lease of a task.
        "event_head" | "server_issuer" | "longest_lifetime" | "sealed_key" | "audit_checkpoint"
        | "audit_key" | "lease" => 4,
        "client" | "client_grant" | "client_search" | "client_use" => clients,
        "client_secret" | "secret_use" => clients + i64::from(done.secrets_rotated),
        // The built-in resource and its scopes, and that of the test.
        "resource" => 2,
        "resource_scope" => 40,
        "signing_key" | "wanted_algorithm" => rotations,
        // Each killed process may leave one row until it expires.
        "usage_heartbeat" => i64::from(done.restarted) + 4,
        "refusal" => 10_000,
        "key_set_reader" => 200,
        "revoked_client" | "revoked_token" => i64::from(done.created),
        "client_label"
        | "client_spiffe_trust"
        | "client_trust"
        | "console_link"
        | "console_session"
        | "grant_request"
        | "idempotency_key"
        | "notification_cursor"
        | "owner_policy"
        | "used_assertion" => 0,
        "_sqlx_migrations" => tokend::store::schema::NEWEST,
        _ => return None,
    })
}

/// The number of actions of each kind.
#[derive(Debug, Default)]
struct Done {
    created: u32,
    secrets_rotated: u32,
    disabled: u32,
    deleted: u32,
    keys_rotated: u32,
    restarted: u32,
    interrupted: u32,
}

impl Done {
    fn changes(&self) -> u32 {
        // A rotated key has several events: created, published, signing, gone.
        let of_clients = self.created + self.secrets_rotated + 2 * self.disabled + self.deleted;
        of_clients + 4 * self.keys_rotated
    }
}

/// The memory and descriptors of a process.
#[derive(Debug, Clone, Copy)]
struct Footprint {
    memory_kib: u64,
    descriptors: usize,
}

impl Footprint {
    fn of(process: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("memory");
        let memory = memory.trim().trim_end_matches(" kB").parse().expect("a number");
        let descriptors = std::fs::read_dir(format!("/proc/{process}/fd")).expect("a process");
        Self { memory_kib: memory, descriptors: descriptors.count() }
    }
}

/// A client that uses its current secret. It is never rejected: a new secret is used only when
/// every instance has it, and the old one is valid for a while.
struct Rotating {
    credentials: Arc<Mutex<(String, String)>>,
    is_over: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    asking: JoinHandle<Vec<String>>,
}

impl Rotating {
    async fn start(fleet: &Fleet) -> Self {
        let first = make_client(&fleet.cli, "rotating");
        for instance in &fleet.instances {
            until(&instance.base, &first, 200).await;
        }
        let credentials = Arc::new(Mutex::new(first));
        let (is_over, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (http, url) =
            (fleet.front.client(std::net::Ipv4Addr::LOCALHOST, None), fleet.front.url());
        let (own, over, count) = (credentials.clone(), is_over.clone(), sent.clone());
        let asking = tokio::spawn(async move {
            let mut failures = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let now = own.lock().expect("a lock").clone();
                match token_request(&http, &url, &now).send().await {
                    Ok(answer) if answer.status() == 200 => {}
                    Ok(answer) => failures.push(answer.status().to_string()),
                    Err(error) => failures.push(format!("{error:?}")),
                }
                count.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            failures
        });
        Self { credentials, is_over, sent, asking }
    }

    async fn rotate(&self, fleet: &Fleet) {
        let id = self.credentials.lock().expect("a lock").0.clone();
        let made = fleet.cli.json(&["client", "rotate-secret", &id, "--overlap", "30s"]);
        let new = (id, made["client_secret"].as_str().expect("a secret").to_owned());
        for instance in &fleet.instances {
            until(&instance.base, &new, 200).await;
        }
        *self.credentials.lock().expect("a lock") = new;
    }

    async fn end(self) -> (usize, Vec<String>) {
        self.is_over.store(true, Ordering::Relaxed);
        let failures = self.asking.await.expect("no panic");
        (self.sent.load(Ordering::Relaxed), failures)
    }
}

/// Waits until an instance answers a client with this status.
async fn until(base: &str, who: &(String, String), status: u16) {
    let http = client();
    eventually("the change", async || {
        let answer = token_request(&http, base, who).send().await.ok()?;
        (answer.status() == status).then_some(())
    })
    .await;
}

/// One round: every kind of change, fault and restart, and a check of each effect.
async fn round(
    number: u32,
    fleet: &mut Fleet,
    rotating: &Rotating,
    postgres: &mut OwnPostgres,
    done: &mut Done,
) {
    let new = make_client(&fleet.cli, &format!("number {number}"));
    done.created += 1;
    rotating.rotate(fleet).await;
    done.secrets_rotated += 1;
    for (command, status) in [("disable", 401), ("enable", 200), ("disable", 401)] {
        for instance in &fleet.instances {
            until(&instance.base, &new, if command == "enable" { 401 } else { 200 }).await;
        }
        fleet.cli.json(&["client", command, &new.0]);
        for instance in &fleet.instances {
            until(&instance.base, &new, status).await;
        }
    }
    done.disabled += 2;
    if number.is_multiple_of(2) {
        fleet.cli.json(&["client", "delete", &new.0, "--yes"]);
        done.deleted += 1;
    }
    if number.is_multiple_of(3) {
        // No verifier of this test caches a key set.
        fleet.cli.json(&["key", "rotate", "--now", "--force", "--yes"]);
        done.keys_rotated += 1;
    }
    let (away, back) = match number % 2 {
        0 => (Deed::Stop, Deed::Start),
        _ => (Deed::Freeze, Deed::Thaw),
    };
    postgres.carry_out(away);
    fleet.until_all_report("degraded: the database is unavailable").await;
    postgres.carry_out(back);
    fleet.until_all_report("ready").await;
    done.interrupted += 1;
    let index = 1 + usize::try_from(number).expect("small") % (SIZE - 1);
    fleet.restart(index, if number.is_multiple_of(2) { "TERM" } else { "KILL" }).await;
    done.restarted += 1;
    // The proxy checks it once a second.
    tokio::time::sleep(Duration::from_secs(2)).await;
}

/// Returns the number of rows of each table.
async fn rows(postgres: &OwnPostgres) -> BTreeMap<String, i64> {
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", postgres.port());
    let mut database = PgConnection::connect(&url).await.expect("a connection");
    let sql = "SELECT tablename::TEXT FROM pg_tables WHERE schemaname = 'public'";
    let tables: Vec<String> =
        sqlx::query_scalar(sql).fetch_all(&mut database).await.expect("names");
    let mut rows = BTreeMap::new();
    for table in tables {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let count = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut database).await;
        rows.insert(table, count.expect("a number"));
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes ten minutes: make soak"]
#[expect(clippy::print_stderr, reason = "a run of ten minutes says what it came to")]
async fn nothing_fails_and_nothing_grows() {
    let seconds = std::env::var("SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(DEFAULT_SECONDS));
    let (mut postgres, url) = OwnPostgres::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let place = Arc::new(Place { folder, database_url: url });
    let settings = [("TOKEND_DATABASE_TIMEOUT", "1s"), ("TOKEND_LOG_REQUESTS", "off")];
    let mut fleet = Fleet::start(Proxy::Haproxy, place, SIZE, &settings).await;
    let measured = fleet.instances[0].child.id();
    let (load, rotating) = (Load::start(&fleet), Rotating::start(&fleet).await);
    let (started, mut done, mut warm) = (Instant::now(), Done::default(), None);
    let mut number = 0;
    while started.elapsed() < time || number < 4 {
        round(number, &mut fleet, &rotating, &mut postgres, &mut done).await;
        number += 1;
        if warm.is_none() && number >= 2 && started.elapsed() >= time / 3 {
            warm = Some(Footprint::of(measured));
        }
    }
    let warm = warm.expect("a footprint");
    // Expired rows are deleted once a minute, and connections of clients are closed.
    load.end().await.assert_none_failed();
    let (sent, failures) = rotating.end().await;
    assert!(failures.is_empty(), "{} of {sent}: {failures:?}", failures.len());
    let now = Footprint::of(measured);
    eprintln!("soak: {:?}, {done:?}, {warm:?}, {now:?}", started.elapsed());
    let max_memory_kib = warm.memory_kib + warm.memory_kib / 10 + MEMORY_SLACK_KIB;
    assert!(now.memory_kib <= max_memory_kib, "memory grows: {warm:?}, {now:?}");
    let max_descriptors = warm.descriptors + DESCRIPTOR_SLACK;
    assert!(now.descriptors <= max_descriptors, "descriptors grow: {warm:?}, {now:?}");
    for (table, count) in rows(&postgres).await {
        let bound = bound(&table, &done);
        let bound = bound.unwrap_or_else(|| panic!("{table} has no bound: give it one"));
        assert!(count <= bound, "{table} has {count} rows, more than {bound}: {done:?}");
    }
    let run = fleet.cli.run(&["audit", "verify"]);
    assert_eq!(run.code, 0, "{run:?}");
}
