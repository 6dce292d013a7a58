//! `tokend resource`: manages resources, which are the APIs that tokens are for.

pub(super) mod clients;
mod view;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::api::{Api, ApiRequest, ApiUse, Object, path};
use crate::cli::arguments::duration::{duration, duration_or_default};
use crate::cli::arguments::facts::{FactsArgs, FactsUpdateArgs};
use crate::cli::error::CliError;
use crate::cli::output::destruction_preview::Holders;
use crate::cli::output::listing::{LeftOut, Listing};
use crate::cli::output::objects::client::GrantObject;
use crate::cli::output::objects::resource::ResourceObject;
use crate::cli::resource::clients::{ResourceClients, name_clients_with_all_scopes};
use crate::cli::{Global, output};
use crate::model::resource::{ResourceId, ResourceScope, TokenTyp};
use crate::model::scope::ScopeName;
use crate::model::signing_key::Algorithm;
use crate::model::time::Lifetime;

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
    /// Skip the confirmation when scopes that clients hold are removed; required without a terminal
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
    /// Skip the confirmation; required without a terminal
    #[arg(long)]
    yes: bool,
}

/// Runs `tokend resource`.
pub(crate) async fn run(global: &Global, command: ResourceCommand) -> Result<(), CliError> {
    match command {
        ResourceCommand::Create(args) => create(global, &args).await,
        ResourceCommand::List => list(global).await,
        ResourceCommand::Show(args) => show(global, &args).await,
        ResourceCommand::Update(args) => Box::pin(update(global, &args)).await,
        ResourceCommand::Delete(args) => delete(global, &args).await,
    }
}

async fn create(global: &Global, args: &CreateArgs) -> Result<(), CliError> {
    let scopes = offered(&args.scopes)?;
    let scopes: Vec<_> = scopes.iter().map(|scope| json!(scope)).collect();
    let lifetime = args.token_ttl.as_deref().map(|text| duration("--token-ttl", text));
    let algorithm = args.signing_alg.as_deref().map(Algorithm::parse).transpose()?;
    let typ = TokenTyp::parse(&args.token_typ)?;
    let mut body = json!(args.facts.facts()?);
    body["resource"] = json!(ResourceId::parse(&args.uri)?);
    body["scopes"] = json!(scopes);
    body["token_ttl_seconds"] = json!(lifetime.transpose()?.map(Lifetime::seconds));
    body["signing_alg"] = json!(algorithm.map(Algorithm::as_str));
    body["token_typ"] = json!(typ);
    let api = Api::open(global, ApiUse::Change).await?;
    let made = api.read(&ApiRequest::post(path(&["resources"]), body)).await?;
    if let Some(algorithm) = algorithm {
        output::hint(describe_verifiers(algorithm));
    }
    warn_of_typ(typ);
    view::print(global, made, None, api.now())
}

async fn list(global: &Global) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Read).await?;
    let header = ["RESOURCE", "OWNER", "SCOPES", "TOKEN TTL", "SIGNED WITH", "SOURCE"];
    let mut listing = Listing::new(global.output, &header);
    let (mut cursor, mut left_out) = (None, LeftOut::new(["resource", "resources"]));
    loop {
        let request = ApiRequest::get(path(&["resources"]));
        let page = api.page(&request, cursor.as_deref()).await?;
        listing.page(&page.data, |found| view::row(&found.object))?;
        left_out.name(&page.unreadable);
        cursor = page.next_cursor;
        if cursor.is_none() {
            listing.end()?;
            return left_out.into_result();
        }
    }
}

async fn show(global: &Global, args: &UriArgs) -> Result<(), CliError> {
    let id = ResourceId::parse(&args.uri)?;
    let api = Api::open(global, ApiUse::Read).await?;
    let found = api.read(&ApiRequest::get(path(&["resources", id.as_str()]))).await?;
    let clients = ResourceClients::of(&api, &id).await?;
    view::print(global, found, clients.map(|clients| (id, clients)), api.now())
}

async fn update(global: &Global, args: &UpdateArgs) -> Result<(), CliError> {
    let id = ResourceId::parse(&args.uri)?;
    let added = offered(&args.scopes)?;
    let removed = args.remove.iter().map(|text| ScopeName::parse(text));
    let removed = removed.collect::<Result<Vec<_>, _>>()?;
    let patch = patch(args, &added, &removed)?;
    let api = Api::open(global, ApiUse::Change).await?;
    let place = path(&["resources", id.as_str()]);
    let before: Object<ResourceObject> = api.read(&ApiRequest::get(place.clone())).await?;
    let is_lost = |name: &ScopeName| {
        let is_offered = before.object.scopes.iter().any(|scope| scope.name == name.as_str());
        is_offered && !added.iter().any(|new| new.name == *name)
    };
    let lost: Vec<_> = removed.iter().filter(|name| is_lost(name)).collect();
    confirm_removal(&api, &id, &lost, args.yes).await?;
    let changed: Object<ResourceObject> = api.read(&ApiRequest::patch(place, patch)).await?;
    if compared(before.json) == compared(changed.json.clone()) {
        output::hint("nothing changed: the values were already set");
    }
    name_clients_with_all_scopes(&api, &id, &added, &before.object).await?;
    if let Some(text) = &args.signing_alg {
        let chosen = algorithm_or_default(text)?.or_else(|| api.default_algorithm());
        if let Some(algorithm) = chosen {
            output::hint(describe_verifiers(algorithm));
        }
        print_signing_start(&changed.object);
    }
    if let Some(typ) = args.token_typ.as_deref().map(TokenTyp::parse).transpose()? {
        warn_of_typ(typ);
    }
    view::print(global, changed, None, api.now())
}

/// Removes the members of a resource that change without an action of the operator.
fn compared(mut resource: Value) -> Value {
    if let Some(members) = resource.as_object_mut() {
        members.remove("updated_at");
        members.remove("signing_alg_pending");
    }
    resource
}

/// Builds the merge patch of the options. `null` restores the default of a member.
fn patch(
    args: &UpdateArgs,
    added: &[ResourceScope],
    removed: &[ScopeName],
) -> Result<Value, CliError> {
    let mut patch = args.facts.patch()?;
    let mut set = |name: &str, value: Value| patch[name] = value;
    if !added.is_empty() {
        set("add_scopes", json!(added));
    }
    if !removed.is_empty() {
        set("remove_scopes", json!(removed));
    }
    if let Some(text) = &args.token_ttl {
        let lifetime = duration_or_default("--token-ttl", text)?;
        set("token_ttl_seconds", json!(lifetime.map(Lifetime::seconds)));
    }
    if let Some(text) = &args.signing_alg {
        set("signing_alg", json!(algorithm_or_default(text)?.map(Algorithm::as_str)));
    }
    if let Some(typ) = args.token_typ.as_deref().map(TokenTyp::parse).transpose()? {
        set("token_typ", json!(typ));
    }
    Ok(patch)
}

/// Asks for confirmation before scopes that clients hold are removed.
async fn confirm_removal(
    api: &Api,
    id: &ResourceId,
    removed: &[&ScopeName],
    yes: bool,
) -> Result<(), CliError> {
    if removed.is_empty() {
        return Ok(());
    }
    let has_one = |grant: &GrantObject| {
        let has =
            |name: &str| grant.scopes.as_ref().is_none_or(|all| all.iter().any(|it| it == name));
        removed.iter().any(|name| has(name.as_str()))
    };
    let losses = Holders::read(api, id, has_one).await?.of_scopes(id, removed);
    if losses.is_empty() {
        return Ok(());
    }
    output::confirmation::confirm("Remove the scopes, also from grants?", &losses, yes)
}

async fn delete(global: &Global, args: &DeleteArgs) -> Result<(), CliError> {
    let id = ResourceId::parse(&args.uri)?;
    let api = Api::open(global, ApiUse::Change).await?;
    let place = path(&["resources", id.as_str()]);
    api.send(&ApiRequest::get(place.clone())).await?;
    let holders = Holders::read(&api, &id, |_| true).await?;
    let losses = holders.of_resource(&id);
    output::confirmation::confirm(
        &format!("Delete {id} and every grant for it?"),
        &losses,
        args.yes,
    )?;
    api.send(&ApiRequest::delete(place)).await?;
    let grants = holders.count();
    let value = json!({ "resource": id, "deleted": true, "grants_revoked": grants });
    let rows = [("deleted", id.to_string()), ("grants revoked", grants.to_string())];
    output::one(global.output, id.as_str(), &value, &rows)
}

/// Warns of the check that verifiers lose with this `typ`.
fn warn_of_typ(typ: TokenTyp) {
    if typ == TokenTyp::Jwt {
        output::hint(
            "warning: with typ JWT the type check of RFC 9068 is lost. A verifier of this \
             resource can no longer distinguish access tokens from other JWTs of this issuer by \
             type. It must check iss, aud, exp and client_id.",
        );
    }
}

fn algorithm_or_default(text: &str) -> Result<Option<Algorithm>, CliError> {
    if text == "default" { Ok(None) } else { Ok(Some(Algorithm::parse(text)?)) }
}

/// Tells the time from which tokens use the algorithm of a resource, if none do yet.
fn print_signing_start(resource: &ResourceObject) {
    let Some(pending) = &resource.signing_alg_pending else { return };
    match pending.signs_from {
        Some(first) => output::hint(&format!(
            "Its first key is published now and signs from {first} on (keys.publish_before), so \
             that every verifier knows it by then; until then its tokens are signed as before."
        )),
        None => output::hint("Its key is made at the next start of the server."),
    }
}

/// Describes the verifiers that need an algorithm, and those that do not support it.
fn describe_verifiers(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Es256 => {
            "ES256: every current library supports it. Some gateways support only RSA (AWS load \
             balancers and API Gateway, Spring Boot with only jwk-set-uri): those need RS256."
        }
        Algorithm::Rs256 => {
            "RS256: for verifiers that support only RSA, or assume it: AWS load balancers and API \
             Gateway, Spring Boot with only jwk-set-uri, go-oidc and ASP.NET Core set-ups with a \
             fixed list. Every verifier supports it. Signing costs ten times as much as ES256, and \
             a token is longer."
        }
        Algorithm::Ps256 => {
            "PS256: for APIs whose rules require it (FAPI 2.0 allows PS256, ES256 and EdDSA). AWS \
             does not support it. Signing costs ten times as much as ES256."
        }
        Algorithm::EdDsa => {
            "EdDSA (Ed25519): the fastest to sign. The Kubernetes API, AWS and ASP.NET Core do not \
             support it; python-jose 3.5 and node-jose 2.2 then reject the whole key set, also for \
             tokens of other resources."
        }
    }
}

fn offered(texts: &[String]) -> Result<Vec<ResourceScope>, CliError> {
    Ok(texts.iter().map(|text| ResourceScope::parse(text)).collect::<Result<_, _>>()?)
}
