//! The examples of the repository and of `docs/`, run as they stand.

mod api;
mod gitops;
mod kubernetes;
mod saas;
mod teams;
mod terraform;
