//! Parsing of owner, description, contact and labels in the admin API.

use std::collections::BTreeMap;

use crate::admin::facts::{FactsUpdate, LabelsUpdate};
use crate::model::facts::{Contact, Description};
use crate::model::labels::{LabelKey, LabelValue, Labels};
use crate::model::owner::Owner;
use crate::secrets::secret;
use crate::web::api::Problem;
use crate::web::api::json::{at, wrong_parameter};
use crate::web::api::member::{Member, Omitted};
use crate::web::api::problem_places::segment;

/// The facts in a request body.
pub(super) struct FactsMembers {
    pub(super) owner: Member<String>,
    pub(super) description: Member<String>,
    pub(super) contact: Member<String>,
    pub(super) labels: Member<BTreeMap<String, Option<String>>>,
}

impl FactsMembers {
    /// Converts the members to an update. In a merge patch, `null` removes one label.
    pub(super) fn update(self, omitted: Omitted) -> Result<FactsUpdate, Problem> {
        Ok(FactsUpdate {
            owner: self.owner.text(omitted, "/owner", Owner::parse)?,
            description: self.description.text(omitted, "/description", Description::parse)?,
            contact: self.contact.text(omitted, "/contact", Contact::parse)?,
            labels: match (self.labels, omitted) {
                (Member::Absent, Omitted::Stays) => LabelsUpdate::default(),
                (Member::Absent | Member::Null, _) => LabelsUpdate::Replace(Labels::default()),
                (Member::Value(all), Omitted::HasDefault) => {
                    LabelsUpdate::Replace(parse_labels(&all)?)
                }
                (Member::Value(patch), Omitted::Stays) => {
                    let set = patch.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
                    let gone = patch.iter().filter(|(_, value)| value.is_none());
                    let remove = gone.map(|(key, _)| at(&place(key), LabelKey::parse(key)));
                    LabelsUpdate::Edit {
                        set: labels(set)?,
                        remove: remove.collect::<Result<_, _>>()?,
                    }
                }
            },
        })
    }
}

/// Parses the complete labels of an object.
fn parse_labels(all: &BTreeMap<String, Option<String>>) -> Result<Labels, Problem> {
    if let Some((key, _)) = all.iter().find(|(_, value)| value.is_none()) {
        let text = format!("label {key} is null; leave it out");
        return Err(Problem::member(place(key), text));
    }
    labels(all.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))))
}

fn labels<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> Result<Labels, Problem> {
    let mut labels = Labels::default();
    for (key, value) in pairs {
        let pointer = place(key);
        let name = at(&pointer, LabelKey::parse(key))?;
        let value = at(&pointer, LabelValue::parse(value))?;
        at("/labels", labels.insert(name, value))?;
    }
    Ok(labels)
}

/// Returns the JSON pointer of a label. The key is redacted, because it may be a misplaced secret.
fn place(key: &str) -> String {
    secret::redact(&format!("/labels/{}", segment(key))).into_owned()
}

/// Parses the `label` parameter: `team=payments`, several separated by commas.
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
