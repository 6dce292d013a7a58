//! Writes results: each benchmark replaces its own section of `RESULTS.md`.

use std::process::Command;

use tokend::model::time::Clock;

use crate::repository;

/// Returns the words on the command line, which select rows. With any, no results are kept.
pub fn words() -> Vec<String> {
    std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect()
}

/// Runs a benchmark on this one thread. Results are kept only for a commit.
pub fn run<T>(bench: impl Future<Output = T>) -> T {
    if words().is_empty() {
        require_commit();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(bench)
}

/// Rows that are printed as they are measured.
pub struct Table(String);

#[expect(clippy::print_stdout, reason = "a benchmark shows each row when it is measured")]
impl Table {
    /// Starts a table with these column names.
    pub fn new(columns: &str) -> Self {
        let count = columns.matches('|').count() - 1;
        let head = format!("{columns}\n|{}", "---|".repeat(count));
        println!("{head}");
        Self(head)
    }

    pub fn row(&mut self, line: &str) {
        println!("{line}");
        self.0.push('\n');
        self.0.push_str(line);
    }

    /// Replaces the section with this title: where and when it was measured, what it means, and the
    /// rows.
    pub fn keep(&self, title: &str, meaning: &str) {
        keep(title, &format!("{}\n\n{}", meaning.trim_end(), self.0));
    }
}

fn keep(title: &str, body: &str) {
    let place = repository().join("benches/RESULTS.md");
    let before = std::fs::read_to_string(&place).unwrap_or_default();
    let heading = format!("## {title}\n");
    let section = format!("{heading}\n{}\n\n{}\n", circumstances(), body.trim_end());
    let after = match before.find(&heading) {
        None => format!("{}\n\n{section}", before.trim_end()),
        Some(start) => {
            let rest = &before[start + heading.len()..];
            let end = rest.find("\n## ").map_or("", |end| &rest[end..]);
            format!("{}{section}{end}", &before[..start])
        }
    };
    std::fs::write(place, after).expect("RESULTS.md is written");
}

/// Stops if the source has uncommitted changes.
fn require_commit() {
    let measured = ["src", "crates", "benches/*.rs", "Cargo.toml", "Cargo.lock", ".cargo"];
    let changes = output_of("git", &[&["status", "--porcelain"], &measured[..]].concat());
    assert!(changes.is_empty(), "commit these changes before you measure them:\n{changes}");
}

/// Returns date, commit and machine.
fn circumstances() -> String {
    let date = Clock::System.now().to_string();
    let commit = output_of("git", &["rev-parse", "--short", "HEAD"]);
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|line| line.split_once(':')).map_or("?", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .max(processor.lines().filter(|line| line.starts_with("processor")).count());
    format!(
        "Measured {}, commit {commit}, on {cores} cores of {model}, {} {}.",
        &date[..10],
        output_of("uname", &["-s"]),
        output_of("uname", &["-r"]),
    )
}

fn output_of(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
