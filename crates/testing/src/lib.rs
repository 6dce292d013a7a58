//! Shared parts of the tests and the benchmarks of tokend: instances, in this process and as
//! programs, with databases of their own; keys, certificates and remote servers; load and its
//! figures.
//!
//! `tests/it` uses it as `support`. Cargo passes the path of the program under test: see
//! [`process::program`].

#![expect(
    missing_docs,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::missing_panics_doc,
    clippy::new_without_default,
    clippy::return_self_not_must_use,
    reason = "only tests use it: what goes wrong here panics, and its names say what a test reads"
)]

use std::path::{Path, PathBuf};

mod answer;
pub mod bench;
pub mod certificates;
pub mod commit_proxy;
pub mod eventually;
pub mod foreign;
pub mod https;
pub mod identity_provider;
pub mod keys;
pub mod log;
mod place;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod raw;
pub mod receiver;
pub mod reserved_port;
mod server;
pub mod spiffe;
mod values;

pub use answer::Answer;
pub use place::Place;
pub use server::{Server, TestClient};
pub use tokend::store::Engine;
pub use values::{client, client_id, grant, lifetime, method, now, operator};

/// The resource that most tests use.
pub const ORDERS: &str = "https://orders.example.com";

/// A second resource.
pub const INVOICES: &str = "https://invoices.example.com";

/// The form of a token request, without credentials.
pub const CLIENT_CREDENTIALS: [(&str, &str); 1] = [("grant_type", "client_credentials")];

pub fn repository() -> &'static Path {
    const OWN: &str = env!("CARGO_MANIFEST_DIR");
    Path::new(OWN).ancestors().nth(2).expect("crates/testing is two folders below")
}

/// Returns the files below a folder, sorted. A folder `target` has only files of a build.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if !path.is_dir() {
            found.push(path);
        } else if !path.ends_with("target") {
            found.extend(files_below(&path));
        }
    }
    found.sort();
    found
}
