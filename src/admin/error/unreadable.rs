//! Objects whose rows cannot be read, for operations whose result would be wrong without them.

use std::fmt;

use crate::admin::error::object_kind::ObjectKind;
use crate::store::StoreError;

/// The maximum number of objects that an error names.
const MAX_NAMED: usize = 20;

/// The operation that needs the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeededFor {
    /// An export, which would be incomplete.
    Export,
    /// A deletion of an object that is no longer declared.
    Prune,
    /// A comparison of the objects with declarations.
    Apply,
    /// The deletion of a resource for which the objects have grants.
    Deletion,
}

/// Objects whose rows cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableObjects {
    needed_for: NeededFor,
    named: Vec<String>,
    count: usize,
}

impl UnreadableObjects {
    pub(in crate::admin) fn new(needed_for: NeededFor) -> Self {
        Self { needed_for, named: Vec::new(), count: 0 }
    }

    pub(in crate::admin) fn add(&mut self, kind: ObjectKind, id: &str, problem: &StoreError) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            let problem = match problem {
                StoreError::Unreadable(malformed) => malformed.to_string(),
                other => other.to_string(),
            };
            self.named.push(format!("{kind} {id} ({problem})"));
        }
    }

    /// Returns the error if there are unreadable objects.
    pub(in crate::admin) fn into_result(self) -> Result<(), Self> {
        if self.count == 0 { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for UnreadableObjects {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, why) = match self.needed_for {
            NeededFor::Export => ("export", "an export without them would be incomplete"),
            NeededFor::Prune => ("prune", "it is unknown whether they have to be deleted"),
            NeededFor::Apply => ("apply", "they cannot be compared with their declarations"),
            NeededFor::Deletion => ("delete", "it is unknown whether the caller may change them"),
        };
        write!(formatter, "{what}: the database contains objects that cannot be read, so {why}: ")?;
        write!(formatter, "{}", self.named.join(", "))?;
        match self.count - self.named.len() {
            0 => Ok(()),
            more => write!(formatter, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Malformed;

    #[test]
    fn the_text_names_the_first_objects_and_counts_the_others() {
        let mut objects = UnreadableObjects::new(NeededFor::Export);
        assert_eq!(objects.clone().into_result(), Ok(()));
        let problem = StoreError::Unreadable(Malformed::because("labels: not JSON"));
        for _ in 0..=MAX_NAMED {
            objects.add(ObjectKind::Resource, "urn:a", &problem);
        }
        let text = objects.to_string();
        assert!(text.starts_with("export: the database contains objects that cannot be read"));
        assert!(text.contains("resource urn:a (labels: not JSON), resource urn:a"), "{text}");
        assert!(text.ends_with(" and 1 more"), "{text}");
        assert!(objects.into_result().is_err());
    }
}
