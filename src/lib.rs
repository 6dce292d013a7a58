//! tokend: an OAuth 2.0 authorization server for machines.
//!
//! Modules are listed in reading order, from the bottom layer to the top. **A module uses only the
//! modules above it in this list**; a test enforces this.
//!
//! A request passes down through the layers: `web` turns HTTP into plain data, `oauth` decides, and
//! `directory` holds in memory everything that a decision needs. `admin` implements the changes
//! that operators make. `store` is the database, `jose` handles signatures and tokens, and `model`
//! defines the types of the domain.
//!
//! The token path does not use the database. Every change is written together with an event, and
//! every instance follows the events.

// Domain-independent text helpers: JSON writing, escaping, quoting, suggestions.
pub mod text;

// Private files and folders; the users who can access existing ones.
pub mod files;

// Domain types: plain data without I/O.
pub mod model;

// Logging, metrics and traces.
pub mod telemetry;

// Settings: read from layered sources, validated together, reported with their origin.
pub mod config;

// Cryptographic primitives: random bytes, digests, message authentication codes.
pub mod crypto;

// JWS, JWT, JWK, assertions, DPoP proofs, signing.
pub mod jose;

// Rates, guess limiter, replay cache and nonces, in bounded memory.
pub mod limits;

// Client secrets: format, hashes, hash queues, cache of verified secrets.
pub mod secrets;

// The master key, the data sealed under it, and the keyring.
pub mod keys;

// Client certificates.
pub mod x509;

// Database access: SQL for two engines, schema, change feed.
pub mod store;

// Outgoing HTTP with limits: fetches key sets, sends notifications.
pub mod outbound;

// Remote key sets: fetched and cached.
pub mod remote_keys;

// Console sign-in through the identity provider of a company.
pub mod identity_provider;

// In-memory state of one instance, updated from the events.
pub mod directory;

// Service context of every command.
pub mod services;

// The running server: services and in-memory state.
pub mod app;

// OAuth protocol: authenticate, authorize, issue tokens.
pub mod oauth;

// Administrative operations; every write is an audited change.
pub mod admin;

// Remedies: how an operator fixes an error, for the command line, the console and the admin API.
pub mod remedies;

// HTTP layer: reads requests, calls the layers below, writes responses.
pub mod web;

// Listeners, connections, background tasks, shutdown.
pub mod server;

// The command line.
pub mod cli;
