//! Insertion of a new client with its secrets, grants and trusts.

use serde_json::json;

use crate::admin::client::event_detail;
use crate::admin::{AdminError, AuditedChange, grant, trust};
use crate::model::client::Registration;
use crate::model::event::{Action, EventSubject};
use crate::model::secret::SecretId;

/// Writes a new client and its event.
///
/// # Errors
/// If the id exists, a resource of a grant does not exist, or there are too many trusts.
pub(in crate::admin) async fn insert(
    change: &mut AuditedChange,
    new: &Registration,
    action: Action,
) -> Result<(), AdminError> {
    let Registration { client, secrets, grants, trusts, spiffe_trusts, .. } = new;
    let id = &client.client_id;
    trust::check_total(trusts.len(), spiffe_trusts.len())?;
    let created = change.transaction.create_client(client).await;
    created.map_err(|error| AdminError::of_insertion(error, "client", &client.client_id))?;
    for record in secrets {
        change.transaction.add_secret(id, record).await?;
    }
    for grant in grants {
        change.transaction.put_grant(id, grant).await?;
    }
    for trust in trusts {
        change.transaction.add_trust(id, trust).await?;
    }
    for trust in spiffe_trusts {
        change.transaction.add_spiffe_trust(id, trust).await?;
    }
    let secret_ids: Vec<&SecretId> = secrets.iter().map(|record| &record.secret_id).collect();
    let mut detail = event_detail(client);
    detail["secret_ids"] = json!(secret_ids);
    detail["grants"] = json!(grants);
    detail["trusts"] = json!(trusts);
    let digests = secrets.iter().filter_map(|record| record.hash.digest());
    let digests: Vec<String> = digests.map(ToString::to_string).collect();
    if !digests.is_empty() {
        detail["secret_digests"] = json!(digests);
    }
    if !spiffe_trusts.is_empty() {
        detail["spiffe_trusts"] = json!(spiffe_trusts);
    }
    change.record(action, EventSubject::Client(id.clone()), detail).await?;
    grant::record_for_resource_owners(change, client, &[], grants).await
}
