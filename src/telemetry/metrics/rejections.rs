//! Rejections by code and reason, each with the request id of the latest one, for `tokend explain`.
//! A rejected request issues no token, so it may take a lock.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use prometheus_client::metrics::exemplar::CounterWithExemplar;

use crate::model::error_code::ErrorCode;
use crate::model::reason_code::ReasonCode;
use crate::telemetry::metrics::definitions::Definition;
use crate::telemetry::metrics::writer::Writer;

/// Labels of an exemplar: the request id.
type ExemplarLabels = [(&'static str, String); 1];

/// Counters of rejections.
#[derive(Debug)]
pub struct Rejections {
    /// Created at startup, one for each code and reason.
    handles: Box<[CounterWithExemplar<ExemplarLabels>]>,
    /// The counters of the admin API and the console, whose reason is the code. The codes are
    /// literals of the program, so there are few.
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
    /// Counts a rejected request.
    pub fn count(&self, code: ErrorCode, reason: ReasonCode, request_id: &str) {
        let place = code.index() * ReasonCode::ALL.len() + reason.index();
        if let Some(counter) = self.handles.get(place) {
            counter.inc_by(1, Some([("request_id", request_id.to_owned())]), None);
        }
    }

    /// Counts a rejection of the admin API or the console by its problem code.
    pub fn count_problem(&self, code: &'static str, request_id: &str) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = problems.entry(code).or_default();
        counter.inc_by(1, Some([("request_id", request_id.to_owned())]), None);
    }

    /// Writes the counters that are not zero.
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

/// Returns the label of a code. Two codes share a value of `error`, so they need different labels.
fn label(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::TooManyRequests => "too_many_requests",
        other => other.as_str(),
    }
}
