//! Execution of a plan: generates and hashes secrets first, then writes in one transaction.

use futures_util::{StreamExt, TryStreamExt, stream};
use secrecy::SecretString;
use serde_json::Value;

use crate::admin::declarative::plan::Plan;
use crate::admin::declarative::step::{ClientStep, DeletionStep, ResourceStep};
use crate::admin::import::update::{Update, state};
use crate::admin::secret::{self, NewSecret};
use crate::admin::uncommitted::Pending;
use crate::admin::{
    AdminError, AuditedChange, HashLoad, ObjectKind, Principal, SourceConflict, client, grant,
    owner, resource,
};
use crate::model::client::{ClientId, Registration};
use crate::model::event::Action;
use crate::model::resource::Resource;
use crate::model::secret::{SecretHash, SecretRecord};
use crate::services::Services;

/// The number of clients that are read at a time.
const PAGE_SIZE: usize = 500;

/// The result of an apply.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    /// The new secrets. Their plain texts are not stored anywhere.
    pub secrets: Vec<AppliedSecret>,
    /// The resources whose signing key may have to be generated.
    resources: Vec<Resource>,
}

/// A new secret of a client.
#[derive(Debug, Clone)]
pub struct AppliedSecret {
    /// The client.
    pub client_id: ClientId,
    /// The stored record.
    pub record: SecretRecord,
    /// The secret in plain text.
    pub plain: SecretString,
}

/// A plan whose secrets have been generated and hashed, but are not valid yet.
#[derive(Debug)]
pub struct PreparedPlan {
    plan: Plan,
    secrets: Vec<AppliedSecret>,
}

impl PreparedPlan {
    /// Returns the new secrets, for a caller that stores them before they become valid.
    pub fn secrets(&self) -> &[AppliedSecret] {
        &self.secrets
    }
}

/// Generates the secrets of a plan, without an open transaction.
///
/// # Errors
/// If the operating system does not provide random bytes, or a label is not allowed.
pub async fn generate_secrets(
    services: &Services,
    plan: Plan,
    load: HashLoad,
) -> Result<PreparedPlan, AdminError> {
    let mut new_secrets: Vec<(ClientId, NewSecret)> = Vec::new();
    for step in &plan.clients {
        let id = &step.desired.client.client_id;
        new_secrets.extend(step.secret.clone().map(|secret| (id.clone(), secret)));
    }
    let hashing = stream::iter(new_secrets).map(|(id, new)| generate_one(services, load, id, new));
    let secrets = hashing.buffered(load.width(services)).try_collect().await?;
    Ok(PreparedPlan { plan, secrets })
}

/// Writes a plan in one transaction. The caller commits it and then calls [`finish`].
///
/// # Errors
/// A conflict if an object of the plan has changed since, a right that the caller has lost, or an
/// error of the database. Then nothing is changed.
pub async fn write(
    services: &Services,
    principal: &Principal,
    prepared: PreparedPlan,
) -> Result<Pending<Applied>, AdminError> {
    let PreparedPlan { plan, secrets } = prepared;
    let records = secrets.iter().map(|secret| secret.record.clone()).collect();
    let (change, resources) = write_steps(services, principal, plan, records).await?;
    Ok(Pending::new(change, Applied { secrets, resources }))
}

/// Writes a plan in a transaction that is rolled back, to find what an apply would reject. No
/// secret is generated or hashed.
///
/// # Errors
/// As [`write()`].
pub async fn rehearse(
    services: &Services,
    principal: &Principal,
    plan: Plan,
) -> Result<(), AdminError> {
    if plan.is_empty() {
        return Ok(());
    }
    let mut records = Vec::new();
    for step in &plan.clients {
        if let Some(new) = &step.secret {
            records.push(secret::record_of(services, SecretHash::from_phc(""), new)?);
        }
    }
    // Dropping the transaction rolls it back.
    write_steps(services, principal, plan, records).await.map(|_| ())
}

/// Writes the steps of a plan and returns the written resources. `records` are the new secrets in
/// the order of the clients.
async fn write_steps(
    services: &Services,
    principal: &Principal,
    plan: Plan,
    records: Vec<SecretRecord>,
) -> Result<(AuditedChange, Vec<Resource>), AdminError> {
    let mut change = principal.begin(services).await?;
    require_unchanged(&mut change, &plan).await?;
    let Plan { resources, clients, deletions, declared, .. } = plan;
    let (mut written, mut replaced) = (Vec::with_capacity(resources.len()), Vec::new());
    for step in resources {
        let before = step.before.clone();
        let resource = write_resource(&mut change, principal, step).await?;
        replaced.extend(before.map(|before| (before, resource.clone())));
        written.push(resource);
    }
    let mut records = records.into_iter();
    for step in clients {
        let secret = step.secret.is_some().then(|| records.next()).flatten();
        write_client(services, principal, &mut change, step, secret).await?;
    }
    for step in deletions {
        match step {
            DeletionStep::Client(found) => {
                client::deletion::remove(services, &mut change, *found).await?;
            }
            DeletionStep::Resource { resource, .. } => {
                resource::deletion::remove(&mut change, principal, &resource).await?;
            }
        }
    }
    // This comes last, because the owners of clients and of the resource may change together.
    for (before, is) in &replaced {
        grant::foreign::end_of_resource(&mut change, principal, before, is, &declared).await?;
    }
    Ok((change, written))
}

/// Generates the signing keys of new resources, after the commit.
///
/// # Errors
/// If the database or the operating system fails.
pub async fn finish(
    services: &Services,
    principal: &Principal,
    applied: &Applied,
) -> Result<(), AdminError> {
    for resource in &applied.resources {
        resource::publish_key(services, principal, resource).await?;
    }
    Ok(())
}

async fn generate_one(
    services: &Services,
    load: HashLoad,
    id: ClientId,
    new: NewSecret,
) -> Result<AppliedSecret, AdminError> {
    let plain = services.keys.tag_key.generate(&id)?;
    let hash = load.compute(services, services.hasher.hashing(plain.clone())).await?;
    let record = secret::record_with(services, &plain, hash, &new)?;
    Ok(AppliedSecret { client_id: id, record, plain })
}

/// Reads all objects of the plan again, and fails if one of them has changed.
async fn require_unchanged(change: &mut AuditedChange, plan: &Plan) -> Result<(), AdminError> {
    let of_resource = |resource: &Resource| serde_json::json!(resource);
    let updated = plan.resources.iter().map(|step| {
        (step.desired.resource.clone(), step.before.as_ref().map_or(Value::Null, of_resource))
    });
    let deleted = plan.deletions.iter().filter_map(|step| match step {
        DeletionStep::Resource { resource, .. } => {
            Some((resource.resource.clone(), of_resource(resource)))
        }
        DeletionStep::Client(_) => None,
    });
    for (id, planned) in updated.chain(deleted).collect::<Vec<_>>() {
        let found = change.read().resource(&id).await?;
        if found.as_ref().map_or(Value::Null, of_resource) != planned {
            return Err(changed(ObjectKind::Resource, id.as_str()));
        }
    }
    let updated = plan.clients.iter().map(|step| {
        (step.desired.client.client_id.as_str(), step.before.as_ref().map_or(Value::Null, state))
    });
    let deleted = plan.deletions.iter().filter_map(|step| match step {
        DeletionStep::Client(found) => Some((found.client.client_id.as_str(), state(found))),
        DeletionStep::Resource { .. } => None,
    });
    let clients: Vec<(&str, Value)> = updated.chain(deleted).collect();
    for page in clients.chunks(PAGE_SIZE) {
        let ids: Vec<&str> = page.iter().map(|(id, _)| *id).collect();
        let found = change.read().registrations(&ids).await?;
        let mut found: std::collections::HashMap<String, Registration> = found
            .into_iter()
            .map(|(id, client)| Ok((id, client?)))
            .collect::<Result<_, AdminError>>()?;
        for (id, planned) in page {
            if found.remove(*id).as_ref().map_or(Value::Null, state) != *planned {
                return Err(changed(ObjectKind::Client, id));
            }
        }
    }
    Ok(())
}

fn changed(kind: ObjectKind, id: &str) -> AdminError {
    SourceConflict::ChangedMeanwhile { kind, id: id.to_owned() }.into()
}

async fn write_resource(
    change: &mut AuditedChange,
    principal: &Principal,
    step: ResourceStep,
) -> Result<Resource, AdminError> {
    let ResourceStep { before, mut desired, .. } = step;
    resource::require_rights_to_write(change, principal, before.as_ref(), &desired).await?;
    match before {
        Some(before) => {
            resource::replace(change, &before, &mut desired).await?;
        }
        None => resource::insert(change, &desired).await?,
    }
    Ok(desired)
}

async fn write_client(
    services: &Services,
    principal: &Principal,
    change: &mut AuditedChange,
    step: ClientStep,
    secret: Option<SecretRecord>,
) -> Result<(), AdminError> {
    let ClientStep { before, mut desired, stated, .. } = step;
    let (client, grants) = (&desired.client, &desired.grants);
    owner::ownership::check_whole_client(change, principal, before.as_ref(), client, grants)
        .await?;
    let id = desired.client.client_id.clone();
    match &before {
        None => {
            desired.secrets.extend(secret);
            client::registration::insert(change, &desired, Action::ClientCreated).await?;
        }
        Some(before) => {
            let at = secret::expire_immediately(change);
            let reader = change.read();
            let release =
                owner::change::release(reader, principal, at, before, &mut desired, &stated);
            let ended = release.await?;
            desired.secrets.extend(secret);
            if let Some(update) = Update::between(services, before.clone(), desired, change.now)? {
                update.ending(ended).write(services, change, "apply").await?;
            }
        }
    }
    owner::policy::check(change, before.as_ref(), &id).await
}
