//! Options for facts: owner, description, contact and labels of a client or a resource, and the
//! owners that an administrator is limited to.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::admin::facts::{FactsUpdate, LabelsUpdate};
use crate::cli::error::CliError;
use crate::cli::remedies::command::ArgumentRemedy;
use crate::model::Malformed;
use crate::model::facts::{Contact, Description, Facts};
use crate::model::labels::{LabelKey, LabelValue, Labels};
use crate::model::owner::Owner;

/// The facts of a new object.
#[derive(Debug, Args)]
pub(in crate::cli) struct FactsArgs {
    /// The team that it belongs to, such as payments
    #[arg(long, value_name = "OWNER")]
    owner: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How to reach its team, such as a mail address
    #[arg(long, value_name = "TEXT")]
    contact: Option<String>,
    /// A label, such as `env=prod`; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE")]
    labels: Vec<String>,
}

/// What should change about the facts of an object.
#[derive(Debug, Args)]
pub(in crate::cli) struct FactsUpdateArgs {
    /// The team that it belongs to from now on; an empty text removes it
    #[arg(long, value_name = "OWNER")]
    owner: Option<String>,
    /// What it is for; an empty text removes it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How to reach its team; an empty text removes it
    #[arg(long, value_name = "TEXT")]
    contact: Option<String>,
    /// A label to set, or one to remove by its key and a hyphen, such as `env-`; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE|KEY-")]
    labels: Vec<String>,
}

impl FactsArgs {
    /// Parses the facts from the options.
    pub(in crate::cli) fn facts(&self) -> Result<Facts, CliError> {
        let owner = self.owner.as_deref().map(Owner::parse).transpose();
        let description = self.description.as_deref().map(Description::parse).transpose();
        let contact = self.contact.as_deref().map(Contact::parse).transpose();
        let pairs = self.labels.iter().map(|text| pair(text)).collect::<Result<Vec<_>, _>>()?;
        Ok(Facts {
            owner: owner.map_err(of_option("--owner"))?,
            description: description.map_err(of_option("--description"))?,
            contact: contact.map_err(of_option("--contact"))?,
            labels: Labels::parse(pairs).map_err(of_option("--label"))?,
        })
    }
}

impl FactsUpdateArgs {
    /// Parses the changes from the options.
    pub(in crate::cli) fn update(&self) -> Result<FactsUpdate, CliError> {
        let owner = self.owner.as_deref().map(|text| unless_empty(text, Owner::parse)).transpose();
        let description = self
            .description
            .as_deref()
            .map(|text| unless_empty(text, Description::parse))
            .transpose();
        let contact =
            self.contact.as_deref().map(|text| unless_empty(text, Contact::parse)).transpose();
        let is_removed = |text: &&String| text.ends_with('-') && !text.contains('=');
        let (removed, set): (Vec<_>, Vec<_>) = self.labels.iter().partition(is_removed);
        let pairs = set.into_iter().map(|text| pair(text)).collect::<Result<Vec<_>, _>>()?;
        let remove = removed.into_iter().map(|text| LabelKey::parse(text.trim_end_matches('-')));
        Ok(FactsUpdate {
            owner: owner.map_err(of_option("--owner"))?,
            description: description.map_err(of_option("--description"))?,
            contact: contact.map_err(of_option("--contact"))?,
            labels: LabelsUpdate::Edit {
                set: Labels::parse(pairs).map_err(of_option("--label"))?,
                remove: remove.collect::<Result<_, _>>().map_err(of_option("--label"))?,
            },
        })
    }

    /// Returns the options as a merge patch of the API, in which `null` removes a fact.
    pub(in crate::cli) fn patch(&self) -> Result<Value, CliError> {
        let FactsUpdate { owner, description, contact, labels } = self.update()?;
        let mut patch = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                patch.insert(name.to_owned(), value);
            }
        };
        add("owner", owner.map(|owner| json!(owner)));
        add("description", description.map(|text| json!(text)));
        add("contact", contact.map(|text| json!(text)));
        if let LabelsUpdate::Edit { set, remove } = labels {
            let set = set.iter().map(|(key, value)| (key.as_str(), json!(value.as_str())));
            let remove = remove.iter().map(|key| (key.as_str(), Value::Null));
            let labels: Map<_, _> =
                set.chain(remove).map(|(key, value)| (key.to_owned(), value)).collect();
            add("labels", (!labels.is_empty()).then_some(Value::Object(labels)));
        }
        Ok(Value::Object(patch))
    }
}

/// Parses a label of a filter.
pub(in crate::cli) fn label(text: &str) -> Result<(LabelKey, LabelValue), CliError> {
    let (key, value) = pair(text)?;
    let key = LabelKey::parse(key).map_err(of_option("--label"))?;
    Ok((key, LabelValue::parse(value).map_err(of_option("--label"))?))
}

fn pair(text: &str) -> Result<(&str, &str), CliError> {
    text.split_once('=').ok_or_else(|| {
        let start: String = text.chars().take(60).collect();
        let start = start.replace(char::is_control, "?");
        CliError::usage(format!("--label: '{start}' is not KEY=VALUE"))
            .with_remedy(ArgumentRemedy::GiveLabel)
    })
}

/// Parses a value of an update; an empty text removes the value.
fn unless_empty<T>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, Malformed>,
) -> Result<Option<T>, Malformed> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

fn of_option(option: &'static str) -> impl Fn(Malformed) -> CliError {
    move |malformed| CliError::usage(format!("{option}: {malformed}"))
}

/// The limit of a new administrator.
#[derive(Debug, Args)]
pub(in crate::cli) struct AdminOfArgs {
    /// Limits an administrator to clients and resources of this owner; may be repeated. A new
    /// administrator without this option has no limit
    #[arg(long = "admin-of", value_name = "OWNER")]
    owners: Vec<String>,
    /// Limits an administrator to no owner: it sees and changes no client and no resource
    #[arg(long, conflicts_with = "owners")]
    admin_of_none: bool,
}

/// What should change about the limit of an administrator.
#[derive(Debug, Args)]
pub(in crate::cli) struct AdminOfUpdateArgs {
    #[command(flatten)]
    limit: AdminOfArgs,
    /// Removes the limit of an administrator: it sees and changes the objects of all owners
    #[arg(long, conflicts_with_all = ["owners", "admin_of_none"])]
    admin_of_all: bool,
}

impl AdminOfArgs {
    /// Parses the owners; `None` if no option is given.
    pub(in crate::cli) fn owners(&self) -> Result<Option<BTreeSet<Owner>>, CliError> {
        if self.owners.is_empty() {
            return Ok(self.admin_of_none.then(BTreeSet::new));
        }
        let owners = self.owners.iter().map(|text| Owner::parse(text)).collect::<Result<_, _>>();
        owners.map(Some).map_err(of_option("--admin-of"))
    }
}

impl AdminOfUpdateArgs {
    /// True if any of the options is given.
    pub(in crate::cli) fn is_given(&self) -> bool {
        self.admin_of_all || self.limit.admin_of_none || !self.limit.owners.is_empty()
    }

    /// Parses the owners; `None` for all owners.
    pub(in crate::cli) fn owners(&self) -> Result<Option<BTreeSet<Owner>>, CliError> {
        if self.admin_of_all { Ok(None) } else { self.limit.owners() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(labels: &[&str]) -> Result<FactsUpdate, CliError> {
        let labels = labels.iter().map(|text| (*text).to_owned()).collect();
        FactsUpdateArgs { owner: None, description: None, contact: None, labels }.update()
    }

    #[test]
    fn labels_are_set_and_removed_in_one_command() {
        let LabelsUpdate::Edit { set, remove } =
            update(&["env=prod", "team-", "empty="]).expect("an update").labels
        else {
            panic!("not an edit")
        };
        assert_eq!(set.to_string(), "empty= env=prod");
        assert_eq!(remove.iter().map(LabelKey::as_str).collect::<Vec<_>>(), ["team"]);
        for text in ["first", "-", "a b=c", "=x", "a=b c", "a-=b"] {
            assert!(update(&[text]).is_err(), "{text:?} was accepted");
        }
        assert!(update(&["a=1", "a=2"]).is_err(), "a duplicate was accepted");
    }

    #[test]
    fn an_empty_text_removes_a_fact() {
        assert_eq!(unless_empty("", Owner::parse), Ok(None));
        assert_eq!(unless_empty("a", Owner::parse), Ok(Some(Owner::stored("a"))));
        assert!(unless_empty(" ", Owner::parse).is_err());
    }
}
