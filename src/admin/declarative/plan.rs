//! Planning: compares declarations with the database, without writing anything.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use crate::admin::declarative::declared::{
    Declarations, DeclaredClient, DeclaredObjects, DeclaredResource,
};
use crate::admin::declarative::deletions::{self, DeclaredIds};
use crate::admin::declarative::desired::{self, DesiredClient};
use crate::admin::declarative::step::{ClientStep, DeletionStep, PlannedChange, ResourceStep};
use crate::admin::declarative::stored::{self, StoredClients};
use crate::admin::declarative::{ApplyOptions, rights, words};
use crate::admin::difference::Difference;
use crate::admin::import::check::Checker;
use crate::admin::import::problems::Problems;
use crate::admin::import::update::state;
use crate::admin::{
    AdminError, NeededFor, ObjectKind, Principal, SourceConflict, UnreadableObjects, grant, owner,
};
use crate::model::admin_scope::AdminScope;
use crate::model::client::{ClientId, Registration};
use crate::model::owner::Owner;
use crate::model::resource::{Resource, ResourceId};
use crate::model::source::SourceName;
use crate::services::Services;
use crate::store::resources::{StoredResources, UnreadableResource};

/// The steps of an apply.
#[derive(Debug)]
pub struct Plan {
    pub(super) resources: Vec<ResourceStep>,
    pub(super) clients: Vec<ClientStep>,
    pub(super) deletions: Vec<DeletionStep>,
    unchanged: usize,
    /// The declared clients, including unchanged ones.
    pub(super) declared: Vec<ClientId>,
}

impl Plan {
    /// Returns the declared clients, including unchanged ones.
    pub fn declared_clients(&self) -> &[ClientId] {
        &self.declared
    }

    /// True if there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.clients.is_empty() && self.deletions.is_empty()
    }

    /// Returns the number of objects that already match their declaration.
    pub fn unchanged(&self) -> usize {
        self.unchanged
    }

    /// Returns the number of objects to delete.
    pub fn deletions(&self) -> usize {
        self.deletions.len()
    }

    /// Returns the clients that get a secret.
    pub fn new_secrets(&self) -> Vec<ClientId> {
        let steps = self.clients.iter().filter(|step| step.secret.is_some());
        steps.map(|step| step.desired.client.client_id.clone()).collect()
    }

    /// Returns the changes in the order of their execution.
    pub fn changes(&self) -> Vec<PlannedChange> {
        let resources = self.resources.iter().map(ResourceStep::change);
        let clients = self.clients.iter().map(ClientStep::change);
        let deletions = self.deletions.iter().map(DeletionStep::change);
        resources.chain(clients).chain(deletions).collect()
    }

    /// Returns the plan as text, one line for each change.
    pub fn words(&self) -> Vec<String> {
        words::plan_lines(&self.changes(), self.unchanged)
    }
}

/// Compares declarations with the database.
///
/// # Errors
/// Invalid, with every problem and its position. A conflict if an object belongs to another source.
/// A right that the caller lacks for a change.
pub async fn plan(
    services: &Services,
    principal: &Principal,
    declarations: &Declarations,
    options: &ApplyOptions,
) -> Result<Plan, AdminError> {
    let declared = DeclaredObjects::parse(declarations, options.source.as_ref())?;
    let DeclaredObjects { resources, clients, sources } = declared;
    if !resources.is_empty() || options.is_pruning {
        let (read, write) = (AdminScope::ResourcesRead, AdminScope::ResourcesWrite);
        rights::require_view(principal, read, write)?;
    }
    if !clients.is_empty() || options.is_pruning {
        let (read, write) = (AdminScope::ClientsRead, AdminScope::ClientsWrite);
        rights::require_view(principal, read, write)?;
    }
    let existing = services.store.stored_resources().await?;
    let declared = DeclaredIds {
        resources: resources.iter().map(|one| one.new.resource.clone()).collect(),
        clients: clients.iter().map(|one| one.line.client_id.to_string()).collect(),
    };
    let mut planner = Planner {
        services,
        principal,
        options,
        problems: Problems::default(),
        plan: Plan {
            resources: Vec::new(),
            clients: Vec::new(),
            deletions: Vec::new(),
            unchanged: 0,
            declared: clients.iter().map(|one| one.line.client_id.clone()).collect(),
        },
    };
    let known = planner.resources(&existing, resources)?;
    planner.clients(known, &existing.unreadable, clients).await?;
    let Planner { problems, mut plan, .. } = planner;
    declarations.settle(problems)?;
    for step in &mut plan.resources {
        let Some(before) = &step.before else { continue };
        let (reader, declared) = (services.store.read(), &plan.declared);
        let is = &step.desired;
        let losing =
            grant::foreign::holders_without_approval(reader, principal, before, is, declared);
        let loss = |holder| deletions::loss_of_holder(principal, holder);
        step.losses = losing.await?.iter().map(loss).collect();
    }
    if options.is_pruning {
        plan.deletions =
            deletions::find(services, principal, &sources, &existing, &declared).await?;
    }
    Ok(plan)
}

/// A plan under construction.
struct Planner<'a> {
    services: &'a Services,
    principal: &'a Principal,
    options: &'a ApplyOptions,
    problems: Problems,
    plan: Plan,
}

impl Planner<'_> {
    /// Plans the resources. Returns all resources that will exist.
    fn resources(
        &mut self,
        existing: &StoredResources,
        declared: Vec<DeclaredResource>,
    ) -> Result<Vec<Resource>, AdminError> {
        let ids: HashSet<&str> = declared.iter().map(|one| one.new.resource.as_str()).collect();
        let is_declared = |it: &UnreadableResource| ids.contains(it.resource.as_str());
        for hidden in existing.unreadable.iter().filter(|it| is_declared(it)) {
            if !self.principal.may_administer(hidden.owner.as_ref()) {
                return Err(AdminError::not_found(ObjectKind::Resource, &hidden.resource));
            }
        }
        let mut unreadable = UnreadableObjects::new(NeededFor::Apply);
        let (principal, found) = (self.principal, &existing.unreadable);
        stored::add_resources(&mut unreadable, principal, found, is_declared);
        unreadable.into_result()?;
        let existing = existing.readable.iter();
        let mut known: BTreeMap<ResourceId, Resource> =
            existing.map(|one| (one.resource.clone(), one.clone())).collect();
        let now = self.services.clock.now();
        for declared in declared {
            let (document, path) = (declared.document, declared.path.clone());
            let before = known.get(&declared.new.resource).cloned();
            rights::require_visible_resource(self.principal, before.as_ref())?;
            let desired = match desired::resource(self.services, declared, before.as_ref(), now) {
                Ok(desired) => desired,
                Err(error) => {
                    self.problems.add(document, &format!("{path}{error}"));
                    continue;
                }
            };
            if let Some(before) = &before {
                let id = desired.resource.as_str();
                let of = |it: &Resource| (it.source.clone(), it.facts.owner.clone());
                self.require_adoption(ObjectKind::Resource, id, of(before), of(&desired))?;
            }
            known.insert(desired.resource.clone(), desired.clone());
            let was = before.as_ref().map_or(Value::Null, |before| json!(before));
            match Difference::between(&was, &json!(desired)) {
                None => self.plan.unchanged += 1,
                Some(difference) => {
                    rights::require_resource(self.principal, &desired)?;
                    let losses = Vec::new();
                    self.plan.resources.push(ResourceStep { before, desired, difference, losses });
                }
            }
        }
        Ok(known.into_values().collect())
    }

    async fn clients(
        &mut self,
        resources: Vec<Resource>,
        unreadable: &[UnreadableResource],
        declared: Vec<DeclaredClient>,
    ) -> Result<(), AdminError> {
        if declared.is_empty() {
            return Ok(());
        }
        let (services, principal) = (self.services, self.principal);
        let checker = Checker::with(services, principal, resources, unreadable).await?;
        let ids: Vec<String> = declared.iter().map(|one| one.line.client_id.to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let StoredClients { readable: mut existing, unreadable } =
            stored::clients_with(services, &ids).await?;
        let mut needed = UnreadableObjects::new(NeededFor::Apply);
        for client in unreadable {
            if !principal.may_administer(client.owner.as_ref()) {
                return Err(AdminError::not_found(ObjectKind::Client, &client.id));
            }
            client.add_to(&mut needed);
        }
        needed.into_result()?;
        let now = self.services.clock.now();
        for declared in declared {
            let before = existing.remove(declared.line.client_id.as_str());
            rights::require_visible_client(self.principal, before.as_ref())?;
            let (document, path) = (declared.line.line, declared.line.path.clone());
            let (line, members) = declared.split();
            let Some(line) = checker.check(line, &mut self.problems) else { continue };
            match desired::client(self.services, line, members, before.as_ref(), now) {
                Ok(desired) => self.client(before, desired).await?,
                Err(error) => self.problems.add(document, &format!("{path}{error}")),
            }
        }
        Ok(())
    }

    async fn client(
        &mut self,
        before: Option<Registration>,
        desired: DesiredClient,
    ) -> Result<(), AdminError> {
        let DesiredClient { registration: desired, secret, stated } = desired;
        let now = self.services.clock.now();
        let mut after = desired.clone();
        if let Some(before) = &before {
            let id = desired.client.client_id.as_str();
            let of = |it: &Registration| (it.client.source.clone(), it.client.facts.owner.clone());
            self.require_adoption(ObjectKind::Client, id, of(before), of(&desired))?;
            let reader = self.services.store.read();
            owner::change::release(reader, self.principal, now, before, &mut after, &stated)
                .await?;
        }
        let has_secret = after.secrets.iter().any(|secret| secret.is_valid(now));
        let secret = secret.filter(|_| !has_secret);
        let was = before.as_ref().map_or(Value::Null, state);
        let difference = Difference::between(&was, &state(&after));
        if difference.is_none() && secret.is_none() {
            self.plan.unchanged += 1;
            return Ok(());
        }
        rights::require_client(self.principal, before.as_ref(), &desired, secret.is_some())?;
        self.plan.clients.push(ClientStep { before, desired, stated, secret, difference });
        Ok(())
    }

    /// Rejects an object of another source or another owner, unless it is to be adopted. Every
    /// administrator can use any source. An administrator that is limited to another owner may
    /// therefore have created an object of the same source in advance. A limited administrator
    /// cannot create objects without an owner.
    fn require_adoption(
        &self,
        kind: ObjectKind,
        id: &str,
        (holder, owner): (Option<SourceName>, Option<Owner>),
        (applied, desired): (Option<SourceName>, Option<Owner>),
    ) -> Result<(), AdminError> {
        self.principal.require_owner(desired.as_ref())?;
        let id = id.to_owned();
        if self.options.is_adopting {
            Ok(())
        } else if holder != applied {
            Err(SourceConflict::OtherSource { kind, id, holder, applied }.into())
        } else if let Some(holder) = owner.filter(|owner| desired.as_ref() != Some(owner)) {
            Err(SourceConflict::OtherOwner { kind, id, holder, applied: desired }.into())
        } else {
            Ok(())
        }
    }
}
