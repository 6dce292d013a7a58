//! The queue of attempts on clients with too many guesses. It runs one hash at a time, and serves
//! an address with many guesses after the others.
//!
//! An attempt from an address without recent attempts waits only for the running hash. Attempts
//! from other addresses wait in a second line, at most `PER_ADDRESS` for each address, and leave it
//! one by one. Addresses over their own limit first wait in a last line, and only one of them at a
//! time may enter the second line.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::network::ClientNetwork;
use crate::secrets::hash_queue::Busy;

/// The maximum number of attempts of one address that wait or run.
const PER_ADDRESS: usize = 2;

/// Line in which an attempt waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// The address has made no other attempt recently.
    First,
    /// The address has made other attempts, within its own limit.
    Second,
    /// Its address exceeds its own limit.
    Last,
}

#[derive(Debug)]
pub(super) struct ThrottledQueue {
    /// The maximum number of waiting attempts of each priority.
    queue: usize,
    running: Arc<Semaphore>,
    first: Semaphore,
    second: WaitingLine,
    last: WaitingLine,
    addresses: Arc<AddressPermits>,
}

/// A line that attempts leave one at a time.
#[derive(Debug)]
struct WaitingLine {
    /// The permits of waiting attempts, which bound the memory.
    waiting: Semaphore,
    exit: Semaphore,
}

impl WaitingLine {
    fn new(queue: usize) -> Self {
        Self { waiting: Semaphore::new(queue), exit: Semaphore::new(1) }
    }
}

/// Permission to run, released when it is dropped.
pub(super) struct ThrottledTurn {
    running: OwnedSemaphorePermit,
    _address: Option<AddressPermit>,
}

impl ThrottledTurn {
    /// Releases the permit of the address, and keeps the permission to run.
    pub(super) fn into_running(self) -> OwnedSemaphorePermit {
        self.running
    }
}

impl ThrottledQueue {
    /// Creates a queue in which `queue` attempts of each priority may wait.
    pub(super) fn new(queue: usize) -> Self {
        Self {
            queue,
            running: Arc::new(Semaphore::new(1)),
            first: Semaphore::new(queue),
            second: WaitingLine::new(queue),
            last: WaitingLine::new(queue),
            addresses: Arc::default(),
        }
    }

    /// Returns the waiting and running attempts, and the maximum number of waiting ones.
    pub(super) fn occupancy(&self) -> (usize, usize, usize) {
        let lines = [&self.first, &self.second.waiting, &self.last.waiting];
        let taken = |line: &Semaphore| self.queue.saturating_sub(line.available_permits());
        let waiting = lines.iter().map(|line| taken(line)).sum();
        (waiting, 1_usize.saturating_sub(self.running.available_permits()), 3 * self.queue)
    }

    /// Waits for a turn. The caller sets the deadline.
    pub(super) async fn turn(
        &self,
        network: ClientNetwork,
        priority: Priority,
    ) -> Result<ThrottledTurn, Busy> {
        match priority {
            Priority::First => {
                let address = self.addresses.acquire(network).await?;
                let _permit = self.first.try_acquire().map_err(|_| Busy)?;
                self.run(Some(address)).await
            }
            Priority::Second => {
                let address = self.addresses.acquire(network).await?;
                let _permit = self.second.waiting.try_acquire().map_err(|_| Busy)?;
                let _pass = acquire(&self.second.exit).await?;
                self.run(Some(address)).await
            }
            Priority::Last => {
                let _permit = self.last.waiting.try_acquire().map_err(|_| Busy)?;
                let _next = acquire(&self.last.exit).await?;
                let _pass = acquire(&self.second.exit).await?;
                self.run(None).await
            }
        }
    }

    async fn run(&self, address: Option<AddressPermit>) -> Result<ThrottledTurn, Busy> {
        // The semaphore is never closed.
        let running = self.running.clone().acquire_owned().await.map_err(|_| Busy)?;
        Ok(ThrottledTurn { running, _address: address })
    }
}

async fn acquire(semaphore: &Semaphore) -> Result<tokio::sync::SemaphorePermit<'_>, Busy> {
    // The semaphore is never closed.
    semaphore.acquire().await.map_err(|_| Busy)
}

/// Permits by address, only for addresses that have an attempt in the queue.
#[derive(Debug, Default)]
struct AddressPermits(Mutex<HashMap<ClientNetwork, AddressUse>>);

#[derive(Debug)]
struct AddressUse {
    permits: Arc<Semaphore>,
    users: usize,
}

/// A permit of an address.
#[derive(Debug)]
struct AddressPermit {
    _permit: OwnedSemaphorePermit,
    _user: User,
}

/// An attempt that has a permit or waits for one.
#[derive(Debug)]
struct User {
    all: Arc<AddressPermits>,
    network: ClientNetwork,
}

impl AddressPermits {
    async fn acquire(self: &Arc<Self>, network: ClientNetwork) -> Result<AddressPermit, Busy> {
        let permits = {
            let mut held = self.held();
            let held = held.entry(network).or_insert_with(|| AddressUse {
                permits: Arc::new(Semaphore::new(PER_ADDRESS)),
                users: 0,
            });
            held.users += 1;
            held.permits.clone()
        };
        let user = User { all: self.clone(), network };
        let permit = permits.acquire_owned().await.map_err(|_| Busy)?;
        Ok(AddressPermit { _permit: permit, _user: user })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<ClientNetwork, AddressUse>> {
        // The map is consistent, even if a thread panicked with the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut held = self.all.held();
        if let Some(of_address) = held.get_mut(&self.network) {
            of_address.users -= 1;
            if of_address.users == 0 {
                held.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn network(last: u8) -> ClientNetwork {
        ClientNetwork::of([192, 0, 2, last].into())
    }

    /// Starts an attempt that sends its address when its turn comes.
    fn start(
        queue: &Arc<ThrottledQueue>,
        address: u8,
        priority: Priority,
        order: &tokio::sync::mpsc::UnboundedSender<u8>,
    ) -> tokio::task::JoinHandle<()> {
        let (queue, order) = (queue.clone(), order.clone());
        tokio::spawn(async move {
            let turn = queue.turn(network(address), priority).await.expect("a turn");
            order.send(address).expect("a receiver");
            tokio::task::yield_now().await;
            drop(turn);
        })
    }

    /// Lets every task run as far as it can.
    async fn settle() {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }

    /// S-6: one address took every place of the queue, so that others were rejected.
    #[tokio::test]
    async fn a_flood_of_one_address_leaves_places_and_the_next_turn_to_others() {
        let queue = Arc::new(ThrottledQueue::new(4));
        let (order, mut came) = tokio::sync::mpsc::unbounded_channel();
        let running = queue.turn(network(1), Priority::Second).await.expect("a turn");
        let flood: Vec<_> = (0..50).map(|_| start(&queue, 1, Priority::Second, &order)).collect();
        settle().await;
        assert_eq!(queue.second.waiting.available_permits(), 3, "one more of it waits");
        start(&queue, 2, Priority::Second, &order);
        start(&queue, 3, Priority::First, &order);
        settle().await;
        drop(running);
        let mut first = Vec::new();
        for _ in 0..4 {
            first.push(came.recv().await.expect("a turn"));
        }
        // First the attempt of the flood that was already at the exit, then each of the others.
        assert_eq!(first[0], 1);
        assert!(first[1..3].contains(&3) && first[1..4].contains(&2), "{first:?}");
        for attempt in flood {
            attempt.await.expect("an end");
        }
        assert!(queue.addresses.held().is_empty(), "nothing is held of an address that is gone");
    }

    #[tokio::test]
    async fn addresses_over_their_limit_take_no_place_and_come_one_at_a_time() {
        let queue = Arc::new(ThrottledQueue::new(2));
        let (order, mut came) = tokio::sync::mpsc::unbounded_channel();
        let running = queue.turn(network(9), Priority::First).await.expect("a turn");
        let last: Vec<_> = (1..=2).map(|n| start(&queue, n, Priority::Last, &order)).collect();
        settle().await;
        let full = queue.turn(network(3), Priority::Last).await;
        assert!(full.is_err(), "their line has an end too");
        assert_eq!(queue.second.waiting.available_permits(), 2);
        let other = start(&queue, 4, Priority::Second, &order);
        settle().await;
        drop(running);
        for attempt in last.into_iter().chain([other]) {
            attempt.await.expect("an end");
        }
        let came = [came.recv().await, came.recv().await, came.recv().await].map(Option::unwrap);
        assert_eq!(came[1], 4, "{came:?}");
    }

    #[tokio::test]
    async fn an_attempt_that_gives_up_leaves_nothing_behind() {
        let queue = ThrottledQueue::new(4);
        let _running = queue.turn(network(1), Priority::Second).await.expect("a turn");
        for priority in [Priority::First, Priority::Second, Priority::Last] {
            let waited = queue.turn(network(2), priority);
            assert!(tokio::time::timeout(Duration::from_millis(10), waited).await.is_err());
        }
        assert_eq!(queue.addresses.held().len(), 1);
        assert_eq!(queue.second.waiting.available_permits(), 4);
        assert_eq!(queue.second.exit.available_permits(), 1);
    }
}
