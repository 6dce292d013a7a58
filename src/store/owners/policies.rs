//! Owner policies.

use std::collections::BTreeSet;

use crate::model::client::AuthenticationMethod;
use crate::model::owner::Owner;
use crate::model::owner_policy::{OwnerPolicy, OwnerPolicyRecord, PolicyScope};
use crate::model::time::{Lifetime, Timestamp};
use crate::store::StoreError;
use crate::store::decoded_page::DecodedPage;
use crate::store::reader::Reader;
use crate::store::row::{TableRow, named_row, table_row};
use crate::store::statement::Statement;
use crate::store::write_transaction::{WriteTransaction, on_write};

table_row! {
    /// A row of `owner_policy`.
    struct PolicyRow in "owner_policy" {
        owner: String,
        secret_expiry_required: bool,
        secret_max_age: Option<i64>,
        auth_methods: Option<String>,
        max_clients: Option<i64>,
        updated_at: i64,
    }
}

named_row! {
    struct CountRow {
        clients: i64,
    }
}

impl PolicyRow {
    fn of(record: &OwnerPolicyRecord, now: Timestamp) -> Self {
        let OwnerPolicyRecord { scope, policy } = record;
        let names = |methods: &Vec<AuthenticationMethod>| {
            methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(" ")
        };
        Self {
            owner: scope.as_str().to_owned(),
            secret_expiry_required: policy.secret_expiry_required,
            secret_max_age: policy.secret_max_age.map(Lifetime::seconds),
            auth_methods: policy.auth_methods.as_ref().map(names),
            max_clients: policy.max_clients.map(i64::from),
            updated_at: now.0,
        }
    }

    fn decode(self) -> Result<OwnerPolicyRecord, StoreError> {
        let methods = self.auth_methods.map(|names| {
            names.split_whitespace().map(AuthenticationMethod::parse).collect::<Result<_, _>>()
        });
        Ok(OwnerPolicyRecord {
            scope: PolicyScope::stored(&self.owner),
            policy: OwnerPolicy {
                secret_expiry_required: self.secret_expiry_required,
                secret_max_age: self.secret_max_age.map(Lifetime::stored),
                auth_methods: methods.transpose()?,
                max_clients: self.max_clients.map(|max| u32::try_from(max).unwrap_or(u32::MAX)),
            },
        })
    }
}

/// A page of policies. The position of a policy is its owner.
pub type OwnerPolicyPage = DecodedPage<OwnerPolicyRecord, String>;

impl Reader<'_> {
    /// Returns the policy with exactly this scope.
    pub async fn owner_policy(
        &mut self,
        scope: &PolicyScope,
    ) -> Result<Option<OwnerPolicyRecord>, StoreError> {
        let mut statement = Statement::default();
        statement.push(PolicyRow::SELECT).push_with("WHERE owner = ?", [scope.as_str().into()]);
        self.rows::<PolicyRow>(&statement).await?.pop().map(PolicyRow::decode).transpose()
    }

    /// Returns the policy that applies to the clients of an owner: the owner's policy, or else the
    /// one for all others.
    pub async fn effective_owner_policy(
        &mut self,
        owner: &Owner,
    ) -> Result<Option<OwnerPolicy>, StoreError> {
        let others = PolicyScope::Others.as_str();
        let mut statement = Statement::default();
        statement
            .push(PolicyRow::SELECT)
            .push_with("WHERE owner IN (?, ?)", [owner.as_str().into(), others.into()]);
        let mut found = self.rows::<PolicyRow>(&statement).await?;
        found.sort_by_key(|row| row.owner == others);
        let first = found.into_iter().next().map(PolicyRow::decode).transpose()?;
        Ok(first.map(|record| record.policy))
    }

    /// Returns the first `limit` policies after the owner `after`, in alphabetical order. With
    /// `owners`, only their policies and the one for all others.
    pub async fn owner_policies(
        &mut self,
        owners: Option<&BTreeSet<Owner>>,
        after: &str,
        limit: u32,
    ) -> Result<OwnerPolicyPage, StoreError> {
        let mut statement = Statement::default();
        statement.push(PolicyRow::SELECT).push_with("WHERE owner > ?", [after.into()]);
        if let Some(owners) = owners {
            let others = std::iter::once(PolicyScope::Others.as_str());
            statement
                .push(" AND owner IN ")
                .push_list(owners.iter().map(Owner::as_str).chain(others));
        }
        statement.push_with(" ORDER BY owner LIMIT ?", [i64::from(limit).into()]);
        let rows = self.rows::<PolicyRow>(&statement).await?;
        let key = |row: &PolicyRow| (row.owner.clone(), row.owner.clone());
        Ok(OwnerPolicyPage::of(rows, limit, key, PolicyRow::decode))
    }

    /// Counts the clients of an owner, up to `bound`.
    pub async fn count_clients_of(&mut self, owner: &Owner, bound: u32) -> Result<i64, StoreError> {
        let mut statement = Statement::default();
        statement.push_with(
            "SELECT COUNT(*) AS clients
             FROM (SELECT 1 AS one FROM client WHERE owner = ? LIMIT ?) AS counted",
            [owner.as_str().into(), i64::from(bound).into()],
        );
        Ok(self.rows::<CountRow>(&statement).await?.pop().map_or(0, |row| row.clients))
    }
}

impl WriteTransaction {
    /// Stores a policy, replacing the one with the same scope.
    pub async fn put_owner_policy(
        &mut self,
        record: &OwnerPolicyRecord,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.upsert(PolicyRow::of(record, now), 1, "policy of that owner", "owner policy").await
    }

    /// Deletes a policy.
    pub async fn delete_owner_policy(&mut self, scope: &PolicyScope) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM owner_policy WHERE owner = $1";
        on_write!(self, |connection| {
            sqlx::query(SQL).bind(scope.as_str()).execute(connection).await?;
            Ok(())
        })
    }
}
