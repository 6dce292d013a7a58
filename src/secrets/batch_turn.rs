//! Turns for hashing many new secrets of an apply or an import. They share the lanes of single new
//! secrets, so that both together use no more CPU.

use std::sync::atomic::Ordering;

use tokio::sync::OwnedSemaphorePermit;

use crate::secrets::hash_queue::{Busy, Hasher, acquire};

/// A lane for new secrets, held until it is dropped.
#[derive(Debug)]
pub struct BatchTurn {
    _running: OwnedSemaphorePermit,
}

impl Hasher {
    /// Returns how many new secrets are hashed in parallel.
    pub fn lanes(&self) -> usize {
        self.new.lanes
    }

    /// Waits without a deadline for a turn to hash one of many new secrets. A batch requests at
    /// most [`Self::lanes`] turns in parallel, and turns are first come, first served. A single
    /// secret therefore waits for one hash of the batch, not for all of it.
    ///
    /// # Errors
    /// Never while the process runs.
    pub async fn turn_in_batch(&self) -> Result<BatchTurn, Busy> {
        let turn = acquire(&self.new).await?;
        self.made.fetch_add(1, Ordering::Relaxed);
        Ok(BatchTurn { _running: turn })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use secrecy::SecretString;

    use super::*;
    use crate::secrets::argon2id::Cost;

    /// A batch waits without a deadline, and leaves a lane to single secrets in between.
    #[tokio::test]
    async fn a_batch_takes_turns_with_single_secrets() {
        let hasher = Hasher::new(Cost { memory_kib: 64, iterations: 1 }, 1, 1);
        let running = hasher.turn_in_batch().await.expect("a turn");
        let right = SecretString::from("right");
        let mut single = Box::pin(hasher.hash_in_turn(&right));
        assert!((&mut single).now_or_never().is_none(), "the lane is taken");
        let mut next = Box::pin(hasher.turn_in_batch());
        assert!((&mut next).now_or_never().is_none(), "the lane is taken");
        drop(running);
        assert!((&mut next).now_or_never().is_none(), "the single secret is first");
        single.await.expect("a hash");
        next.await.expect("a turn");
        assert_eq!(hasher.made(), 3);
    }
}
