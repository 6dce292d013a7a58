//! What there is in the demo: its resources and its clients, as plain data.

use crate::cli::error::CliError;

/// The clients, a line each.
const CLIENTS: &str = include_str!("clients.txt");

/// An API of the demo.
pub(super) struct DemoResource {
    /// The name before `.example.com`.
    pub(super) name: &'static str,
    /// The team that owns it.
    pub(super) team: &'static str,
    /// What it is.
    pub(super) description: &'static str,
    /// Its scopes, as `NAME=DESCRIPTION`.
    pub(super) scopes: &'static [&'static str],
    /// The algorithm of its tokens, if it is not that of the server.
    pub(super) algorithm: Option<&'static str>,
    /// How long its tokens live, if it says so.
    pub(super) lifetime: Option<&'static str>,
}

impl DemoResource {
    /// The identifier.
    pub(super) fn id(&self) -> String {
        resource_id(self.name)
    }
}

/// The identifier of the resource of this name.
pub(super) fn resource_id(name: &str) -> String {
    format!("https://{name}.example.com")
}

/// The resources.
pub(super) const RESOURCES: [DemoResource; 6] = [
    DemoResource {
        name: "orders",
        team: "payments",
        description: "Orders of the shop, from the basket to the delivery",
        scopes: &["orders:read=Read orders", "orders:write=Place, change and cancel orders"],
        algorithm: None,
        lifetime: None,
    },
    DemoResource {
        name: "invoices",
        team: "payments",
        description: "Invoices and credit notes",
        scopes: &["invoices:read=Read invoices", "invoices:write=Issue and correct invoices"],
        algorithm: None,
        lifetime: None,
    },
    DemoResource {
        name: "ledger",
        team: "payments",
        description: "The books. Each entry is final",
        scopes: &["ledger:read=Read entries", "ledger:write=Post entries"],
        algorithm: None,
        lifetime: Some("10m"),
    },
    DemoResource {
        name: "warehouse",
        team: "logistics",
        description: "Stock, places and movements",
        scopes: &["warehouse:read=Read stock", "warehouse:write=Book movements"],
        algorithm: None,
        lifetime: Some("30m"),
    },
    DemoResource {
        name: "tracking",
        team: "logistics",
        description: "Where each parcel is",
        scopes: &["tracking:read=Read the way of a parcel", "tracking:write=Report an event"],
        algorithm: None,
        lifetime: None,
    },
    DemoResource {
        name: "reports",
        team: "insights",
        description: "Reports, behind a load balancer that accepts RS256 alone",
        scopes: &["reports:read=Read reports", "reports:write=Publish reports"],
        algorithm: Some("RS256"),
        lifetime: None,
    },
];

/// By what a client authenticates.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DemoCredential {
    /// A secret, and after how many days it expires.
    Secret(Option<i64>),
    /// A public key.
    Key,
    /// Tokens of GitHub Actions for the main branch of this repository.
    Github(String),
    /// Tokens of a service account: its namespace and its name.
    Kubernetes(String, String),
    /// A secret that does not expire, of the administrator of a team.
    Team,
}

/// When a client was last used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// How long ago.
    pub(super) minutes_ago: i64,
    /// How many tokens it requests in an hour.
    pub(super) per_hour: i64,
    /// From where.
    pub(super) address: String,
}

/// A client of the demo.
#[derive(Debug)]
pub(super) struct DemoClient {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) team: String,
    pub(super) environment: String,
    /// How many days ago it was made.
    pub(super) days_old: i64,
    pub(super) credential: DemoCredential,
    /// The names of resources, each with its scopes.
    pub(super) grants: Vec<(String, String)>,
    pub(super) seen: Option<Seen>,
}

/// All of it.
pub(super) struct Catalogue {
    /// The clients, in the order of the table.
    pub(super) clients: Vec<DemoClient>,
}

impl Catalogue {
    /// Reads the table.
    pub(super) fn read() -> Result<Self, CliError> {
        let lines = CLIENTS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let clients = lines.map(|line| client(line).ok_or_else(|| broken(line)));
        Ok(Self { clients: clients.collect::<Result<_, _>>()? })
    }
}

/// What is said of a line that cannot be read.
pub(super) fn broken(line: &str) -> CliError {
    CliError::failed(format!("the demo data cannot be read: {line}"))
}

fn client(line: &str) -> Option<DemoClient> {
    let mut columns = line.split('|').map(str::trim);
    let mut next = || columns.next();
    Some(DemoClient {
        id: next()?.to_owned(),
        name: next()?.to_owned(),
        team: next()?.to_owned(),
        environment: next()?.to_owned(),
        days_old: next()?.parse().ok()?,
        credential: credential(next()?)?,
        grants: next()?.split_whitespace().map(grant).collect::<Option<_>>()?,
        seen: match next()? {
            "never" => None,
            text => Some(seen(text)?),
        },
    })
}

fn credential(text: &str) -> Option<DemoCredential> {
    let mut parts = text.split(':');
    let (kind, first, second) = (parts.next()?, parts.next(), parts.next());
    Some(match (kind, first, second) {
        ("secret", None, None) => DemoCredential::Secret(None),
        ("secret", Some(days), None) => DemoCredential::Secret(Some(days.parse().ok()?)),
        ("key", None, None) => DemoCredential::Key,
        ("team", None, None) => DemoCredential::Team,
        ("github", Some(repository), None) => DemoCredential::Github(repository.to_owned()),
        ("kubernetes", Some(namespace), Some(account)) => {
            DemoCredential::Kubernetes(namespace.to_owned(), account.to_owned())
        }
        _ => return None,
    })
}

fn grant(text: &str) -> Option<(String, String)> {
    let (resource, scopes) = text.split_once('=')?;
    Some((resource.to_owned(), scopes.replace(',', " ")))
}

fn seen(text: &str) -> Option<Seen> {
    let mut parts = text.split_whitespace();
    Some(Seen {
        minutes_ago: parts.next()?.parse().ok()?,
        per_hour: parts.next()?.parse().ok()?,
        address: parts.next()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_forty_clients_of_three_teams() {
        let clients = Catalogue::read().unwrap().clients;
        assert_eq!(clients.len(), 40);
        let mut teams: Vec<_> = clients.iter().map(|client| client.team.as_str()).collect();
        teams.sort_unstable();
        teams.dedup();
        assert_eq!(teams, ["insights", "logistics", "payments"]);
        for (resource, scopes) in clients.iter().flat_map(|client| &client.grants) {
            let known = RESOURCES.iter().find(|known| known.name == resource).unwrap();
            for scope in scopes.split(' ') {
                let is_known =
                    known.scopes.iter().any(|text| text.starts_with(&format!("{scope}=")));
                assert!(is_known, "{resource} {scope}");
            }
        }
    }

    #[test]
    fn a_line_that_is_not_of_the_table_is_rejected() {
        for line in ["", "a|b", "a|A|t|e|1|password||never", "a|A|t|e|one|key||never"] {
            assert!(client(line).is_none(), "{line}");
        }
    }
}
