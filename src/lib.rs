//! tokend: an OAuth 2.0 authorization server for machines.
//!
//! The modules in reading order, from the ground up. **A module uses only those before it**; a
//! test holds that.
//!
//! A request comes down through the layers and its answer goes straight back: `web` turns HTTP
//! into plain data, `oauth` decides in four steps, `directory` holds in memory all that a decision
//! needs. `admin` is the operator's verbs, `store` keeps, `crypto` proves, `model` names. The
//! token path touches no database: every change is written with an event, and every instance
//! follows the events.

// The nouns: plain data without I/O.
pub mod model;

// Logging.
pub mod telemetry;

// Settings: layered, checked as a whole, reported with their origin.
pub mod config;

// What is fetched from others: key sets.
pub mod fetch;

// What is kept: one text of SQL, two engines.
pub mod store;

// What is proved: secrets, signatures, seals, the chain of events.
pub mod crypto;

// The memory of one instance, following the events.
pub mod directory;

// What a process is made of.
pub mod app;

// The protocol: authenticate, authorize, mint.
pub mod oauth;

// The operator's verbs.
pub mod admin;

// HTTP: read, call, write.
pub mod web;

// Listeners, connections, upkeep, and the stop.
pub mod server;

// The command line.
pub mod cli;
