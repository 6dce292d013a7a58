//! A JSON object of an import file, parsed member by member.
//!
//! Values are borrowed from the line until they are parsed, so that a secret is not copied into a
//! tree of JSON values. Errors never repeat a value.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::admin::import::members::{JsonType, Member, ObjectSchema};
use crate::admin::import::problems::Problems;
use crate::model::Malformed;
use crate::model::static_claims::StaticClaims;
use crate::text::raw_members::RawMembers;

/// A given member that may be `null` to request its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum Given<T> {
    /// `null`.
    Default,
    /// A value.
    Value(T),
}

impl<T> Given<T> {
    /// Returns the value, or `None` for the default.
    pub(in crate::admin) fn value(&self) -> Option<&T> {
        match self {
            Self::Default => None,
            Self::Value(value) => Some(value),
        }
    }

    /// Returns the value, or `None` for the default.
    pub(in crate::admin) fn into_value(self) -> Option<T> {
        match self {
            Self::Default => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// An object with known members of the right JSON types.
pub(in crate::admin) struct Object<'a> {
    line: usize,
    /// The path in the line: empty, or for example `grants[0].`.
    path: String,
    members: Vec<(&'static Member, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Parses an object of a kind. Reports unknown, duplicate, mistyped and missing members, and
    /// continues without them. Returns `None` if `json` is not an object.
    pub(in crate::admin) fn parse(
        json: &'a str,
        kind: &ObjectSchema,
        line: usize,
        path: String,
        problems: &mut Problems,
    ) -> Option<Self> {
        let raw = match serde_json::from_str::<RawMembers<'a>>(json) {
            Ok(RawMembers(raw)) => raw,
            Err(error) => {
                let what = path.trim_end_matches('.');
                let what = if what.is_empty() { "the line" } else { what };
                let text = if error.is_data() {
                    let received = JsonType::of(json).as_str();
                    format!("{what} is {received}, expected an object: {}", kind.name)
                } else {
                    format!("{what} is not valid JSON (column {})", error.column())
                };
                problems.add(line, &text);
                return None;
            }
        };
        let mut object = Self { line, path, members: Vec::with_capacity(raw.len()) };
        for (name, value) in raw {
            object.take(kind, &name, value, problems);
        }
        object.check(kind, problems);
        Some(object)
    }

    /// Adds a member, or reports its problem.
    fn take(
        &mut self,
        kind: &ObjectSchema,
        name: &str,
        value: &'a RawValue,
        problems: &mut Problems,
    ) {
        let path = &self.path;
        let Some(member) = kind.member(name) else {
            let known = kind.names().collect::<Vec<_>>().join(", ");
            let name: String = name.chars().take(60).collect();
            let meant = kind.nearest(&name);
            let meant = meant.map(|meant| format!(" Did you mean {meant}?")).unwrap_or_default();
            let text = format!(
                "{path}{name} is not a member of {}.{meant} Known members: {known}",
                kind.name
            );
            problems.add(self.line, &text);
            return;
        };
        let json = JsonType::of(value.get());
        if self.is_given(name) {
            problems.add(self.line, &format!("{path}{name} is given twice"));
        } else if member.value_type.admits(json) {
            self.members.push((member, value));
        } else {
            let (received, expected) = (json.as_str(), member.value_type.expected());
            problems.add(self.line, &format!("{path}{name} is {received}, expected {expected}"));
        }
    }

    fn check(&self, kind: &ObjectSchema, problems: &mut Problems) {
        let path = &self.path;
        for name in kind.required.iter().filter(|name| !self.is_given(name)) {
            problems.add(self.line, &format!("{path}{name} is missing; {} needs it", kind.name));
        }
        for group in kind.exclusive {
            let given: Vec<_> = group.iter().copied().filter(|name| self.is_given(name)).collect();
            if given.len() > 1 {
                let text = format!("{path}{} are given; give one of them", given.join(" and "));
                problems.add(self.line, &text);
            }
        }
        let given = kind.one_of.iter().filter(|name| self.is_given(name)).count();
        if !kind.one_of.is_empty() && given != 1 {
            let text = format!("{path}: give exactly one of {}", kind.one_of.join(" and "));
            problems.add(self.line, &text.replace(".:", ":"));
        }
    }

    /// True if the member is present, even if it is `null`.
    pub(in crate::admin) fn is_given(&self, name: &str) -> bool {
        self.members.iter().any(|(member, _)| member.name == name)
    }

    /// Returns the path of the object: empty, or for example `grants[0].`.
    pub(in crate::admin) fn path(&self) -> &str {
        &self.path
    }

    /// Returns the path of a member, for errors.
    pub(in crate::admin) fn place(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    /// Returns the JSON of a member, or `None` if it is absent or `null`.
    pub(in crate::admin) fn json(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.members.iter().find(|(member, _)| member.name == name)?;
        Some(value.get()).filter(|json| JsonType::of(json) != JsonType::Null)
    }

    /// Deserializes a member.
    pub(in crate::admin) fn value<T: Deserialize<'a>>(
        &self,
        name: &str,
        problems: &mut Problems,
    ) -> Option<T> {
        let json = self.json(name)?;
        let value = serde_json::from_str(json).ok();
        if value.is_none() {
            problems.add(self.line, &format!("{} cannot be read", self.place(name)));
        }
        value
    }

    /// Parses a string member with `parse`. Not for secrets: the error of `parse` may repeat the
    /// text.
    pub(in crate::admin) fn parsed<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, Malformed>,
        problems: &mut Problems,
    ) -> Option<T> {
        let text: String = self.value(name, problems)?;
        self.noted(name, parse(&text), problems)
    }

    /// Parses a member that may be `null` to request its default. Returns `None` if it is absent.
    pub(in crate::admin) fn nullable<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, Malformed>,
        problems: &mut Problems,
    ) -> Option<Given<T>> {
        match self.json(name) {
            Some(_) => self.parsed(name, parse, problems).map(Given::Value),
            None => self.is_given(name).then_some(Given::Default),
        }
    }

    /// Parses a list of strings with `parse`.
    pub(in crate::admin) fn list<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, Malformed>,
        problems: &mut Problems,
    ) -> Option<Vec<T>> {
        let texts: Vec<&RawValue> = self.value(name, problems)?;
        let mut values = Vec::with_capacity(texts.len());
        for (index, json) in texts.into_iter().enumerate() {
            let place = format!("{name}[{index}]");
            if let Ok(text) = serde_json::from_str::<String>(json.get()) {
                values.extend(self.noted(&place, parse(&text), problems));
            } else {
                let (place, received) = (self.place(&place), JsonType::of(json.get()).as_str());
                problems.add(self.line, &format!("{place} is {received}, expected a string"));
            }
        }
        Some(values)
    }

    /// Parses an object of strings.
    pub(in crate::admin) fn texts(
        &self,
        name: &str,
        problems: &mut Problems,
    ) -> Option<BTreeMap<String, String>> {
        let json = self.json(name)?;
        let texts = serde_json::from_str(json).ok();
        if texts.is_none() {
            let place = self.place(name);
            problems.add(self.line, &format!("{place} contains a value that is not a string"));
        }
        texts
    }

    /// Parses a list of at most `max` objects.
    pub(in crate::admin) fn objects(
        &self,
        name: &str,
        max: usize,
        problems: &mut Problems,
    ) -> Option<Vec<Object<'a>>> {
        let (member, _) = self.members.iter().find(|(member, _)| member.name == name)?;
        let kind = member.value_type.items()?;
        let items: Vec<&'a RawValue> = self.value(name, problems)?;
        if items.len() > max {
            let (place, count) = (self.place(name), items.len());
            problems.add(self.line, &format!("{place} has {count} elements; at most {max}"));
            return None;
        }
        let objects = items.into_iter().enumerate().filter_map(|(index, json)| {
            let path = format!("{}[{index}].", self.place(name));
            Object::parse(json.get(), kind, self.line, path, problems)
        });
        Some(objects.collect())
    }

    pub(in crate::admin) fn claims(&self, problems: &mut Problems) -> Option<StaticClaims> {
        let parsed = StaticClaims::parse(self.json("claims")?);
        let parsed = parsed.map_err(|error| Malformed::because(error.to_string()));
        self.noted("claims", parsed, problems)
    }

    /// Returns the value of a member, or reports its error.
    pub(in crate::admin) fn noted<T>(
        &self,
        name: &str,
        parsed: Result<T, Malformed>,
        problems: &mut Problems,
    ) -> Option<T> {
        parsed
            .map_err(|error| problems.add(self.line, &format!("{}: {error}", self.place(name))))
            .ok()
    }
}
