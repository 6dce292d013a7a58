//! tokend beside the limit: what both come to in the same slices of time.

use std::time::Duration;

use crate::load::{self, Figures};
use crate::stage::{CONNECTIONS, Measured, Peer};

const RUNS: usize = 3;
/// A run is made of short slices, of tokend and of the limit in turn: a machine that others use
/// too changes its speed within seconds, and so both see the same of it.
const SLICES: usize = 8;
const SLICE: Duration = Duration::from_millis(400);
const WARM_UP: Duration = Duration::from_secs(1);

/// What a comparison came to.
pub struct Beside {
    pub ours: Figures,
    pub theirs: Figures,
    /// How much of the limit tokend reaches: the median of the runs.
    pub ratio: f64,
}

/// Measures both, after a warm-up.
pub async fn beside(server: &Peer, requests: &[Vec<u8>], limit: &Peer, bare: &[Vec<u8>]) -> Beside {
    load::run(server.port, requests, CONNECTIONS, WARM_UP).await;
    load::run(limit.port, bare, CONNECTIONS, WARM_UP).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (mut our, mut their) = (Measured::default(), Measured::default());
        for _ in 0..SLICES {
            their.slice(limit, bare, SLICE).await;
            our.slice(server, requests, SLICE).await;
        }
        ours.push(our.figures(server));
        theirs.push(their.figures(limit));
    }
    let mut ratios: Vec<f64> =
        ours.iter().zip(&theirs).map(|(our, their)| our.per_second / their.per_second).collect();
    ratios.sort_by(f64::total_cmp);
    Beside {
        ours: Figures::median(&ours),
        theirs: Figures::median(&theirs),
        ratio: ratios[RUNS / 2],
    }
}
