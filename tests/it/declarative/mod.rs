//! Clients and resources from files: `apply`, `diff` and `export`.

mod api;
mod changes;
mod digests;
mod owners;
mod rehearsal;
mod sequence;
mod sources;
