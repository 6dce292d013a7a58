//! Counts attempts on guessable secrets by client and by address. Such secrets must be protected
//! against brute force (RFC 6749, section 2.3.1).
//!
//! The counters are in two tables of fixed size, so an attacker cannot exhaust the memory. An
//! unknown client is counted like a known one. Two clients may share a counter. That is harmless,
//! because an attempt over a limit only waits in another queue.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::rate_counter::RateExceeded;
use crate::limits::rate_table::RateTable;
use crate::model::network::ClientNetwork;
use crate::model::rate::Rate;
use crate::model::time::Timestamp;

/// The number of counters in each table.
const BUCKETS: usize = 1 << 14;

/// Rates of attempts that are not throttled.
#[derive(Debug, Clone, Copy)]
pub struct GuessLimits {
    /// The rate of attempts on one client.
    pub by_client: Rate,
    /// The rate of attempts from one address.
    pub by_address: Rate,
}

/// Attempts of an address in the current window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempts {
    /// The first attempt of the address, so the wrong ones came from other addresses.
    First,
    /// Other attempts preceded it that have not succeeded.
    Repeated,
}

/// Relation of an attempt to the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Neither the client nor the address exceeds a limit.
    WithinLimits,
    /// Too many attempts on the client, from all addresses.
    ClientOverLimit(RateExceeded, Attempts),
    /// Too many attempts from the address.
    AddressOverLimit(RateExceeded),
}

/// Attempt counters of this process.
#[derive(Debug)]
pub struct GuessLimiter {
    by_client: RateTable,
    by_address: RateTable,
    over_client: AtomicU64,
    over_address: AtomicU64,
}

impl GuessLimiter {
    /// Creates empty counters with these limits.
    pub fn new(limits: GuessLimits) -> Self {
        let table = |rate| RateTable::new(rate, BUCKETS);
        Self {
            by_client: table(limits.by_client),
            by_address: table(limits.by_address),
            over_client: AtomicU64::new(0),
            over_address: AtomicU64::new(0),
        }
    }

    /// Sets the limits for later attempts.
    pub fn set_limits(&self, limits: GuessLimits) {
        self.by_client.set_rate(limits.by_client);
        self.by_address.set_rate(limits.by_address);
    }

    /// Counts an attempt before it is verified, and returns its relation to the limits.
    pub fn note(&self, client_id: &str, address: IpAddr, now: Timestamp) -> Standing {
        let on_client = self.by_client.count(client_id, now);
        let network = ClientNetwork::of(address);
        let is_first = self.by_address.is_unused(&network, now);
        let standing = match (self.by_address.count(&network, now), on_client) {
            (Err(exceeded), _) => Standing::AddressOverLimit(exceeded),
            (Ok(()), Ok(())) => Standing::WithinLimits,
            (Ok(()), Err(exceeded)) if is_first => {
                Standing::ClientOverLimit(exceeded, Attempts::First)
            }
            (Ok(()), Err(exceeded)) => Standing::ClientOverLimit(exceeded, Attempts::Repeated),
        };
        let over = match standing {
            Standing::WithinLimits => return standing,
            Standing::ClientOverLimit(..) => &self.over_client,
            Standing::AddressOverLimit(_) => &self.over_address,
        };
        over.fetch_add(1, Ordering::Relaxed);
        standing
    }

    /// Returns how many attempts were over the limit of their client.
    pub fn over_client(&self) -> u64 {
        self.over_client.load(Ordering::Relaxed)
    }

    /// Returns how many attempts were over the limit of their address.
    pub fn over_address(&self) -> u64 {
        self.over_address.load(Ordering::Relaxed)
    }

    /// Reverts the count of an attempt with a correct secret.
    pub fn refund(&self, client_id: &str, address: IpAddr, now: Timestamp) {
        self.by_client.refund(client_id, now);
        self.refund_address(address, now);
    }

    /// Like [`refund`](Self::refund), for an attempt that was counted only for its address.
    pub fn refund_address(&self, address: IpAddr, now: Timestamp) {
        self.by_address.refund(&ClientNetwork::of(address), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guesses() -> GuessLimiter {
        let rate = |text| Rate::parse(text).expect("a rate");
        GuessLimiter::new(GuessLimits { by_client: rate("2/m"), by_address: rate("5/m") })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    use Standing::{AddressOverLimit, ClientOverLimit, WithinLimits};

    #[test]
    fn attempts_are_counted_by_client_wherever_they_come_from() {
        let guesses = guesses();
        for last in 1..=2 {
            let from = IpAddr::from([192, 0, 2, last]);
            assert_eq!(guesses.note("a", from, Timestamp(60)), WithinLimits);
        }
        let exceeded = RateExceeded { seconds: 59 };
        let third = guesses.note("a", address("192.0.2.3"), Timestamp(61));
        assert_eq!(third, ClientOverLimit(exceeded, Attempts::First));
        let fourth = guesses.note("a", address("192.0.2.3"), Timestamp(61));
        assert_eq!(fourth, ClientOverLimit(exceeded, Attempts::Repeated));
        assert_eq!(guesses.note("a", address("192.0.2.3"), Timestamp(120)), WithinLimits);
    }

    #[test]
    fn attempts_are_counted_by_address_whatever_client_they_are_on() {
        let guesses = guesses();
        for host in 1..=5_u16 {
            let from = address(&format!("2001:db8:1:2::{host}"));
            assert_eq!(guesses.note(&format!("client {host}"), from, Timestamp(0)), WithinLimits);
        }
        let sixth = guesses.note("another", address("2001:db8:1:2:ffff::"), Timestamp(0));
        assert_eq!(sixth, AddressOverLimit(RateExceeded { seconds: 60 }));
        let other = guesses.note("one more", address("2001:db8:1:3::1"), Timestamp(0));
        assert_eq!(other, WithinLimits);
    }

    #[test]
    fn new_limits_apply_at_once_and_existing_counts_are_kept() {
        let guesses = guesses();
        let note = || guesses.note("a", address("192.0.2.1"), Timestamp(60));
        assert_eq!((note(), note()), (WithinLimits, WithinLimits));
        let limits = |by_client, by_address| {
            let rate = |text| Rate::parse(text).expect("a rate");
            guesses.set_limits(GuessLimits {
                by_client: rate(by_client),
                by_address: rate(by_address),
            });
        };
        limits("3/m", "9/m");
        assert_eq!(note(), WithinLimits);
        limits("9/m", "3/m");
        assert!(matches!(note(), AddressOverLimit(_)));
    }

    #[test]
    fn right_secrets_are_not_guesses() {
        let guesses = guesses();
        for _ in 0..100 {
            let noted = guesses.note("a", address("192.0.2.1"), Timestamp(0));
            assert_eq!(noted, WithinLimits);
            guesses.refund("a", address("192.0.2.1"), Timestamp(0));
        }
    }
}
