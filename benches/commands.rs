//! Measures the cost of each command on a database of a million clients: wall time and peak memory,
//! in process and at a server.
//!
//! Run it by `make commands`. A number as argument sets the number of clients, a name of an engine
//! selects the engine, and any other word selects commands. With an argument, no results are kept.

#![expect(clippy::expect_used, reason = "a benchmark is no library")]

use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokend::model::time::Clock;
use tokend_testing::Engine;
use tokend_testing::bench::organization;
use tokend_testing::bench::report::{self, Table};
use tokend_testing::process::Cli;

/// The number of runs of a command that only reads. The fastest run is reported.
const RUNS: usize = 3;

const CLIENTS: u32 = 1_000_000;
const MAX_TIME: Duration = Duration::from_millis(200);
const MAX_MEMORY_MIB: f64 = 64.0;
const COLUMNS: &str = "| engine | command | in process | memory | at a server | memory |";

const API: &str = "https://api-1.example.com";
const ADMINISTRATOR: &str = "clients:read,clients:write,secrets:write,grants:write,\
    resources:read,resources:write,keys:read,tokens:issue,tokens:revoke,audit:read,stats:read,\
    server:read,admins:write";

/// Commands that only read. `API` is a resource that most clients have a grant for, `CLIENT` is a
/// client in the middle of the list.
const READING: [&str; 38] = [
    "client show CLIENT -o json",
    "client list --limit 50",
    "client list --limit 1000",
    "client list --limit 1000 -o json",
    "client list --limit 1000 -o json --after CLIENT",
    "client list --limit 1000 --state disabled",
    "client list --limit 1000 --owner platform",
    "client list --limit 1000 --owner team-7 --state disabled",
    "client list --limit 1000 --owner platform --state disabled",
    "client list --limit 1000 --name NAME",
    "client list --limit 1000 --label env=staging",
    "client list --limit 1000 --label pilot=yes",
    "client list --limit 1000 --label pilot=yes --label env=prod --state active",
    "client list --limit 1000 --resource API",
    "client list --limit 1000 --resource API --scope read",
    "client list --limit 1000 --resource API --scope erase",
    "client list --limit 1000 --scope erase",
    "client list --limit 1000 --scope write",
    "client list --limit 1000 --search zzzq",
    "client list --limit 1000 --search e",
    "client list --limit 1000 --search 77777",
    "client list --limit 1000 --search service --state disabled",
    "client list --limit 1000 --search 77777 --label env=prod",
    "client list --limit 1000 --unused 90d",
    "client list --limit 1000 --unused 1000d",
    "client list --limit 1000 --unused 90d --state disabled",
    "client list --limit 1000 --unused 90d --label pilot=yes",
    "client list --limit 1000 --unused 90d --owner team-7",
    "client list --limit 1000 --expiring 90d",
    "client list --limit 1000 --expiring 90d --label pilot=yes",
    "client list --limit 1000 --expiring 90d --owner team-7 --state active",
    "client list --limit 1000 --expiring 90d --state disabled",
    "resource list",
    "resource show API",
    "audit list",
    "audit list --limit 1000 -o json",
    "audit list --action client.disabled --limit 100",
    "audit list --subject CLIENT",
];

/// Commands that change something, or that issue a token. Each one runs once, in this order.
const CHANGING: [&str; 14] = [
    "client create new-SIDE --owner platform --label env=prod --grant API=read",
    "client update new-SIDE --name Renamed",
    "client rotate-secret new-SIDE --overlap 1h",
    "client add-secret new-SIDE",
    "client grant new-SIDE --resource API --scope write",
    "client disable new-SIDE",
    "client enable new-SIDE",
    "token issue --client new-SIDE --resource API",
    "client revoke-tokens new-SIDE",
    "resource create urn:example:SIDE --scope read",
    "resource update urn:example:SIDE --scope write",
    "resource update API --description Changed",
    "resource delete urn:example:SIDE --yes",
    "client delete new-SIDE --yes",
];

struct Cost {
    time: Duration,
    memory_mib: f64,
    code: Option<i32>,
}

fn main() {
    report::run(bench(&report::words()));
}

async fn bench(words: &[String]) {
    let mut table = Table::new(COLUMNS);
    let clients = words.iter().find_map(|word| word.parse().ok()).unwrap_or(CLIENTS);
    let is_named = |engine: &Engine| words.iter().any(|word| word == engine.name());
    let any_engine = !Engine::ALL.iter().any(is_named);
    let chosen: Vec<&String> = words
        .iter()
        .filter(|word| word.parse::<u32>().is_err())
        .filter(|word| !Engine::ALL.iter().any(|engine| *word == engine.name()))
        .collect();
    for engine in Engine::ALL.into_iter().filter(|engine| any_engine || is_named(engine)) {
        Box::pin(measure(engine, clients, &chosen, &mut table)).await;
    }
    if words.is_empty() {
        table.keep("Commands", include_str!("commands.md"));
    }
}

async fn measure(engine: Engine, clients: u32, chosen: &[&String], table: &mut Table) {
    let cli = Cli::new(engine).await.set("TOKEND_LOG_LEVEL", "info");
    let now = Clock::System.now().0;
    let started = Instant::now();
    organization::fill(&cli.place.database_url, clients, now).await;
    table.row(&format!(
        "| {} | the data of {clients} clients is made | {} | | | |",
        engine.name(),
        shown(started.elapsed())
    ));
    let grant = format!("urn:tokend={ADMINISTRATOR}");
    let made = cli.json(&["client", "create", "ops", "--grant", &grant]);
    let secret = made["client_secret"].as_str().expect("a secret");
    let middle = cli.run(&["client", "list", "-o", "id", "--limit", "1", "--search", "team-"]);
    let client = middle.stdout.trim().to_owned();
    let name = cli.json(&["client", "show", &client])["name"].as_str().map(str::to_owned);
    let (name, started) = (name.expect("a name"), Instant::now());
    let server = cli.serve().await;
    table.row(&format!(
        "| {} | a server is ready | {} | | | |",
        engine.name(),
        shown(started.elapsed())
    ));
    let remote = Cli::at(cli.place.clone())
        .remote(&server.base, &server.management, "ops")
        .set("TOKEND_ADMIN_CLIENT_SECRET", secret);
    let commands = READING.iter().map(|line| (*line, RUNS));
    for (line, runs) in commands.chain(CHANGING.iter().map(|line| (*line, 1))) {
        if !chosen.is_empty() && !chosen.iter().any(|word| line.contains(word.as_str())) {
            continue;
        }
        let run = |side: &str, cli: &Cli| {
            let line = line.replace("SIDE", side).replace("API", API);
            let words: Vec<String> = line
                .split(' ')
                .map(|word| word.replace("CLIENT", &client).replace("NAME", &name))
                .collect();
            let costs = (0..runs).map(|_| cost(cli, &words));
            costs.min_by_key(|cost| cost.time).expect("a run")
        };
        let (here, there) = (run("here", &cli), run("there", &remote));
        table.row(&format!(
            "| {} | `{line}` | {} | {} |",
            engine.name(),
            cells(&here),
            cells(&there)
        ));
    }
}

/// Runs a command and samples its memory once in a millisecond.
fn cost(cli: &Cli, words: &[String]) -> Cost {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let started = Instant::now();
    // A command that creates a secret rejects an output that is never read.
    let output = File::create(cli.place.folder.path().join("output")).expect("a file");
    let mut command = cli.command(&words);
    command.stdin(Stdio::null()).stdout(output).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program");
    let status = format!("/proc/{}/status", child.id());
    let mut memory_mib: f64 = 0.0;
    loop {
        if let Some(code) = child.try_wait().expect("a status") {
            let time = started.elapsed();
            return Cost { time, memory_mib, code: code.code() };
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        memory_mib = memory_mib.max(peak.unwrap_or_default() / 1024.0);
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn cells(cost: &Cost) -> String {
    let Cost { time, memory_mib, code } = cost;
    let is_late = if *time > MAX_TIME { " (!)" } else { "" };
    let is_large = if *memory_mib > MAX_MEMORY_MIB { " (!)" } else { "" };
    let code = code.filter(|code| *code != 0).map(|code| format!(" (exit code {code})"));
    format!("{}{is_late}{} | {memory_mib:.0} MiB{is_large}", shown(*time), code.unwrap_or_default())
}

fn shown(time: Duration) -> String {
    match time {
        time if time < Duration::from_secs(10) => format!("{} ms", time.as_millis()),
        time => format!("{:.0} s", time.as_secs_f64()),
    }
}
