//! The state that a declaration requests, in stored types.

use std::collections::BTreeSet;

use crate::admin::client::{check_lifetime, check_security};
use crate::admin::declarative::declared::{DeclaredClient, DeclaredResource, SecretPolicy};
use crate::admin::declarative::digests::{self, DeclaredDigest};
use crate::admin::import::check::CheckedLine;
use crate::admin::import::line::ClientLine;
use crate::admin::import::object::Given;
use crate::admin::import::spiffe_trusts;
use crate::admin::import::update::kept_or_new;
use crate::admin::owner::change::Stated;
use crate::admin::secret::NewSecret;
use crate::admin::{AdminError, Conflict, facts, resource, trust};
use crate::model::client::{AuthenticationMethod, Client, Registration};
use crate::model::owner::Owner;
use crate::model::resource::{Resource, SignedBefore};
use crate::model::source::SourceName;
use crate::model::time::Timestamp;
use crate::services::Services;

/// The state that a declaration requests for a client.
#[derive(Debug)]
pub(super) struct DesiredClient {
    /// The members without a secret to generate. Members that a declaration cannot have keep their
    /// stored values.
    pub(super) registration: Registration,
    /// The secret to generate if the client has no valid one.
    pub(super) secret: Option<NewSecret>,
    /// The members that the declaration states: all except secrets that it does not list.
    pub(super) stated: Stated,
}

/// Returns the resource that a declaration requests, to replace the stored one.
///
/// # Errors
/// If it is the built-in resource of this server, or a value is not allowed.
pub(super) fn resource(
    services: &Services,
    declared: DeclaredResource,
    before: Option<&Resource>,
    now: Timestamp,
) -> Result<Resource, AdminError> {
    let DeclaredResource { source, new, .. } = declared;
    if new.resource.is_built_in() {
        return Err(Conflict::BuiltInScopes(new.resource).into());
    }
    check_lifetime(services, new.token_lifetime)?;
    resource::check_token_typ(&new.resource, new.token_typ)?;
    Ok(Resource {
        resource: new.resource,
        scopes: resource::arranged(new.scopes)?,
        token_lifetime: new.token_lifetime,
        signing_algorithm: new.signing_algorithm,
        signed_before: before.map_or(SignedBefore::Never, |before| before.signed_before),
        token_typ: new.token_typ,
        facts: new.facts,
        source,
        created_at: before.map_or(now, |before| before.created_at),
        updated_at: before.map_or(now, |before| before.updated_at),
    })
}

/// Returns the client that a checked declaration requests, to replace the stored one.
///
/// # Errors
/// If the client could not authenticate, or a value is not allowed.
pub(super) fn client(
    services: &Services,
    line: CheckedLine,
    members: DeclarationMembers,
    before: Option<&Registration>,
    now: Timestamp,
) -> Result<DesiredClient, AdminError> {
    let DeclarationMembers { source, secret, digests, admin_of } = members;
    facts::check_admin_of(admin_of.as_ref())?;
    let by_secret = matches!(secret, SecretPolicy::Ensure(_))
        || !digests.is_empty()
        || !has_other_credential(&line);
    let mut client = line.client(by_secret, now)?;
    // Declared methods and grant types are used unchanged.
    if let Some(methods) = line.input.auth_methods.as_ref().filter(|given| !given.is_empty()) {
        client.auth_methods.clone_from(methods);
        check_security(&client.security, &client.auth_methods)?;
    }
    if let Some(types) = line.input.grant_types.as_ref().filter(|given| !given.is_empty()) {
        client.grant_types.clone_from(types);
    }
    (client.source, client.admin_of) = (source, admin_of);
    let secret = secret_of(&client, secret, !digests.is_empty())?;
    let mut secrets = before.map(|before| before.secrets.clone()).unwrap_or_default();
    let stated = Stated {
        keys: true,
        tls_subject: true,
        trusts: true,
        spiffe_trusts: true,
        grants: true,
        secrets: digests::listed(&secrets, &digests),
    };
    digests::register(services, &mut secrets, digests, now)?;
    let trusts = line.trusts.unwrap_or_default();
    let spiffe = line.spiffe_trusts.unwrap_or_default();
    let (known, known_spiffe) = match before {
        Some(before) => (&before.trusts[..], &before.spiffe_trusts[..]),
        None => (&[][..], &[][..]),
    };
    let (trusts, spiffe) =
        (kept_or_new(known, trusts), spiffe_trusts::kept_or_new(known_spiffe, spiffe));
    trust::check_total(trusts.len(), spiffe.len())?;
    if let Some(before) = before {
        client.created_at = before.client.created_at;
        client.updated_at = before.client.updated_at;
    }
    let registration = Registration {
        client,
        secrets,
        grants: line.input.grants.unwrap_or_default(),
        trusts,
        spiffe_trusts: spiffe,
        usage: before.and_then(|before| before.usage),
    };
    Ok(DesiredClient { registration, secret, stated })
}

/// The members of a declaration that an import does not have.
#[derive(Debug)]
pub(super) struct DeclarationMembers {
    source: Option<SourceName>,
    secret: SecretPolicy,
    digests: Vec<DeclaredDigest>,
    admin_of: Option<BTreeSet<Owner>>,
}

impl DeclaredClient {
    /// Separates the members that an import can check from the others.
    pub(super) fn split(self) -> (ClientLine, DeclarationMembers) {
        let Self { source, line, secret, digests, admin_of } = self;
        (line, DeclarationMembers { source, secret, digests, admin_of })
    }
}

/// True if the client has a credential other than a secret.
fn has_other_credential(line: &CheckedLine) -> bool {
    let input = &line.input;
    input.keys.as_ref().and_then(Given::value).is_some()
        || input.tls_subject.as_ref().and_then(Given::value).is_some()
        || line.has_trusts()
        || line.has_spiffe_trusts()
}

/// Returns the secret that the client must have. If digests of its secrets are declared, none is
/// generated unless the declaration requests one.
fn secret_of(
    client: &Client,
    policy: SecretPolicy,
    has_digests: bool,
) -> Result<Option<NewSecret>, AdminError> {
    let is_by_secret =
        AuthenticationMethod::BY_SECRET.iter().any(|by| client.auth_methods.contains(by));
    if has_digests && !is_by_secret {
        return Err(without_method("secrets"));
    }
    match policy {
        SecretPolicy::Default if has_digests => Ok(None),
        SecretPolicy::None => Ok(None),
        SecretPolicy::Default => Ok(is_by_secret.then(NewSecret::default)),
        SecretPolicy::Ensure(new) if is_by_secret => Ok(Some(new)),
        SecretPolicy::Ensure(_) => Err(without_method("secret")),
    }
}

/// Returns the error for a secret that the client may not authenticate by.
fn without_method(member: &'static str) -> AdminError {
    let problem = format!(
        "it is given, and auth_methods has no method by a secret; add client_secret_basic or remove \
         {member}"
    );
    AdminError::invalid(member, problem)
}
