use std::net::IpAddr;

use super::*;
use crate::model::client::{Client, ClientId, ClientName, ClientState};
use crate::model::client_settings::ClientTokenSettings;
use crate::model::facts::Facts;
use crate::model::leak_policy::LeakPolicy;
use crate::model::secret::{SecretHash, SecretId, SecretKind};
use crate::model::security::ClientSecurity;
use crate::model::static_claims::StaticClaims;

const NOW: Timestamp = Timestamp(1_795_527_403);
const DAY: i64 = 86_400;

fn usage(seconds_ago: i64) -> Usage {
    let time = NOW.minus_seconds(seconds_ago);
    let last_address = IpAddr::from([10, 2, 9, 3]);
    Usage { first_used_at: time, last_used_at: time, uses: 1, last_address }
}

/// Creates a secret that was created and last used so many seconds ago.
fn secret(id: &str, made: i64, used: Option<i64>) -> SecretRecord {
    let id = SecretId::parse(id).expect("an id");
    let hash = SecretHash::from_phc("");
    let made = NOW.minus_seconds(made);
    SecretRecord {
        usage: used.map(usage),
        ..SecretRecord::new(id, SecretKind::Generated, hash, made)
    }
}

fn client(secrets: Vec<SecretRecord>) -> Registration {
    let client_id = ClientId::parse("a").expect("an id");
    let client = Client {
        name: ClientName::of_id(&client_id),
        token: ClientTokenSettings {
            client_id,
            state: ClientState::Active,
            auth_methods: Vec::new(),
            grant_types: Vec::new(),
            token_lifetime: None,
            token_rate: None,
            security: ClientSecurity::default(),
            claims: StaticClaims::default(),
        },
        leak_policy: LeakPolicy::default(),
        facts: Facts::default(),
        admin_of: None,
        source: None,
        created_at: NOW,
        updated_at: NOW,
    };
    let (grants, trusts, spiffe_trusts) = (Vec::new(), Vec::new(), Vec::new());
    Registration { client, secrets, grants, trusts, spiffe_trusts, usage: None }
}

fn horizon(written_seconds_ago: i64) -> UsageHorizon {
    UsageHorizon { now: NOW, written_until: NOW.minus_seconds(written_seconds_ago) }
}

fn assessed(mut client: Registration, written_seconds_ago: i64) -> Vec<(bool, String)> {
    client.assess(&horizon(written_seconds_ago), Lifetime::stored(14 * DAY));
    let statuses = client.secrets.into_iter().filter_map(|secret| secret.status);
    statuses.map(|status| (status.safe_to_end.safe, status.safe_to_end.reason)).collect()
}

#[test]
fn an_old_secret_is_safe_to_end_once_the_new_one_is_used() {
    let old = secret("sec_1", 90 * DAY, Some(3 * DAY));
    let new = secret("sec_2", 4 * DAY, Some(60));
    let found = assessed(client(vec![old, new]), 5);
    let reason = "last used 3 days ago from 10.2.9.3; the newer secret sec_2 is used since";
    assert_eq!(found[0], (true, reason.to_owned()));
    assert_eq!(
        found[1],
        (false, "last used 60 s ago from 10.2.9.3; nothing else is used since".into())
    );
}

#[test]
fn a_secret_that_was_replaced_at_once_knows_the_newer_one() {
    let old = SecretRecord {
        replaced_by: Some(SecretId::parse("sec_1").expect("an id")),
        ..secret("sec_2", 4 * DAY, None)
    };
    let found = assessed(client(vec![secret("sec_1", 4 * DAY, Some(60)), old]), 5);
    assert_eq!(found[1], (true, "never used; the newer secret sec_1 is used since".to_owned()));
}

#[test]
fn a_secret_that_may_be_in_use_is_not_safe_to_end() {
    let alone = client(vec![secret("sec_1", 90 * DAY, Some(30 * DAY))]);
    let reason = "last used 30 days ago from 10.2.9.3; nothing else is used since";
    assert_eq!(assessed(alone, 5), [(false, reason.to_owned())]);
    let unused_new = vec![secret("sec_1", 9 * DAY, Some(3 * DAY)), secret("sec_2", DAY, None)];
    let found = assessed(client(unused_new), 5);
    assert!(!found[0].0 && !found[1].0, "{found:?}");
    assert_eq!(found[1].1, "never used; no newer secret is used");
    let recently = vec![secret("sec_1", 9 * DAY, Some(3600)), secret("sec_2", DAY, Some(60))];
    let (safe, reason) = assessed(client(recently), 5).remove(0);
    assert!(!safe && reason.ends_with("it is not unused for 24h yet"), "{reason}");
}

#[test]
fn a_secret_is_not_safe_to_end_while_an_instance_is_silent() {
    let secrets = vec![secret("sec_1", 9 * DAY, Some(2 * DAY)), secret("sec_2", 3 * DAY, Some(60))];
    assert!(assessed(client(secrets.clone()), 5)[0].0);
    let (safe, reason) = assessed(client(secrets), DAY + 1).remove(0);
    assert!(!safe, "{reason}");
    assert!(
        reason.ends_with("an instance last wrote its usage statistics 24 hours ago"),
        "{reason}"
    );
}

#[test]
fn a_secret_is_safe_to_end_if_another_credential_was_used_since() {
    let mut found = client(vec![secret("sec_1", 90 * DAY, Some(3 * DAY))]);
    found.usage = Some(usage(60));
    let (safe, reason) = assessed(found, 5).remove(0);
    assert!(safe && reason.ends_with("another credential of the client is used since"), "{reason}");
}

#[test]
fn only_an_unexpired_secret_that_ends_soon_is_marked() {
    let ended = SecretRecord {
        expires_at: Some(NOW.minus_seconds(3 * DAY)),
        ..secret("sec_1", 9 * DAY, None)
    };
    let soon = SecretRecord {
        expires_at: Some(NOW.plus_seconds(14 * DAY)),
        ..secret("sec_2", 9 * DAY, None)
    };
    let later = SecretRecord {
        expires_at: Some(NOW.plus_seconds(14 * DAY + 1)),
        ..secret("sec_3", 9 * DAY, None)
    };
    let mut found = client(vec![ended, soon, later]);
    found.assess(&horizon(5), Lifetime::stored(14 * DAY));
    let marks: Vec<_> = found
        .secrets
        .iter()
        .filter_map(|secret| secret.status.as_ref())
        .map(|status| status.expiring_soon)
        .collect();
    assert_eq!(marks, [false, true, false]);
    let status = found.secrets[0].status.as_ref().expect("a status");
    assert_eq!(status.safe_to_end.reason, "it ended 3 days ago");
}

/// The conditions of `until_unused`: the successor is valid and used, the old secret is unused for
/// the window, and all usage statistics are written.
#[test]
fn a_replaced_secret_ends_early_only_when_every_condition_holds() {
    let replaced = |used: Option<i64>| SecretRecord {
        expires_at: Some(NOW.plus_seconds(DAY)),
        replaced_by: Some(SecretId::parse("sec_2").expect("an id")),
        unused_window: Some(Lifetime::stored(3600)),
        ..secret("sec_1", 9 * DAY, used)
    };
    let is_unused = |old: SecretRecord, new: SecretRecord, written_seconds_ago: i64| {
        let found = client(vec![old, new]);
        found.is_unused(&found.secrets[0], &horizon(written_seconds_ago))
    };
    let used = || secret("sec_2", 2 * 3600, Some(60));
    assert!(is_unused(replaced(Some(3700)), used(), 5));
    assert!(is_unused(replaced(None), used(), 5), "never used, and replaced two hours ago");
    assert!(
        !is_unused(replaced(Some(3700)), secret("sec_2", 7200, None), 5),
        "the new one is unused"
    );
    assert!(!is_unused(replaced(Some(3599)), used(), 0), "within the window");
    assert!(!is_unused(replaced(Some(3629)), used(), 0), "within the margin");
    assert!(is_unused(replaced(Some(3630)), used(), 0), "at its end");
    assert!(!is_unused(replaced(Some(3700)), used(), 71), "an instance has not written so far");
    let just_now = secret("sec_2", 3600, Some(60));
    assert!(!is_unused(replaced(Some(3 * DAY)), just_now, 0), "replaced less than a window ago");
    let ended = SecretRecord { expires_at: Some(NOW), ..used() };
    assert!(!is_unused(replaced(Some(3700)), ended, 0), "the new one has ended");
    let over = SecretRecord { expires_at: Some(NOW), ..replaced(Some(3700)) };
    assert!(!is_unused(over, used(), 0), "it has ended already");
    let plain = SecretRecord { unused_window: None, ..replaced(Some(3700)) };
    assert!(!is_unused(plain, used(), 0), "no rotation says so");
}
