//! The facts of a client in an import line.

use crate::admin::import::object::{Given, Object};
use crate::admin::import::problems::Problems;
use crate::model::facts::{Contact, Description, Facts};
use crate::model::labels::Labels;
use crate::model::owner::Owner;

/// The facts of a client in a line. `None` is an absent member; [`Given::Default`] is `null`.
#[derive(Debug)]
pub(in crate::admin) struct FactsLine {
    owner: Option<Given<Owner>>,
    description: Option<Given<Description>>,
    contact: Option<Given<Contact>>,
    labels: Option<Labels>,
}

impl FactsLine {
    /// Parses the facts of a client and reports every problem.
    pub(in crate::admin) fn parse(object: &Object<'_>, problems: &mut Problems) -> Self {
        Self {
            owner: object.nullable("owner", Owner::parse, problems),
            description: object.nullable("description", Description::parse, problems),
            contact: object.nullable("contact", Contact::parse, problems),
            labels: labels(object, problems),
        }
    }

    /// Overwrites the facts of a client with those of the line.
    pub(in crate::admin) fn apply_to(&self, facts: &mut Facts) {
        replace(&mut facts.owner, self.owner.as_ref());
        replace(&mut facts.description, self.description.as_ref());
        replace(&mut facts.contact, self.contact.as_ref());
        if let Some(labels) = &self.labels {
            facts.labels.clone_from(labels);
        }
    }
}

/// Overwrites the stored value with a given member.
pub(in crate::admin) fn replace<T: Clone>(stored: &mut Option<T>, given: Option<&Given<T>>) {
    if let Some(given) = given {
        *stored = given.value().cloned();
    }
}

/// Parses labels; `null` removes all of them.
fn labels(object: &Object<'_>, problems: &mut Problems) -> Option<Labels> {
    if object.json("labels").is_none() {
        return object.is_given("labels").then(Labels::default);
    }
    let texts = object.texts("labels", problems)?;
    let pairs = texts.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    object.noted("labels", Labels::parse(pairs), problems)
}
