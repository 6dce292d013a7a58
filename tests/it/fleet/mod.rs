//! Several instances over time: following, snapshots, upgrades and faults.

mod clock_jumps;
mod faults;
pub(crate) mod following;
pub(crate) mod snapshot;
mod snapshot_trust;
mod soak;
mod two_versions;
mod upgrade;
