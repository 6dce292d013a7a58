//! The examples of the repository and of `docs/`, run unchanged.

mod api;
mod gitops;
mod kubernetes;
mod saas;
mod teams;
mod terraform;
