//! Stored checkpoints: the beginning of the audit log, and hashes that were signed. They expose a
//! log that was rewritten as a whole.

use crate::admin::AdminError;
use crate::admin::audit::VerificationResult;
use crate::jose::checkpoint::CheckpointKeys;
use crate::model::checkpoint::Checkpoint;
use crate::model::event::{Action, Event, Head};
use crate::store::Store;
use crate::store::events::{EventFilter, Order};

/// The number of removals that are searched for the one that belongs to an anchor.
const MAX_REMOVALS: u32 = 100;

/// The keys that verify checkpoints, read once for each verification.
pub(super) struct Signatures<'a> {
    store: &'a Store,
    keys: CheckpointKeys,
}

impl<'a> Signatures<'a> {
    pub(super) async fn read(store: &'a Store) -> Result<Self, AdminError> {
        let keys = CheckpointKeys::stored(&store.audit_keys().await?);
        Ok(Self { store, keys })
    }

    /// Returns the beginning of the log: its first event, or a signed checkpoint that an event of
    /// the log names as the end of a removal.
    ///
    /// # Errors
    /// The inner error is the problem of the checkpoint.
    pub(in crate::admin) async fn beginning(
        &self,
    ) -> Result<Result<Head, VerificationResult>, AdminError> {
        let Some(anchor) = self.store.audit_anchor().await? else {
            return Ok(Ok(Head { sequence: 0, hash: String::new() }));
        };
        let sequence = anchor.head.sequence;
        let broken = |problem| Ok(Err(VerificationResult::Broken { sequence, problem }));
        if !self.is_signed(&anchor) {
            return broken("the checkpoint at which the log begins is not validly signed");
        }
        if !self.is_removal_recorded(&anchor.head).await? {
            return broken("no event records that the events until the checkpoint were removed");
        }
        Ok(Ok(anchor.head))
    }

    /// True if an event of the log records the removal of all events up to this one.
    async fn is_removal_recorded(&self, head: &Head) -> Result<bool, AdminError> {
        let actions = vec![Action::AuditEventsRemoved.as_str().to_owned()];
        let filter = EventFilter { after: Some(head.sequence), actions, ..EventFilter::default() };
        let removals = self.store.find_events(&filter, Order::OldestFirst, MAX_REMOVALS).await?;
        Ok(removals.iter().any(|event| {
            let detail = serde_json::from_str::<serde_json::Value>(&event.detail);
            detail.is_ok_and(|it| it["until"] == head.sequence && it["hash"] == head.hash)
        }))
    }

    /// Compares a hash chain with its checkpoints and returns the first mismatch.
    pub(in crate::admin) async fn compare(
        &self,
        after: i64,
        events: &[Event],
    ) -> Result<Option<VerificationResult>, AdminError> {
        let Some(last) = events.last() else { return Ok(None) };
        for signed in self.store.checkpoints_between(after, last.sequence).await? {
            let sequence = signed.head.sequence;
            let event = events.iter().find(|event| event.sequence == sequence);
            let problem = if event.is_none_or(|event| event.hash != signed.head.hash) {
                "the event has another hash than in its signed checkpoint"
            } else if !self.is_signed(&signed) {
                "the checkpoint of the event is not validly signed"
            } else {
                continue;
            };
            return Ok(Some(VerificationResult::Broken { sequence, problem }));
        }
        Ok(None)
    }

    /// Returns the problem of a log that ends before a checkpoint.
    pub(in crate::admin) async fn beyond(
        &self,
        end: i64,
    ) -> Result<Option<VerificationResult>, AdminError> {
        let newest = self.store.read().newest_checkpoint().await?;
        let beyond = newest.filter(|newest| newest.head.sequence > end);
        Ok(beyond.map(|Checkpoint { head, .. }| VerificationResult::Broken {
            sequence: head.sequence,
            problem: "the log ends before a signed checkpoint",
        }))
    }

    fn is_signed(&self, checkpoint: &Checkpoint) -> bool {
        self.keys.verify(&checkpoint.jws).is_ok_and(|claims| claims.head() == checkpoint.head)
    }
}
