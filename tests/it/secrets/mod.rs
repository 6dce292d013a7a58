//! Client secrets: files, leaks, rotation and expiry.

mod files;
mod leaks;
mod life;
mod offline;
mod page;
mod secrecy;
