//! Resources and clients of the demo as plain data.

use crate::cli::error::CliError;

/// The clients, one per line.
const CLIENTS: &str = include_str!("clients.txt");

/// A resource of the demo.
pub(super) struct DemoResource {
    /// The host name before `.example.com`.
    pub(super) name: &'static str,
    pub(super) team: &'static str,
    pub(super) description: &'static str,
    /// The scopes, each as `NAME=DESCRIPTION`.
    pub(super) scopes: &'static [&'static str],
    /// The signing algorithm of its tokens, if it differs from the server's.
    pub(super) algorithm: Option<&'static str>,
    /// The lifetime of its tokens, if it differs from the server's.
    pub(super) lifetime: Option<&'static str>,
}

impl DemoResource {
    pub(super) fn id(&self) -> String {
        resource_id(self.name)
    }
}

/// Returns the identifier of the resource with this name.
pub(super) fn resource_id(name: &str) -> String {
    format!("https://{name}.example.com")
}

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
        description: "Reports, behind a load balancer that accepts only RS256",
        scopes: &["reports:read=Read reports", "reports:write=Publish reports"],
        algorithm: Some("RS256"),
        lifetime: None,
    },
];

/// The credential of a demo client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DemoCredential {
    /// A secret, and the number of days until it expires.
    Secret(Option<i64>),
    /// A public key.
    Key,
    /// Tokens of GitHub Actions for the main branch of a repository.
    Github(String),
    /// Tokens of a Kubernetes service account: its namespace and name.
    Kubernetes(String, String),
    /// A secret that does not expire, for the administrator of a team.
    Team,
}

/// The last use of a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// The age of the last use, in minutes.
    pub(super) minutes_ago: i64,
    /// The number of token requests per hour.
    pub(super) per_hour: i64,
    pub(super) address: String,
}

#[derive(Debug)]
pub(super) struct DemoClient {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) team: String,
    pub(super) environment: String,
    /// The age of the client, in days.
    pub(super) days_old: i64,
    pub(super) credential: DemoCredential,
    /// The pairs of a resource name and its scopes.
    pub(super) grants: Vec<(String, String)>,
    pub(super) seen: Option<Seen>,
}

/// The parsed table of clients.
pub(super) struct Catalogue {
    /// The clients in the order of the table.
    pub(super) clients: Vec<DemoClient>,
}

impl Catalogue {
    /// Parses the table.
    pub(super) fn read() -> Result<Self, CliError> {
        let lines = CLIENTS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let clients = lines.map(|line| client(line).ok_or_else(|| broken(line)));
        Ok(Self { clients: clients.collect::<Result<_, _>>()? })
    }
}

/// Returns the error for a malformed line.
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
