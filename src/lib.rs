//! tokend: an OAuth 2.0 authorization server for machines.
//!
//! The modules in reading order, from the bottom to the top. **A module uses only those before
//! it**; a test holds that.
//!
//! A request passes down through the layers, and its answer goes back directly: `web` turns HTTP
//! into plain data, `oauth` decides, `directory` holds in memory all that a decision needs. `admin`
//! has the changes that operators make, `store` the database, `jose` signatures and tokens, `model`
//! the nouns of the domain. The token path does not use the database: every change is written with
//! an event, and every instance follows the events.

// Text without a domain: writing JSON, escaping, quoting, suggestions.
pub mod text;

// The nouns: plain data without I/O.
pub mod model;

// Logging, metrics and traces.
pub mod telemetry;

// Settings: layered, checked as a whole, reported with their origin.
pub mod config;

// Primitives without a format of their own: random bytes, digests, message authentication codes.
pub mod crypto;

// JWS, JWT, JWK, assertions, DPoP proofs, signing.
pub mod jose;

// Rates, guess limiter, replay cache and nonces, in bounded memory.
pub mod limits;

// Client secrets: format, hashes, hash queues, cache of verified secrets.
pub mod secrets;

// The master key, what it seals, and the keyring.
pub mod keys;

// Client certificates.
pub mod x509;

// SQL, two engines, schema, change feed.
pub mod store;

// HTTP to others: key sets are fetched, notifications are sent, within bounds.
pub mod outbound;

// Remote key sets: fetched and cached.
pub mod remote_keys;

// The identity provider of a company, by which people sign in to the console.
pub mod identity_provider;

// The memory of one instance, following the events.
pub mod directory;

// The service context of every command.
pub mod services;

// The running server: services and memory.
pub mod app;

// The protocol: authenticate, authorize, mint.
pub mod oauth;

// What operators do; every write is an audited change.
pub mod admin;

// How an operator fixes what went wrong, for command line, console and admin API.
pub mod remedies;

// HTTP: read, call, write.
pub mod web;

// Listeners, connections, background tasks, shutdown.
pub mod server;

// The command line.
pub mod cli;
