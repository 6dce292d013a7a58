//! Recent rejections in bounded memory, until they are written to the database. There, `tokend
//! explain` finds them from another process, whichever instance rejected the request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::model::network::ClientNetwork;
use crate::model::rejection::RejectionRecord;
use crate::model::time::Timestamp;

/// The retention of rejections for `tokend explain`, in seconds.
pub(super) const REJECTIONS_TTL_SECONDS: i64 = 7 * 86_400;

/// The maximum number of rejections until they are written.
const MAX_REJECTIONS: usize = 2000;

/// The maximum number of rejections about unknown clients. The rest is reserved: a flood of
/// requests with unknown clients must not displace the rejections that an operator will look up.
const MAX_OF_UNKNOWN: usize = MAX_REJECTIONS / 2;

/// The maximum burst from one address (IPv6: one /64), so that a flood does not hide the rejections
/// of others.
const MAX_OF_ONE_ADDRESS: usize = 200;

/// The part of the burst that an address regains with each write.
const REFILL: usize = 50;

/// Subject of a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A client that exists.
    KnownClient,
    /// No known client.
    NoKnownClient,
}

/// Rejections since they were last taken.
#[derive(Debug, Default)]
pub struct RecentRejections(Mutex<PendingRejections>);

#[derive(Debug, Default)]
struct PendingRejections {
    records: Vec<RejectionRecord>,
    /// The number of records without a known client.
    of_unknown: usize,
    /// The used part of the burst of each address.
    by_address: HashMap<ClientNetwork, usize>,
}

impl RecentRejections {
    /// Records a rejection if there is capacity. It never waits: of two concurrent calls, one is
    /// skipped. The log has all rejections.
    pub fn note(&self, address: IpAddr, about: About, record: impl FnOnce() -> RejectionRecord) {
        let mut held = match self.0.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(held)) => held.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let is_unknown = about == About::NoKnownClient;
        if held.records.len() >= MAX_REJECTIONS || (is_unknown && held.of_unknown >= MAX_OF_UNKNOWN)
        {
            return;
        }
        let count = held.by_address.entry(ClientNetwork::of(address)).or_default();
        if *count >= MAX_OF_ONE_ADDRESS {
            return;
        }
        *count += 1;
        held.of_unknown += usize::from(is_unknown);
        held.records.push(record());
    }

    /// Returns the rejections of a client since a time, latest first. They stay in memory.
    pub fn about_client(&self, client_id: &str, since: Timestamp) -> Vec<RejectionRecord> {
        let held = self.lock();
        let is_asked = |record: &&RejectionRecord| {
            record.client_id.as_deref() == Some(client_id) && record.at >= since
        };
        held.records.iter().rev().filter(is_asked).cloned().collect()
    }

    /// Takes all rejections.
    pub fn take(&self) -> Vec<RejectionRecord> {
        let mut held = self.lock();
        held.by_address.retain(|_, used| {
            *used = used.saturating_sub(REFILL);
            *used > 0
        });
        held.of_unknown = 0;
        std::mem::take(&mut held.records)
    }

    /// Puts back the latest rejections that could not be written, and leaves half of the capacity
    /// free.
    pub fn put_back(&self, mut records: Vec<RejectionRecord>) {
        let mut held = self.lock();
        records.drain(..records.len().saturating_sub(MAX_REJECTIONS / 2));
        records.append(&mut held.records);
        held.of_unknown = records.iter().filter(|record| record.client_id.is_none()).count();
        held.records = records;
    }

    fn lock(&self) -> MutexGuard<'_, PendingRejections> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note_about(rejections: &RecentRejections, address: IpAddr, about: About) {
        rejections.note(address, about, || RejectionRecord {
            request_id: String::new(),
            at: Timestamp(0),
            status: 401,
            error: String::new(),
            address: address.to_string(),
            client_id: (about == About::KnownClient).then(|| "a".to_owned()),
            reason: String::new(),
            remedy: None,
            suffix: None,
        });
    }

    fn note(rejections: &RecentRejections, address: IpAddr) {
        note_about(rejections, address, About::KnownClient);
    }

    /// Returns an address in a separate network.
    fn address(number: usize) -> IpAddr {
        IpAddr::from([0xfd00, 0, 0, u16::try_from(number).expect("small"), 0, 0, 0, 1])
    }

    #[test]
    fn a_flood_from_one_address_leaves_capacity_for_the_others() {
        let rejections = RecentRejections::default();
        (0..2000).for_each(|_| note(&rejections, address(1)));
        note(&rejections, address(2));
        assert_eq!(rejections.take().len(), MAX_OF_ONE_ADDRESS + 1);
        // More are accepted, a few at a time.
        (0..2000).for_each(|_| note(&rejections, address(1)));
        assert_eq!(rejections.take().len(), REFILL);
        (0..5000).for_each(|n| note(&rejections, address(n)));
        assert_eq!(rejections.take().len(), MAX_REJECTIONS);
        assert!(rejections.take().is_empty());
        (0..20).for_each(|_| drop(rejections.take()));
        assert!(rejections.lock().by_address.is_empty());
    }

    /// S-9: a customer's network wrote ten times as many rows from many addresses as from one.
    #[test]
    fn all_addresses_of_one_customer_are_one() {
        let rejections = RecentRejections::default();
        for host in 0..2000_u16 {
            note(&rejections, IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, host]));
        }
        assert_eq!(rejections.take().len(), MAX_OF_ONE_ADDRESS);
    }

    /// S-9: a flood about unknown clients filled the memory.
    #[test]
    fn unknown_clients_leave_capacity_for_rejections_of_known_ones() {
        let rejections = RecentRejections::default();
        (0..5000).for_each(|n| note_about(&rejections, address(n), About::NoKnownClient));
        note(&rejections, address(6000));
        let taken = rejections.take();
        assert_eq!(taken.len(), MAX_OF_UNKNOWN + 1);
        rejections.put_back(taken);
        (7000..12_000).for_each(|n| note_about(&rejections, address(n), About::NoKnownClient));
        note(&rejections, address(6001));
        let known = rejections.take().iter().filter(|record| record.client_id.is_some()).count();
        assert_eq!(known, 2);
    }

    #[test]
    fn what_could_not_be_written_is_held_without_shutting_others_out() {
        let rejections = RecentRejections::default();
        (0..MAX_REJECTIONS).for_each(|n| note(&rejections, address(n)));
        rejections.put_back(rejections.take());
        (0..10).for_each(|_| note(&rejections, address(9999)));
        rejections.put_back(rejections.take());
        let addresses: Vec<_> =
            rejections.take().into_iter().map(|record| record.address).collect();
        assert_eq!(addresses.len(), MAX_REJECTIONS / 2);
        assert_eq!(addresses[0], address(MAX_REJECTIONS / 2 + 10).to_string());
        let later = address(9999).to_string();
        assert_eq!(addresses.iter().filter(|address| **address == later).count(), 10);
    }
}
