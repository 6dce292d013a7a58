//! Registration of the demo clients: converts the plain data to arguments of the admin functions.

use crate::admin::client::NewClient;
use crate::admin::secret::NewSecret;
use crate::admin::trust::NewTrust;
use crate::cli::dev::demo_data::DAY_SECONDS;
use crate::cli::dev::demo_data::catalogue::{DemoClient, DemoCredential, resource_id};
use crate::cli::error::CliError;
use crate::model::admin_scope::AdminScope;
use crate::model::claim_pattern::Pattern;
use crate::model::client::{ClientId, ClientName};
use crate::model::facts::{Contact, Description, Facts};
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::labels::Labels;
use crate::model::leak_policy::LeakPolicy;
use crate::model::owner::Owner;
use crate::model::resource::ResourceId;
use crate::model::scope::Scopes;
use crate::model::security::{ClientSecurity, KeySet, KeySource, Networks};
use crate::model::static_claims::StaticClaims;
use crate::model::time::Lifetime;
use crate::model::trust::ExternalIssuer;

/// A public key. Its private key was discarded.
const PUBLIC_KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"2026-03","use":"sig","alg":"ES256","x":"X6Q3BfwZ1VfqgFw8lSR-twiTsx-WHs-SHEiuVFtWwnw","y":"HVgYmXt0UU3lafr7kEAq1YC-Q3mUHWTcQNgZaEEiAIE"}]}"#;

/// The scopes of a team administrator.
const TEAM_SCOPES: [AdminScope; 7] = [
    AdminScope::ClientsRead,
    AdminScope::ClientsWrite,
    AdminScope::SecretsWrite,
    AdminScope::GrantsWrite,
    AdminScope::ResourcesRead,
    AdminScope::ResourcesWrite,
    AdminScope::AuditRead,
];

/// Builds the facts of an object of a team.
pub(super) fn facts(
    team: &str,
    description: Option<&str>,
    environment: Option<&str>,
) -> Result<Facts, CliError> {
    Ok(Facts {
        owner: Some(Owner::parse(team)?),
        description: description.map(Description::parse).transpose()?,
        contact: Some(Contact::parse(&format!("{team}@example.com"))?),
        labels: Labels::parse(environment.map(|name| ("env", name)))?,
    })
}

/// Builds the registration of a client.
pub(super) fn new_client(demo: &DemoClient, id: ClientId) -> Result<NewClient, CliError> {
    let mut grants = Vec::new();
    for (resource, scopes) in &demo.grants {
        grants.push(grant(&resource_id(resource), scopes)?);
    }
    let (mut security, mut secret, mut admin_of) = (ClientSecurity::default(), None, None);
    match &demo.credential {
        DemoCredential::Secret(days) => {
            let lifetime = days.map(|days| Lifetime::stored(days * DAY_SECONDS));
            secret = Some(NewSecret { lifetime, ..NewSecret::default() });
        }
        DemoCredential::Key => {
            security.keys = Some(KeySource::Inline(KeySet::parse(PUBLIC_KEYS)?));
        }
        DemoCredential::Team => {
            secret = Some(NewSecret::default());
            admin_of = Some([Owner::parse(&demo.team)?].into());
            let scopes = TEAM_SCOPES.map(AdminScope::as_str).join(" ");
            grants.push(grant(ResourceId::SERVER, &scopes)?);
        }
        DemoCredential::Github(_) | DemoCredential::Kubernetes(..) => {}
    }
    let claims = match demo.environment.as_str() {
        "production" if demo.id.starts_with("carrier") => format!(r#"{{"tenant":"{}"}}"#, demo.id),
        _ => "{}".to_owned(),
    };
    let claims = StaticClaims::parse(&claims);
    Ok(NewClient {
        name: Some(ClientName::parse(&demo.name)?),
        client_id: Some(id),
        auth_methods: Vec::new(),
        grant_types: Vec::new(),
        token_lifetime: None,
        token_rate: None,
        grants,
        claims: claims.map_err(|error| CliError::failed(error.to_string()))?,
        security,
        leak_policy: LeakPolicy::default(),
        facts: facts(&demo.team, None, Some(&demo.environment))?,
        admin_of,
        secret,
    })
}

fn grant(resource: &str, scopes: &str) -> Result<Grant, CliError> {
    Ok(Grant {
        resource: ResourceId::parse(resource)?,
        scopes: GrantedScopes::Only(Scopes::parse(scopes)?),
        networks: Networks::default(),
        claims: StaticClaims::default(),
    })
}

/// Returns the trust of a client that authenticates with tokens of another issuer.
pub(super) fn new_trust(credential: &DemoCredential) -> Result<Option<NewTrust>, CliError> {
    let (issuer, subject) = match credential {
        DemoCredential::Github(repository) => (
            "https://token.actions.githubusercontent.com",
            format!("repo:{repository}:ref:refs/heads/main"),
        ),
        DemoCredential::Kubernetes(namespace, account) => (
            "https://kubernetes.example.com",
            format!("system:serviceaccount:{namespace}:{account}"),
        ),
        _ => return Ok(None),
    };
    let subject = Pattern::parse("sub", &subject)?;
    Ok(Some(NewTrust {
        issuer: ExternalIssuer::parse(issuer)?,
        keys: None,
        audience: None,
        conditions: [("sub".to_owned(), subject)].into(),
    }))
}
