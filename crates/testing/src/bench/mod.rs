//! Shared parts of the benchmarks: a database with many clients, the program that uses it, load,
//! and a page of results.

pub mod compare;
pub mod fixture;
pub mod load;
pub mod organization;
pub mod report;
mod seed;
