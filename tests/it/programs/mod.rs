//! Released programs of other projects, and tokend as a package.

pub(crate) mod check;
mod deployment;
mod gateways;
mod integrations;
mod interop;
mod mcp;
mod packaging;
mod proxies;
pub(crate) mod tried_with;
