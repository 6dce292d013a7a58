//! Preview of a destructive command: lists the clients, grants and secrets that it ends, with their
//! last use.

use crate::cli::api::{Api, ApiRequest, path};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::output::objects::client::{ClientObject, GrantObject};
use crate::model::plural;
use crate::model::resource::ResourceId;
use crate::model::scope::ScopeName;
use crate::model::time::Timestamp;

/// The maximum number of clients, grants, secrets or trusts that are listed.
const MAX_LISTED: usize = 20;

/// The number of clients in one page.
const PAGE_SIZE: u32 = 1_000;

/// Lists everything that ends with a client.
pub(in crate::cli) fn of_client(client: &ClientObject, now: Timestamp) -> Vec<String> {
    let (id, name, state) = (&client.client_id, &client.name, &client.state);
    let mut lines = vec![format!("Client {id} ({name}, {state}) is deleted with:")];
    let grants: Vec<_> =
        client.grants.iter().map(|grant| format!("grant {}", grant.describe())).collect();
    list(&mut lines, &grants, "grants");
    let live: Vec<_> = client
        .secrets
        .iter()
        .filter(|secret| secret.is_valid(now))
        .map(|secret| format!("valid secret {}", secret.describe(now)))
        .collect();
    list(&mut lines, &live, "valid secrets");
    let domains = client.spiffe_trusts.iter().map(|trust| &trust.trust_domain);
    let trusts: Vec<_> = client
        .trusts
        .iter()
        .map(|trust| format!("trust in {}", trust.issuer))
        .chain(domains.map(|domain| format!("trust in spiffe://{domain}")))
        .collect();
    list(&mut lines, &trusts, "trusts");
    if client.jwks.is_some() || client.jwks_uri.is_some() {
        lines.push("  its public keys".to_owned());
    }
    if let Some(usage) = &client.usage {
        lines.push(format!(
            "  its other credentials, last used {}",
            output::time(usage.last_used_at, now)
        ));
    }
    lines.push("  every token that it has".to_owned());
    lines
}

/// Clients that hold a grant: their number, and the most recently used ones.
pub(in crate::cli) struct Holders {
    count: usize,
    last_used: Vec<(Option<Timestamp>, String)>,
}

impl Holders {
    /// Reads the clients with a grant for a resource that satisfies `matches`, page by page.
    pub(in crate::cli) async fn read(
        api: &Api,
        resource: &ResourceId,
        matches: impl Fn(&GrantObject) -> bool,
    ) -> Result<Self, CliError> {
        let request =
            ApiRequest::get(path(&["clients"])).with("resource", resource).with("limit", PAGE_SIZE);
        let mut holders = Self { count: 0, last_used: Vec::new() };
        let mut cursor = None;
        let now = api.now();
        loop {
            let page = api.page::<ClientObject>(&request, cursor.as_deref()).await?;
            for found in &page.data {
                let client = &found.object;
                if let Some(grant) = client.grant(resource.as_str()).filter(|it| matches(it)) {
                    holders.add(client, grant, now);
                }
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(holders);
            }
        }
    }

    fn add(&mut self, client: &ClientObject, grant: &GrantObject, now: Timestamp) {
        self.count += 1;
        let last = match client.last_used_at {
            Some(last) => format!("last used {}", output::time(last, now)),
            None => "never used".to_owned(),
        };
        let line = format!("{} ({}), {last}", client.client_id, grant.scopes_text());
        self.last_used.push((client.last_used_at, line));
        self.last_used.sort_by_key(|(last, _)| std::cmp::Reverse(*last));
        self.last_used.truncate(MAX_LISTED);
    }

    /// Returns the number of clients that hold a grant.
    pub(in crate::cli) fn count(&self) -> usize {
        self.count
    }

    /// True if no client holds a grant.
    fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Lists the clients that lose access with a resource.
    pub(in crate::cli) fn of_resource(&self, id: &ResourceId) -> Vec<String> {
        if self.is_empty() {
            return vec![format!("No client holds a grant for {id}.")];
        }
        let count = counted(self.count);
        self.lines(format!("{count} a grant for {id} and can get no tokens for it:"))
    }

    /// Lists the clients that lose scopes of a resource; empty if no client holds one of them.
    pub(in crate::cli) fn of_scopes(&self, id: &ResourceId, removed: &[&ScopeName]) -> Vec<String> {
        if self.is_empty() {
            return Vec::new();
        }
        let names: Vec<_> = removed.iter().map(|name| name.as_str()).collect();
        let (count, names) = (counted(self.count), names.join(" "));
        self.lines(format!("{count} {names} of {id}, and get invalid_scope from then on:"))
    }

    fn lines(&self, title: String) -> Vec<String> {
        let mut lines = vec![title];
        lines.extend(self.last_used.iter().map(|(_, line)| format!("  {line}")));
        if let Some(more) = self.count.checked_sub(MAX_LISTED).filter(|more| *more > 0) {
            lines.push(format!("  and {more} more clients"));
        }
        lines
    }
}

fn counted(count: usize) -> String {
    plural::counted(count, "client holds", "clients hold")
}

fn list(lines: &mut Vec<String>, items: &[String], what: &str) {
    lines.extend(items.iter().take(MAX_LISTED).map(|item| format!("  {item}")));
    if let Some(more) = items.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more {what}"));
    }
}
