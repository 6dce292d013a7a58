//! The snapshot: the memory of an instance in a sealed file. After a restart, clients need not be
//! loaded from the database, and their secrets need not be hashed again (D20).
//!
//! [`write()`] streams the memory into the file, and [`read`] restores it on all cores. The reader
//! then follows the events from the head of the snapshot. It loads everything if the chain of the
//! database does not contain that head.
//!
//! The first line describes the file in plain text. The rest is sealed under the master key, in
//! frames. Shared values precede the clients that refer to them.

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
