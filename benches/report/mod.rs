//! Keeps the figures: each benchmark replaces its own section of `RESULTS.md`.

use std::process::Command;

use tokend::model::time::Clock;

const PLACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/RESULTS.md");

/// Writes the section of that title anew, with where and when it was measured.
pub fn keep(title: &str, body: &str) {
    let before = std::fs::read_to_string(PLACE).unwrap_or_default();
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
    std::fs::write(PLACE, after).expect("RESULTS.md is written");
}

/// Date, commit and machine.
fn circumstances() -> String {
    let date = Clock::System.now().to_string();
    let commit = run("git", &["rev-parse", "--short", "HEAD"]);
    let is_changed = !run("git", &["status", "--porcelain", "src", "benches/*.rs"]).is_empty();
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|line| line.split_once(':')).map_or("?", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .max(processor.lines().filter(|line| line.starts_with("processor")).count());
    format!(
        "Measured {}, commit {commit}{}, on {cores} cores of {model}, {} {}.",
        &date[..10],
        if is_changed { " with changes that were not committed yet" } else { "" },
        run("uname", &["-s"]),
        run("uname", &["-r"]),
    )
}

fn run(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
