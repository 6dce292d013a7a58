//! What benchmarks share: a database with many clients and the program over it, load, and a page of
//! figures.

pub mod compare;
pub mod fixture;
pub mod load;
pub mod organisation;
pub mod report;
mod seed;
