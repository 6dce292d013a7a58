//! Durations of the stages of a token request, for the histograms and for the spans of a trace.

use std::time::{Duration, Instant};

use crate::telemetry::metrics::Stages;

/// A stage of a token request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Authentication of the client.
    Authenticate,
    /// Authorization: resource, address, binding and rate.
    Authorize,
    /// Minting the token, including its signature.
    Mint,
}

impl Stage {
    /// All stages, in order.
    pub(super) const ALL: [Self; 3] = [Self::Authenticate, Self::Authorize, Self::Mint];

    /// Returns the name of the stage, for its span and its metrics label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authenticate => "authenticate",
            Self::Authorize => "authorize",
            Self::Mint => "mint",
        }
    }
}

/// Stages that a request has completed, with their durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageTimes {
    began: Instant,
    /// In nanoseconds: three values of type [`Duration`] would enlarge the future of a request.
    lengths: [u64; Stage::ALL.len()],
    passed: u8,
}

impl StageTimes {
    /// Starts the first stage.
    pub fn begin() -> Self {
        Self { began: Instant::now(), lengths: [0; Stage::ALL.len()], passed: 0 }
    }

    /// Completes the current stage and starts the next one.
    pub fn pass(&mut self, stages: &Stages) {
        let Some(stage) = Stage::ALL.get(usize::from(self.passed)) else { return };
        let before: u64 = self.lengths.iter().sum();
        let whole = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let length = whole.saturating_sub(before);
        stages.of(*stage).observe(Duration::from_nanos(length));
        if let Some(own) = self.lengths.get_mut(usize::from(self.passed)) {
            *own = length;
        }
        self.passed += 1;
    }

    /// Returns each started stage with its start and end. The last stage of a rejected request has
    /// no end, because the request ended in it.
    pub fn spans(&self) -> impl Iterator<Item = (Stage, Instant, Option<Instant>)> {
        let passed = usize::from(self.passed);
        let mut began = self.began;
        Stage::ALL.into_iter().zip(self.lengths).enumerate().take(passed + 1).map(
            move |(place, (stage, length))| {
                let start = began;
                began += Duration::from_nanos(length);
                (stage, start, (place < passed).then_some(began))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::Metrics;

    #[test]
    fn the_stages_follow_one_another() {
        let metrics = Metrics::default();
        let mut times = StageTimes::begin();
        let names = |times: &StageTimes| -> Vec<_> {
            times.spans().map(|(stage, _, end)| (stage.as_str(), end.is_some())).collect()
        };
        assert_eq!(names(&times), [("authenticate", false)]);
        times.pass(&metrics.stages);
        assert_eq!(names(&times), [("authenticate", true), ("authorize", false)]);
        times.pass(&metrics.stages);
        times.pass(&metrics.stages);
        times.pass(&metrics.stages);
        let spans: Vec<_> = times.spans().collect();
        assert_eq!(spans.len(), 3);
        assert!(spans.windows(2).all(|pair| pair[0].2 == Some(pair[1].1)), "{spans:?}");
        for stage in Stage::ALL {
            assert_eq!(metrics.stages.of(stage).count(), 1, "{stage:?}");
        }
    }
}
