//! Filters of client lists: each list equals the full list, filtered in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use rstest::rstest;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use tokend::model::client::{ClientName, ClientState, Registration};
use tokend::model::grant::GrantedScopes;
use tokend::model::labels::{LabelKey, LabelValue};
use tokend::model::owner::Owner;
use tokend::model::resource::ResourceId;
use tokend::model::scope::ScopeName;
use tokend::model::time::Timestamp;
use tokend::store::Store;
use tokend::store::clients::list::{ClientFilter, Expiring, GrantFilter, Position};

use crate::support::bench::organization;
use crate::support::process::Cli;
use crate::support::{Engine, Place, Server, undone_migrations};

/// More than the rows of a condition that a list reads at once.
const CLIENTS: u32 = 12_000;

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

async fn execute_all(place: &Place, statements: impl Iterator<Item = String>) {
    if place.database_url.starts_with("sqlite") {
        let mut database = SqliteConnection::connect(&place.database_url).await.expect("one");
        for sql in statements {
            database.execute(AssertSqlSafe(sql)).await.expect("a change");
        }
        database.close().await.expect("closed");
    } else {
        let mut database = PgConnection::connect(&place.database_url).await.expect("one");
        for sql in statements {
            database.execute(AssertSqlSafe(sql)).await.expect("a change");
        }
        database.close().await.expect("closed");
    }
}

async fn every_client(store: &Store) -> Vec<Registration> {
    let (mut all, mut after) = (Vec::new(), Position::start());
    loop {
        let page =
            store.client_page(&ClientFilter::default(), &after, 1_000).await.expect("a page");
        let ids: Vec<_> = page.positions.iter().map(Position::client_id).collect();
        for (_, client) in store.registrations(&ids).await.expect("clients") {
            all.push(client.expect("a client"));
        }
        let Some(next) = page.next else { return all };
        after = next;
    }
}

/// Returns the ids of a list, read page by page.
async fn listed(store: &Store, filter: &ClientFilter, limit: u32) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), Position::start());
    loop {
        let page = store.client_page(filter, &after, limit).await.expect("a page");
        ids.extend(page.positions.iter().map(|place| place.client_id().to_owned()));
        let Some(next) = page.next else { return ids };
        assert_ne!(next, after, "{filter:?} stands still");
        after = next;
    }
}

/// Returns the same ids by checking each client.
fn expected(all: &[Registration], filter: &ClientFilter) -> Vec<String> {
    let found = all.iter().filter(|client| matches(client, filter));
    let Some(Expiring { now, until }) = filter.expiring else {
        return found.map(|client| client.client.client_id.to_string()).collect();
    };
    let mut by_expiry: BTreeMap<(Timestamp, String), String> = BTreeMap::new();
    for client in found {
        let ends = client.secrets.iter().filter_map(|secret| Some((secret.expires_at?, secret)));
        let first = ends
            .filter(|(end, _)| *end > now)
            .map(|(end, secret)| (end, secret.secret_id.to_string()))
            .min();
        if let Some((end, secret)) = first.filter(|(end, _)| *end <= until) {
            by_expiry.insert((end, secret), client.client.client_id.to_string());
        }
    }
    by_expiry.into_values().collect()
}

fn matches(found: &Registration, filter: &ClientFilter) -> bool {
    let client = &found.client;
    let last_use = found.secrets.iter().filter_map(|secret| secret.usage).chain(found.usage);
    let last_use = last_use.map(|usage| usage.last_used_at).max();
    let has_grant = |wanted: &GrantFilter| {
        found.grants.iter().any(|grant| {
            let includes = |scope: &ScopeName| match &grant.scopes {
                GrantedScopes::All => true,
                GrantedScopes::Only(scopes) => {
                    scopes.to_string().split(' ').any(|one| one == scope.as_str())
                }
            };
            wanted.resources.contains(&grant.resource) && wanted.scope.as_ref().is_none_or(includes)
        })
    };
    let has_text = |text: &str| {
        let text = text.to_ascii_lowercase();
        client.client_id.as_str().to_ascii_lowercase().contains(&text)
            || client.name.as_str().to_ascii_lowercase().contains(&text)
    };
    filter.state.is_none_or(|state| client.state == state)
        && filter.name.as_ref().is_none_or(|name| client.name == *name)
        && filter.owners.as_ref().is_none_or(|owners| {
            client.facts.owner.as_ref().is_some_and(|owner| owners.contains(owner))
        })
        && filter.labels.iter().all(|label| {
            client.facts.labels.iter().any(|(key, value)| (key, value) == (&label.0, &label.1))
        })
        && filter.grant.as_ref().is_none_or(has_grant)
        && filter.unused_since.is_none_or(|since| {
            client.created_at <= since && last_use.is_none_or(|last| last <= since)
        })
        && filter.search.as_deref().is_none_or(has_text)
}

fn label(text: &str) -> (LabelKey, LabelValue) {
    let (key, value) = text.split_once('=').expect("a label");
    (LabelKey::parse(key).expect("a key"), LabelValue::parse(value).expect("a value"))
}

fn owners(names: &[&str]) -> BTreeSet<Owner> {
    names.iter().map(|name| Owner::parse(name).expect("an owner")).collect()
}

fn api(number: i64) -> ResourceId {
    ResourceId::parse(&format!("https://api-{number}.example.com")).expect("a resource")
}

fn grant(resources: Vec<ResourceId>, scope: Option<&str>) -> GrantFilter {
    let scope = scope.map(|scope| ScopeName::parse(scope).expect("a scope"));
    GrantFilter { resources, scope }
}

/// The choices of each condition; the first one sets no condition.
type Choice = fn(&mut ClientFilter, usize);

const CHOICES: [(usize, Choice); 7] = [
    (3, |filter, choice| {
        let states = [None, Some(ClientState::Active), Some(ClientState::Disabled)];
        filter.state = states[choice];
    }),
    (4, |filter, choice| {
        let names: [&[&str]; 4] =
            [&[], &["platform"], &["team-7"], &["platform", "team-8", "none"]];
        filter.owners = (choice > 0).then(|| owners(names[choice]));
    }),
    (4, |filter, choice| {
        let labels: [&[&str]; 4] =
            [&[], &["env=prod"], &["env=staging"], &["env=prod", "env=none"]];
        filter.labels = labels[choice].iter().map(|text| label(text)).collect();
    }),
    (6, |filter, choice| {
        filter.grant = match choice {
            0 => None,
            1 => Some(grant(vec![api(1)], None)),
            2 => Some(grant(vec![api(1)], Some("read"))),
            3 => Some(grant(vec![api(1)], Some("export"))),
            4 => Some(grant((1..=200).map(api).collect(), Some("write"))),
            _ => Some(grant(vec![api(2), api(3)], Some("erase"))),
        };
    }),
    (3, |filter, choice| {
        let days = [None, Some(90), Some(700)];
        filter.unused_since = days[choice].map(|days| Timestamp(NOW - days * DAY));
    }),
    (5, |filter, choice| {
        let texts = [None, Some("e"), Some("SERVICE-11"), Some("of team 39"), Some("no_such%")];
        filter.search = texts[choice].map(str::to_owned);
    }),
    (3, |filter, choice| {
        let days = [None, Some(14), Some(365)];
        let until = |days: i64| Timestamp(NOW + days * DAY);
        filter.expiring =
            days[choice].map(|days| Expiring { now: Timestamp(NOW), until: until(days) });
    }),
];

/// Returns each condition alone, and many combinations from a deterministic generator.
fn filters() -> Vec<ClientFilter> {
    let mut filters = vec![ClientFilter {
        name: Some(ClientName::parse("Service 77 of Team 1").expect("a name")),
        ..ClientFilter::default()
    }];
    for (choices, apply) in CHOICES {
        for choice in 1..choices {
            let mut filter = ClientFilter::default();
            apply(&mut filter, choice);
            filters.push(filter);
        }
    }
    let mut random: u64 = 7;
    for _ in 0..60 {
        let mut filter = ClientFilter::default();
        for (choices, apply) in CHOICES {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = usize::try_from(random >> 40).expect("a number");
            // About half of the conditions are set.
            apply(&mut filter, if number % 2 == 0 { 0 } else { number / 2 % choices });
        }
        filters.push(filter);
    }
    filters
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_filter_combination_equals_a_scan_of_all_clients(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    organization::fill(&cli.place.database_url, CLIENTS, NOW).await;
    let server =
        Server::at(cli.place.clone(), tokend::model::time::Clock::fixed(Timestamp(NOW)), &[]).await;
    let store = &server.services().store;
    let all = every_client(store).await;
    assert_eq!(u32::try_from(all.len()).expect("a number"), CLIENTS);
    let mut found_some = 0;
    for (round, is_noted) in [true, false].into_iter().enumerate() {
        if !is_noted {
            let unknown = "UPDATE client SET active_at = 0".to_owned();
            execute_all(&cli.place, std::iter::once(unknown)).await;
        }
        for (number, filter) in filters().iter().enumerate() {
            if !is_noted && filter.unused_since.is_none() {
                continue;
            }
            let limit = [1_000, 37, 400][(number + round) % 3];
            let before = Instant::now();
            let ids = listed(store, filter, limit).await;
            let expected = expected(&all, filter);
            assert_eq!(ids.len(), expected.len(), "{filter:?} {:?}", before.elapsed());
            assert_eq!(ids, expected, "{filter:?}");
            found_some += usize::from(!ids.is_empty());
            let count = store.count_clients(filter, &Position::start(), 100_000).await;
            if let Some(count) = count.expect("a count") {
                assert_eq!(usize::try_from(count).expect("a number"), ids.len(), "{filter:?}");
            }
        }
    }
    assert!(found_some > 40, "{found_some}");
}

/// The search index follows each change of a client, and a migration rebuilds it.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_search_follows_the_changes_of_clients(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let cli = Cli::new(engine).await;
    cli.json(&["client", "create", "Upper-Case", "--id", "Upper-Case"]);
    cli.json(&["client", "create", "50% of_all!", "--id", "b"]);
    cli.json(&["client", "create", "Größe", "--id", "c"]);
    let search = |text: &str| {
        let run = cli.run(&["client", "list", "-o", "id", "--search", text]);
        assert_eq!(run.code, 0, "{run:?}");
        run.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(search("upper-"), ["Upper-Case"]);
    assert_eq!(search("UPPER-case"), ["Upper-Case"]);
    assert_eq!(search("% OF_"), ["b"]);
    assert_eq!(search("of_all!"), ["b"]);
    assert_eq!(search("_"), ["b"]);
    assert_eq!(search("größe"), ["c"]);
    assert_eq!(search("50%%"), Vec::<String>::new());
    cli.json(&["client", "update", "b", "--name", "Renamed"]);
    assert_eq!(search("renamed"), ["b"]);
    assert_eq!(search("50%"), Vec::<String>::new());
    // Many changes of one name, and many clients between two others.
    for number in 0..60 {
        let name = format!("name {number} {}", "x".repeat(60));
        let sql = format!("UPDATE client SET name = '{name}' WHERE client_id = 'c'");
        execute_all(&cli.place, std::iter::once(sql)).await;
    }
    let rows = "INSERT INTO client (client_id, name, state, auth_methods, grant_types, created_at, \
                updated_at) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE \
                i < 300) SELECT 'b-' || CAST(1000 - i AS TEXT), 'Inserted ' || CAST(i AS TEXT), \
                'active', 'client_secret_basic', 'client_credentials', 0, 0 FROM n";
    execute_all(&cli.place, std::iter::once(rows.to_owned())).await;
    assert_eq!(search("name 59 x"), ["c"]);
    assert_eq!(search("name 58 x"), Vec::<String>::new());
    assert_eq!(search("inserted").len(), 300);
    assert_eq!(search("inserted 299"), ["b-701"]);
    cli.run(&["client", "delete", "c", "--yes"]);
    assert_eq!(search("name 5"), Vec::<String>::new());
    for statement in undone_migrations::back_to(engine, 28) {
        crate::listeners::stopping::execute(engine, &cli.place.database_url, statement).await;
    }
    assert_eq!(cli.run(&["migrate"]).code, 0);
    assert_eq!(search("inserted 299"), ["b-701"]);
    assert_eq!(search("upper-"), ["Upper-Case"]);
    assert_eq!(search("inserted").len(), 300);
}

/// The last use is stored once a day, and not on the token path.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_activity_of_a_client_is_noted_once_a_day(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let store = &server.services().store;
    let (used, unused) = (server.client().await, server.client().await);
    let unused_for = async |days: i64| {
        let since = Timestamp(server.clock.now().0 - days * DAY);
        let filter = ClientFilter { unused_since: Some(since), ..ClientFilter::default() };
        listed(store, &filter, 10).await
    };
    server.clock.advance(100 * DAY);
    server.app.catch_up().await.expect("followed");
    server.ask(&used).await.token();
    server.app.write_usage().await.expect("written");
    assert_eq!(unused_for(90).await, std::slice::from_ref(&unused.id));
    let noted = active_at(&server.place, &used.id).await;
    assert_eq!(noted, server.clock.now().0);
    // It is unchanged within a day, and updated after a day.
    for (seconds, is_noted) in [(DAY / 2, false), (DAY, true)] {
        server.clock.advance(seconds);
        server.app.catch_up().await.expect("followed");
        server.ask(&used).await.token();
        server.app.write_usage().await.expect("written");
        let expected = if is_noted { server.clock.now().0 } else { noted };
        assert_eq!(active_at(&server.place, &used.id).await, expected);
    }
    assert_eq!(active_at(&server.place, &unused.id).await, 0);
    let head = store.head().await.expect("a head");
    server.app.write_usage().await.expect("written");
    assert_eq!(store.head().await.expect("a head"), head, "it is not a change");
    // A migration restores it.
    let noted = active_at(&server.place, &used.id).await;
    for statement in undone_migrations::back_to(engine, 28) {
        crate::listeners::stopping::execute(engine, &server.place.database_url, statement).await;
    }
    assert_eq!(Cli::at(server.place.clone()).run(&["migrate"]).code, 0);
    assert_eq!(active_at(&server.place, &used.id).await, noted);
    assert_eq!(active_at(&server.place, &unused.id).await, 0);
}

async fn active_at(place: &Place, client: &str) -> i64 {
    const SQL: &str = "SELECT active_at FROM client WHERE client_id = $1";
    if place.database_url.starts_with("sqlite") {
        let mut database = SqliteConnection::connect(&place.database_url).await.expect("one");
        sqlx::query_scalar(SQL).bind(client).fetch_one(&mut database).await.expect("a client")
    } else {
        let mut database = PgConnection::connect(&place.database_url).await.expect("one");
        sqlx::query_scalar(SQL).bind(client).fetch_one(&mut database).await.expect("a client")
    }
}
