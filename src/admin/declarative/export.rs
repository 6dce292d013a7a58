//! Export of the stored resources and clients as declarations, without secrets and hashes.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::admin::declarative::members::MAX_OBJECTS;
use crate::admin::declarative::stored::{self, StoredClients};
use crate::admin::{AdminError, NeededFor, Principal, UnreadableObjects};
use crate::model::admin_scope::AdminScope;
use crate::model::client::{
    AuthenticationMethod, ClientName, ClientState, GrantType, Registration,
};
use crate::model::client_settings::ClientTokenSettings;
use crate::model::facts::{Contact, Description};
use crate::model::grant::Grant;
use crate::model::labels::Labels;
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
use crate::model::rate::RateLimit;
use crate::model::resource::{Resource, ResourceId, ResourceScope, TokenTyp};
use crate::model::scope::{ScopeName, Scopes};
use crate::model::secret::{SecretKind, SecretRecord};
use crate::model::security::{ClientSecurity, KeySource, Networks};
use crate::model::signing_key::Algorithm;
use crate::model::source::SourceName;
use crate::model::spiffe_trust::SpiffeSource;
use crate::model::static_claims::StaticClaims;
use crate::model::time::{Lifetime, Timestamp};
use crate::model::trust::FederatedCredential;
use crate::services::Services;
use crate::store::resources::StoredResources;

/// A filter for exports; all given conditions must match.
#[derive(Debug, Clone, Default)]
pub struct ExportFilter {
    /// The source of the objects.
    pub source: Option<SourceName>,
    /// The owner of the objects.
    pub owner: Option<Owner>,
}

/// The objects of one source, as a document that [`super::Declarations`] accepts.
#[derive(Debug, Default, Serialize)]
pub struct ExportedDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceName>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<ExportedResource>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clients: Vec<ExportedClient>,
}

/// Reads the objects that the caller may see, as one document for each source. The document without
/// a source comes first.
///
/// # Errors
/// If the caller may not read clients and resources, there are more than 100,000 clients, an object
/// cannot be read, or the database fails.
pub async fn export(
    services: &Services,
    principal: &Principal,
    filter: &ExportFilter,
) -> Result<Vec<ExportedDocument>, AdminError> {
    principal.require(AdminScope::ClientsRead)?;
    principal.require(AdminScope::ResourcesRead)?;
    let mut documents: BTreeMap<Option<SourceName>, ExportedDocument> = BTreeMap::new();
    let StoredResources { readable, unreadable: damaged } =
        services.store.stored_resources().await?;
    let mut unreadable = UnreadableObjects::new(NeededFor::Export);
    stored::add_resources(&mut unreadable, principal, &damaged, |it| {
        filter.admits(it.source.as_ref(), it.owner.as_ref())
    });
    for resource in readable {
        let is_wanted = !resource.resource.is_built_in()
            && principal.may_administer(resource.facts.owner.as_ref())
            && filter.admits(resource.source.as_ref(), resource.facts.owner.as_ref());
        if is_wanted {
            let document = documents.entry(resource.source.clone()).or_default();
            document.resources.push(resource.into());
        }
    }
    let now = services.clock.now();
    let mut count = 0;
    for source in sources(services, filter).await? {
        let StoredClients { readable, unreadable: damaged } =
            stored::clients_of(services, source.as_ref()).await?;
        for client in damaged {
            let owner = client.owner.as_ref();
            if principal.may_administer(owner) && filter.admits(source.as_ref(), owner) {
                client.add_to(&mut unreadable);
            }
        }
        for found in readable.into_values() {
            let owner = found.client.facts.owner.as_ref();
            if !principal.may_administer(owner) || !filter.admits(source.as_ref(), owner) {
                continue;
            }
            count += 1;
            if count > MAX_OBJECTS {
                let text = format!("more than {MAX_OBJECTS} clients; name a source or an owner");
                return Err(AdminError::invalid("export", text));
            }
            let document = documents.entry(source.clone()).or_default();
            document.clients.push(ExportedClient::of(found, now));
        }
    }
    unreadable.into_result()?;
    let finished = documents.into_iter().map(|(source, mut document)| {
        document.source = source;
        document.resources.sort_by(|one, other| one.resource.cmp(&other.resource));
        document.clients.sort_by(|one, other| one.client_id.cmp(&other.client_id));
        document
    });
    Ok(finished.collect())
}

/// Returns the sources whose clients are read; `None` stands for clients without a source.
async fn sources(
    services: &Services,
    filter: &ExportFilter,
) -> Result<Vec<Option<SourceName>>, AdminError> {
    if let Some(source) = &filter.source {
        return Ok(vec![Some(source.clone())]);
    }
    let named = services.store.client_sources().await?.into_iter().map(Some);
    Ok(std::iter::once(None).chain(named).collect())
}

impl ExportFilter {
    fn admits(&self, source: Option<&SourceName>, owner: Option<&Owner>) -> bool {
        self.source.as_ref().is_none_or(|wanted| source == Some(wanted))
            && self.owner.as_ref().is_none_or(|wanted| owner == Some(wanted))
    }
}

#[derive(Debug, Serialize)]
struct ExportedResource {
    resource: ResourceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<Owner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Description>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<Contact>,
    #[serde(skip_serializing_if = "Labels::is_empty")]
    labels: Labels,
    scopes: Vec<ExportedScope>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_lifetime: Option<Lifetime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_alg: Option<Algorithm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_typ: Option<TokenTyp>,
}

/// A scope, as its name or as an object with a description.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ExportedScope {
    Name(ScopeName),
    Described { name: ScopeName, description: String },
}

impl From<ResourceScope> for ExportedScope {
    fn from(scope: ResourceScope) -> Self {
        let ResourceScope { name, description } = scope;
        if description.is_empty() {
            Self::Name(name)
        } else {
            Self::Described { name, description }
        }
    }
}

impl From<Resource> for ExportedResource {
    fn from(found: Resource) -> Self {
        Self {
            resource: found.resource,
            owner: found.facts.owner,
            description: found.facts.description,
            contact: found.facts.contact,
            labels: found.facts.labels,
            scopes: found.scopes.into_iter().map(ExportedScope::from).collect(),
            token_lifetime: found.token_lifetime,
            signing_alg: found.signing_algorithm,
            token_typ: (found.token_typ != TokenTyp::default()).then_some(found.token_typ),
        }
    }
}

#[derive(Debug, Serialize)]
struct ExportedClient {
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<ClientName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<ClientState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<Owner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Description>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<Contact>,
    #[serde(skip_serializing_if = "Labels::is_empty")]
    labels: Labels,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    auth_methods: Vec<AuthenticationMethod>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grant_types: Vec<GrantType>,
    #[serde(skip_serializing_if = "ExportedSecret::is_default")]
    secret: ExportedSecret,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<ExportedDigest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_lifetime: Option<Lifetime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_rate: Option<RateLimit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leak_policy: Option<LeakPolicy>,
    #[serde(flatten)]
    security: ClientSecurity,
    #[serde(skip_serializing_if = "StaticClaims::is_empty")]
    claims: StaticClaims,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_of: Option<Vec<Owner>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grants: Vec<ExportedGrant>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trusts: Vec<ExportedTrust>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    spiffe_trusts: Vec<SpiffeSource>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ExportedSecret {
    /// The member is omitted.
    Default,
    /// `null`.
    None,
    /// The label and lifetime of the newest generated secret.
    Policy {
        #[serde(skip_serializing_if = "String::is_empty")]
        label: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_in: Option<Lifetime>,
    },
}

impl ExportedSecret {
    fn is_default(&self) -> bool {
        matches!(self, Self::Default)
    }

    fn of(found: &Registration, now: Timestamp) -> Self {
        let methods = &found.client.auth_methods;
        if !AuthenticationMethod::BY_SECRET.iter().any(|by| methods.contains(by)) {
            return Self::Default;
        }
        let mut live = found.secrets.iter().filter(|secret| secret.is_valid(now)).peekable();
        if live.peek().is_none() {
            return Self::None;
        }
        // Secrets are sorted by their creation.
        match live.rfind(|secret| secret.kind == SecretKind::Generated) {
            None => Self::Default,
            Some(newest) => {
                let seconds = newest.expires_at.map(|end| end.seconds_since(newest.created_at));
                let expires_in = seconds.and_then(|seconds| Lifetime::from_seconds(seconds).ok());
                let label = newest.label.clone();
                if label.is_empty() && expires_in.is_none() {
                    Self::Default
                } else {
                    Self::Policy { label, expires_in }
                }
            }
        }
    }
}

/// A secret that was registered by its digest.
#[derive(Debug, Serialize)]
struct ExportedDigest {
    secret_digest: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

impl ExportedDigest {
    fn of(secret: &SecretRecord) -> Option<Self> {
        let secret_digest = secret.hash.digest()?.to_string();
        Some(Self { secret_digest, label: secret.label.clone(), expires_at: secret.expires_at })
    }
}

impl ExportedClient {
    fn of(found: Registration, now: Timestamp) -> Self {
        let secret = ExportedSecret::of(&found, now);
        let live = found.secrets.iter().filter(|secret| secret.is_valid(now));
        let secrets = live.filter_map(ExportedDigest::of).collect();
        let Registration { client, grants, trusts, spiffe_trusts, .. } = found;
        let ClientTokenSettings {
            client_id,
            state,
            auth_methods,
            grant_types,
            token_lifetime,
            token_rate,
            security,
            claims,
        } = client.token;
        let has_other_credential = security.keys.is_some()
            || security.tls_subject.is_some()
            || !trusts.is_empty()
            || !spiffe_trusts.is_empty();
        // Defaults can be omitted only if the client has no other credentials.
        let is_default = |is_it: bool| is_it && !has_other_credential;
        let default_methods = is_default(auth_methods == AuthenticationMethod::BY_SECRET);
        let default_types = is_default(grant_types == [GrantType::ClientCredentials]);
        let default_name = client.name == ClientName::of_id(&client_id);
        Self {
            name: (!default_name).then_some(client.name),
            client_id: client_id.to_string(),
            state: (state == ClientState::Disabled).then_some(state),
            owner: client.facts.owner,
            description: client.facts.description,
            contact: client.facts.contact,
            labels: client.facts.labels,
            auth_methods: if default_methods { Vec::new() } else { auth_methods },
            grant_types: if default_types { Vec::new() } else { grant_types },
            secret,
            secrets,
            token_lifetime,
            token_rate,
            leak_policy: Some(client.leak_policy).filter(|policy| *policy != LeakPolicy::default()),
            security,
            claims,
            admin_of: client.admin_of.map(|owners| owners.into_iter().collect()),
            grants: grants.into_iter().map(ExportedGrant::from).collect(),
            trusts: trusts.into_iter().map(ExportedTrust::from).collect(),
            spiffe_trusts: spiffe_trusts.into_iter().map(|trust| trust.source).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
struct ExportedGrant {
    resource: ResourceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Scopes>,
    #[serde(skip_serializing_if = "Networks::is_anywhere")]
    networks: Networks,
    #[serde(skip_serializing_if = "StaticClaims::is_empty")]
    claims: StaticClaims,
}

impl From<Grant> for ExportedGrant {
    fn from(grant: Grant) -> Self {
        let scopes = grant.scopes.into_named();
        Self { resource: grant.resource, scopes, networks: grant.networks, claims: grant.claims }
    }
}

#[derive(Debug, Serialize)]
struct ExportedTrust {
    issuer: String,
    audience: String,
    conditions: BTreeMap<String, String>,
    #[serde(flatten)]
    keys: Option<KeySource>,
}

impl From<FederatedCredential> for ExportedTrust {
    fn from(trust: FederatedCredential) -> Self {
        let conditions = trust.conditions.iter();
        Self {
            issuer: trust.issuer.to_string(),
            audience: trust.audience.clone(),
            conditions: conditions
                .map(|(claim, pattern)| (claim.to_owned(), pattern.as_str().to_owned()))
                .collect(),
            keys: trust.keys,
        }
    }
}
