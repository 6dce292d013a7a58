//! Database engines, and how they are opened and probed.

pub mod files;
pub(super) mod gate;
pub(super) mod hosts;
mod liveness;
pub mod open;
pub(super) mod query_metrics;
mod size;

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file on this machine.
    Sqlite,
    /// A database server, which several instances can share.
    Postgres,
}

impl Engine {
    /// All engines.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// Returns the product name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "Postgres",
        }
    }
}
