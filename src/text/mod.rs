//! Domain-independent text helpers: JSON writing, escaping, quoting, suggestions.

pub mod escaping;
pub mod json_writer;
pub(crate) mod newtype;
pub mod plain;
pub mod raw_members;
pub(crate) mod schema;
pub mod shell;
pub mod suggestion;
