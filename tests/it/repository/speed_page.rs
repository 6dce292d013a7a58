//! The figures of `docs/speed.md` and of the README are generated from `benches/RESULTS.md`.

use crate::support::generated::{assert_current, read, with_blocks};

const ALGORITHMS: [(&str, &str); 3] =
    [("ES256", "ES256"), ("RS256", "RS256"), ("EdDSA", "Ed25519")];
const MIB: f64 = 1024.0 * 1024.0;
const MILLISECONDS_PER_MINUTE: f64 = 60_000.0;
const CLIENTS_AT_ONCE: f64 = 10_000.0;
/// The time of a core for an argon2id hash with the default settings, as in `docs/import.md`.
const HASH_MILLISECONDS: f64 = 30.0;

/// A section of the results: time and place of the measurement, and its table.
struct Section {
    measured: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn cells(line: &str) -> Vec<String> {
    let line = line.trim().trim_start_matches('|').trim_end_matches('|');
    line.split('|').map(|cell| cell.trim().trim_matches('*').to_owned()).collect()
}

/// Parses a cell as a number, without its unit.
fn number(cell: &str) -> f64 {
    let first = cell.split(' ').next().unwrap_or_default();
    first.parse().unwrap_or_else(|_| panic!("{cell:?} is not a number"))
}

impl Section {
    fn read(title: &str) -> Self {
        let results = read("benches/RESULTS.md");
        let start = results.find(&format!("## {title}\n")).expect("a section of the results");
        let text = results[start..].split("\n## ").next().unwrap_or_default();
        let measured = text.lines().find(|line| line.starts_with("Measured ")).expect("a date");
        let mut table = text.lines().filter(|line| line.starts_with('|'));
        let columns = cells(table.next().expect("the names of the columns"));
        let rows: Vec<_> = table.skip(1).map(cells).collect();
        assert!(!rows.is_empty(), "the section {title} has no rows");
        assert!(rows.iter().all(|row| row.len() == columns.len()), "a row of {title} is broken");
        Self { measured: measured.to_owned(), columns, rows }
    }

    /// Returns the cells of a column in the rows with a first cell that `is_wanted` accepts.
    fn cells(&self, column: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<&str> {
        let index = self.columns.iter().position(|name| name == column);
        let index = index.unwrap_or_else(|| panic!("no column {column:?}"));
        let rows = self.rows.iter().filter(|row| is_wanted(&row[0]));
        let found: Vec<_> = rows.map(|row| row[index].as_str()).collect();
        assert!(!found.is_empty(), "no row has {column:?}");
        found
    }

    /// Like [`Self::cells`], as numbers.
    fn numbers(&self, column: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<f64> {
        self.cells(column, is_wanted).into_iter().map(number).collect()
    }

    /// Returns the whole section: the table, and time and place of the measurement.
    fn whole(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let head = format!("{}|{}\n", line(&self.columns), "---|".repeat(self.columns.len()));
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{head}{rows}\n{}", self.measured)
    }
}

fn smallest(numbers: &[f64]) -> f64 {
    numbers.iter().copied().fold(f64::INFINITY, f64::min)
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Returns the smallest and the largest of several ratios.
fn ratios(numbers: &[f64]) -> String {
    let (min, max) = (format!("{:.2}", smallest(numbers)), format!("{:.2}", largest(numbers)));
    if min == max { min } else { format!("{min}–{max}") }
}

/// Returns a rate, rounded to hundreds, with a comma between the thousands.
fn rate(number: f64) -> String {
    let text = format!("{:.0}", (number / 100.0).round() * 100.0);
    match text.len().checked_sub(3) {
        Some(split) if split > 0 => format!("{},{}", &text[..split], &text[split..]),
        _ => text,
    }
}

fn tokens_of(algorithm: &str, clients: Option<&str>) -> impl Fn(&str) -> bool {
    let start = format!("{algorithm},");
    let end = clients.map(|clients| format!(", {clients} clients"));
    move |row: &str| row.starts_with(&start) && end.as_ref().is_none_or(|end| row.ends_with(end))
}

/// Returns the text of the README: the rate on one core, and its ratio to the baseline.
fn headline(path: &Section) -> String {
    let es256 = |column| path.numbers(column, tokens_of("ES256", None));
    let (rates, near) = (es256("tokens/s"), ratios(&es256("ratio")));
    format!(
        "On the machine of the benchmarks, one core issues {} to {} ES256 tokens a second. That is \
         {near} times the rate of the baseline, a server that only signs. The ratio is {} if the \
         baseline also groups its responses.",
        rate(smallest(&rates)),
        rate(largest(&rates)),
        grouping_ratio(path)
    )
}

/// Returns the ratio to a baseline that groups its responses, as tokend does.
fn grouping_ratio(path: &Section) -> String {
    ratios(&path.numbers("ratio", |row| row.starts_with("baseline that writes")))
}

fn token_path(path: &Section) -> String {
    let mut text = String::from("| of the baseline | 1 client | 10,000 clients |\n|---|---|---|\n");
    for (algorithm, name) in ALGORITHMS {
        let of = |clients| ratios(&path.numbers("ratio", tokens_of(algorithm, Some(clients))));
        text.push_str(&format!("| {name} | {} | {} |\n", of("1"), of("10000")));
    }
    let es256 = |column| path.numbers(column, tokens_of("ES256", None));
    let baseline = es256("baseline: tokens/s");
    format!(
        "{text}\n{} The baseline issued {} to {} ES256 tokens a second. The 99th percentile of \
         tokend was at most {:.1} ms.\n\n\
         A ratio above 1 is possible: tokend writes the responses to requests that arrived \
         together in one turn, and so wakes the load generator less often. The baseline writes \
         each response immediately. If the baseline also groups its responses, the ratio is {}. \
         The difference from 1 is the cost of authentication, limits, metrics and the log.",
        path.measured,
        rate(smallest(&baseline)),
        rate(largest(&baseline)),
        largest(&es256("p99 ms")),
        grouping_ratio(path)
    )
}

/// Returns the requirements of a machine, computed from the measurements.
fn sizing(path: &Section, growth: &Section, flood: &Section) -> String {
    let slowest = |algorithm| rate(smallest(&path.numbers("tokens/s", tokens_of(algorithm, None))));
    let warm = |clients: &str| largest(&growth.numbers("RSS, all warm", |row| row == clients));
    let per_client = (warm("1000000") - warm("1")) * MIB / 1e6;
    let ready = |clients: &str| {
        let of = |column| growth.cells(column, |row| row == clients);
        let pairs = of("ready after").into_iter().zip(of("engine"));
        pairs.map(|(time, engine)| format!("{time} on {engine}")).collect::<Vec<_>>()
    };
    let first = largest(&flood.numbers("first token of a cold client, ms", |_| true));
    format!(
        "- **Cores.** One core issues at least {} ES256 or {} RS256 tokens a second.\n\
         - **Memory.** {:.0} MiB for the program and {:.0} bytes for each client: {:.0} MiB with \
         100,000 clients, {:.0} MiB with a million.\n\
         - **Start.** 100,000 clients are loaded in {}; a million in {}.\n\
         - **First tokens after a start.** Without a snapshot, the first token of each client costs \
         an argon2id hash, about {HASH_MILLISECONDS:.0} ms of a core. Under a flood, a client \
         waited at most {first:.0} ms for its token. If 10,000 clients come at once, one hashing \
         lane needs about {:.0} minutes for them.",
        slowest("ES256"),
        slowest("RS256"),
        warm("1"),
        (per_client / 10.0).round() * 10.0,
        warm("100000"),
        warm("1000000"),
        ready("100000").join(" and "),
        ready("1000000").join(" and "),
        (HASH_MILLISECONDS * CLIENTS_AT_ONCE / MILLISECONDS_PER_MINUTE).ceil()
    )
}

#[test]
fn the_figures_are_those_of_the_results() {
    let path = Section::read("The token path");
    let (growth_of, flood_of) = (Section::read("Growth"), Section::read("A flood"));
    let speed = with_blocks(
        "docs/speed.md",
        &[
            ("token path", token_path(&path)),
            ("introspection", Section::read("Introspection").whole()),
            ("growth", growth_of.whole()),
            ("flood", flood_of.whole()),
            ("sizing", sizing(&path, &growth_of, &flood_of)),
        ],
    );
    assert_current("docs/speed.md", &speed);
    assert_current("README.md", &with_blocks("README.md", &[("figures", headline(&path))]));
}

/// Rates and ratios are rounded as on the pages.
#[test]
fn figures_are_rounded() {
    assert_eq!([rate(20_795.0), rate(2_279.4), rate(949.0)], ["20,800", "2,300", "900"]);
    assert_eq!([ratios(&[0.98, 0.95, 1.02]), ratios(&[0.9])], ["0.95–1.02", "0.90"]);
    assert_eq!(cells("| a, b | **0.95** | 14 MiB |"), ["a, b", "0.95", "14 MiB"]);
    assert_eq!(format!("{:.2} {:.0}", number("0.95"), number("14 MiB")), "0.95 14");
}
