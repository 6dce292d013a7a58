//! Rejections by code and reason, each with the id of the last one, by which `tokend explain` finds
//! it. A rejected request issues no token, so it may take a lock.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use prometheus_client::metrics::exemplar::CounterWithExemplar;

use crate::model::error_code::ErrorCode;
use crate::model::reason_code::ReasonCode;
use crate::telemetry::metrics::definitions::Definition;
use crate::telemetry::metrics::writer::Writer;

/// The labels of an exemplar: the id of a request.
type ExemplarLabels = [(&'static str, String); 1];

/// Counts rejections.
#[derive(Debug)]
pub struct Rejections {
    /// Made at the start, one for each code and reason.
    handles: Box<[CounterWithExemplar<ExemplarLabels>]>,
    /// Those of the admin API and the console, whose code is the reason. The codes are literals of
    /// the program, so there are few.
    problems: Mutex<BTreeMap<&'static str, CounterWithExemplar<ExemplarLabels>>>,
}

impl Default for Rejections {
    fn default() -> Self {
        let handles = ErrorCode::ALL.len() * ReasonCode::ALL.len();
        let handles = (0..handles).map(|_| CounterWithExemplar::default()).collect();
        Self { handles, problems: Mutex::default() }
    }
}

impl Rejections {
    /// Counts the rejection of a request.
    pub fn count(&self, code: ErrorCode, reason: ReasonCode, request_id: &str) {
        let place = code.index() * ReasonCode::ALL.len() + reason.index();
        if let Some(counter) = self.handles.get(place) {
            counter.inc_by(1, Some([("request_id", request_id.to_owned())]), None);
        }
    }

    /// Counts a rejection of the admin API or the console by the stable code of its problem.
    pub fn count_problem(&self, code: &'static str, request_id: &str) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = problems.entry(code).or_default();
        counter.inc_by(1, Some([("request_id", request_id.to_owned())]), None);
    }

    /// Writes those that have occurred. Codes that share a word share a line.
    pub(super) fn write(&self, writer: &mut Writer<'_>, definition: &Definition) -> fmt::Result {
        let mut family = writer.family(definition)?;
        for (counters, code) in self.handles.chunks(ReasonCode::ALL.len()).zip(ErrorCode::ALL) {
            for (counter, reason) in counters.iter().zip(ReasonCode::ALL) {
                if counter.get().0 == 0 {
                    continue;
                }
                let labels = [("error", label(code)), ("reason", reason.as_str())];
                family.metric(&labels, counter)?;
            }
        }
        let problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        for (code, counter) in &*problems {
            family.metric(&[("error", code), ("reason", code)], counter)?;
        }
        Ok(())
    }
}

/// The label of a code in metrics. Two codes have the same value of `error`.
fn label(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::TooManyRequests => "too_many_requests",
        other => other.as_str(),
    }
}
