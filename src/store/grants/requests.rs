//! Grant requests. They are not part of the directory, so followers ignore their events.

use std::collections::BTreeSet;

use crate::model::client::ClientId;
use crate::model::grant_request::{GrantRequest, GrantRequestId, GrantRequestState, Remark};
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::model::security::Networks;
use crate::model::time::Timestamp;
use crate::store::clients::{claims, claims_column, networks_column};
use crate::store::decoded_page::DecodedPage;
use crate::store::reader::Reader;
use crate::store::row::{TableRow, readable, table_row};
use crate::store::statement::Statement;
use crate::store::write_transaction::WriteTransaction;
use crate::store::{Store, StoreError};

/// The number of ended requests that one statement deletes.
const BATCH_SIZE: i64 = 500;

table_row! {
    /// A row of `grant_request`.
    struct GrantRequestRow in "grant_request" {
        request_id: String,
        sequence: i64,
        client_id: String,
        resource: String,
        scopes: String,
        networks: Option<String>,
        claims: Option<String>,
        revision: i64,
        state: String,
        message: Option<String>,
        reason: Option<String>,
        client_owner: Option<String>,
        resource_owner: Option<String>,
        requested_by: String,
        ended_by: Option<String>,
        created_at: i64,
        updated_at: i64,
        expires_at: i64,
    }
}

impl GrantRequestRow {
    fn of(request: &GrantRequest) -> Self {
        let owner = |owner: &Option<Owner>| owner.as_ref().map(|name| name.as_str().to_owned());
        let remark = |remark: &Option<Remark>| remark.as_ref().map(|text| text.as_str().to_owned());
        Self {
            request_id: request.request_id.as_str().to_owned(),
            sequence: request.sequence,
            client_id: request.client_id.as_str().to_owned(),
            resource: request.resource.as_str().to_owned(),
            scopes: request.scopes.to_string(),
            networks: networks_column(&request.networks),
            claims: claims_column(&request.claims),
            revision: request.revision,
            state: request.state.as_str().to_owned(),
            message: remark(&request.message),
            reason: remark(&request.reason),
            client_owner: owner(&request.client_owner),
            resource_owner: owner(&request.resource_owner),
            requested_by: request.requested_by.clone(),
            ended_by: request.ended_by.clone(),
            created_at: request.created_at.0,
            updated_at: request.updated_at.0,
            expires_at: request.expires_at.0,
        }
    }

    fn decode(self) -> Result<GrantRequest, StoreError> {
        Ok(GrantRequest {
            request_id: GrantRequestId::parse(&self.request_id)?,
            sequence: self.sequence,
            client_id: ClientId::parse(&self.client_id)?,
            resource: ResourceId::parse(&self.resource)?,
            scopes: Scopes::stored(&self.scopes),
            networks: Networks::stored(self.networks.as_deref().unwrap_or_default())?,
            claims: claims(self.claims.as_deref())?,
            revision: self.revision,
            state: GrantRequestState::parse(&self.state)?,
            message: self.message.as_deref().map(Remark::stored),
            reason: self.reason.as_deref().map(Remark::stored),
            client_owner: self.client_owner.as_deref().map(Owner::stored),
            resource_owner: self.resource_owner.as_deref().map(Owner::stored),
            requested_by: self.requested_by,
            ended_by: self.ended_by,
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
            expires_at: Timestamp(self.expires_at),
        })
    }
}

/// A filter of grant requests: a request must match every given condition.
#[derive(Debug, Clone, Default)]
pub struct GrantRequestFilter {
    /// Matches requests with a smaller sequence number.
    pub before: Option<i64>,
    /// The state of the request at a time.
    pub state: Option<(GrantRequestState, Timestamp)>,
    /// The client of the request.
    pub client_id: Option<ClientId>,
    /// The resource of the request.
    pub resource: Option<ResourceId>,
    /// The owner of one side at that time.
    pub owner: Option<Owner>,
    /// The owners that the caller may see: one side must have had one of them. `None` matches all
    /// requests.
    pub visible_to: Option<BTreeSet<Owner>>,
}

impl GrantRequestFilter {
    fn push_conditions(&self, statement: &mut Statement) {
        statement.push_with("WHERE sequence < ?", [self.before.unwrap_or(i64::MAX).into()]);
        if let Some((state, now)) = self.state {
            push_state(statement, state, now);
        }
        if let Some(id) = &self.client_id {
            statement.push_with(" AND client_id = ?", [id.as_str().into()]);
        }
        if let Some(id) = &self.resource {
            statement.push_with(" AND resource = ?", [id.as_str().into()]);
        }
        if let Some(owner) = &self.owner {
            push_side(statement, &BTreeSet::from([owner.clone()]));
        }
        if let Some(owners) = &self.visible_to {
            push_side(statement, owners);
        }
    }
}

/// Appends the condition that one side had one of these owners.
fn push_side(statement: &mut Statement, owners: &BTreeSet<Owner>) {
    let names = || owners.iter().map(Owner::as_str);
    statement.push(" AND (client_owner IN ").push_list(names());
    statement.push(" OR resource_owner IN ").push_list(names()).push(")");
}

/// A pending request past its expiry is treated as expired, although its row is not updated yet.
fn push_state(statement: &mut Statement, state: GrantRequestState, now: Timestamp) {
    match state {
        GrantRequestState::Pending => {
            statement.push_with(" AND state = 'pending' AND expires_at > ?", [now.into()]);
        }
        GrantRequestState::Expired => {
            statement.push_with(
                " AND (state = 'expired' OR (state = 'pending' AND expires_at <= ?))",
                [now.into()],
            );
        }
        state => {
            statement.push_with(" AND state = ?", [state.as_str().into()]);
        }
    }
}

impl Reader<'_> {
    /// Returns one grant request by its id.
    pub async fn grant_request(
        &mut self,
        id: &GrantRequestId,
    ) -> Result<Option<GrantRequest>, StoreError> {
        let mut statement = Statement::default();
        statement
            .push(GrantRequestRow::SELECT)
            .push_with("WHERE request_id = ?", [id.as_str().into()]);
        let row = self.rows::<GrantRequestRow>(&statement).await?.pop();
        row.map(GrantRequestRow::decode).transpose()
    }

    /// Returns the pending requests of a client, including those past their expiry.
    pub async fn pending_requests_of_client(
        &mut self,
        id: &ClientId,
    ) -> Result<Vec<GrantRequest>, StoreError> {
        let mut statement = Statement::default();
        statement.push(GrantRequestRow::SELECT).push_with(
            "WHERE client_id = ? AND state = 'pending' ORDER BY sequence",
            [id.as_str().into()],
        );
        self.requests(&statement).await
    }

    /// Returns the pending requests for a resource, including those past their expiry.
    pub async fn pending_requests_for_resource(
        &mut self,
        id: &ResourceId,
    ) -> Result<Vec<GrantRequest>, StoreError> {
        let mut statement = Statement::default();
        statement.push(GrantRequestRow::SELECT).push_with(
            "WHERE resource = ? AND state = 'pending' ORDER BY sequence",
            [id.as_str().into()],
        );
        self.requests(&statement).await
    }

    /// Returns the first `limit` pending requests that are past their expiry at `now`, oldest
    /// first.
    pub async fn due_requests(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<GrantRequest>, StoreError> {
        let mut statement = Statement::default();
        statement.push(GrantRequestRow::SELECT).push_with(
            "WHERE state = 'pending' AND expires_at <= ? ORDER BY expires_at, sequence LIMIT ?",
            [now.into(), i64::from(limit).into()],
        );
        self.requests(&statement).await
    }

    /// Omits requests that cannot be decoded; they cannot be approved.
    async fn requests(&mut self, statement: &Statement) -> Result<Vec<GrantRequest>, StoreError> {
        let rows = self.rows::<GrantRequestRow>(statement).await?;
        Ok(readable("a grant request", rows, GrantRequestRow::decode))
    }
}

/// A page of grant requests. The position of a request is [`GrantRequest::sequence`].
pub type GrantRequestPage = DecodedPage<GrantRequest, i64>;

impl Store {
    /// Returns the newest `limit` grant requests that match a filter, newest first.
    pub async fn grant_requests(
        &self,
        filter: &GrantRequestFilter,
        limit: u32,
    ) -> Result<GrantRequestPage, StoreError> {
        let mut statement = Statement::default();
        statement.push(GrantRequestRow::SELECT);
        filter.push_conditions(&mut statement);
        statement.push_with(" ORDER BY sequence DESC LIMIT ?", [i64::from(limit).into()]);
        let rows = self.read().rows::<GrantRequestRow>(&statement).await?;
        let key = |row: &GrantRequestRow| (row.request_id.clone(), row.sequence);
        Ok(GrantRequestPage::of(rows, limit, key, GrantRequestRow::decode))
    }

    /// Deletes the requests that ended at or before `until`.
    pub async fn purge_grant_requests(&self, until: Timestamp) -> Result<(), StoreError> {
        const SQL: &str = "
            DELETE FROM grant_request
            WHERE request_id IN
                (SELECT request_id
                 FROM grant_request
                 WHERE state <> 'pending' AND updated_at <= $1
                 LIMIT $2)";
        self.delete_in_batches(SQL, until.0, BATCH_SIZE).await
    }
}

impl WriteTransaction {
    /// Adds a grant request.
    pub async fn create_grant_request(&mut self, request: &GrantRequest) -> Result<(), StoreError> {
        self.insert(GrantRequestRow::of(request), "grant request", "grant request").await
    }

    /// Replaces a grant request. Returns `false` if it does not exist.
    pub async fn update_grant_request(
        &mut self,
        request: &GrantRequest,
    ) -> Result<bool, StoreError> {
        self.update(GrantRequestRow::of(request)).await
    }
}
