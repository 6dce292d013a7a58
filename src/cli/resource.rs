//! `tokend resource`: the APIs that tokens are for.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::admin::resource::{self, NewResource, ResourceUpdate};
use crate::cli::duration::{duration, duration_or_default};
use crate::cli::error::CliError;
use crate::cli::facts::{self, FactsArgs, FactsUpdateArgs};
use crate::cli::resource_clients::{ResourceClients, name_clients_with_all_scopes};

use crate::cli::{Global, confirmation, losses, output, principal};
use crate::model::resource::{Resource, ResourceId, ResourceScope, SignedBefore, TokenTyp};
use crate::model::scope::ScopeName;
use crate::model::signing_key::Algorithm;
use crate::model::time::Timestamp;
use crate::services::Services;
use crate::store::Store;

#[derive(Debug, Subcommand)]
pub(crate) enum ResourceCommand {
    /// Register a resource
    Create(CreateArgs),
    /// List resources
    List,
    /// Show a resource with its scopes and its clients
    Show(UriArgs),
    /// Change a resource
    Update(UpdateArgs),
    /// Delete a resource and every grant for it
    Delete(DeleteArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its identifier, an absolute URI: the audience of its tokens
    uri: String,
    /// A scope it offers, with or without a description; may be repeated
    #[arg(long = "scope", value_name = "SCOPE[=TEXT]")]
    scopes: Vec<String>,
    /// Lifetime of its tokens, such as 30m; the server's default if omitted
    #[arg(long, value_name = "DURATION")]
    token_ttl: Option<String>,
    /// Algorithm that signs its tokens; the server's default if omitted
    #[arg(long, value_name = "ALGORITHM")]
    signing_alg: Option<String>,
    /// The `typ` of its tokens: `at+jwt`, or `JWT` for verifiers that reject `at+jwt`
    #[arg(long, value_name = "TYP", default_value = "at+jwt", hide_default_value = true)]
    token_typ: String,
    #[command(flatten)]
    facts: FactsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UriArgs {
    /// Its identifier
    uri: String,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// Its identifier
    uri: String,
    /// A scope to add, or to describe differently; may be repeated
    #[arg(long = "scope", value_name = "SCOPE[=TEXT]")]
    scopes: Vec<String>,
    /// A scope to remove; may be repeated
    #[arg(long = "remove-scope", value_name = "SCOPE")]
    remove: Vec<String>,
    /// Remove scopes that clients hold without asking; required without a terminal
    #[arg(long)]
    yes: bool,
    /// Lifetime of its tokens from now on; `default` removes its own lifetime
    #[arg(long, value_name = "DURATION")]
    token_ttl: Option<String>,
    /// Algorithm that signs its tokens from now on; `default` removes its own algorithm. The
    /// command prints which verifiers can read it
    #[arg(long, value_name = "ALGORITHM")]
    signing_alg: Option<String>,
    /// The `typ` of its tokens from now on: `at+jwt`, or `JWT` for verifiers that reject `at+jwt`.
    /// The command prints what is lost with `JWT`
    #[arg(long, value_name = "TYP")]
    token_typ: Option<String>,
    #[command(flatten)]
    facts: FactsUpdateArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Its identifier
    uri: String,
    /// Do not ask; required without a terminal
    #[arg(long)]
    yes: bool,
}

/// Runs `tokend resource`.
pub(crate) async fn run(global: &Global, command: ResourceCommand) -> Result<(), CliError> {
    match command {
        ResourceCommand::Create(args) => create(global, &args).await,
        ResourceCommand::List => list(global).await,
        ResourceCommand::Show(args) => show(global, &args).await,
        ResourceCommand::Update(args) => update(global, &args).await,
        ResourceCommand::Delete(args) => delete(global, &args).await,
    }
}

async fn create(global: &Global, args: &CreateArgs) -> Result<(), CliError> {
    let new = NewResource {
        resource: ResourceId::parse(&args.uri)?,
        scopes: offered(&args.scopes)?,
        token_lifetime: args
            .token_ttl
            .as_deref()
            .map(|text| duration("--token-ttl", text))
            .transpose()?,
        signing_algorithm: args.signing_alg.as_deref().map(Algorithm::parse).transpose()?,
        token_typ: TokenTyp::parse(&args.token_typ)?,
        facts: args.facts.facts()?,
    };
    let services = global.services().await?;
    let made = resource::create(&services, &principal(), new).await?;
    if let Some(algorithm) = made.signing_algorithm {
        output::hint(who_reads(algorithm));
    }
    warn_of_typ(made.token_typ);
    print(global, &services.store, services.clock.now(), &made, None).await
}

async fn list(global: &Global) -> Result<(), CliError> {
    let reader = global.reader().await?;
    let resources = reader.store.resources().await?;
    output::many(
        global.output,
        &resources,
        &["RESOURCE", "OWNER", "SCOPES", "TOKEN TTL", "SIGNED WITH"],
        |resource| {
            vec![
                resource.resource.to_string(),
                facts::owner_cell(&resource.facts),
                resource.scope_names().to_string(),
                resource
                    .token_lifetime
                    .map_or_else(|| "default".to_owned(), |duration| duration.to_string()),
                resource.signing_algorithm.map_or("default", Algorithm::as_str).to_owned(),
            ]
        },
    )
}

async fn show(global: &Global, args: &UriArgs) -> Result<(), CliError> {
    let id = ResourceId::parse(&args.uri)?;
    let reader = global.reader().await?;
    let found = resource::show(&reader.store, &principal(), &id).await?;
    let clients = ResourceClients::of(&reader.store, &id).await?;
    print(global, &reader.store, reader.clock.now(), &found, Some(&clients)).await
}

async fn update(global: &Global, args: &UpdateArgs) -> Result<(), CliError> {
    let id = ResourceId::parse(&args.uri)?;
    let update = ResourceUpdate {
        add: offered(&args.scopes)?,
        remove: args.remove.iter().map(|text| ScopeName::parse(text)).collect::<Result<_, _>>()?,
        token_lifetime: args
            .token_ttl
            .as_deref()
            .map(|text| duration_or_default("--token-ttl", text))
            .transpose()?,
        signing_algorithm: args.signing_alg.as_deref().map(algorithm_or_default).transpose()?,
        token_typ: args.token_typ.as_deref().map(TokenTyp::parse).transpose()?,
        facts: args.facts.update()?,
    };
    let services = global.services().await?;
    confirm_removal(&services, &id, &update, args.yes).await?;
    let added = update.add.clone();
    let before = resource::show(&services.store, &principal(), &id).await?;
    let changed = output::changed(resource::update(&services, &principal(), &id, update).await?);
    name_clients_with_all_scopes(&services, &id, &added, &before.scopes).await?;
    if args.signing_alg.is_some() {
        let server = services.config.token.algorithm;
        let algorithm = changed.signing_algorithm.unwrap_or(server);
        output::hint(who_reads(algorithm));
        say_from_when(&services, algorithm).await?;
    }
    if args.token_typ.is_some() {
        warn_of_typ(changed.token_typ);
    }
    print(global, &services.store, services.clock.now(), &changed, None).await
}

/// Asks before scopes are removed that clients hold.
async fn confirm_removal(
    services: &Services,
    id: &ResourceId,
    update: &ResourceUpdate,
    yes: bool,
) -> Result<(), CliError> {
    if update.remove.is_empty() {
        return Ok(());
    }
    let offered = resource::show(&services.store, &principal(), id).await?.scope_names();
    let is_lost = |name: &&ScopeName| {
        offered.contains(name) && !update.add.iter().any(|added| added.name == **name)
    };
    let removed: Vec<_> = update.remove.iter().filter(is_lost).collect();
    let losses = losses::of_scopes(services, id, &removed).await?;
    if losses.is_empty() {
        return Ok(());
    }
    confirmation::confirm("Remove the scopes, also from grants?", &losses, yes)
}

async fn delete(global: &Global, args: &DeleteArgs) -> Result<(), CliError> {
    let id = ResourceId::parse(&args.uri)?;
    let services = global.services().await?;
    resource::show(&services.store, &principal(), &id).await?;
    let losses = losses::of_resource(&services, &id).await?;
    confirmation::confirm(&format!("Delete {id} and every grant for it?"), &losses, args.yes)?;
    let grants = resource::delete(&services, &principal(), &id).await?;
    let value = json!({ "resource": id, "deleted": true, "grants_revoked": grants });
    let rows = [("deleted", id.to_string()), ("grants revoked", grants.to_string())];
    output::one(global.output, id.as_str(), &value, &rows)
}

/// Names what a verifier can no longer check.
fn warn_of_typ(typ: TokenTyp) {
    if typ == TokenTyp::Jwt {
        output::hint(
            "warning: with typ JWT the type check of RFC 9068 is lost. A verifier of this resource \
             can no longer tell access tokens and other JWTs of this issuer apart by type. It must \
             check iss, aud, exp and client_id.",
        );
    }
}

fn algorithm_or_default(text: &str) -> Result<Option<Algorithm>, CliError> {
    if text == "default" { Ok(None) } else { Ok(Some(Algorithm::parse(text)?)) }
}

/// Says from when on there are tokens of this algorithm.
async fn say_from_when(services: &Services, algorithm: Algorithm) -> Result<(), CliError> {
    let now = services.clock.now();
    let keys = services.store.signing_keys().await?;
    let mine = || keys.iter().filter(|key| key.algorithm == algorithm && key.retired_at.is_none());
    if mine().any(|key| key.signs_from <= now) {
        return Ok(());
    }
    match mine().map(|key| key.signs_from).min() {
        Some(first) => output::hint(&format!(
            "Its first key is published now and signs from {first} on (keys.publish_before), so \
             that every verifier knows it by then; until then its tokens are signed as before."
        )),
        None => output::hint("Its key is made at the next start of the server."),
    }
    Ok(())
}

/// Which verifiers need an algorithm, and which cannot read it.
fn who_reads(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Es256 => {
            "ES256: every current library reads it. Some gateways know RSA only (AWS load balancers \
             and API Gateway, Spring Boot with jwk-set-uri alone): those need RS256."
        }
        Algorithm::Rs256 => {
            "RS256: for verifiers that know RSA only, or assume it: AWS load balancers and API \
             Gateway, Spring Boot with jwk-set-uri alone, go-oidc and ASP.NET Core set-ups with a \
             fixed list. Every verifier reads it. Signing costs ten times as much as ES256, and \
             a token is longer."
        }
        Algorithm::Ps256 => {
            "PS256: for APIs whose rules ask for it (FAPI 2.0 allows PS256, ES256 and EdDSA). AWS \
             does not read it. Signing costs ten times as much as ES256."
        }
        Algorithm::EdDsa => {
            "EdDSA (Ed25519): the fastest to sign. The Kubernetes API, AWS and ASP.NET Core do not \
             read it; python-jose 3.5 and node-jose 2.2 then reject the whole key set, also for \
             tokens of other resources."
        }
    }
}

fn offered(texts: &[String]) -> Result<Vec<ResourceScope>, CliError> {
    Ok(texts.iter().map(|text| ResourceScope::parse(text)).collect::<Result<_, _>>()?)
}

async fn print(
    global: &Global,
    store: &Store,
    now: Timestamp,
    resource: &Resource,
    clients: Option<&ResourceClients>,
) -> Result<(), CliError> {
    let mut rows = vec![("resource", resource.resource.to_string())];
    facts::add_rows(&resource.facts, &mut rows);
    rows.extend(resource.scopes.iter().map(|scope| {
        let text = match scope.description.as_str() {
            "" => scope.name.to_string(),
            description => format!("{} ({description})", scope.name),
        };
        ("scope", text)
    }));
    if let Some(lifetime) = resource.token_lifetime {
        rows.push(("token ttl", lifetime.to_string()));
    }
    if let Some(algorithm) = resource.signing_algorithm {
        rows.push(("signing alg", algorithm.as_str().to_owned()));
        let keys = store.signing_keys().await?;
        let signs = keys.iter().any(|key| key.algorithm == algorithm && key.may_sign(now));
        match resource.signed_before {
            SignedBefore::Server if !signs => {
                rows.push(("signed until then", "as the server says".to_owned()));
            }
            SignedBefore::Own(before) if !signs => {
                rows.push(("signed until then", before.as_str().to_owned()));
            }
            _ => {}
        }
    }
    if resource.token_typ != TokenTyp::AtJwt {
        rows.push(("token typ", resource.token_typ.as_str().to_owned()));
    }
    let created = if resource.resource.is_built_in() {
        "with this server".to_owned()
    } else {
        output::time(resource.created_at, now)
    };
    rows.push(("created", created));
    let mut value = json!(resource);
    if let Some(clients) = clients {
        clients.add_rows(&resource.resource, &mut rows);
        clients.add_to(&mut value);
    }
    output::one(global.output, resource.resource.as_str(), &value, &rows)
}
