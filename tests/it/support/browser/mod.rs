//! Browsers, real ones or HTTP clients, for the tests of the console.

pub mod chromium;
pub mod console;
pub mod console_tour;
pub mod oidc;
pub mod webdriver;
