//! The console over HTTP: its pages, forms, sign-in and rights.

mod attacks;
mod changes;
mod client;
mod every_form;
mod form_attacks;
mod oidc;
mod oidc_attacks;
mod oidc_provider;
mod pages;
mod resources;
mod rights;
mod sign_in;
mod speed;
mod texts;
mod try_it;
