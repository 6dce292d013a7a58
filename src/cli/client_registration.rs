//! `tokend client create` and `update`: what is said of a client.

use std::path::Path;

use clap::Args;

use crate::admin::client::{self, ClientUpdate, NewClient};
use crate::cli::client_claims::{ClaimsArgs, NewClaimsArgs};
use crate::cli::client_identity::{Identity, IdentityArgs, encoded_for_basic};
use crate::cli::client_keys::KeyArgs;
use crate::cli::client_secret::NewSecretArgs;
use crate::cli::duration::{duration, duration_or_default};
use crate::cli::error::CliError;
use crate::cli::facts::{AdminOfArgs, AdminOfUpdateArgs, FactsArgs, FactsUpdateArgs};
use crate::cli::output::{self, ShownSecret};
use crate::cli::remedies::command::ArgumentRemedy;
use crate::cli::secret_destination::{self, Destination, UncommittedSecret};
use crate::cli::secret_file::ExistingFile;
use crate::cli::{
    Global, client_access, client_reference, client_view, principal, resource_clients,
};
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{AuthenticationMethod, ClientName, GrantType};
use crate::model::leak_policy::LeakPolicy;
use crate::model::rate::RateLimit;
use crate::model::security::{ClientSecurity, TlsSubject};

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    identity: IdentityArgs,
    #[command(flatten)]
    facts: FactsArgs,
    /// A resource that it may request tokens for, with all scopes or with these; may be repeated
    #[arg(long = "grant", value_name = "URI[=SCOPE,SCOPE]")]
    grants: Vec<String>,
    /// Make it an administrator of this server: `viewer`, `editor`, `owner` or `admin`
    #[arg(long, value_name = "PRESET")]
    admin: Option<String>,
    /// A method by which it may authenticate; may be repeated; the methods by secret if omitted
    #[arg(long = "auth-method", value_name = "METHOD")]
    auth_methods: Vec<String>,
    /// A grant type that it may use; may be repeated; `client_credentials` if omitted
    #[arg(long = "grant-type", value_name = "TYPE")]
    grant_types: Vec<String>,
    /// Lifetime of its tokens, such as 30m; the default of the resource or the server if omitted
    #[arg(long, value_name = "DURATION")]
    token_ttl: Option<String>,
    /// Limit of tokens that it may get, such as 60/m; `off` exempts it from the server's limit
    #[arg(long, value_name = "RATE")]
    token_rate: Option<String>,
    #[command(flatten)]
    keys: KeyArgs,
    /// Do not generate a secret: it authenticates by its keys, a certificate or a trust
    #[arg(long, conflicts_with_all = ["secret_file", "secret_ttl", "secret_label", "secret_digest"])]
    no_secret: bool,
    /// Require tokens that are bound to a key of the client (DPoP)
    #[arg(long)]
    dpop_bound: bool,
    /// Require tokens that are bound to a certificate of the client
    #[arg(long)]
    certificate_bound: bool,
    /// The subject of its certificate, issued below a root of `tls.client_ca`; KIND is
    /// `subject_dn`,
    /// `san_dns`, `san_uri`, `san_ip` or `san_email`
    #[arg(long, value_name = "KIND=VALUE")]
    tls_subject: Option<String>,
    /// A network from which it may be used, such as 10.0.0.0/8; may be repeated; any if omitted
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<String>,
    /// A URL of this server's token endpoint that its assertions may name as `aud` instead of the
    /// issuer, for software that cannot send the issuer; may be repeated
    #[arg(long = "assertion-audience", value_name = "URL")]
    assertion_audiences: Vec<String>,
    /// What is done with a secret of it that is reported as leaked; report if omitted
    #[arg(long, value_name = "POLICY")]
    leak_policy: Option<String>,
    #[command(flatten)]
    claims: NewClaimsArgs,
    #[command(flatten)]
    admin_of: AdminOfArgs,
    #[command(flatten)]
    secret: NewSecretArgs,
    #[arg(long, hide = true)]
    client_secret: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The client's id, or its name if the name is unique
    id: String,
    /// A new name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    facts: FactsUpdateArgs,
    /// A method by which it may authenticate from now on; may be repeated
    #[arg(long = "auth-method", value_name = "METHOD")]
    auth_methods: Vec<String>,
    /// A grant type that it may use from now on; may be repeated
    #[arg(long = "grant-type", value_name = "TYPE")]
    grant_types: Vec<String>,
    /// Lifetime of its tokens from now on; `default` removes its own lifetime
    #[arg(long, value_name = "DURATION")]
    token_ttl: Option<String>,
    /// Limit of tokens from now on, such as 60/m; `off` exempts it from the server's limit,
    /// `default` removes its own limit
    #[arg(long, value_name = "RATE")]
    token_rate: Option<String>,
    /// Whether its tokens must be bound to a key of the client (DPoP) from now on
    #[arg(long, value_name = "BOOL")]
    dpop_bound: Option<bool>,
    /// Whether its tokens must be bound to a certificate of the client from now on
    #[arg(long, value_name = "BOOL")]
    certificate_bound: Option<bool>,
    /// The subject of its certificate from now on, such as `san_dns=worker.example.com`
    #[arg(long, value_name = "KIND=VALUE")]
    tls_subject: Option<String>,
    /// A network from which it may be used from now on; may be repeated; `any` for no limit
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<String>,
    /// A URL of this server's token endpoint that its assertions may name as `aud` from now on; may
    /// be repeated; `none` removes all
    #[arg(long = "assertion-audience", value_name = "URL")]
    assertion_audiences: Vec<String>,
    /// What is done from now on with a secret of it that is reported as leaked
    #[arg(long, value_name = "POLICY")]
    leak_policy: Option<String>,
    #[command(flatten)]
    claims: ClaimsArgs,
    #[command(flatten)]
    admin_of: AdminOfUpdateArgs,
}

/// Runs `tokend client create`.
pub(super) async fn create(global: &Global, args: CreateArgs) -> Result<(), CliError> {
    if args.client_secret.is_some() {
        return Err(CliError::usage(
            "a secret is never taken from the command line, where other users can read it",
        )
        .with_remedy(ArgumentRemedy::ImportSecret));
    }
    let mut auth_methods = methods(&args.auth_methods)?;
    let keys = args.keys.source()?;
    if auth_methods.is_empty() && (args.no_secret || keys.is_some()) {
        if !args.no_secret {
            auth_methods.extend(AuthenticationMethod::BY_SECRET);
        }
        auth_methods.push(args.keys.method());
    }
    if args.no_secret && AuthenticationMethod::BY_SECRET.iter().any(|by| auth_methods.contains(by))
    {
        return Err(CliError::usage("--no-secret does not go with a method that needs a secret")
            .with_remedy(ArgumentRemedy::LeaveOneOut));
    }
    let Identity { client_id, name } = args.identity.identity()?;
    let new = NewClient {
        name,
        client_id,
        auth_methods,
        grant_types: grant_types(&args.grant_types)?,
        token_lifetime: args
            .token_ttl
            .as_deref()
            .map(|text| duration("--token-ttl", text))
            .transpose()?,
        token_rate: args.token_rate.as_deref().map(rate).transpose()?,
        grants: client_access::grants(&args.grants, args.admin.as_deref())?,
        security: ClientSecurity {
            keys,
            dpop_bound: args.dpop_bound,
            tls_subject: args.tls_subject.as_deref().map(TlsSubject::parse).transpose()?,
            certificate_bound: args.certificate_bound,
            networks: client_access::networks_or_any(&args.networks)?.unwrap_or_default(),
            assertion_audiences: audiences_or_none(&args.assertion_audiences)?.unwrap_or_default(),
        },
        leak_policy: leak_policy(args.leak_policy.as_deref())?.unwrap_or_default(),
        claims: args.claims.claims()?,
        facts: args.facts.facts()?,
        admin_of: args.admin_of.owners()?,
        secret: args.secret.wanted()?,
    };
    Box::pin(register(global, new, args.secret.secret_file.as_deref())).await
}

/// Registers a client and delivers its secret, if one is generated.
async fn register(global: &Global, new: NewClient, file: Option<&Path>) -> Result<(), CliError> {
    if !new.has_secret() || new.secret.digest.is_some() {
        let services = global.services().await?;
        let (made, _) = client::create(&services, &principal(), new).await?;
        client_view::print(global, &made, services.clock.now())?;
        resource_clients::warn_of_introspection(&services, &made).await?;
        services.store.close().await;
        return Ok(());
    }
    secret_destination::check_format(global.output, file)?;
    let services = global.services().await?;
    let (id, existing) = (new.client_id.clone(), ExistingFile::Reject);
    let destination = Destination::open(&services, file, id.as_ref(), existing).await?;
    let pending = client::prepare(&services, &principal(), new).await?;
    let (made, secret) = pending.made().clone();
    if id.is_none() {
        output::hint(&format!("note: the generated id is {}", made.client.client_id));
    }
    let (Some(plain), Some(record)) = (secret, made.secrets.first()) else {
        return Err(CliError::failed("the client was made without a secret"));
    };
    let client_id = &made.client.client_id;
    let shown = ShownSecret::new(&plain, destination.file());
    let mut rows = client_view::rows_of(&made, services.clock.now());
    rows.insert(1, shown.row());
    let text = output::render(global.output, client_id.as_str(), &shown.add_to(&made)?, &rows)?;
    let secret = UncommittedSecret {
        client_id,
        secret_id: &record.secret_id,
        plain: &plain,
        ends_others: false,
    };
    destination.deliver(&services, pending, &secret, text.into()).await?;
    if let Some(encoded) = encoded_for_basic(client_id) {
        output::hint(&format!(
            "note: in HTTP Basic this id is form-encoded: curl -u '{encoded}:SECRET'"
        ));
    }
    resource_clients::warn_of_introspection(&services, &made).await?;
    services.store.close().await;
    Ok(())
}

/// Runs `tokend client update`.
pub(super) async fn update(global: &Global, args: &UpdateArgs) -> Result<(), CliError> {
    let methods = methods(&args.auth_methods)?;
    let types = grant_types(&args.grant_types)?;
    let update = ClientUpdate {
        name: args.name.as_deref().map(ClientName::parse).transpose()?,
        auth_methods: (!methods.is_empty()).then_some(methods),
        grant_types: (!types.is_empty()).then_some(types),
        token_lifetime: args
            .token_ttl
            .as_deref()
            .map(|text| duration_or_default("--token-ttl", text))
            .transpose()?,
        token_rate: args.token_rate.as_deref().map(rate_or_default).transpose()?,
        dpop_bound: args.dpop_bound,
        certificate_bound: args.certificate_bound,
        tls_subject: args.tls_subject.as_deref().map(TlsSubject::parse).transpose()?,
        networks: client_access::networks_or_any(&args.networks)?,
        assertion_audiences: audiences_or_none(&args.assertion_audiences)?,
        leak_policy: leak_policy(args.leak_policy.as_deref())?,
        claims: args.claims.change()?,
        facts: args.facts.update()?,
        admin_of: args.admin_of.is_given().then(|| args.admin_of.owners()).transpose()?,
    };
    let services = global.services().await?;
    let id = client_reference::resolve(&services.store, &args.id).await?;
    let changed = output::changed(client::update(&services, &principal(), &id, update).await?);
    client_view::print(global, &changed, services.clock.now())
}

fn leak_policy(text: Option<&str>) -> Result<Option<LeakPolicy>, CliError> {
    Ok(text.map(LeakPolicy::parse).transpose()?)
}

/// A rate, or `default` for none of the client's own.
fn rate_or_default(text: &str) -> Result<Option<RateLimit>, CliError> {
    if text == "default" { Ok(None) } else { rate(text).map(Some) }
}

/// A rate, with the option and the text in the error.
fn rate(text: &str) -> Result<RateLimit, CliError> {
    RateLimit::parse(text)
        .map_err(|malformed| CliError::usage(format!("--token-rate: '{text}' {malformed}")))
}

/// The audiences of an option, or `none`; `None` if the option is not given.
fn audiences_or_none(texts: &[String]) -> Result<Option<AssertionAudiences>, CliError> {
    match texts {
        [] => Ok(None),
        [none] if none == "none" => Ok(Some(AssertionAudiences::default())),
        texts if texts.iter().any(|text| text.trim().is_empty()) => {
            Err(CliError::usage("an assertion audience is empty")
                .with_remedy(ArgumentRemedy::GiveAssertionAudience))
        }
        texts => Ok(Some(AssertionAudiences::parse(&texts.join(" "))?)),
    }
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
