//! A JSON object of an import file, read member by member.
//!
//! Values stay where they are in the line until they are parsed, so that a secret is not copied
//! into a tree of JSON values. No error repeats a value.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::admin::import::members::{JsonType, Member, ObjectSchema};
use crate::admin::import::problems::Problems;
use crate::model::Malformed;
use crate::model::static_claims::StaticClaims;
use crate::text::raw_members::RawMembers;

/// A member that is given where `null` stands for the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum Given<T> {
    /// `null`.
    Default,
    /// This value.
    Value(T),
}

impl<T> Given<T> {
    /// The value; `None` for the default.
    pub(in crate::admin) fn value(&self) -> Option<&T> {
        match self {
            Self::Default => None,
            Self::Value(value) => Some(value),
        }
    }

    /// The value; `None` for the default.
    pub(in crate::admin) fn into_value(self) -> Option<T> {
        match self {
            Self::Default => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// An object whose members are known and have the right JSON type.
pub(in crate::admin) struct Object<'a> {
    line: usize,
    /// Where it is in the line: empty, or such as `grants[0].`.
    path: String,
    members: Vec<(&'static Member, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Reads an object of a kind. Notes unknown, duplicate, mistyped and missing members, and
    /// continues without them; `None` if `json` is not an object.
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

    /// Takes a member over, unless something is wrong with it.
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

    /// True if the member is given, `null` included.
    pub(in crate::admin) fn is_given(&self, name: &str) -> bool {
        self.members.iter().any(|(member, _)| member.name == name)
    }

    /// Where the object is: empty, or such as `grants[0].`.
    pub(in crate::admin) fn path(&self) -> &str {
        &self.path
    }

    /// Where a member is, for an error.
    pub(in crate::admin) fn place(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    /// The JSON of a member; `None` if it is not given or `null`.
    pub(in crate::admin) fn json(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.members.iter().find(|(member, _)| member.name == name)?;
        Some(value.get()).filter(|json| JsonType::of(json) != JsonType::Null)
    }

    /// A member of a type that serde reads.
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

    /// A string member that `parse` understands. The error of `parse` may repeat the text, so this
    /// is not for secrets.
    pub(in crate::admin) fn parsed<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, Malformed>,
        problems: &mut Problems,
    ) -> Option<T> {
        let text: String = self.value(name, problems)?;
        self.noted(name, parse(&text), problems)
    }

    /// A member where `null` stands for the default: `None` if it is not given.
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

    /// A list of strings, each of which `parse` understands.
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

    /// An object of strings.
    pub(in crate::admin) fn texts(
        &self,
        name: &str,
        problems: &mut Problems,
    ) -> Option<BTreeMap<String, String>> {
        let json = self.json(name)?;
        let texts = serde_json::from_str(json).ok();
        if texts.is_none() {
            let place = self.place(name);
            problems.add(self.line, &format!("{place} holds a value that is not a string"));
        }
        texts
    }

    /// A list of objects, at most `most` of them.
    pub(in crate::admin) fn objects(
        &self,
        name: &str,
        most: usize,
        problems: &mut Problems,
    ) -> Option<Vec<Object<'a>>> {
        let (member, _) = self.members.iter().find(|(member, _)| member.name == name)?;
        let kind = member.value_type.items()?;
        let items: Vec<&'a RawValue> = self.value(name, problems)?;
        if items.len() > most {
            let (place, count) = (self.place(name), items.len());
            problems.add(self.line, &format!("{place} has {count} elements; at most {most}"));
            return None;
        }
        let objects = items.into_iter().enumerate().filter_map(|(index, json)| {
            let path = format!("{}[{index}].", self.place(name));
            Object::parse(json.get(), kind, self.line, path, problems)
        });
        Some(objects.collect())
    }

    /// Static claims.
    pub(in crate::admin) fn claims(&self, problems: &mut Problems) -> Option<StaticClaims> {
        let parsed = StaticClaims::parse(self.json("claims")?);
        let parsed = parsed.map_err(|error| Malformed::because(error.to_string()));
        self.noted("claims", parsed, problems)
    }

    /// Notes the error of a member, and gives its value otherwise.
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
