//! The kinds of databases.

pub mod files;
pub(super) mod gate;
pub(super) mod hosts;
mod liveness;
pub mod open;
pub(super) mod query_metrics;
mod size;

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file of this machine.
    Sqlite,
    /// A database server, which several instances can share.
    Postgres,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// The name of the product.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "Postgres",
        }
    }
}
