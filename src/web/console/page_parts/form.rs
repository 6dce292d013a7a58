//! Submitted forms. Each handler declares the fields that it reads.

use std::fmt::Display;

use axum::body::Bytes;
use axum::extract::Request;

use crate::model::Malformed;
use crate::web::console::page_parts::answer::ConsoleError;

/// The maximum size of a form in bytes.
pub(in crate::web::console) const MAX_BYTES: usize = 64 << 10;

/// The field with the CSRF token of the session.
pub(in crate::web::console) const TOKEN: &str = "form_token";

/// The fields of a form in their original order. A field may occur several times.
#[derive(Clone, Default)]
pub(in crate::web::console) struct Form(Vec<(String, String)>);

impl Form {
    /// Parses `application/x-www-form-urlencoded`.
    pub(in crate::web::console) fn parse(bytes: &Bytes) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// Parses the query of a request, which has the same format.
    pub(in crate::web::console) fn of_query(request: &Request) -> Self {
        let query = request.uri().query().unwrap_or_default();
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// Returns the parameters as a query, with one changed, or removed if the value is empty. The
    /// notice and the page position are dropped.
    pub(in crate::web::console) fn query_with(&self, name: &str, value: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let others = self.0.iter().filter(|(known, value)| {
            known != name && known != "done" && known != "after" && !value.is_empty()
        });
        query.extend_pairs(others);
        if !value.is_empty() {
            query.append_pair(name, value);
        }
        query.finish()
    }

    /// Returns some of the parameters as a query.
    pub(in crate::web::console) fn query_of(&self, names: &[&str]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(names.iter().filter_map(|name| Some((name, self.text(name)?))));
        query.finish()
    }

    /// Parses a field; `None` if it is empty.
    ///
    /// # Errors
    /// 400 with the expected format.
    pub(in crate::web::console) fn parsed<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, Malformed>,
    ) -> Result<Option<T>, ConsoleError> {
        self.read(name, parse).map_err(|problem| ConsoleError::invalid(&problem))
    }

    /// Like [`Self::parsed`], for a form that is shown again with the problem.
    ///
    /// # Errors
    /// The name of the field and the expected format.
    pub(in crate::web::console) fn read<T, E: Display>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse(text).map(Some).map_err(|problem| format!("{name}: {problem}"))
    }

    /// Returns the non-empty lines of a field.
    pub(in crate::web::console) fn lines(&self, name: &str) -> impl Iterator<Item = &str> {
        let lines = self.text(name).unwrap_or_default().lines().map(str::trim);
        lines.filter(|line| !line.is_empty())
    }

    /// Returns the first value of a field, trimmed; `None` if it is absent or empty.
    pub(in crate::web::console) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Returns the value of a field for a form that is shown again; empty if it is absent.
    pub(in crate::web::console) fn typed(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    pub(in crate::web::console) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// True if a checkbox is checked.
    pub(in crate::web::console) fn has(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// Rejects a form with a field that the handler does not read, which prevents mass assignment.
    /// Also rejects NUL characters, which Postgres does not store.
    ///
    /// # Errors
    /// 400 with the name of the field.
    pub(in crate::web::console) fn only(&self, names: &[&str]) -> Result<(), ConsoleError> {
        if self.0.iter().any(|(_, value)| value.contains('\0')) {
            return Err(ConsoleError::invalid("A value has the character NUL, which no text has."));
        }
        let other = self.0.iter().find(|(name, _)| name != TOKEN && !names.contains(&&**name));
        match other {
            None => Ok(()),
            Some((name, _)) => Err(ConsoleError::invalid(format!(
                "{name} is not a field of this form. Its fields are {}.",
                names.join(", ")
            ))),
        }
    }
}
