//! Slots for the connections of a listener. They limit the connections in total and for each
//! address, and select the connection to close when a new one finds no free slot.
//!
//! Connections are accepted before they have a slot, so that a full listener still answers. It
//! closes the connection that has waited longest for a request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};

use crate::config::live::Live;
use crate::model::network::ClientNetwork;
use crate::server::activity::{Activity, WaitingState};

/// The divisor of all slots for the maximum of one network.
const SLOTS_PER_NETWORK_DIVISOR: usize = 8;

/// Candidates for closing are collected in batches of this fraction of the waiting connections.
const BATCH_DIVISOR: usize = 16;

/// The time for which a batch without an idle connection is used.
const BATCH_TTL: Duration = Duration::from_millis(5);

/// The pause before the next attempt to get a slot.
const RETRY_AFTER: Duration = Duration::from_millis(10);

/// The maximum time that a connection waits for a slot of its address.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The minimum interval of logging that a listener is full.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Slots of one listener.
#[derive(Debug)]
pub(super) struct ConnectionSlots {
    total: usize,
    per_network: usize,
    live: Live,
    connections: Mutex<OpenConnections>,
    freed: Notify,
    waiting: Semaphore,
}

/// Connections that have a slot.
#[derive(Debug, Default)]
struct OpenConnections {
    next_id: u64,
    all: SlotGroup,
    networks: HashMap<ClientNetwork, SlotGroup>,
    logged_at: Option<Instant>,
}

/// Why a connection has no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSlot {
    /// The address uses all its slots, and none of its connections is waiting for a request.
    Network,
    /// All slots are used, and no connection is waiting for a request.
    Total,
}

/// A slot, freed when it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    slots: Arc<ConnectionSlots>,
    id: u64,
    network: Option<ClientNetwork>,
    pub(super) activity: Arc<Activity>,
}

impl ConnectionSlots {
    /// Creates slots for `total` connections. Each address (IPv6: each /64) except trusted proxies
    /// gets an eighth of them, and at least one.
    pub(super) fn new(total: usize, live: Live) -> Arc<Self> {
        let per_network = (total / SLOTS_PER_NETWORK_DIVISOR).max(1);
        Arc::new(Self {
            total,
            per_network,
            live,
            connections: Mutex::default(),
            freed: Notify::new(),
            waiting: Semaphore::new(per_network),
        })
    }

    /// Returns a slot for a new connection. If necessary, closes the connection that has waited
    /// longest for a request. If the address uses all its slots, only its own connections are
    /// considered.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<ConnectionSlot, NoSlot> {
        let network = self.network_of(address);
        let mut open = self.lock();
        if let Some(network) = network
            && let Some(group) = open.networks.get_mut(&network)
            && group.members.len() >= self.per_network
        {
            let closed = group.close_longest_waiting();
            self.log_full(&mut open, NoSlot::Network, address);
            open.remove(closed.ok_or(NoSlot::Network)?, Some(network));
        }
        if open.all.members.len() >= self.total {
            let closed = open.all.close_longest_waiting();
            self.log_full(&mut open, NoSlot::Total, address);
            let id = closed.ok_or(NoSlot::Total)?;
            let network = open.all.members.get(&id).and_then(|member| member.network());
            open.remove(id, network);
        }
        let id = open.next_id;
        open.next_id += 1;
        let activity = Arc::new(Activity::new(network));
        open.all.members.insert(id, activity.clone());
        if let Some(network) = network {
            open.networks.entry(network).or_default().members.insert(id, activity.clone());
        }
        drop(open);
        Ok(ConnectionSlot { slots: self.clone(), id, network, activity })
    }

    /// Waits until a connection frees its slot or begins to wait for a request.
    pub(super) async fn admit_when_free(
        self: &Arc<Self>,
        address: IpAddr,
    ) -> Option<ConnectionSlot> {
        loop {
            match self.admit(address) {
                Ok(slot) => return Some(slot),
                Err(NoSlot::Network) => return None,
                Err(NoSlot::Total) => {
                    let _ = tokio::time::timeout(RETRY_AFTER, self.freed.notified()).await;
                }
            }
        }
    }

    /// Waits at most a second for a slot of an address that uses all its slots. `None` if none
    /// becomes free, or if too many connections are waiting already.
    pub(super) async fn admit_in_turn(self: &Arc<Self>, address: IpAddr) -> Option<ConnectionSlot> {
        let _turn = self.waiting.try_acquire().ok()?;
        let until = Instant::now() + MAX_WAIT;
        while Instant::now() < until {
            tokio::time::sleep(RETRY_AFTER).await;
            if let Ok(slot) = self.admit(address) {
                return Some(slot);
            }
        }
        None
    }

    /// Closes the connection that has waited longest for a request, to free its file descriptor.
    pub(super) fn close_longest_waiting(&self) {
        let mut open = self.lock();
        if let Some(id) = open.all.close_longest_waiting() {
            let network = open.all.members.get(&id).and_then(|member| member.network());
            open.remove(id, network);
        }
    }

    /// Wakes all connections, so that they notice that the server is stopping.
    pub(super) fn wake_all(&self) {
        for activity in self.lock().all.members.values() {
            activity.wake();
        }
    }

    /// Returns the network whose slots an address uses; `None` for a trusted proxy.
    fn network_of(&self, address: IpAddr) -> Option<ClientNetwork> {
        let address = address.to_canonical();
        let live = self.live.load();
        let is_trusted = live.trusted_proxies.iter().any(|network| network.contains(&address));
        (!is_trusted).then(|| ClientNetwork::of(address))
    }

    /// Warns the operator, at most once a minute.
    fn log_full(&self, open: &mut OpenConnections, reason: NoSlot, address: IpAddr) {
        if open.logged_at.is_some_and(|at| at.elapsed() < LOG_INTERVAL) {
            return;
        }
        open.logged_at = Some(Instant::now());
        match reason {
            NoSlot::Network => tracing::warn!(
                client.address = %address,
                limit = self.per_network,
                "an address has as many connections as one may have, and its oldest idle ones are closed: an eighth of limits.connections; a proxy belongs in proxy.trusted"
            ),
            NoSlot::Total => tracing::warn!(
                limit = self.total,
                "all connections are taken, and the oldest idle ones are closed for new ones: see limits.connections"
            ),
        }
    }

    fn lock(&self) -> MutexGuard<'_, OpenConnections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.slots.lock().remove(self.id, self.network);
        self.slots.freed.notify_one();
    }
}

impl OpenConnections {
    /// Frees a slot. Does nothing for a slot that was freed before, to close its connection.
    fn remove(&mut self, id: u64, network: Option<ClientNetwork>) {
        self.all.members.remove(&id);
        let Some(network) = network else { return };
        let Some(group) = self.networks.get_mut(&network) else { return };
        group.members.remove(&id);
        if group.members.is_empty() {
            self.networks.remove(&network);
        }
    }
}

/// A group of connections, of which one may have to be closed.
#[derive(Debug, Default)]
struct SlotGroup {
    members: HashMap<u64, Arc<Activity>>,
    batch: Batch,
}

/// Members that were waiting for a request at the last search, the longest waiting one last.
/// Members that begin to wait later have waited less, so one search serves many calls.
#[derive(Debug, Default)]
struct Batch {
    candidates: Vec<Candidate>,
    has_idle: bool,
    found_at: Option<Instant>,
}

/// A waiting member, with the state of its [`Activity`], which also defines the order: the member
/// that has waited longest is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    state: WaitingState,
    id: u64,
}

impl SlotGroup {
    /// Closes the member that has waited longest, and returns its id. Members with an incomplete
    /// request head are closed only if none is idle.
    fn close_longest_waiting(&mut self) -> Option<u64> {
        let is_fresh = self.batch.found_at.is_some_and(|at| at.elapsed() < BATCH_TTL);
        if self.batch.has_idle || is_fresh {
            if let Some(id) = self.close_next() {
                return Some(id);
            }
            if !self.batch.has_idle {
                // No member was waiting just now, so a search for each new connection would be
                // wasted.
                return None;
            }
        }
        self.find_candidates();
        self.close_next()
    }

    fn close_next(&mut self) -> Option<u64> {
        while let Some(Candidate { state, id }) = self.batch.candidates.pop() {
            if self.members.get(&id).is_some_and(|member| member.close(state)) {
                return Some(id);
            }
        }
        None
    }

    fn find_candidates(&mut self) {
        let waiting = self.members.iter();
        let waiting = waiting
            .filter_map(|(id, member)| Some(Candidate { state: member.waiting_state()?, id: *id }));
        let mut candidates: Vec<_> = waiting.collect();
        let kept = candidates.len().div_ceil(BATCH_DIVISOR);
        if kept < candidates.len() {
            candidates.select_nth_unstable(kept);
            candidates.truncate(kept);
        }
        candidates.sort_unstable_by(|one, other| other.cmp(one));
        let has_idle = candidates.last().is_some_and(|last| last.state.is_idle());
        if has_idle {
            // Members with an incomplete head are closed only if no connection is idle.
            candidates.retain(|candidate| candidate.state.is_idle());
        }
        self.batch = Batch { candidates, has_idle, found_at: Some(Instant::now()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sources::Flags;
    use crate::config::{Config, Requirement};

    fn live(trusted: &str) -> Live {
        let environment = [("TOKEND_PROXY_TRUSTED".to_owned(), trusted.to_owned())];
        let config = Config::load(&Flags::default(), &environment, Requirement::Nothing);
        Live::of(&config.expect("settings"))
    }

    fn address(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    fn is_closed(slot: &ConnectionSlot) -> bool {
        !slot.activity.begin_request()
    }

    #[test]
    fn an_address_has_an_eighth_of_the_slots_and_closes_its_own() {
        let slots = ConnectionSlots::new(64, live(""));
        let mut held: Vec<_> = (0..8).map(|_| slots.admit(address(1)).expect("a slot")).collect();
        let other = slots.admit(address(2)).expect("a slot");
        held.push(slots.admit(address(1)).expect("the slot of the first"));
        assert!(is_closed(&held[0]) && !is_closed(&other));
        // Only the first one is closed. The others are serving requests.
        assert!(held[1..].iter().all(|slot| !is_closed(slot)));
        assert_eq!(slots.admit(address(1)).expect_err("full"), NoSlot::Network);
        drop(held.remove(0));
        assert_eq!(slots.admit(address(1)).expect_err("still full"), NoSlot::Network);
        drop(held);
        assert!(slots.admit(address(1)).is_ok());
        drop(other);
        assert!(slots.lock().networks.is_empty() && slots.lock().all.members.is_empty());
    }

    #[test]
    fn the_longest_idle_connection_is_closed_for_a_new_one() {
        let slots = ConnectionSlots::new(16, live(""));
        let held: Vec<_> = (0..16).map(|n| slots.admit(address(n)).expect("a slot")).collect();
        // The first has served a request since, the second is serving one, and the third has an
        // incomplete head.
        held[0].activity.wait(Instant::now());
        assert!(held[1].activity.begin_request());
        assert!(held[2].activity.begin_head(Instant::now()));
        let _new: Vec<_> = (3..16)
            .map(|n| {
                let slot = slots.admit(address(100 + n)).expect("a slot");
                assert!(is_closed(&held[usize::from(n)]), "{n}");
                assert!(slot.activity.begin_request());
                slot
            })
            .collect();
        let _last = slots.admit(address(200)).expect("a slot");
        assert!(is_closed(&held[0]) && !is_closed(&held[1]));
    }

    #[test]
    fn an_incomplete_request_is_closed_only_if_no_connection_is_idle() {
        let slots = ConnectionSlots::new(2, live(""));
        let (slow, idle) = (slots.admit(address(1)).expect("a slot"), slots.admit(address(2)));
        assert!(slow.activity.begin_head(Instant::now()));
        let one = slots.admit(address(3)).expect("a slot");
        assert!(is_closed(&idle.expect("a slot")));
        assert!(one.activity.begin_request());
        let two = slots.admit(address(4)).expect("a slot");
        assert!(is_closed(&slow) && !is_closed(&two));
    }

    #[test]
    fn a_trusted_proxy_may_have_all_slots() {
        let slots = ConnectionSlots::new(8, live("192.0.2.1/32"));
        let held: Vec<_> = (0..8).map(|_| slots.admit(address(1)).expect("a slot")).collect();
        assert!(held.iter().all(|slot| !is_closed(slot)));
        assert_eq!(slots.admit(address(1)).expect_err("full"), NoSlot::Total);
    }

    #[test]
    fn a_network_of_64_bits_and_a_mapped_address_are_one_address() {
        let of = |text: &str| {
            ClientNetwork::of(text.parse::<IpAddr>().expect("an address").to_canonical())
        };
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[tokio::test]
    async fn a_connection_that_waits_for_a_slot_of_its_address_gets_one_that_is_freed() {
        let slots = ConnectionSlots::new(1, live(""));
        let busy = slots.admit(address(1)).expect("a slot");
        assert!(busy.activity.begin_request());
        let waiting = tokio::spawn({
            let slots = slots.clone();
            async move { slots.admit_in_turn(address(1)).await }
        });
        tokio::task::yield_now().await;
        assert!(slots.admit_in_turn(address(1)).await.is_none(), "one may wait, not two");
        drop(busy);
        assert!(waiting.await.expect("no panic").is_some());
    }
}
