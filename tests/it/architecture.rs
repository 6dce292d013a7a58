//! The shape of the house, held: layers, homes of the large dependencies, the length of files.

use std::path::{Path, PathBuf};

/// A dependency and the only modules, or the only file, that may use it.
const HOMES: [(&str, &[&str]); 12] = [
    ("axum::", &["web", "server"]),
    ("hyper::client", &["cli/http.rs", "remote_keys"]),
    ("reqwest::", &[]),
    ("rustls::", &["x509", "remote_keys", "server"]),
    ("rustls_platform_verifier::", &["remote_keys"]),
    ("x509_parser::", &["jose", "x509"]),
    ("sqlx::", &["store"]),
    ("jsonwebtoken::", &["jose", "keys"]),
    ("argon2::", &["secrets"]),
    ("aws_lc_rs::", &["crypto", "jose", "secrets", "keys"]),
    ("clap::", &["cli"]),
    ("std::env::var", &["config"]),
];

/// Pairs of neighbours that must not know each other.
const STRANGERS: [(&str, &str); 4] =
    [("store", "crypto"), ("store", "jose"), ("store", "secrets"), ("admin", "oauth")];

const MAX_FILE_LINES: usize = 400;

const MAX_FUNCTION_LINES: usize = 60;

struct Source {
    /// The path below `src`, such as `store/clients.rs`.
    name: String,
    /// The module it belongs to, such as `store`.
    module: String,
    text: String,
}

#[test]
fn a_module_uses_only_those_before_it() {
    let order = layers();
    let rank = |module: &str| order.iter().position(|known| known == module);
    for source in sources() {
        let Some(own) = rank(&source.module) else { continue };
        for (other_rank, other) in order.iter().enumerate() {
            let uses = source.text.contains(&format!("crate::{other}"));
            assert!(
                !uses || other_rank <= own,
                "src/{} uses {other}, which lies above it",
                source.name
            );
            let is_stranger = STRANGERS.contains(&(source.module.as_str(), other.as_str()));
            assert!(!uses || !is_stranger, "src/{} uses {other}, its neighbour", source.name);
        }
    }
}

#[test]
fn every_module_is_a_layer() {
    let order = layers();
    assert_eq!(order.len(), 19, "{order:?}");
    for source in sources() {
        let is_root = matches!(source.name.as_str(), "main.rs" | "lib.rs");
        assert!(is_root || order.contains(&source.module), "src/{} has no layer", source.name);
    }
}

#[test]
fn each_large_dependency_has_one_home() {
    for source in sources() {
        for (dependency, homes) in HOMES {
            let is_home = homes.iter().any(|home| source.module == *home || source.name == *home);
            // A word of our own may end like the name of a crate.
            let uses = source.text.match_indices(dependency).any(|(position, _)| {
                !source.text[..position]
                    .ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
            });
            assert!(
                is_home || !uses,
                "src/{} uses {dependency}, whose home is {homes:?}",
                source.name
            );
        }
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["src", "tests", "benches"] {
        for path in files(&root.join(folder)) {
            let lines = std::fs::read_to_string(&path).expect("a file").lines().count();
            assert!(lines <= MAX_FILE_LINES, "{} has {lines} lines", path.display());
        }
    }
}

/// The modules in the order of `src/lib.rs`.
fn layers() -> Vec<String> {
    let text = std::fs::read_to_string(source_folder().join("lib.rs")).expect("lib.rs");
    text.lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

fn sources() -> Vec<Source> {
    let root = source_folder();
    files(&root)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).expect("below src").display().to_string();
            let module = name.split('/').next().expect("a part").trim_end_matches(".rs").to_owned();
            let text = std::fs::read_to_string(&path).expect("a file");
            Source { name, module, text }
        })
        .collect()
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
