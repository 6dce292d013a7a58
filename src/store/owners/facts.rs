//! The columns that store the facts of clients and resources, and lookups of owners.

use std::collections::BTreeSet;

use crate::model::Malformed;
use crate::model::client::ClientId;
use crate::model::facts::{Contact, Description, Facts};
use crate::model::labels::Labels;
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::store::StoreError;
use crate::store::reader::Reader;
use crate::store::row::named_row;
use crate::store::statement::Statement;

pub(in crate::store) struct FactColumns {
    pub(in crate::store) owner: Option<String>,
    pub(in crate::store) description: Option<String>,
    pub(in crate::store) contact: Option<String>,
    pub(in crate::store) labels: Option<String>,
}

impl FactColumns {
    pub(in crate::store) fn of(facts: &Facts) -> Self {
        let Facts { owner, description, contact, labels } = facts;
        Self {
            owner: owner.as_ref().map(|owner| owner.as_str().to_owned()),
            description: description.as_ref().map(|text| text.as_str().to_owned()),
            contact: contact.as_ref().map(|text| text.as_str().to_owned()),
            labels: (!labels.is_empty()).then(|| serde_json::to_string(labels).unwrap_or_default()),
        }
    }

    pub(in crate::store) fn decode(self) -> Result<Facts, StoreError> {
        Ok(Facts {
            owner: self.owner.as_deref().map(Owner::stored),
            description: self.description.map(Description::stored),
            contact: self.contact.map(Contact::stored),
            labels: self.labels.as_deref().map(Labels::stored).transpose()?.unwrap_or_default(),
        })
    }
}

/// Encodes the column `admin_of`.
pub(in crate::store) fn admin_of_column(owners: &BTreeSet<Owner>) -> String {
    serde_json::to_string(owners).unwrap_or_default()
}

/// Decodes the column `admin_of`.
///
/// # Errors
/// If the column is not a JSON array of strings. It must never be read as unlimited.
pub(in crate::store) fn admin_of(column: &str) -> Result<BTreeSet<Owner>, StoreError> {
    let names: Vec<String> = serde_json::from_str(column)
        .map_err(|_| Malformed::because("admin_of is not a JSON array of texts"))?;
    Ok(names.iter().map(|name| Owner::stored(name)).collect())
}

named_row! {
    struct OwnerRow {
        owner: Option<String>,
    }
}

impl Reader<'_> {
    /// Returns the owner of a client; `None` if it has no owner or does not exist.
    pub async fn client_owner(&mut self, id: &ClientId) -> Result<Option<Owner>, StoreError> {
        let mut statement = Statement::default();
        statement.push_with("SELECT owner FROM client WHERE client_id = ?", [id.as_str().into()]);
        self.owner(&statement).await
    }

    /// Returns the owner of a resource; `None` if it has no owner or does not exist.
    pub async fn resource_owner(&mut self, id: &ResourceId) -> Result<Option<Owner>, StoreError> {
        let mut statement = Statement::default();
        statement.push_with("SELECT owner FROM resource WHERE resource = ?", [id.as_str().into()]);
        self.owner(&statement).await
    }

    async fn owner(&mut self, statement: &Statement) -> Result<Option<Owner>, StoreError> {
        let row = self.rows::<OwnerRow>(statement).await?.pop();
        Ok(row.and_then(|row| row.owner).as_deref().map(Owner::stored))
    }
}
