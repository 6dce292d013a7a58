//! Rejections by code and reason, each with the id of the last one, by which `tokend explain` finds
//! it. A rejected request issues no token, so it may take a lock.

use std::fmt;

use prometheus_client::metrics::exemplar::CounterWithExemplar;

use crate::model::error_code::ErrorCode;
use crate::model::rejection_reason::RejectionReason;
use crate::telemetry::metrics::definitions::Definition;
use crate::telemetry::metrics::writer::Writer;

/// The labels of an exemplar: the id of a request.
type ExemplarLabels = [(&'static str, String); 1];

/// Counts rejections. The handles are made at the start, one for each code and reason.
#[derive(Debug)]
pub struct Rejections(Box<[CounterWithExemplar<ExemplarLabels>]>);

impl Default for Rejections {
    fn default() -> Self {
        let handles = ErrorCode::ALL.len() * RejectionReason::ALL.len();
        Self((0..handles).map(|_| CounterWithExemplar::default()).collect())
    }
}

impl Rejections {
    /// Counts the rejection of a request.
    pub fn count(&self, code: ErrorCode, reason: RejectionReason, request_id: &str) {
        let place = code as usize * RejectionReason::ALL.len() + reason.index();
        if let Some(counter) = self.0.get(place) {
            counter.inc_by(1, Some([("request_id", request_id.to_owned())]), None);
        }
    }

    /// Writes those that have occurred. Codes that share a word share a line.
    pub(super) fn write(&self, writer: &mut Writer<'_>, definition: &Definition) -> fmt::Result {
        let mut family = writer.family(definition)?;
        for (counters, code) in self.0.chunks(RejectionReason::ALL.len()).zip(ErrorCode::ALL) {
            for (counter, reason) in counters.iter().zip(RejectionReason::ALL) {
                if counter.get().0 == 0 {
                    continue;
                }
                let labels = [("error", label(code)), ("reason", reason.as_str())];
                family.metric(&labels, counter)?;
            }
        }
        Ok(())
    }
}

/// The word of a code in metrics. Two codes have the same word on the wire.
fn label(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::TooManyRequests => "too_many_requests",
        other => other.as_str(),
    }
}
