//! The console in a real browser.

mod oidc;
mod pages;
mod paths;
mod rights;
