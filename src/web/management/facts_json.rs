//! Owner, description, contact and labels as the admin API reads them.

#![expect(clippy::option_option, reason = "RFC 7396 tells null from an absent member")]

use std::collections::BTreeMap;

use crate::admin::facts::{FactsUpdate, LabelsUpdate};
use crate::model::facts::{Contact, Description, Facts};
use crate::model::labels::{LabelKey, LabelValue, Labels};
use crate::model::owner::Owner;
use crate::web::management::Problem;
use crate::web::management::json::{at, parsed, wrong_parameter};

/// The facts of a new object.
pub(super) struct FactsInput {
    pub(super) owner: Option<String>,
    pub(super) description: Option<String>,
    pub(super) contact: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
}

impl FactsInput {
    /// The facts that the body gives.
    pub(super) fn facts(self) -> Result<Facts, Problem> {
        Ok(Facts {
            owner: parsed("/owner", self.owner, Owner::parse)?,
            description: parsed("/description", self.description, Description::parse)?,
            contact: parsed("/contact", self.contact, Contact::parse)?,
            labels: labels(self.labels.iter())?,
        })
    }
}

/// Labels as RFC 7396 changes them: `null` removes one, and instead of all of them all.
pub(super) type LabelsPatch = Option<BTreeMap<String, Option<String>>>;

/// What should change about facts: an absent member stays, `null` removes it.
pub(super) struct FactsPatch {
    pub(super) owner: Option<Option<String>>,
    pub(super) description: Option<Option<String>>,
    pub(super) contact: Option<Option<String>>,
    pub(super) labels: Option<LabelsPatch>,
}

impl FactsPatch {
    /// The change that the body describes.
    pub(super) fn update(self) -> Result<FactsUpdate, Problem> {
        let contact = self.contact;
        Ok(FactsUpdate {
            owner: self.owner.map(|text| parsed("/owner", text, Owner::parse)).transpose()?,
            description: self
                .description
                .map(|text| parsed("/description", text, Description::parse))
                .transpose()?,
            contact: contact.map(|text| parsed("/contact", text, Contact::parse)).transpose()?,
            labels: match self.labels {
                None => LabelsUpdate::default(),
                Some(None) => LabelsUpdate::Replace(Labels::default()),
                Some(Some(patch)) => {
                    let set = patch.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
                    let gone = patch.iter().filter(|(_, value)| value.is_none());
                    let remove = gone.map(|(key, _)| at("/labels", LabelKey::parse(key)));
                    LabelsUpdate::Edit {
                        set: labels(set)?,
                        remove: remove.collect::<Result<_, _>>()?,
                    }
                }
            },
        })
    }
}

fn labels<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> Result<Labels, Problem> {
    at("/labels", Labels::parse(pairs.map(|(key, value)| (key.as_str(), value.as_str()))))
}

/// Reads the labels of a query: `team=payments`, or several with commas between them.
pub(super) fn query_labels(text: &str) -> Result<Vec<(LabelKey, LabelValue)>, Problem> {
    let read = text.split(',').map(|label| {
        let (key, value) = label.split_once('=').unwrap_or((label, ""));
        LabelKey::parse(key).and_then(|key| Ok((key, LabelValue::parse(value)?)))
    });
    let read: Vec<_> = read.collect::<Result<_, _>>().map_err(|it| wrong_parameter("label", it))?;
    if read.len() > Labels::MAX_COUNT {
        let text = format!("at most {} labels", Labels::MAX_COUNT);
        return Err(wrong_parameter("label", text));
    }
    Ok(read)
}
