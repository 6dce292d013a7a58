//! `tokend client`: the machines that ask for tokens.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::admin::client::{self, ClientUpdate, NewClient};
use crate::admin::import;
use crate::admin::secret::NewSecret;
use crate::cli::client_access::{self, GrantArgs, RevokeGrantArgs};
use crate::cli::client_keys::{self, KeyArgs, KeysCommand};
use crate::cli::client_secret::{self, AddSecretArgs, ExpireSecretArgs, RotateSecretArgs};
use crate::cli::client_trust::{self, TrustCommand};
use crate::cli::error::CliError;
use crate::cli::output::{self, Shown};
use crate::cli::span::{span, span_or_default};
use crate::cli::{Global, actor};
use crate::model::client::{
    AuthenticationMethod, ClientId, ClientName, ClientState, GrantType, Registration,
};
use crate::model::rate::RateLimit;
use crate::model::security::{KeySource, Networks, Security, TlsSubject};
use crate::model::time::Timestamp;

/// How many clients are read at a time.
const PAGE: u32 = 1_000;

#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Register a client; prints its secret, once
    Create(CreateArgs),
    /// List clients
    List(ListArgs),
    /// Show a client with its secrets and grants
    Show(IdArgs),
    /// Change a client
    Update(UpdateArgs),
    /// Let a client get tokens again
    Enable(IdArgs),
    /// Let a client get no more tokens
    Disable(DisableArgs),
    /// Remove a client with its secrets and grants
    Delete(DeleteArgs),
    /// Give a client one more secret; prints it, once
    AddSecret(AddSecretArgs),
    /// Give a client a new secret and let the old ones end
    RotateSecret(RotateSecretArgs),
    /// Let a secret end
    ExpireSecret(ExpireSecretArgs),
    /// Let a client ask for a resource, or change for which scopes of it
    Grant(GrantArgs),
    /// Let a client ask for a resource no longer
    RevokeGrant(RevokeGrantArgs),
    /// The public keys of a client, for `private_key_jwt`
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Foreign issuers whose tokens authenticate a client without a secret
    #[command(subcommand)]
    Trust(TrustCommand),
    /// End every token that a client has been issued until now, on every instance within two seconds
    RevokeTokens(IdArgs),
    /// Take clients over from another system, with their ids and secrets
    Import(ImportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its name, for people
    name: String,
    /// Its identifier; made up if absent
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// What it may ask for: a resource, or a resource and scopes; may be repeated
    #[arg(long = "grant", value_name = "URI[=SCOPE,SCOPE]")]
    grants: Vec<String>,
    /// How it may authenticate; may be repeated; any way if absent
    #[arg(long = "auth-method", value_name = "METHOD")]
    auth_methods: Vec<String>,
    /// The grant types it may use; may be repeated; `client_credentials` if absent
    #[arg(long = "grant-type", value_name = "TYPE")]
    grant_types: Vec<String>,
    /// How long its tokens live, such as 30m
    #[arg(long, value_name = "SPAN")]
    token_ttl: Option<String>,
    /// How many tokens it may have, such as 60/m; `off` for no limit whatever the server's
    #[arg(long, value_name = "RATE")]
    token_rate: Option<String>,
    #[command(flatten)]
    keys: KeyArgs,
    /// Make no secret: it will prove itself by its keys or by a trust
    #[arg(long, conflicts_with_all = ["auth_methods", "secret_file", "secret_ttl", "label"])]
    no_secret: bool,
    /// Its tokens must be bound to a key of its own (`DPoP`)
    #[arg(long)]
    dpop_bound: bool,
    /// Its tokens must be bound to a certificate that it shows
    #[arg(long)]
    certificate_bound: bool,
    /// The subject of its certificate, which a root of `tls.client_ca` vouches for: `subject_dn`,
    /// `san_dns`, `san_uri`, `san_ip` or `san_email`
    #[arg(long, value_name = "KIND=VALUE")]
    tls_subject: Option<String>,
    /// A network from which it may be used, such as 10.0.0.0/8; may be repeated; any if absent
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<String>,
    /// What its first secret is called
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
    /// How long its first secret lives; for ever if absent
    #[arg(long, value_name = "SPAN")]
    secret_ttl: Option<String>,
    /// Write the secret to this new file (mode 0600) instead of printing it
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    #[arg(long, hide = true)]
    client_secret: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only those in this state: active or disabled
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only those that may ask for this resource
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct IdArgs {
    /// The client's identifier
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct DisableArgs {
    /// The client's identifier
    id: String,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The client's identifier
    id: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The client's identifier
    id: String,
    /// A new name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How it may authenticate from now on; may be repeated
    #[arg(long = "auth-method", value_name = "METHOD")]
    auth_methods: Vec<String>,
    /// The grant types it may use from now on; may be repeated
    #[arg(long = "grant-type", value_name = "TYPE")]
    grant_types: Vec<String>,
    /// How long its tokens live from now on; `default` for the server's choice
    #[arg(long, value_name = "SPAN")]
    token_ttl: Option<String>,
    /// How many tokens it may have from now on, such as 60/m; `off` for no limit, `default` for
    /// the server's choice
    #[arg(long, value_name = "RATE")]
    token_rate: Option<String>,
    /// Whether its tokens must be bound to a key of its own (`DPoP`) from now on
    #[arg(long, value_name = "BOOL")]
    dpop_bound: Option<bool>,
    /// Whether its tokens must be bound to a certificate from now on
    #[arg(long, value_name = "BOOL")]
    certificate_bound: Option<bool>,
    /// The subject of its certificate from now on, such as `san_dns=worker.example.com`
    #[arg(long, value_name = "KIND=VALUE")]
    tls_subject: Option<String>,
    /// A network from which it may be used from now on; may be repeated; `any` for no limit
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A file with one JSON object a line, or - for standard input
    file: PathBuf,
}

/// Runs `tokend client`.
pub(crate) async fn run(global: &Global, command: ClientCommand) -> Result<(), CliError> {
    match command {
        ClientCommand::Create(args) => create(global, args).await,
        ClientCommand::List(args) => list(global, &args).await,
        ClientCommand::Show(args) => show(global, &args).await,
        ClientCommand::Update(args) => update(global, &args).await,
        ClientCommand::Enable(args) => set_state(global, &args.id, ClientState::Active, None).await,
        ClientCommand::Disable(args) => {
            set_state(global, &args.id, ClientState::Disabled, args.reason.as_deref()).await
        }
        ClientCommand::Delete(args) => delete(global, &args).await,
        ClientCommand::AddSecret(args) => client_secret::add(global, &args).await,
        ClientCommand::RotateSecret(args) => client_secret::rotate(global, &args).await,
        ClientCommand::ExpireSecret(args) => client_secret::expire(global, &args).await,
        ClientCommand::Grant(args) => client_access::grant(global, &args).await,
        ClientCommand::RevokeGrant(args) => client_access::revoke(global, &args).await,
        ClientCommand::Keys(command) => client_keys::run(global, command).await,
        ClientCommand::Trust(command) => client_trust::run(global, command).await,
        ClientCommand::RevokeTokens(args) => client_access::revoke_tokens(global, &args.id).await,
        ClientCommand::Import(args) => import(global, &args).await,
    }
}

async fn create(global: &Global, args: CreateArgs) -> Result<(), CliError> {
    if args.client_secret.is_some() {
        return Err(CliError::usage(
            "a secret is never taken from the command line, where other users can read it",
        )
        .with_remedy("Leave it out to have one made, or bring one with: tokend client import -"));
    }
    let new = NewClient {
        name: ClientName::parse(&args.name)?,
        client_id: args.id.as_deref().map(ClientId::parse).transpose()?,
        auth_methods: if args.no_secret {
            vec![AuthenticationMethod::PrivateKeyJwt]
        } else {
            methods(&args.auth_methods)?
        },
        grant_types: grant_types(&args.grant_types)?,
        token_lifetime: args.token_ttl.as_deref().map(span).transpose()?,
        token_rate: args.token_rate.as_deref().map(RateLimit::parse).transpose()?,
        grants: args
            .grants
            .iter()
            .map(|text| client_access::parse(text))
            .collect::<Result<_, _>>()?,
        security: Security {
            keys: args.keys.source()?,
            dpop_bound: args.dpop_bound,
            tls_subject: args.tls_subject.as_deref().map(TlsSubject::parse).transpose()?,
            certificate_bound: args.certificate_bound,
            networks: Networks::parse(&args.networks.join(" "))?,
        },
        secret: NewSecret {
            label: args.label,
            lifetime: args.secret_ttl.as_deref().map(span).transpose()?,
        },
    };
    let foundation = global.foundation().await?;
    let (made, secret) = client::create(&foundation, &actor(), new).await?;
    let id = made.client.client_id.as_str();
    let mut rows = rows_of(&made, foundation.clock.now());
    match &secret {
        Some(secret) => {
            let shown = Shown::new(secret, args.secret_file.as_deref())?;
            rows.insert(1, shown.row());
            output::one(global.output, id, &shown.add_to(&made)?, &rows)?;
        }
        None => output::one(global.output, id, &made, &rows)?,
    }
    foundation.store.close().await;
    Ok(())
}

async fn list(global: &Global, args: &ListArgs) -> Result<(), CliError> {
    let state = args.state.as_deref().map(ClientState::parse).transpose()?;
    let foundation = global.foundation().await?;
    let mut clients: Vec<Registration> = Vec::new();
    let mut after = String::new();
    loop {
        let page = foundation.store.registrations(&after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        last.clone_into(&mut after);
        for (_, found) in page {
            let found = found?;
            if is_wanted(&found, state, args.resource.as_deref()) {
                clients.push(found);
            }
        }
    }
    let now = foundation.clock.now();
    output::many(
        global.output,
        &clients,
        &["CLIENT", "NAME", "APIS", "SECRETS", "LAST USED", "STATE"],
        |found| {
            vec![
                found.client.client_id.to_string(),
                found.client.name.as_str().to_owned(),
                found.grants.len().to_string(),
                secrets_summary(found, now),
                last_used(found, now),
                found.client.state.as_str().to_owned(),
            ]
        },
    )
}

fn is_wanted(found: &Registration, state: Option<ClientState>, resource: Option<&str>) -> bool {
    state.is_none_or(|state| found.client.state == state)
        && resource.is_none_or(|resource| {
            found.grants.iter().any(|grant| grant.resource.as_str() == resource)
        })
}

async fn show(global: &Global, args: &IdArgs) -> Result<(), CliError> {
    let id = ClientId::parse(&args.id)?;
    let foundation = global.foundation().await?;
    let found = client::show(&foundation, &id).await?;
    print(global, &found, foundation.clock.now())
}

async fn update(global: &Global, args: &UpdateArgs) -> Result<(), CliError> {
    let id = ClientId::parse(&args.id)?;
    let methods = methods(&args.auth_methods)?;
    let types = grant_types(&args.grant_types)?;
    let update = ClientUpdate {
        name: args.name.as_deref().map(ClientName::parse).transpose()?,
        auth_methods: (!methods.is_empty()).then_some(methods),
        grant_types: (!types.is_empty()).then_some(types),
        token_lifetime: args.token_ttl.as_deref().map(span_or_default).transpose()?,
        token_rate: args.token_rate.as_deref().map(rate_or_default).transpose()?,
        dpop_bound: args.dpop_bound,
        certificate_bound: args.certificate_bound,
        tls_subject: args.tls_subject.as_deref().map(TlsSubject::parse).transpose()?,
        networks: networks_or_any(&args.networks)?,
    };
    let foundation = global.foundation().await?;
    let changed = client::update(&foundation, &actor(), &id, update).await?;
    print(global, &changed, foundation.clock.now())
}

async fn set_state(
    global: &Global,
    id: &str,
    state: ClientState,
    reason: Option<&str>,
) -> Result<(), CliError> {
    let id = ClientId::parse(id)?;
    let foundation = global.foundation().await?;
    let changed = client::set_state(&foundation, &actor(), &id, state, reason).await?;
    print(global, &changed, foundation.clock.now())
}

async fn delete(global: &Global, args: &DeleteArgs) -> Result<(), CliError> {
    let id = ClientId::parse(&args.id)?;
    let foundation = global.foundation().await?;
    output::confirm(&format!("Delete client {id} with its secrets and grants?"), args.yes)?;
    client::delete(&foundation, &actor(), &id).await?;
    let value = json!({ "client_id": id, "deleted": true });
    output::one(global.output, id.as_str(), &value, &[("deleted", id.to_string())])
}

async fn import(global: &Global, args: &ImportArgs) -> Result<(), CliError> {
    let text = if args.file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(&args.file)
    };
    let text = text.map(zeroize::Zeroizing::new).map_err(|error| {
        CliError::usage(format!("cannot read {}: {error}", args.file.display()))
    })?;
    let foundation = Arc::new(global.foundation().await?);
    let ids = import::import(&foundation, &actor(), &text).await?;
    let values: Vec<_> = ids.iter().map(|id| json!({ "client_id": id })).collect();
    output::many(global.output, &values, &["IMPORTED"], |value| {
        vec![value["client_id"].as_str().unwrap_or_default().to_owned()]
    })
}

fn print(global: &Global, found: &Registration, now: Timestamp) -> Result<(), CliError> {
    let id = found.client.client_id.as_str();
    output::one(global.output, id, found, &rows_of(found, now))
}

fn rows_of(found: &Registration, now: Timestamp) -> Vec<(&'static str, String)> {
    let client = &found.client;
    let methods: Vec<_> = client.auth_methods.iter().map(|method| method.as_str()).collect();
    let types: Vec<_> = client.grant_types.iter().map(GrantType::as_str).collect();
    let mut rows = vec![
        ("client", client.client_id.to_string()),
        ("name", client.name.as_str().to_owned()),
        ("state", client.state.as_str().to_owned()),
        ("may use", methods.join(" ")),
        ("grant types", types.join(" ")),
    ];
    if let Some(lifetime) = client.token_lifetime {
        rows.push(("token ttl", lifetime.to_string()));
    }
    if let Some(rate) = client.token_rate {
        rows.push(("token rate", rate.to_string()));
    }
    match &client.security.keys {
        Some(KeySource::Inline(_)) => rows.push(("public keys", "registered here".to_owned())),
        Some(KeySource::Remote(uri)) => rows.push(("public keys", format!("from {uri}"))),
        None => {}
    }
    if client.security.dpop_bound {
        rows.push(("tokens", "bound to a key of its own (DPoP)".to_owned()));
    }
    if let Some(subject) = &client.security.tls_subject {
        rows.push(("certificate", subject.to_string()));
    }
    if client.security.certificate_bound {
        rows.push(("tokens", "bound to its certificate".to_owned()));
    }
    if !client.security.networks.is_anywhere() {
        rows.push(("only from", client.security.networks.to_string()));
    }
    rows.push(("created", output::moment(client.created_at, now)));
    rows.push(("last used", last_used(found, now)));
    rows.extend(found.grants.iter().map(|grant| ("grant", output::grant(grant))));
    rows.extend(
        found
            .trusts
            .iter()
            .map(|trust| ("trusts", format!("{} ({})", trust.issuer, trust.trust_id))),
    );
    rows.extend(
        found.secrets.iter().map(|secret| ("has secret", client_secret::describe(secret, now))),
    );
    rows
}

/// When any of its secrets was last used.
fn last_used(found: &Registration, now: Timestamp) -> String {
    let last = found.secrets.iter().filter_map(|secret| Some(secret.usage?.last_used_at)).max();
    last.map_or_else(|| "never".to_owned(), |last| output::moment(last, now))
}

fn secrets_summary(found: &Registration, now: Timestamp) -> String {
    let live: Vec<_> = found.secrets.iter().filter(|secret| secret.is_live(now)).collect();
    let next = live.iter().filter_map(|secret| secret.expires_at).min();
    match (live.len(), next) {
        (0, _) => "none that counts".to_owned(),
        (count, None) => format!("{count} (no end)"),
        (count, Some(end)) => format!("{count} (next ends {})", output::moment(end, now)),
    }
}

/// Networks, or `any` for no limit; nothing said leaves them as they are.
fn networks_or_any(texts: &[String]) -> Result<Option<Networks>, CliError> {
    match texts {
        [] => Ok(None),
        [any] if any == "any" => Ok(Some(Networks::default())),
        texts => Ok(Some(Networks::parse(&texts.join(" "))?)),
    }
}

/// A rate, or `default` for none of the client's own.
fn rate_or_default(text: &str) -> Result<Option<RateLimit>, CliError> {
    if text == "default" { Ok(None) } else { Ok(Some(RateLimit::parse(text)?)) }
}

fn methods(texts: &[String]) -> Result<Vec<AuthenticationMethod>, CliError> {
    Ok(texts.iter().map(|text| AuthenticationMethod::parse(text)).collect::<Result<_, _>>()?)
}

fn grant_types(texts: &[String]) -> Result<Vec<GrantType>, CliError> {
    let types = texts.iter().map(|text| GrantType::parse(text)).collect::<Result<Vec<_>, _>>()?;
    for foreign in types.iter().filter(|kind| matches!(kind, GrantType::NotOffered(_))) {
        let name = foreign.as_str();
        output::hint(&format!(
            "note: this server does not offer {name}; it is kept and never used"
        ));
    }
    Ok(types)
}
