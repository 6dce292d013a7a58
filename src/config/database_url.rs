//! Parses `database.url`: a SQLite file or a Postgres server. A parameter that no driver reads is
//! an error, because a misspelt `sslmod=require` would turn TLS off.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use url::Url;

use crate::config::Location;
use crate::config::parse::{ValueProblem, path};
use crate::text::suggestion;

/// The supported parameters of a Postgres URL.
const PARAMETERS: [&str; 19] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "options[NAME]",
];

const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// The advice on special characters in passwords.
const ENCODE: &str = "percent-encode special characters of the password: @ as %40, : as %3A, / as \
                      %2F, ? as %3F, # as %23";

/// Parses `database.url`. An empty text means the file in the data directory.
pub(super) fn location(text: &str, data_dir: &Path) -> Result<Location, ValueProblem> {
    if text.is_empty() {
        return Ok(Location::Sqlite(data_dir.join("tokend.db")));
    }
    if let Some(file) = text.strip_prefix("sqlite:") {
        return sqlite(file.strip_prefix("//").unwrap_or(file));
    }
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return postgres(text);
    }
    Err("must begin with sqlite:// or postgres://".to_owned())
}

fn sqlite(text: &str) -> Result<Location, ValueProblem> {
    let (file, query) = text.split_once('?').unwrap_or((text, ""));
    // Many tools add `mode=rwc`. It describes what tokend does anyway: create the file.
    if !matches!(query, "" | "mode=rwc") {
        return Err(format!("has parameters that tokend does not read: ?{query}; remove them"));
    }
    if file.is_empty() || file.contains('#') || file == ":memory:" {
        return Err("does not name a file; write sqlite:///var/lib/tokend/tokend.db".to_owned());
    }
    path(file).map(PathBuf::from).map(Location::Sqlite)
}

/// Parses a URL with one host or a list of them, as in `postgres://user@one:5432,two:5432/name`. Of
/// several servers, tokend uses the one that accepts writes.
fn postgres(text: &str) -> Result<Location, ValueProblem> {
    let urls = each_host(text)?;
    for url in &urls {
        check_postgres(url)?;
    }
    Ok(Location::Postgres(urls.into_iter().map(SecretString::from).collect()))
}

/// Expands a list of hosts into one URL per host.
fn each_host(text: &str) -> Result<Vec<String>, ValueProblem> {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let hosts_at = authority.rfind('@').map_or(0, |at| at + 1);
    let (user, hosts) = authority.split_at(hosts_at);
    if !hosts.contains(',') {
        return Ok(vec![text.to_owned()]);
    }
    let url = |host: &str| match host.trim() {
        "" => Err("has an empty host in its list".to_owned()),
        host => Ok(format!("{scheme}://{user}{host}{tail}")),
    };
    hosts.split(',').map(url).collect()
}

fn check_postgres(text: &str) -> Result<(), ValueProblem> {
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}; {ENCODE}"))?;
    let after_host = [url.path(), url.query().unwrap_or_default()];
    if url.fragment().is_some() || after_host.iter().any(|part| part.contains('@')) {
        return Err(format!("has an @ or a # after the host; {ENCODE}"));
    }
    for (name, value) in url.query_pairs() {
        let is_option = name.starts_with("options[") && name.ends_with(']');
        if !is_option && !PARAMETERS.contains(&&*name) {
            let known = PARAMETERS.iter().map(|known| (*known).to_owned());
            let advice = match suggestion::nearest(&name, known) {
                Some(known) => format!("did you mean {known}?"),
                None => format!("known parameters: {}", PARAMETERS.join(", ")),
            };
            return Err(format!("has the unknown parameter `{name}`; {advice}"));
        }
        if matches!(&*name, "sslmode" | "ssl-mode") && !SSL_MODES.contains(&&*value) {
            return Err(format!("has an unknown sslmode; known values: {}", SSL_MODES.join(", ")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        location(text, Path::new("data")).expect_err("a problem")
    }

    #[test]
    fn a_parameter_that_nothing_reads_is_an_error() {
        assert!(problem("postgres://u@h/d?sslmod=require").ends_with("did you mean sslmode?"));
        assert!(problem("postgres://u@h/d?sslmode=requir").contains("verify-full"));
        assert!(problem("postgres://u@h/d?zzzzzzzzzz=1").contains("known parameters"));
        assert!(problem("sqlite:///a.db?mode=ro").contains("?mode=ro"));
        assert!(problem("sqlite://~/a.db").contains("`~`"));
        for text in [
            "postgres://u:p@h:5432/d?sslmode=verify-full&application_name=x",
            "postgresql:///d?host=/run/postgresql&options[search_path]=a",
            "sqlite:///a.db?mode=rwc",
            "sqlite:a.db",
            "",
        ] {
            assert!(location(text, Path::new("data")).is_ok(), "{text} was rejected");
        }
    }

    #[test]
    fn a_list_of_hosts_is_a_url_for_each() {
        use secrecy::ExposeSecret;
        let urls = |text: &str| match location(text, Path::new("data")).expect("a location") {
            Location::Postgres(urls) => {
                urls.iter().map(|url| url.expose_secret().to_owned()).collect::<Vec<_>>()
            }
            Location::Sqlite(_) => Vec::new(),
        };
        assert_eq!(
            urls("postgres://u:a%2Cb@one:5432,[::1]:5433,three/d?sslmode=require"),
            [
                "postgres://u:a%2Cb@one:5432/d?sslmode=require",
                "postgres://u:a%2Cb@[::1]:5433/d?sslmode=require",
                "postgres://u:a%2Cb@three/d?sslmode=require",
            ]
        );
        assert_eq!(urls("postgres://one,two/d"), ["postgres://one/d", "postgres://two/d"]);
        assert_eq!(urls("postgres://u,v@one/d"), ["postgres://u,v@one/d"]);
        assert!(problem("postgres://u@one,,two/d").contains("empty host"));
        assert!(problem("postgres://u@one,two:x/d").contains("is not a URL"));
        assert!(problem("postgres://u@one,two/d?sslmod=x").contains("did you mean sslmode?"));
    }

    /// O-51: in such a URL, a URL parser takes a part of the password for the host.
    #[test]
    fn a_password_with_special_characters_must_be_encoded() {
        for text in ["postgres://u:p@Zq/w@h/d", "postgres://u:p#Zq@h/d", "postgres://u:p/Zq@h/d"] {
            let problem = problem(text);
            assert!(problem.contains("@ as %40"), "{text}: {problem}");
            assert!(!problem.contains("Zq"), "{text} is repeated: {problem}");
        }
        assert!(location("postgres://u:p%40Zq@h/d", Path::new("data")).is_ok());
    }
}
