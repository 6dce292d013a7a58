//! Remedies: how an operator fixes an error. Only this module turns the typed errors and actions of
//! the layers below into commands, options and settings. The command line, the console and the
//! admin API show these texts. Remedies about arguments and terminals are in `cli/remedies/`.

mod admin;
mod backup;
mod conflict;
mod finding;
mod owner_policy;
mod rejection;
mod settings;
mod start;
mod store;

pub use crate::remedies::admin::{of_admin, of_admin_code};
pub use crate::remedies::backup::of_backup;
pub use crate::remedies::finding::of_finding;
pub use crate::remedies::rejection::of_rejection;
pub use crate::remedies::settings::{of_setting, report_of_settings};
pub use crate::remedies::start::of_start;
pub use crate::remedies::store::of_store;

#[cfg(test)]
mod tests;
