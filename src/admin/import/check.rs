//! Checks of a line against the database and the settings: resources, limits, keys, trusts.

use std::collections::{HashMap, HashSet};

use crate::admin::client::{self, check_security, permit_subject};
use crate::admin::error::invalid_value::InvalidValue;
use crate::admin::import::facts::replace;
use crate::admin::import::line::ClientLine;
use crate::admin::import::object::Given;
use crate::admin::import::problems::Problems;
use crate::admin::{AdminError, Principal, grant, trust};
use crate::jose::assertion::CLIENT_ASSERTION_ALGS;
use crate::model::client::{AuthenticationMethod, Client, ClientName, ClientState, GrantType};
use crate::model::client_settings::ClientTokenSettings;
use crate::model::facts::Facts;
use crate::model::grant::Grant;
use crate::model::leak_policy::LeakPolicy;
use crate::model::resource::{Resource, ResourceId};
use crate::model::security::ClientSecurity;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::static_claims::StaticClaims;
use crate::model::time::Timestamp;
use crate::model::trust::FederatedCredential;
use crate::services::Services;
use crate::store::resources::{StoredResources, UnreadableResource};

/// A line whose content can be stored.
#[derive(Debug)]
pub(in crate::admin) struct CheckedLine {
    pub(in crate::admin) input: ClientLine,
    pub(super) has_secrets: bool,
    /// The trusts of the line, each with a new id.
    pub(in crate::admin) trusts: Option<Vec<FederatedCredential>>,
    /// The trusts of the line in SPIFFE trust domains, each with a new id.
    pub(in crate::admin) spiffe_trusts: Option<Vec<SpiffeTrust>>,
}

/// The state that lines are checked against.
pub(in crate::admin) struct Checker<'a> {
    services: &'a Services,
    /// The resources that the caller may see.
    resources: HashMap<ResourceId, Resource>,
    /// Those of them that cannot be read.
    unreadable: HashSet<String>,
    /// False if the caller may not see all resources. Grants for the others are checked only in the
    /// transaction, so that no error reveals anything about them.
    knows_all: bool,
    issuer: Option<String>,
    now: Timestamp,
}

impl<'a> Checker<'a> {
    /// Reads the state that every line is checked against.
    pub(in crate::admin) async fn new(
        services: &'a Services,
        principal: &Principal,
    ) -> Result<Self, AdminError> {
        let StoredResources { readable, unreadable } = services.store.stored_resources().await?;
        Self::with(services, principal, readable, &unreadable).await
    }

    /// Like `new`, but with these resources instead of the stored ones.
    pub(in crate::admin) async fn with(
        services: &'a Services,
        principal: &Principal,
        mut resources: Vec<Resource>,
        unreadable: &[UnreadableResource],
    ) -> Result<Self, AdminError> {
        resources.retain(|resource| principal.may_administer(resource.facts.owner.as_ref()));
        let knows_all = principal.owners().is_none();
        let resources = resources.into_iter();
        let resources = resources.map(|resource| (resource.resource.clone(), resource)).collect();
        let unreadable = unreadable.iter();
        let unreadable = unreadable.filter(|it| principal.may_administer(it.owner.as_ref()));
        let unreadable = unreadable.map(|it| it.resource.clone()).collect();
        let issuer = client::key::issuer(services).await?;
        let now = services.clock.now();
        Ok(Self { services, resources, unreadable, knows_all, issuer, now })
    }

    fn check_grant(&self, wanted: &Grant) -> Result<(), AdminError> {
        let id = &wanted.resource;
        let problem = match self.resources.get(id) {
            Some(resource) => return grant::check_scopes(wanted, &resource.scope_names()),
            None if self.unreadable.contains(id.as_str()) => {
                InvalidValue::UnreadableResource(id.clone())
            }
            None if !self.knows_all => return Ok(()),
            None => InvalidValue::UnknownResource(id.clone()),
        };
        Err(AdminError::invalid("resource", problem))
    }

    /// Checks a line and reports every problem. Returns `None` if there is one.
    pub(in crate::admin) fn check(
        &self,
        mut input: ClientLine,
        problems: &mut Problems,
    ) -> Option<CheckedLine> {
        let before = problems.count();
        let (line, path) = (input.line, input.path.clone());
        let mut note = |place: &str, result: Result<(), AdminError>| {
            if let Err(error) = result {
                problems.add(line, &format!("{path}{place}{error}"));
            }
        };
        let lifetime = input.token_lifetime.and_then(Given::into_value);
        note("", client::check_lifetime(self.services, lifetime));
        let keys = input.keys.as_ref().and_then(Given::value);
        note("", client::key::check(keys, &CLIENT_ASSERTION_ALGS));
        if let Some(audiences) = &input.assertion_audiences {
            let issuer = self.issuer.as_deref();
            let checked = client::key::check_audiences_of(self.services, issuer, audiences);
            note("assertion_audiences: ", checked);
        }
        let grants = input.grants.iter().flatten().enumerate();
        for (index, wanted) in grants {
            note(&format!("grants[{index}]."), self.check_grant(wanted));
        }
        let trusts = input.trusts.take().map(|trusts| {
            let trusts = trusts.into_iter().enumerate().filter_map(|(index, new)| {
                trust::registered(self.services, new, self.now)
                    .map_err(|error| note(&format!("trusts[{index}]."), Err(error)))
                    .ok()
            });
            trusts.collect()
        });
        let spiffe_trusts = input.spiffe_trusts.take().map(|sources| {
            let trusts = sources.into_iter().filter_map(|source| {
                trust::spiffe::registered(source, self.now)
                    .map_err(|error| note("spiffe_trusts: ", Err(error)))
                    .ok()
            });
            trusts.collect()
        });
        let has_secrets = !input.secrets.is_empty();
        (problems.count() == before).then_some(CheckedLine {
            input,
            has_secrets,
            trusts,
            spiffe_trusts,
        })
    }
}

impl CheckedLine {
    /// Returns the new client that the line describes. Rejects one that could not authenticate.
    pub(in crate::admin) fn registered(&self, now: Timestamp) -> Result<Client, AdminError> {
        let input = &self.input;
        let has_keys = input.keys.as_ref().and_then(Given::value).is_some();
        let has_subject = input.tls_subject.as_ref().and_then(Given::value).is_some();
        let has_any_trust = self.has_trusts() || self.has_spiffe_trusts();
        if !self.has_secrets && !has_any_trust && !has_keys && !has_subject {
            return Err(AdminError::invalid("client_secret", InvalidValue::NoCredential));
        }
        self.client(self.has_secrets, now)
    }

    /// Like `registered`, but without a check of its credentials. `by_secret` permits the methods
    /// by secret unless the line contains methods.
    pub(in crate::admin) fn client(
        &self,
        by_secret: bool,
        now: Timestamp,
    ) -> Result<Client, AdminError> {
        let input = &self.input;
        let mut client = Client {
            token: ClientTokenSettings {
                client_id: input.client_id.clone(),
                state: ClientState::Active,
                auth_methods: Vec::new(),
                grant_types: vec![GrantType::ClientCredentials],
                token_lifetime: None,
                token_rate: None,
                security: ClientSecurity::default(),
                claims: StaticClaims::default(),
            },
            name: ClientName::of_id(&input.client_id),
            leak_policy: LeakPolicy::default(),
            facts: Facts::default(),
            admin_of: None,
            source: None,
            created_at: now,
            updated_at: now,
        };
        if by_secret {
            client.auth_methods.extend(AuthenticationMethod::BY_SECRET);
        } else if self.has_trusts() {
            client.auth_methods.push(AuthenticationMethod::PrivateKeyJwt);
        }
        self.apply_to(&mut client)?;
        client::claims::check_sizes(&client.claims, input.grants.as_deref().unwrap_or_default())?;
        Ok(client)
    }

    /// Overwrites members of a client with those of the line. Absent members are kept.
    pub(in crate::admin) fn apply_to(&self, client: &mut Client) -> Result<(), AdminError> {
        let input = &self.input;
        if let Some(name) = &input.name {
            let name = name.value().cloned();
            client.name = name.unwrap_or_else(|| ClientName::of_id(&client.client_id));
        }
        client.state = input.state.unwrap_or(client.state);
        input.facts.apply_to(&mut client.facts);
        if let Some(methods) = input.auth_methods.as_ref().filter(|methods| !methods.is_empty()) {
            client.auth_methods.clone_from(methods);
        }
        if let Some(types) = input.grant_types.as_ref().filter(|types| !types.is_empty()) {
            client.grant_types.clone_from(types);
        }
        replace(&mut client.token_lifetime, input.token_lifetime.as_ref());
        replace(&mut client.token_rate, input.token_rate.as_ref());
        if let Some(policy) = &input.leak_policy {
            client.leak_policy = policy.value().copied().unwrap_or_default();
        }
        if let Some(claims) = &input.claims {
            client.claims.clone_from(claims);
        }
        let security = &mut client.security;
        if let Some(networks) = &input.networks {
            security.networks.clone_from(networks);
        }
        if let Some(audiences) = &input.assertion_audiences {
            security.assertion_audiences.clone_from(audiences);
        }
        security.dpop_bound = input.dpop_bound.unwrap_or(security.dpop_bound);
        security.certificate_bound = input.certificate_bound.unwrap_or(security.certificate_bound);
        replace(&mut security.keys, input.keys.as_ref());
        replace(&mut security.tls_subject, input.tls_subject.as_ref());
        self.permit_what_is_given(client);
        if self.changes_security() {
            check_security(&client.security, &client.auth_methods)?;
        }
        Ok(())
    }

    /// Permits the methods and the grant type that the keys, the subject and the trusts of the line
    /// need.
    fn permit_what_is_given(&self, client: &mut Client) {
        let methods = &mut client.auth_methods;
        if let Some(Given::Value(_)) = &self.input.keys {
            client::key::permit(AuthenticationMethod::PrivateKeyJwt, methods);
        }
        if let Some(Given::Value(_)) = &self.input.tls_subject {
            permit_subject(methods);
        }
        if self.has_trusts() && !client.grant_types.contains(&GrantType::JwtBearer) {
            client.grant_types.push(GrantType::JwtBearer);
        }
        let methods = &mut client.auth_methods;
        if self.has_spiffe_trusts() && !methods.contains(&AuthenticationMethod::SpiffeJwt) {
            methods.push(AuthenticationMethod::SpiffeJwt);
        }
    }

    pub(in crate::admin) fn has_trusts(&self) -> bool {
        self.trusts.as_ref().is_some_and(|trusts| !trusts.is_empty())
    }

    pub(in crate::admin) fn has_spiffe_trusts(&self) -> bool {
        self.spiffe_trusts.as_ref().is_some_and(|trusts| !trusts.is_empty())
    }

    /// True if the line contains a member that [`check_security`] reads. Unchanged members are not
    /// checked again: they were accepted when they were stored.
    fn changes_security(&self) -> bool {
        let input = &self.input;
        input.auth_methods.is_some()
            || input.tls_subject.is_some()
            || input.dpop_bound.is_some()
            || input.certificate_bound.is_some()
    }
}
