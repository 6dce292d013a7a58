//! The architecture: layers, the modules that may use each large dependency, and the length of
//! files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

use crate::repository::documents::files;

/// A dependency, and the only modules or the only file that may use it.
const HOMES: [(&str, &[&str]); 20] = [
    ("askama::", &["web"]),
    ("axum::", &["web", "server"]),
    ("hyper::client", &["cli/api/connection.rs", "outbound"]),
    ("reqwest::", &[]),
    ("rustls::", &["x509", "outbound", "server"]),
    ("rustls_platform_verifier::", &["outbound"]),
    ("x509_parser::", &["jose", "x509"]),
    ("sqlx::", &["store"]),
    ("jsonwebtoken::", &["jose", "keys"]),
    ("argon2::", &["secrets"]),
    ("aws_lc_rs::", &["crypto", "jose", "secrets", "keys"]),
    ("clap::", &["cli"]),
    ("std::env::var", &["config"]),
    ("prometheus_client::", &["telemetry"]),
    ("opentelemetry", &["telemetry/traces.rs", "outbound/otlp.rs"]),
    ("procfs::", &["app/process_figures.rs"]),
    ("listenfd::", &["server/sockets.rs"]),
    ("sd_notify::", &["server/service_manager.rs"]),
    ("oauth2::", &["identity_provider"]),
    ("utoipa::", &["text", "model", "admin", "jose", "oauth", "web"]),
];

/// Pairs of neighbouring modules that must not use each other.
const STRANGERS: [(&str, &str); 4] =
    [("store", "crypto"), ("store", "jose"), ("store", "secrets"), ("admin", "oauth")];

/// The order of the modules of `oauth`.
const OAUTH_ORDER: [&str; 16] = [
    "error",
    "parameters",
    "caller",
    "staleness",
    "rate",
    "client_authentication",
    "token_query",
    "token_validation",
    "token",
    "check",
    "introspection",
    "metadata",
    "protected_resource",
    "revocation",
    "revocation_list",
    "trust_test",
];

const MAX_FILE_LINES: usize = 400;

const MAX_FUNCTION_LINES: usize = 60;

/// A test may list many cases.
const MAX_TEST_LINES: usize = 100;

struct Source {
    /// The path below `src`, such as `store/clients/mod.rs`.
    name: String,
    /// The top-level module, such as `store`.
    module: String,
    text: String,
}

impl Source {
    /// The top-level modules that the file names, in paths, `use` trees and macros.
    fn modules_used(&self) -> BTreeSet<String> {
        let mut names = Names::of(&self.name);
        names.visit_file(&syn::parse_file(&self.text).expect("Rust"));
        // The arguments of macros are not parsed.
        let after_crate = self.text.split("crate::").skip(1);
        let is_part = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        names.used.extend(after_crate.map(|rest| rest.chars().take_while(is_part).collect()));
        names.used.remove("");
        names.used
    }
}

/// Collects the first names of paths that begin with `crate`, or with a `super` that reaches the
/// root.
struct Names {
    /// The number of modules above the present one.
    depth: usize,
    used: BTreeSet<String>,
}

impl Names {
    fn of(file: &str) -> Self {
        let modules = file.trim_end_matches(".rs").trim_end_matches("/mod").split('/').count();
        let is_root = matches!(file, "main.rs" | "lib.rs");
        Self { depth: if is_root { 0 } else { modules }, used: BTreeSet::new() }
    }

    fn add(&mut self, path: &[String]) {
        let supers = path.iter().take_while(|name| *name == "super").count();
        let is_from_root = path[0] == "crate" || (supers > 0 && supers == self.depth);
        let place = if path[0] == "crate" { 1 } else { supers };
        if let Some(name) = path.get(place).filter(|_| is_from_root) {
            self.used.insert(name.clone());
        }
    }

    fn add_tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.add_tree(&with(&path.ident), &path.tree),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.add_tree(before, item));
            }
            syn::UseTree::Name(name) => self.add(&with(&name.ident)),
            syn::UseTree::Rename(rename) => self.add(&with(&rename.ident)),
            syn::UseTree::Glob(_) => self.add(before),
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        self.add(&names);
        visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.depth += 1;
        visit::visit_item_mod(self, module);
        self.depth -= 1;
    }
}

#[test]
fn modules_are_found_in_every_form_of_path() {
    let text = "use crate::{a, b::{c, d}};
        use super::super::e as other;
        mod tests { use super::super::super::f::*; use super::super::not; }
        fn g() -> crate::h::I { super::super::j::k(); super::not(); write!(\"{}\", crate::l::M) }";
    let source = Source { name: "x/y.rs".into(), module: "x".into(), text: text.into() };
    let used: Vec<_> = source.modules_used().into_iter().collect();
    assert_eq!(used, ["a", "b", "e", "f", "h", "j", "l"]);
}

#[test]
fn a_module_uses_only_those_before_it() {
    let order = layers();
    let rank = |module: &str| order.iter().position(|known| known == module);
    for source in sources() {
        let Some(own) = rank(&source.module) else { continue };
        for other in source.modules_used() {
            let Some(other_rank) = rank(&other) else { continue };
            assert!(other_rank <= own, "src/{} uses {other}, which lies above it", source.name);
            let is_stranger = STRANGERS.contains(&(source.module.as_str(), other.as_str()));
            assert!(!is_stranger, "src/{} uses {other}, its neighbour", source.name);
        }
    }
}

#[test]
fn a_module_of_oauth_uses_only_those_before_it() {
    let rank = |module: &str| OAUTH_ORDER.iter().position(|known| *known == module);
    for source in sources().iter().filter(|source| source.module == "oauth") {
        let own = source.name.split('/').nth(1).expect("a module").trim_end_matches(".rs");
        if own == "mod" {
            continue;
        }
        let own = rank(own).unwrap_or_else(|| panic!("src/{} has no order", source.name));
        for rest in source.text.split("crate::oauth::").skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let other = &rest[..end.unwrap_or(rest.len())];
            let other_rank = rank(other).unwrap_or_else(|| panic!("{} uses {other}", source.name));
            assert!(other_rank <= own, "src/{} uses {other}, which lies above it", source.name);
        }
    }
}

#[test]
fn every_module_is_a_layer() {
    let order = layers();
    assert_eq!(order.len(), 24, "{order:?}");
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
            // A name of the project may end like the name of a crate.
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
fn the_record_of_dependencies_names_each_of_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).expect("a file");
    let manifest = read("Cargo.toml");
    let names = |heading: &str| -> BTreeSet<String> {
        let (_, rest) = manifest.split_once(heading).expect("a table");
        let lines = rest.lines().take_while(|line| !line.starts_with('['));
        lines.filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())).collect()
    };
    let used = &names("\n[dependencies]\n")
        | &names("\n[target.'cfg(target_os = \"linux\")'.dependencies]\n");
    assert!(used.len() > 40, "{used:?}");
    let record = read("docs/adr/0007-dependencies.md");
    let rows = record.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let listed: BTreeSet<String> =
        rows.skip(1).flat_map(|row| row.split(", ")).map(str::to_owned).collect();
    assert_eq!(used, listed, "the table of docs/adr/0007-dependencies.md");
}

#[test]
fn files_and_functions_are_within_their_length_limits() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut too_long = Vec::new();
    for folder in ["src", "tests", "benches", "crates", "examples"] {
        for path in files(&root.join(folder), "rs") {
            let text = std::fs::read_to_string(&path).expect("a file");
            let name = path.strip_prefix(root).expect("below the root").display();
            let lines = text.lines().count();
            if lines > MAX_FILE_LINES {
                too_long.push(format!("{name} has {lines} lines"));
            }
            let max = if folder == "tests" { MAX_TEST_LINES } else { MAX_FUNCTION_LINES };
            let mut functions = LongFunctions { max, found: Vec::new() };
            functions.visit_file(&syn::parse_file(&text).expect("Rust"));
            too_long.extend(functions.found.iter().map(|function| format!("{name}: {function}")));
        }
    }
    assert!(too_long.is_empty(), "{too_long:#?}");
}

struct LongFunctions {
    max: usize,
    found: Vec<String>,
}

impl LongFunctions {
    /// Measures the lines of a function from its name to its end, without documentation and
    /// attributes.
    fn measure(&mut self, name: &syn::Ident, block: &syn::Block) {
        let lines = block.brace_token.span.close().end().line - name.span().start().line + 1;
        if lines > self.max {
            self.found.push(format!("fn {name} has {lines} lines"));
        }
    }
}

impl<'ast> Visit<'ast> for LongFunctions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig.ident, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig.ident, &function.block);
        visit::visit_impl_item_fn(self, function);
    }
}

/// `for_operator` returns a client that has presented no credential. The first file defines it.
#[test]
fn a_client_without_a_credential_is_made_in_two_places() {
    let callers = sources().into_iter().filter(|source| source.text.contains("for_operator("));
    let mut files: Vec<_> =
        callers.filter_map(|source| Some(source.name.rsplit_once('/')?.1.to_owned())).collect();
    files.sort();
    assert_eq!(files, ["authenticated_client.rs", "issue.rs", "preview.rs"]);
}

fn layers() -> Vec<String> {
    let text = std::fs::read_to_string(source_folder().join("lib.rs")).expect("lib.rs");
    text.lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

fn sources() -> Vec<Source> {
    let root = source_folder();
    files(&root, "rs")
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
