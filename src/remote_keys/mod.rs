//! Remote key sets: discovery, and a cache that many clients share.

mod discovery;
mod key_sets;
mod provider;

pub use discovery::{discovered_uri, fetch_keys};
pub use key_sets::{FetchAttempt, KeySetFigures, KeySets, RemoteKeys, RemoteSource};
pub use provider::{FetchedProvider, ProviderMetadata};
