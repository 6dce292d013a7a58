//! Signing keys and the master key.

mod algorithms;
mod key_set_readers;
mod key_year;
mod lost_master_key;
mod master_key;
mod master_key_command;
mod page;
mod signing_keys;
