//! Consistency of the repository: code, documents and generated pages.

mod architecture;
pub(crate) mod docs;
pub(crate) mod documents;
mod fuzz_corpus;
mod glossary;
mod pages;
pub(crate) mod readme;
mod readme_rust;
mod reference_requests;
mod requirements;
mod settings_page;
mod speed_page;
