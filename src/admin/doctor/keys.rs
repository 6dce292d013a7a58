//! Checks of keys and secrets in the database: the master key, the signing key, the next signing
//! key, and expiring secrets of clients.

use std::collections::BTreeSet;

use crate::admin::doctor::code::CheckCode;
use crate::admin::doctor::database::failed;
use crate::admin::doctor::finding::Finding;
use crate::admin::doctor::first_of;
use crate::admin::doctor::fix::Fix;
use crate::admin::signing_key;
use crate::config::{Config, KeySettings, Location};
use crate::keys::keyring::Keyring;
use crate::keys::seal::MasterKeys;
use crate::model::client::ClientState;
use crate::model::signing_key::{Algorithm, SigningKeyRecord};
use crate::model::time::{Clock, Timestamp, in_words};
use crate::services::master_key;
use crate::services::sealed_keys::SealedKeys;
use crate::store::clients::list::{ClientFilter, Expiring, Position};
use crate::store::{Store, StoreError};

/// The number of seconds by which a server may be late with the next key.
const GRACE_SECONDS: i64 = 3600;

/// The number of clients that a finding names, and the limit up to which it counts them.
const MAX_NAMED: u32 = 5;
const COUNT_BOUND: u32 = 10_000;

/// Checks the keys and secrets in a database that has the schema of this program.
pub(super) async fn examine(config: &Config, clock: &Clock, store: &Store) -> Vec<Finding> {
    let now = clock.now();
    let mut findings = match SealedKeys::read(store.read()).await {
        Ok(stored) => of_stored(config, &stored, now).await,
        Err(error) => vec![failed(CheckCode::MasterKey, &error)],
    };
    findings.push(expiring_secrets(config, now, store).await);
    findings
}

async fn of_stored(config: &Config, stored: &SealedKeys, now: Timestamp) -> Vec<Finding> {
    let (finding, master) = master_key(config, stored).await;
    let next = next_signing_key(&config.keys, &stored.signing_keys, now);
    let signing = match master {
        Some(master) => signing_key(config, &master, &stored.signing_keys, now),
        None => Finding::skipped(CheckCode::SigningKey, "the master key opens no key"),
    };
    vec![finding, signing, next]
}

async fn master_key(config: &Config, stored: &SealedKeys) -> (Finding, Option<MasterKeys>) {
    let code = CheckCode::MasterKey;
    let sealed: Vec<_> = stored.iter().collect();
    let found = match master_key::find(config).await {
        Ok(Some(found)) => found,
        Ok(None) => return (without_key(config, sealed.len()), None),
        Err(error) => {
            let fix = "The file must contain 32 bytes in base64 or hex, and this user must be able \
                       to read it. Run the doctor as the user that runs tokend.";
            return (Finding::error(code, error.to_string(), fix), None);
        }
    };
    let master = match MasterKeys::derive(&found.keys) {
        Ok(master) => master,
        Err(error) => {
            return (Finding::error(code, error.to_string(), "Report this fault of tokend."), None);
        }
    };
    let (source, count) = (&found.source, sealed.len());
    let opened: Vec<_> =
        sealed.iter().filter_map(|(name, seal)| master.open(name.as_str(), seal).ok()).collect();
    let outdated = opened.iter().filter(|opened| opened.is_outdated).count();
    let finding = match (count, count - opened.len()) {
        (0, _) => {
            Finding::ok(code, format!("the master key {source}; the database contains no keys yet"))
        }
        (_, 0) if outdated == 0 => {
            Finding::ok(code, format!("the master key {source} opens all {count} sealed keys"))
        }
        (_, 0) => Finding::note(
            code,
            format!("{outdated} of {count} keys are sealed under an older master key"),
            Fix::RotateMasterKey,
        ),
        (_, closed) => Finding::error(
            code,
            format!("the master key {source} does not open {closed} of {count} sealed keys"),
            Fix::SetSealingKey,
        ),
    };
    (finding, (!opened.is_empty() || count == 0).then_some(master))
}

fn without_key(config: &Config, sealed: usize) -> Finding {
    let code = CheckCode::MasterKey;
    match (&config.database.location, sealed) {
        (Location::Sqlite(_), 0) => {
            Finding::skipped(code, "the first start of a server generates it")
        }
        (Location::Postgres(_), 0) => Finding::error(
            code,
            "master_key is not set",
            "Make one with `openssl rand -base64 32`, and give it to every instance as \
             TOKEND_MASTER_KEY_FILE.",
        ),
        (_, sealed) => Finding::error(
            code,
            format!("it is missing, and {sealed} keys are sealed under it"),
            Fix::RestoreMasterKey,
        ),
    }
}

fn signing_key(
    config: &Config,
    master: &MasterKeys,
    records: &[SigningKeyRecord],
    now: Timestamp,
) -> Finding {
    let code = CheckCode::SigningKey;
    let algorithm = config.token.algorithm;
    if records.is_empty() {
        return Finding::skipped(code, "the first start of a server makes one");
    }
    let (ring, problem) = Keyring::open_readable(master, records.to_vec(), config.keep_seconds());
    let name = algorithm.as_str();
    let Some(key) = ring.signing(algorithm, now) else {
        let found = format!("no key signs with {name} (token.algorithm)");
        return Finding::error(code, found, Fix::CreateSigningKey);
    };
    match problem {
        Some(problem) => Finding::error(
            code,
            format!("a key of the key set cannot be used: {problem}"),
            Fix::RetireSigningKey,
        ),
        None => Finding::ok(code, format!("{name} {} signs", key.kid())),
    }
}

/// Checks that the next key exists in time: `keys.publish_before` before it signs.
fn next_signing_key(
    settings: &KeySettings,
    records: &[SigningKeyRecord],
    now: Timestamp,
) -> Finding {
    let code = CheckCode::NextSigningKey;
    let in_use: BTreeSet<Algorithm> =
        records.iter().filter(|key| !key.is_ended()).map(|key| key.algorithm).collect();
    let (mut plans, mut late) = (Vec::new(), Vec::new());
    for algorithm in &in_use {
        let Some(newest) = signing_key::rotation::newest(records, *algorithm) else { continue };
        let name = algorithm.as_str();
        let due = signing_key::rotation::successor_due_at(newest, settings);
        if newest.signs_from > now {
            plans.push(format!("{name}: {} signs from {}", newest.kid, newest.signs_from));
        } else if due.plus_seconds(GRACE_SECONDS) > now {
            plans.push(format!("{name}: the next one is made at {due}"));
        } else {
            let since = in_words(now.seconds_since(due));
            late.push(format!("{name}: the next key was due {since} ago, at {due}"));
        }
    }
    match (plans.is_empty(), late.is_empty()) {
        (true, true) => Finding::skipped(code, "no key exists yet"),
        (_, true) => Finding::ok(code, plans.join("; ")),
        (_, false) => Finding::warning(
            code,
            late.join("; "),
            "A running server makes it. Start one with these settings; if one runs, its log says \
             why: \"the signing keys cannot be rotated\".",
        ),
    }
}

async fn expiring_secrets(config: &Config, now: Timestamp, store: &Store) -> Finding {
    let code = CheckCode::ExpiringSecrets;
    let warn_before = config.secrets.warn_before;
    let filter = ClientFilter {
        state: Some(ClientState::Active),
        expiring: Some(Expiring { now, until: now.plus(warn_before) }),
        ..ClientFilter::default()
    };
    let start = Position::start();
    let found = async {
        let first = store.client_page(&filter, &start, MAX_NAMED).await?.positions;
        let count = store.count_clients(&filter, &start, COUNT_BOUND).await?;
        Ok::<_, StoreError>((first, count))
    };
    let (first, count) = match found.await {
        Ok(found) => found,
        Err(error) => return failed(code, &error),
    };
    if first.is_empty() {
        return Finding::ok(code, format!("none expires within {warn_before}"));
    }
    let names: Vec<_> = first.iter().map(|client| client.client_id().to_owned()).collect();
    let clients = match count {
        Some(1) => "1 client has".to_owned(),
        Some(count) => format!("{count} clients have"),
        None => "many clients have".to_owned(),
    };
    let names = first_of(&names, names.len());
    Finding::warning(
        code,
        format!("{clients} a secret that expires within {warn_before}: {names}"),
        Fix::ReplaceSecrets { warn_before },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::doctor::finding::CheckState;
    use crate::admin::signing_key::test_keys::{DAY, key, settings};

    fn finding(records: &[SigningKeyRecord], now: i64) -> Finding {
        next_signing_key(&settings(), records, Timestamp(now))
    }

    #[test]
    fn a_next_key_that_is_due_and_does_not_exist_is_a_warning() {
        let one = [key(Algorithm::Es256, 0)];
        assert_eq!(finding(&[], 5).state, CheckState::Skipped);
        assert_eq!(finding(&one, 89 * DAY + GRACE_SECONDS - 1).state, CheckState::Ok);
        let late = finding(&one, 89 * DAY + GRACE_SECONDS);
        assert_eq!(late.state, CheckState::Warning);
        assert!(late.found.starts_with("ES256: the next key was due 60 minutes ago"), "{late:?}");
        let both = [key(Algorithm::Es256, 0), key(Algorithm::Es256, 90 * DAY)];
        assert_eq!(finding(&both, 89 * DAY + 2 * GRACE_SECONDS).state, CheckState::Ok);
        // One late algorithm is enough for a warning.
        let mixed = [key(Algorithm::Es256, 80 * DAY), key(Algorithm::Rs256, 0)];
        assert_eq!(finding(&mixed, 95 * DAY).state, CheckState::Warning);
        let ended = SigningKeyRecord { retired_at: Some(Timestamp(5)), ..key(Algorithm::Rs256, 0) };
        let mixed = [key(Algorithm::Es256, 80 * DAY), ended];
        assert_eq!(finding(&mixed, 95 * DAY).state, CheckState::Ok);
    }
}
