//! What a destructive command takes away, in lines for its operator: clients, grants and secrets in
//! use, with the last use.

use crate::cli::error::CliError;
use crate::cli::{client_secret, output};
use crate::model::client::Registration;
use crate::model::grant::GrantedScopes;
use crate::model::resource::ResourceId;
use crate::model::scope::ScopeName;
use crate::model::time::Timestamp;
use crate::services::Services;
use crate::store::grant_holders::GrantHolder;

/// How many clients, grants, secrets or trusts are listed.
const MAX_LISTED: usize = 20;

/// What ends with a client.
pub(super) fn of_client(found: &Registration, now: Timestamp) -> Vec<String> {
    let client = &found.client;
    let mut lines = vec![format!(
        "Client {} ({}, {}) goes with:",
        client.client_id,
        client.name.as_str(),
        client.state.as_str()
    )];
    let grants: Vec<_> =
        found.grants.iter().map(|grant| format!("grant {}", output::grant(grant))).collect();
    list(&mut lines, &grants, "grants");
    let live: Vec<_> = found
        .secrets
        .iter()
        .filter(|secret| secret.is_live(now))
        .map(|secret| format!("valid secret {}", client_secret::describe(secret, now)))
        .collect();
    list(&mut lines, &live, "valid secrets");
    let domains = found.spiffe_trusts.iter().map(|trust| trust.source.trust_domain());
    let trusts: Vec<_> = found
        .trusts
        .iter()
        .map(|trust| format!("trust in {}", trust.issuer))
        .chain(domains.map(|domain| format!("trust in spiffe://{domain}")))
        .collect();
    list(&mut lines, &trusts, "trusts");
    if client.security.keys.is_some() {
        lines.push("  its public keys".to_owned());
    }
    if let Some(usage) = &found.usage {
        lines.push(format!(
            "  its other credentials, last used {}",
            output::time(usage.last_used_at, now)
        ));
    }
    lines.push("  every token that it has".to_owned());
    lines
}

/// What ends with a resource.
pub(super) async fn of_resource(
    services: &Services,
    id: &ResourceId,
) -> Result<Vec<String>, CliError> {
    let holders = services.store.grant_holders(id).await?;
    if holders.is_empty() {
        return Ok(vec![format!("No client holds a grant for {id}.")]);
    }
    let count = counted(holders.len());
    let mut lines = vec![format!("{count} a grant for {id} and can get no tokens for it:")];
    list(&mut lines, &described(holders, services.clock.now()), "clients");
    Ok(lines)
}

/// What ends with scopes of a resource; nothing if no client holds one of them.
pub(super) async fn of_scopes(
    services: &Services,
    id: &ResourceId,
    removed: &[&ScopeName],
) -> Result<Vec<String>, CliError> {
    let mut holders = services.store.grant_holders(id).await?;
    holders.retain(|holder| match &holder.scopes {
        GrantedScopes::All => !removed.is_empty(),
        GrantedScopes::Only(scopes) => removed.iter().any(|name| scopes.contains(name)),
    });
    if holders.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<_> = removed.iter().map(|name| name.as_str()).collect();
    let count = counted(holders.len());
    let mut lines =
        vec![format!("{count} {} of {id}, and get invalid_scope from then on:", names.join(" "))];
    list(&mut lines, &described(holders, services.clock.now()), "clients");
    Ok(lines)
}

fn counted(count: usize) -> String {
    if count == 1 { "1 client holds".to_owned() } else { format!("{count} clients hold") }
}

/// The clients, those that were used last first.
fn described(mut holders: Vec<GrantHolder>, now: Timestamp) -> Vec<String> {
    holders.sort_by_key(|holder| std::cmp::Reverse(holder.last_used_at));
    holders
        .iter()
        .map(|holder| {
            let scopes = match &holder.scopes {
                GrantedScopes::All => "all scopes".to_owned(),
                GrantedScopes::Only(scopes) => scopes.to_string(),
            };
            let last = match holder.last_used_at {
                Some(last) => format!("last used {}", output::time(last, now)),
                None => "never used".to_owned(),
            };
            format!("{} ({scopes}), {last}", holder.client_id)
        })
        .collect()
}

fn list(lines: &mut Vec<String>, items: &[String], what: &str) {
    lines.extend(items.iter().take(MAX_LISTED).map(|item| format!("  {item}")));
    if let Some(more) = items.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more {what}"));
    }
}
