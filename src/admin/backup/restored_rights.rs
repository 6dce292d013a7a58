//! Rights that a restore brings back although they ended after the backup: revoked tokens and
//! rotated secrets. The restore can end both again in its transaction.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::admin::secret::{expire_immediately, expired_at};
use crate::admin::{AdminError, AuditedChange, revocation};
use crate::config::Config;
use crate::model::Malformed;
use crate::model::client::ClientId;
use crate::model::event::{Action, EventSubject};
use crate::model::secret::SecretId;
use crate::model::time::{Lifetime, Timestamp};
use crate::model::token::{RevocationEpoch, RevokedClient};

/// The number of clients that are read at a time.
const PAGE_SIZE: u32 = 1_000;

/// A secret to end after a restore.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RestoredSecret {
    /// The client of the secret.
    pub client_id: ClientId,
    /// The secret.
    pub secret_id: SecretId,
}

/// The rights to end after a restore.
#[derive(Debug, Clone, Default)]
pub struct RightsToEnd {
    /// True if all tokens issued until now are to be revoked.
    pub tokens: bool,
    /// The secrets to end immediately.
    pub secrets: BTreeSet<RestoredSecret>,
}

/// The numbers of clients and secrets that a restore affected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndedRights {
    /// The number of clients whose tokens were revoked.
    pub clients: u64,
    /// The number of secrets that were ended.
    pub secrets: u64,
}

impl RightsToEnd {
    /// True if there is nothing to end.
    pub fn is_nothing(&self) -> bool {
        !self.tokens && self.secrets.is_empty()
    }
}

impl RestoredSecret {
    /// Returns the secrets that an event after `sequence` has ended, or has given an end: by a
    /// rotation, by an operator, or after a leak. `line` is an event as the audit log prints it in
    /// JSON.
    ///
    /// # Errors
    /// If the line is not an event.
    pub fn of_event(line: &str, sequence: i64) -> Result<Vec<Self>, Malformed> {
        #[derive(Deserialize)]
        struct Line {
            sequence: i64,
            action: String,
            subject: String,
            detail: Value,
        }
        let event: Line = serde_json::from_str(line)
            .map_err(|error| Malformed::because(format!("is not an event: {error}")))?;
        let named = match event.action.as_str() {
            _ if event.sequence <= sequence => return Ok(Vec::new()),
            "secret.rotated" => event.detail["ended"].as_array().cloned().unwrap_or_default(),
            "secret.expired" | "secret.leaked" => vec![event.detail["secret_id"].clone()],
            _ => return Ok(Vec::new()),
        };
        let EventSubject::Client(client_id) = EventSubject::parse(&event.subject)? else {
            return Err(Malformed::because("is an event of a secret without its client"));
        };
        let secret = |id: &Value| {
            let id = id.as_str().ok_or_else(|| Malformed::because("names no secret"))?;
            Ok(Self { client_id: client_id.clone(), secret_id: SecretId::parse(id)? })
        };
        named.iter().map(secret).collect()
    }
}

/// Ends the given rights, with an event for each client or secret.
pub(super) async fn end_rights(
    config: &Config,
    change: &mut AuditedChange,
    to_end: &RightsToEnd,
) -> Result<EndedRights, AdminError> {
    let mut ended_rights = EndedRights::default();
    for secret in &to_end.secrets {
        ended_rights.secrets += u64::from(expire_secret(change, secret).await?);
    }
    if to_end.tokens {
        ended_rights.clients = revoke_all_tokens(config, change).await?;
    }
    Ok(ended_rights)
}

/// Ends a secret. Returns `false` if the backup does not contain it, or if it has already ended.
async fn expire_secret(
    change: &mut AuditedChange,
    ended: &RestoredSecret,
) -> Result<bool, AdminError> {
    let RestoredSecret { client_id, secret_id } = ended;
    let Some(found) = change.read().registration(client_id).await? else { return Ok(false) };
    let secret = found.secrets.iter().find(|secret| secret.secret_id == *secret_id);
    let end = expire_immediately(change);
    let Some(secret) = secret.filter(|secret| end.is_before(secret.expires_at)) else {
        return Ok(false);
    };
    change.transaction.update_secret(client_id, &expired_at(secret, end)).await?;
    let detail = json!({
        "secret_id": secret_id,
        "ended_at": end,
        "cause": "restored",
        "was": { "expires_at": secret.expires_at },
        "is": { "expires_at": end },
    });
    change.record(Action::SecretExpired, EventSubject::Client(client_id.clone()), detail).await?;
    Ok(true)
}

/// Revokes every token issued until now. Tokens may have an `evt` that this database has not
/// reached yet; their issue time is compared instead.
async fn revoke_all_tokens(config: &Config, change: &mut AuditedChange) -> Result<u64, AdminError> {
    let longest = revocation::longest_lifetime(config, change.read()).await?;
    let (mut after, mut revoked) = (String::new(), 0);
    loop {
        let page = change.read().client_ids(&after, PAGE_SIZE).await?;
        let Some(last) = page.last() else { return Ok(revoked) };
        last.as_str().clone_into(&mut after);
        for id in &page {
            revoke_tokens(change, id, longest).await?;
            revoked += 1;
        }
    }
}

async fn revoke_tokens(
    change: &mut AuditedChange,
    id: &ClientId,
    longest: Lifetime,
) -> Result<(), AdminError> {
    let now: Timestamp = change.database_now;
    // No instance issues tokens now, so a margin for different clocks is not needed.
    let epoch = RevocationEpoch { evt: change.next_sequence(), iat_before: now.plus_seconds(1) };
    let expires_at = now.plus(longest).plus_seconds(1);
    let revoked = RevokedClient { client_id: id.clone(), epoch, revoked_until: now, expires_at };
    change.transaction.revoke_client(&revoked).await?;
    let detail = json!({ "revoked_until": now, "epoch": epoch, "cause": "restored" });
    change.record(Action::ClientTokensRevoked, EventSubject::Client(id.clone()), detail).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_ended_after_the_backup_are_found_in_events() {
        let of = |line: &str| {
            let secrets = RestoredSecret::of_event(line, 10);
            secrets.map(|it| it.into_iter().map(|it| it.secret_id.as_str().to_owned()).collect())
        };
        let ids = |texts: &[&str]| -> Result<Vec<String>, Malformed> {
            Ok(texts.iter().map(ToString::to_string).collect())
        };
        let a = SECRET;
        let rotated = |sequence: i64| {
            format!(
                r#"{{"sequence":{sequence},"at":"2026-11-27T00:00:00Z","actor":"cli:ana",
                "action":"secret.rotated","subject":"client/billing",
                "detail":{{"secret_id":"sec_new","ended":["{a}"]}},"hash":"x"}}"#
            )
        };
        assert_eq!(of(&rotated(11)), ids(&[a]));
        assert_eq!(of(&rotated(10)), ids(&[]), "it is in the backup");
        let leaked = format!(
            r#"{{"sequence":12,"action":"secret.leaked","subject":"client/billing",
            "detail":{{"secret_id":"{a}"}}}}"#
        );
        assert_eq!(of(&leaked), ids(&[a]));
        let other =
            r#"{"sequence":12,"action":"client.updated","subject":"client/billing","detail":{}}"#;
        assert_eq!(of(other), ids(&[]));
        assert!(of("sec_x").is_err());
    }

    const SECRET: &str = "sec_0123456789ABCDEFGHIJ";
}
