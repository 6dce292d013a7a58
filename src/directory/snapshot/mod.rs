//! The snapshot: the memory of an instance as a sealed file, so that a restart neither loads all
//! clients from the database nor hashes their secrets again (D20).
//!
//! [`write()`] streams the memory into the file, [`read`] gives it back on all cores. A snapshot is
//! only a beginning: its reader follows the events from its place in the chain, and loads
//! everything if the chain of the database does not have that place.
//!
//! The first line says in clear text what the file is. The rest is sealed under the master key, in
//! frames: what clients share comes before the clients that refer to it.

mod client_record;
mod error;
mod frame;
mod grant_record;
mod manifest;
mod other_records;
mod reading;
mod shared;
mod writing;

pub use error::SnapshotError;
pub use manifest::{Manifest, SnapshotFile};
pub use other_records::{StoppedState, UsedAssertion};
pub use reading::{Restored, read};
pub use writing::{Beginning, Pace, write};

#[cfg(test)]
mod tests;
