//! The pages for developers and operators: every sample that can run here is run, from the text of
//! the page.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tokend::model::error_code::ErrorCode;
use tokend::model::time::Clock;

use crate::repository::readme::{Stage, blocks};
use crate::support::generated::read;
use crate::support::{Engine, ORDERS, Place, Server, now};

const GETTING_TOKENS: &str = "docs/getting-tokens.md";

/// W-06, W-48: each sample runs, and a client that reuses its token requests it once.
#[tokio::test(flavor = "multi_thread")]
async fn every_sample_of_getting_tokens_works() {
    let (mut stage, _cli) = Stage::set().await;
    let outputs: Vec<_> =
        blocks(GETTING_TOKENS, "sh").iter().map(|text| stage.shell(text)).collect();
    let output = outputs.join("\n");
    assert_eq!(output.matches("\"access_token\"").count(), 2, "{output}");
    for words in ["valid   ", "time checks pass"] {
        assert!(output.contains(words), "no {words:?} in {output}");
    }
    // The error on the page equals the answer of the server.
    let shown = blocks(GETTING_TOKENS, "json").pop().expect("an error");
    assert!(output.contains(shown.trim()), "{shown} is not in {output}");

    let token = output
        .split("\"access_token\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a token");
    stage.set_variable("TOKEN", token);
    let libraries = stage.link_node_modules();
    let [get, verify] = &blocks(GETTING_TOKENS, "js")[..] else { panic!("other snippets") };
    assert!(stage.run(Path::new("node"), &[], get).starts_with("eyJ"));
    let twice = format!("{get}if (await accessToken() !== token) throw new Error('a new one')\n");
    assert!(stage.run(Path::new("node"), &[], &twice).starts_with("eyJ"));
    assert_eq!(stage.run(Path::new("node"), &[], verify), "cl_demo demo:read\n");
    let python = libraries.join("python/bin/python");
    let [get, verify] = &blocks(GETTING_TOKENS, "python")[..] else { panic!("other snippets") };
    assert!(stage.run(&python, &[], get).starts_with("eyJ"));
    assert_eq!(stage.run(&python, &[], verify), "cl_demo demo:read\n");
    let issuer = stage.dev.issuer.clone();
    let secret = stage.dev.secret();
    let token = crate::repository::readme_rust::access_token(&issuer, "cl_demo", &secret);
    assert!(token.await.expect("a token").starts_with("eyJ"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_pages_for_operators_works() {
    let (stage, _cli) = Stage::set().await;
    let pages = [
        "docs/clients.md",
        "docs/operations.md",
        "docs/operations/install.md",
        "docs/operations/proxies.md",
        "docs/operations/upgrade.md",
        "docs/operations/postgres.md",
    ];
    let texts = pages.iter().flat_map(|page| blocks(page, "sh"));
    let output = texts.map(|text| stage.shell(&text)).collect::<Vec<_>>().join("\n");
    for words in ["Billing worker", "intact", "IMPORTED", "schema", "configuration is valid"] {
        assert!(output.contains(words), "no {words:?} in {output}");
    }
}

/// Two issuers on one database, as on the page about changing the issuer.
#[tokio::test(flavor = "multi_thread")]
async fn instances_with_two_issuers_share_clients_and_keys_alone() {
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let (old, new) = ("https://old.example.com", "https://new.example.com");
    let at = async |issuer| {
        let settings = [("TOKEND_ISSUER", issuer)];
        Server::at(place.clone(), Clock::fixed(now()), &settings).await
    };
    let old = (at(old).await, old);
    old.0.resource(ORDERS, &["orders:read"]).await;
    let client = old.0.client().await;
    let new = (at(new).await, new);
    let key_set = async |server: &Server| server.get("/.well-known/jwks.json").await.text;
    assert_eq!(key_set(&old.0).await, key_set(&new.0).await);
    for (own, other) in [(&old, &new), (&new, &old)] {
        let token = own.0.ask(&client).await.token();
        assert_eq!(own.0.claims(&token).await["iss"], own.1);
        let introspect = async |server: &Server| {
            let form = [("token", token.as_str())];
            server.post("/v1/oauth/introspect", &client, &form).await.json()["active"].clone()
        };
        assert_eq!(introspect(&own.0).await, true);
        assert_eq!(introspect(&other.0).await, false);
    }
}

/// Returns the first number in a cell, for each row of a table that begins with a number of
/// clients.
fn figures(text: &str, cell: usize) -> Vec<(u64, f64)> {
    let number = |cell: &str| {
        let digits: String = cell.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let factor = if cell.ends_with("GiB") { 1024.0 } else { 1.0 };
        digits.parse::<f64>().ok().map(|number| number * factor)
    };
    let rows = text.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    rows.filter_map(|cells| {
        let clients = cells.get(1)?.replace(',', "").parse().ok()?;
        Some((clients, number(cells.get(cell)?)?))
    })
    .collect()
}

/// No machine on the page is smaller than the measured instance (O-68).
#[test]
fn the_sizes_of_machines_cover_what_was_measured() {
    let results = read("benches/RESULTS.md");
    let growth = results.split_once("\n## Growth\n").expect("a section").1;
    let growth = growth.split("\n## ").next().expect("a section");
    let measured = figures(growth, 5);
    let sizes = figures(&read("docs/operations/sizes.md"), 3);
    assert_eq!(sizes.len(), 3, "{sizes:?}");
    for (clients, size) in sizes {
        let of_size = measured.iter().filter(|(number, _)| *number == clients);
        let max = of_size.map(|(_, mib)| *mib).fold(0.0, f64::max);
        assert!(max > 0.0 && max < size, "{clients}: {max} of {size} MiB");
    }
}

/// Every code that an OAuth endpoint returns is on the page for developers.
#[test]
fn the_table_of_errors_has_each_code() {
    let text = read(GETTING_TOKENS);
    let section = text.split_once("\n## Errors\n").expect("a section").1;
    let section = section.split("\n## ").next().expect("a section");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: BTreeSet<_> = rows.filter_map(|row| row.split('`').next()).collect();
    let codes = ErrorCode::ALL.into_iter().filter(|code| *code != ErrorCode::NotFound);
    assert_eq!(listed, codes.map(ErrorCode::as_str).collect::<BTreeSet<_>>());
}

/// The Rust snippet is the one that the test above has called.
#[test]
fn the_rust_snippet_is_the_one_that_compiles() {
    let source = read("tests/it/repository/readme_rust.rs");
    let snippet = &blocks(GETTING_TOKENS, "rust")[0];
    assert!(source.contains(snippet.trim_start_matches("async fn")), "{snippet}");
}

/// C-03, C-22, C-31, G-06, O-75: sizes and defaults are documented correctly, in samples that
/// parse.
#[tokio::test(flavor = "multi_thread")]
async fn the_sizes_and_samples_are_true() {
    let cli = crate::support::process::Cli::new(Engine::Sqlite).await;
    let made = cli.json(&["client", "create", "--generate-id"]);
    let length = |name: &str| made[name].as_str().map_or(0, str::len);
    let text = read(GETTING_TOKENS);
    let sizes = format!(
        "Generated ids have {} characters and secrets {}",
        length("client_id"),
        length("client_secret")
    );
    assert!(text.contains(&sizes), "{sizes}");
    assert!(text.contains("Without `scope` you get every scope that is granted."));
    let settings = read("docs/settings.md").replace('\n', " ");
    assert!(settings.contains("The key set and the metadata have no aliases."));
    for sample in blocks("README.md", "json").into_iter().chain(blocks(GETTING_TOKENS, "json")) {
        serde_json::from_str::<serde_json::Value>(&sample)
            .expect("JSON without typographic quotes");
    }
}

/// Returns the packages of the libraries that a sample imports.
fn packages(language: &str, sample: &str) -> Vec<String> {
    let of_line = |line: &str| {
        if language == "js" {
            let name =
                line.strip_prefix("import ")?.rsplit_once("from '")?.1.trim_end_matches('\'');
            return (!name.starts_with("node:")).then(|| name.to_owned());
        }
        let rest = line.strip_prefix("from ").or_else(|| line.strip_prefix("import "))?;
        let modules = rest.split(" import ").next()?.split(", ");
        let package = modules.map(|name| name.split('.').next().unwrap_or(name)).find_map(|name| {
            let known = [("authlib", "authlib"), ("jwt", "pyjwt"), ("joserfc", "joserfc")];
            known.into_iter().find(|(module, _)| *module == name)
        });
        Some(package?.1.to_owned())
    };
    sample.lines().filter_map(of_line).collect()
}

/// O-50: two pages have the command that installs the packages of their samples, the others name
/// each package.
#[test]
fn the_samples_name_what_must_be_installed() {
    let mut count = 0;
    for (page, has_commands) in [
        ("README.md", true),
        (GETTING_TOKENS, true),
        ("docs/verifying-tokens.md", false),
        ("docs/authentication.md", false),
    ] {
        let text = read(page);
        let prose = text.split("```").step_by(2).collect::<String>().to_lowercase();
        for (language, command) in
            [("js", "npm install "), ("python", "pip install "), ("py", "pip install ")]
        {
            let commands = prose.split(command).skip(1);
            let commands = commands.filter_map(|rest| rest.split('`').next());
            let commands = commands.collect::<Vec<_>>().join(" ");
            let place = if has_commands { &commands } else { &prose };
            let is_end = |c: char| !c.is_alphanumeric() && c != '-';
            for sample in blocks(page, language) {
                for package in packages(language, &sample) {
                    count += 1;
                    let is_named = place.split(is_end).any(|word| word == package);
                    assert!(is_named, "{page}: {command}{package}\n{sample}");
                }
            }
        }
    }
    assert!(count > 8, "the samples are read wrongly: {count}");
}
