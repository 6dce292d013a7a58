//! `tokend doctor`, on the machine of a server and from outside.

mod machine;
mod outside;
mod page;
