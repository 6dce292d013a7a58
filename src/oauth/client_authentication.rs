//! Who is it? Proves a client's secret, at the price of one MAC once it has been right before.
//!
//! Whatever fails here, the caller is told the same; only the log learns the reason.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::app::App;
use crate::crypto::hashing::Busy;
use crate::crypto::proof::Mac;
use crate::crypto::secret::{self, Shape};
use crate::directory::{ClientEntry, SecretEntry};
use crate::model::client::{Client, ClientState};
use crate::model::grant::Grant;
use crate::model::secret::SecretKind;
use crate::model::time::Timestamp;
use crate::oauth::error::OAuthError;
use crate::oauth::request::{Credentials, TokenRequest};

/// A client that has proved who it is ([`authenticate`]), or for which an operator speaks.
#[derive(Debug)]
pub struct AuthenticatedClient {
    entry: Arc<ClientEntry>,
}

impl AuthenticatedClient {
    /// The client.
    pub fn client(&self) -> &Client {
        &self.entry.client
    }

    /// What it may ask for.
    pub fn grants(&self) -> &[Grant] {
        &self.entry.grants
    }

    /// Takes a client at an operator's word, unless it is disabled. **Only for commands of the
    /// operator, who could give the client a new secret just as well.**
    pub fn vouched_for(entry: Arc<ClientEntry>) -> Result<Self, OAuthError> {
        refuse_disabled(&entry)?;
        Ok(Self { entry })
    }
}

/// Authenticates the client of a request (RFC 6749, section 2.3).
pub async fn authenticate(
    app: &App,
    request: &TokenRequest,
) -> Result<AuthenticatedClient, OAuthError> {
    let staleness = app.directory.staleness(app.foundation.clock.now());
    if staleness > app.foundation.config.directory.max_staleness.seconds() {
        let reason = format!(
            "the database has been away for {staleness} s, longer than directory.max_staleness"
        );
        return Err(OAuthError::unavailable(reason));
    }
    let Some(credentials) = &request.credentials else {
        return Err(OAuthError::no_authentication());
    };
    let entry = prove_as_of_now(app, credentials).await?;
    refuse_disabled(&entry)?;
    if !entry.client.auth_methods.contains(&credentials.method) {
        let reason = format!("the client may not use {}", credentials.method.as_str());
        return Err(refusal(&entry, &reason));
    }
    Ok(AuthenticatedClient { entry })
}

fn refuse_disabled(entry: &ClientEntry) -> Result<(), OAuthError> {
    match entry.client.state {
        ClientState::Active => Ok(()),
        ClientState::Disabled => Err(refusal(entry, "the client is disabled")),
    }
}

/// Proves a secret by what is known when the answer is made. A hash takes its time, and the client
/// may have changed meanwhile: then it is looked at again, which costs one MAC now.
async fn prove_as_of_now(
    app: &App,
    credentials: &Credentials,
) -> Result<Arc<ClientEntry>, OAuthError> {
    let entry = prove(app, credentials, app.foundation.clock.now()).await?;
    match app.directory.client(&credentials.client_id) {
        Some(current) if Arc::ptr_eq(&current, &entry) => Ok(entry),
        _ => prove(app, credentials, app.foundation.clock.now()).await,
    }
}

/// Finds the client whose live secret this is.
async fn prove(
    app: &App,
    credentials: &Credentials,
    now: Timestamp,
) -> Result<Arc<ClientEntry>, OAuthError> {
    let vault = &app.foundation.vault;
    let presented = credentials.secret.expose_secret();
    if presented.len() > secret::LONGEST {
        return Err(OAuthError::authentication_failed("the secret is too long"));
    }
    let known = app.directory.client(&credentials.client_id);
    let mac = vault.proof_key.mac(&credentials.client_id, presented);
    if let Some(entry) = known.as_ref().filter(|entry| is_remembered(entry, &mac, now)) {
        return Ok(entry.clone());
    }
    let is_tagged = vault.tag_key.is_tagged(&credentials.client_id, presented);
    let Some(entry) = known else {
        if !is_tagged {
            waste_time(app, &credentials.secret).await?;
        }
        return Err(OAuthError::authentication_failed("no client has that id"));
    };
    let proved = if is_tagged {
        prove_minted(app, &entry, credentials, &mac, now).await?
    } else {
        prove_imported(app, &entry, credentials, &mac, now).await?
    };
    if proved {
        return Ok(entry);
    }
    Err(refusal(&entry, why_not(&entry, presented, is_tagged, now)))
}

/// True if this very secret has been proved before and still counts: the ordinary case.
fn is_remembered(entry: &ClientEntry, mac: &Mac, now: Timestamp) -> bool {
    entry
        .secrets
        .iter()
        .any(|known| known.proof.recognise(mac) == Some(true) && known.record.is_live(now))
}

/// A secret with a valid tag was minted for this client: the hint tells which one it must be. It
/// may also have come back by an import, after the client had been deleted.
async fn prove_minted(
    app: &App,
    entry: &ClientEntry,
    credentials: &Credentials,
    mac: &Mac,
    now: Timestamp,
) -> Result<bool, OAuthError> {
    let hint = secret::hint(credentials.secret.expose_secret());
    let candidates = entry.secrets.iter().filter(|known| {
        let may_be = known.record.kind == SecretKind::Imported || known.record.hint == hint;
        may_be && known.record.is_live(now)
    });
    Ok(matches_one_of(app, candidates, credentials, mac).await? == Match::Yes)
}

/// Any other text may be an imported secret. A wrong one costs a hash in any case, so that time
/// does not tell whether the client has such a secret, or has used it already.
async fn prove_imported(
    app: &App,
    entry: &ClientEntry,
    credentials: &Credentials,
    mac: &Mac,
    now: Timestamp,
) -> Result<bool, OAuthError> {
    let candidates = entry
        .secrets
        .iter()
        .filter(|known| known.record.kind == SecretKind::Imported && known.record.is_live(now));
    let found = matches_one_of(app, candidates, credentials, mac).await?;
    if found == Match::NoAtOnce {
        waste_time(app, &credentials.secret).await?;
    }
    Ok(found == Match::Yes)
}

/// Whether a secret is one of those it could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    /// It is.
    Yes,
    /// It is not, and a hash has said so.
    NoByHash,
    /// It is not, and no hash was needed to know.
    NoAtOnce,
}

/// Hashes as often as it must: secrets that have been proved before are recognised without.
async fn matches_one_of(
    app: &App,
    candidates: impl Iterator<Item = &SecretEntry>,
    credentials: &Credentials,
    mac: &Mac,
) -> Result<Match, OAuthError> {
    let vault = &app.foundation.vault;
    let mut found = Match::NoAtOnce;
    for known in candidates {
        match known.proof.recognise(mac) {
            // Proved by another request in this very moment.
            Some(true) => return Ok(Match::Yes),
            Some(false) => continue,
            None => {}
        }
        let record = &known.record;
        let checked = vault.hasher.verify(record.kind, &credentials.secret, &record.hash).await;
        if checked.map_err(busy)? {
            known.proof.remember(mac);
            return Ok(Match::Yes);
        }
        found = Match::NoByHash;
    }
    Ok(found)
}

/// Costs what a wrong imported secret costs, as long as there are such secrets.
async fn waste_time(app: &App, presented: &SecretString) -> Result<(), OAuthError> {
    if app.directory.holds_imported_secrets() {
        app.foundation.vault.hasher.verify_nothing(presented).await.map_err(busy)?;
    }
    Ok(())
}

fn busy(busy: Busy) -> OAuthError {
    OAuthError::unavailable(busy.to_string())
}

/// A refusal whose reason names the client, which exists and is therefore no secret.
fn refusal(entry: &ClientEntry, reason: &str) -> OAuthError {
    OAuthError::authentication_failed(format!("{}: {reason}", entry.client.client_id))
}

/// The reason for the log; computed for refusals only.
fn why_not(entry: &ClientEntry, presented: &str, is_tagged: bool, now: Timestamp) -> &'static str {
    let is_over = |known: &SecretEntry| {
        known.record.hint == secret::hint(presented) && !known.record.is_live(now)
    };
    match secret::shape(presented) {
        Shape::Damaged => {
            "the secret was cut, mistyped or has a line break: its checksum does not match"
        }
        Shape::Whole if !is_tagged => {
            "the secret was minted for another client or by another server"
        }
        Shape::Whole if entry.secrets.iter().any(is_over) => "the secret has expired",
        Shape::Whole => "the secret was this client's and has been removed",
        Shape::Foreign if presented.starts_with("eyJ") => {
            "the value sent as secret looks like a token"
        }
        Shape::Foreign => "the secret is wrong",
    }
}
