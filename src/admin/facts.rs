//! Changes of the facts of a client or a resource.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::admin::AdminError;
use crate::model::facts::{Contact, Description, Facts};
use crate::model::labels::{LabelKey, Labels};
use crate::model::owner::Owner;

/// The maximum number of owners that an administrator is limited to.
pub const MAX_ADMIN_OF: usize = 100;

/// Changes of facts: `None` leaves a fact as it is, `Some(None)` removes it.
#[derive(Debug, Clone, Default)]
pub struct FactsUpdate {
    /// The team that the object belongs to.
    pub owner: Option<Option<Owner>>,
    /// The purpose of the object.
    pub description: Option<Option<Description>>,
    /// The address at which the team can be reached.
    pub contact: Option<Option<Contact>>,
    /// The labels.
    pub labels: LabelsUpdate,
}

/// Changes of labels.
#[derive(Debug, Clone)]
pub enum LabelsUpdate {
    /// Replaces all labels.
    Replace(Labels),
    /// Sets some labels and removes others. Removing a label that does not exist is not an error.
    Edit {
        /// The labels to set.
        set: Labels,
        /// The keys to remove.
        remove: Vec<LabelKey>,
    },
}

impl Default for LabelsUpdate {
    fn default() -> Self {
        Self::Edit { set: Labels::default(), remove: Vec::new() }
    }
}

impl FactsUpdate {
    /// Applies the changes.
    ///
    /// # Errors
    /// If the facts would have too many labels.
    pub(super) fn apply_to(self, facts: &mut Facts) -> Result<(), AdminError> {
        let Self { owner, description, contact, labels } = self;
        if let Some(owner) = owner {
            facts.owner = owner;
        }
        if let Some(description) = description {
            facts.description = description;
        }
        if let Some(contact) = contact {
            facts.contact = contact;
        }
        match labels {
            LabelsUpdate::Replace(labels) => facts.labels = labels,
            LabelsUpdate::Edit { set, remove } => {
                for key in &remove {
                    facts.labels.remove(key);
                }
                for (key, value) in set.iter() {
                    let inserted = facts.labels.insert(key.clone(), value.clone());
                    inserted.map_err(AdminError::malformed("labels"))?;
                }
            }
        }
        Ok(())
    }
}

/// Adds the facts to the detail of an event.
pub(super) fn add_to(detail: &mut Value, facts: &Facts) {
    let Facts { owner, description, contact, labels } = facts;
    detail["owner"] = json!(owner);
    detail["description"] = json!(description);
    detail["contact"] = json!(contact);
    detail["labels"] = json!(labels);
}

/// Rejects more than [`MAX_ADMIN_OF`] owners.
pub(super) fn check_admin_of(owners: Option<&BTreeSet<Owner>>) -> Result<(), AdminError> {
    match owners {
        Some(owners) if owners.len() > MAX_ADMIN_OF => Err(AdminError::invalid(
            "admin_of",
            format!(
                "{} owners are given; an administrator has at most {MAX_ADMIN_OF}",
                owners.len()
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::parse(pairs.iter().copied()).expect("labels")
    }

    #[test]
    fn labels_are_edited_or_replaced() {
        let mut facts = Facts { labels: labels(&[("a", "1"), ("b", "2")]), ..Facts::default() };
        let edit = |set: &[(&str, &str)], remove: &[&str]| FactsUpdate {
            labels: LabelsUpdate::Edit {
                set: labels(set),
                remove: remove.iter().map(|key| LabelKey::parse(key).expect("a key")).collect(),
            },
            ..FactsUpdate::default()
        };
        edit(&[("a", "3"), ("c", "")], &["b", "absent"]).apply_to(&mut facts).expect("an edit");
        assert_eq!(facts.labels, labels(&[("a", "3"), ("c", "")]));
        FactsUpdate::default().apply_to(&mut facts).expect("no change");
        assert_eq!(facts.labels, labels(&[("a", "3"), ("c", "")]));
        let keys: Vec<_> = (0..Labels::MAX_COUNT).map(|number| format!("k{number}")).collect();
        let many: Vec<_> = keys.iter().map(|key| (key.as_str(), "v")).collect();
        assert!(edit(&many, &[]).apply_to(&mut facts).is_err(), "too many labels");
        let replace = LabelsUpdate::Replace(labels(&[("z", "1")]));
        let replace = FactsUpdate { labels: replace, ..FactsUpdate::default() };
        replace.apply_to(&mut facts).expect("a replacement");
        assert_eq!(facts.labels, labels(&[("z", "1")]));
    }

    #[test]
    fn an_administrator_has_a_bounded_number_of_owners() {
        let owners = |count: usize| -> BTreeSet<Owner> {
            (0..count).map(|number| Owner::stored(&format!("team-{number}"))).collect()
        };
        assert!(check_admin_of(None).is_ok());
        assert!(check_admin_of(Some(&owners(0))).is_ok());
        assert!(check_admin_of(Some(&owners(MAX_ADMIN_OF))).is_ok());
        assert!(check_admin_of(Some(&owners(MAX_ADMIN_OF + 1))).is_err());
    }
}
