//! Demo objects of `tokend dev`: a resource, a client and its secret. The secret is stored in the
//! data directory, so that each start can print a working curl command.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::admin::client::{self, NewClient};
use crate::admin::resource::{self, NewResource};
use crate::admin::secret::{self, NewSecret};
use crate::admin::{Actor, AdminError, Principal};
use crate::cli::error::CliError;
use crate::files;
use crate::model::client::{ClientId, ClientName, Registration};
use crate::model::facts::Facts;
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::leak_policy::LeakPolicy;
use crate::model::overlap::Overlap;
use crate::model::resource::{ResourceId, ResourceScope, TokenTyp};
use crate::model::security::{ClientSecurity, Networks};
use crate::model::static_claims::StaticClaims;
use crate::secrets::secret::suffix;
use crate::services::Services;

pub(crate) const DEMO_API: &str = "https://api.demo.localhost";

pub(crate) const DEMO_CLIENT: &str = "cl_demo";

const DEMO_SCOPES: [&str; 2] = ["demo:read=Read the demo", "demo:write=Change the demo"];

/// The name of the secret file in the data directory.
pub(crate) const FILE_NAME: &str = "demo.secret";

/// Returns the path of the secret file in a data directory.
pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.join(FILE_NAME)
}

/// State of the demo client after the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DemoState {
    /// The client was created now.
    Created,
    /// The client and its stored secret exist.
    Found,
    /// The client exists, and got a new secret because no valid one was stored.
    NewSecret,
}

impl DemoState {
    /// Returns the text for the banner.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Found => "found",
            Self::NewSecret => "found; it got a new secret",
        }
    }
}

/// The demo client with a valid secret.
pub(crate) struct Demo {
    pub(crate) secret: SecretString,
    pub(crate) state: DemoState,
}

/// Creates the demo resource and client unless they exist. The secret is stored for the next start;
/// if the stored one is no longer valid, the client gets a new one.
pub(crate) async fn prepare(services: &Services) -> Result<Demo, CliError> {
    let api = ResourceId::parse(DEMO_API)?;
    let id = ClientId::parse(DEMO_CLIENT)?;
    demo_resource(services, &api).await?;
    let (secret, state) = match services.store.registration(&id).await? {
        None => (demo_client(services, id, api).await?, DemoState::Created),
        Some(found) => match load(services, &found) {
            Some(kept) => return Ok(Demo { secret: kept, state: DemoState::Found }),
            None => (another_secret(services, &id).await?, DemoState::NewSecret),
        },
    };
    let folder = &services.config.data_dir;
    keep(folder, &secret).map_err(|error| {
        CliError::failed(format!("cannot write {}: {error}", path(folder).display()))
    })?;
    Ok(Demo { secret, state })
}

async fn demo_resource(services: &Services, api: &ResourceId) -> Result<(), CliError> {
    if services.store.resource(api).await?.is_some() {
        return Ok(());
    }
    let scopes = DEMO_SCOPES.iter().map(|text| ResourceScope::parse(text));
    let new = NewResource {
        resource: api.clone(),
        scopes: scopes.collect::<Result<_, _>>()?,
        token_lifetime: None,
        signing_algorithm: None,
        token_typ: TokenTyp::default(),
        facts: Facts::default(),
    };
    resource::create(services, &principal(), new).await?;
    Ok(())
}

async fn demo_client(
    services: &Services,
    id: ClientId,
    api: ResourceId,
) -> Result<SecretString, CliError> {
    let new = NewClient {
        name: Some(ClientName::parse("Demo client")?),
        client_id: Some(id),
        auth_methods: Vec::new(),
        grant_types: Vec::new(),
        token_lifetime: None,
        token_rate: None,
        grants: vec![Grant {
            resource: api,
            scopes: GrantedScopes::All,
            networks: Networks::default(),
            claims: StaticClaims::default(),
        }],
        claims: StaticClaims::default(),
        security: ClientSecurity::default(),
        leak_policy: LeakPolicy::default(),
        facts: Facts::default(),
        admin_of: None,
        secret: Some(demo_label()),
    };
    let (_, secret) = client::create(services, &principal(), new).await?;
    secret.ok_or_else(|| CliError::failed("the demo client was made without a secret"))
}

/// Adds a secret to the demo client, or replaces all of them if the limit is reached.
async fn another_secret(services: &Services, id: &ClientId) -> Result<SecretString, CliError> {
    let (principal, new) = (principal(), demo_label());
    let made = match secret::add(services, &principal, id, &new).await {
        Err(AdminError::Conflict(_) | AdminError::Invalid { .. }) => {
            secret::rotation::rotate(services, &principal, id, &new, Overlap::None).await?
        }
        made => made?,
    };
    made.plain.ok_or_else(|| CliError::failed("the secret of the demo client was not generated"))
}

fn principal() -> Principal {
    Principal::operator(Actor::new("dev", "demo"))
}

fn demo_label() -> NewSecret {
    NewSecret { label: "demo".to_owned(), ..NewSecret::default() }
}

/// Loads the secret of an earlier run, if it is still valid for the demo client.
fn load(services: &Services, demo: &Registration) -> Option<SecretString> {
    let text = std::fs::read_to_string(path(&services.config.data_dir)).ok()?;
    let text = Zeroizing::new(text);
    let kept = text.trim();
    let id = demo.client.client_id.as_str();
    let suffix = suffix(kept);
    let now = services.clock.now();
    let is_valid = services.keys.tag_key.is_tagged(id, kept)
        && demo.secrets.iter().any(|known| known.suffix == suffix && known.is_valid(now));
    is_valid.then(|| SecretString::from(kept))
}

/// Stores the secret atomically with mode 0600, for the next start.
fn keep(folder: &Path, secret: &SecretString) -> io::Result<()> {
    let draft = folder.join(format!("{FILE_NAME}.new"));
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = files::create_private(&draft)?;
    writeln!(file, "{}", secret.expose_secret())?;
    file.sync_all()?;
    std::fs::rename(&draft, path(folder))
}
