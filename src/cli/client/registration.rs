//! `tokend client create` and `update`: registers and changes clients.

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::api::{Api, ApiRequest, ApiUse, Object, path};
use crate::cli::arguments::duration::{duration, duration_or_default};
use crate::cli::arguments::facts::{AdminOfArgs, AdminOfUpdateArgs, FactsArgs, FactsUpdateArgs};
use crate::cli::client::change::Before;
use crate::cli::client::claims::{ClaimsArgs, NewClaimsArgs};
use crate::cli::client::identity::{Identity, IdentityArgs, encoded_for_basic};
use crate::cli::client::keys::KeyArgs;
use crate::cli::client::secret::{NewSecretArgs, RequestedSecret};
use crate::cli::client::{access, reference, view};
use crate::cli::error::CliError;
use crate::cli::output::objects::client::ClientObject;
use crate::cli::output::{self, Format, ShownSecret};
use crate::cli::remedies::command::ArgumentRemedy;
use crate::cli::secret_file::destination::Render;
use crate::cli::secret_file::new_secret::SecretRequest;
use crate::cli::secret_file::{self, ExistingFile};
use crate::cli::{Global, resource};
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{AuthenticationMethod, ClientId, ClientName, GrantType};
use crate::model::grant::{Grant, GrantedScopes};
use crate::model::leak_policy::LeakPolicy;
use crate::model::rate::RateLimit;
use crate::model::security::{ClientSecurity, KeySource, TlsSubject};
use crate::model::time::{Clock, Lifetime};

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
    /// A method by which it may authenticate; may be repeated; the methods that use a secret if
    /// omitted
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
    /// What to do with a secret of the client that is reported as leaked; report if omitted
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
    /// What to do from now on with a secret of the client that is reported as leaked
    #[arg(long, value_name = "POLICY")]
    leak_policy: Option<String>,
    #[command(flatten)]
    claims: ClaimsArgs,
    #[command(flatten)]
    admin_of: AdminOfUpdateArgs,
}

/// Runs `tokend client create`.
pub(in crate::cli) async fn create(global: &Global, args: CreateArgs) -> Result<(), CliError> {
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
    let identity = args.identity.identity()?;
    let secret = args.secret.parse()?;
    let has_secret = auth_methods.is_empty()
        || AuthenticationMethod::BY_SECRET.iter().any(|method| auth_methods.contains(method));
    let is_generated = has_secret && secret.is_generated();
    let body = body(&args, &identity, &auth_methods, keys, &secret)?;
    let (id, file) = (identity.client_id, args.secret.secret_file.as_deref());
    let request = ApiRequest::post(path(&["clients"]), body);
    if is_generated {
        secret_file::destination::check_format(global.output, file)?;
    }
    let api = Api::open(global, ApiUse::Change).await?;
    let made = if is_generated {
        let (client, existing) = (id.as_ref().map(ClientId::as_str), ExistingFile::Reject);
        let wanted = SecretRequest { request, client, file, existing };
        let render = render(global.output, file, id.is_none());
        Object::of(secret_file::new_secret::make(&api, wanted, render).await?)?
    } else {
        let made: Object<ClientObject> = api.read(&request).await?;
        view::print(global, &made, api.now())?;
        made
    };
    let made: Object<ClientObject> = made;
    if let Some(encoded) = encoded_for_basic(&made.object.client_id).filter(|_| is_generated) {
        output::hint(&format!(
            "note: in HTTP Basic this id is form-encoded: curl -u '{encoded}:SECRET'"
        ));
    }
    resource::clients::warn_of_introspection(&api, &made.object).await
}

/// Builds the body of the request that registers a client.
fn body(
    args: &CreateArgs,
    identity: &Identity,
    auth_methods: &[AuthenticationMethod],
    keys: Option<KeySource>,
    secret: &RequestedSecret,
) -> Result<Value, CliError> {
    let security = ClientSecurity {
        keys,
        dpop_bound: args.dpop_bound,
        tls_subject: args.tls_subject.as_deref().map(TlsSubject::parse).transpose()?,
        certificate_bound: args.certificate_bound,
        networks: access::networks_or_any(&args.networks)?.unwrap_or_default(),
        assertion_audiences: audiences_or_none(&args.assertion_audiences)?.unwrap_or_default(),
    };
    let lifetime = args.token_ttl.as_deref().map(|text| duration("--token-ttl", text));
    let rate = args.token_rate.as_deref().map(rate).transpose()?;
    let grants = access::grants(&args.grants, args.admin.as_deref())?;
    let mut body = json!(security);
    add_members(&mut body, json!(args.facts.facts()?));
    add_members(
        &mut body,
        json!({
            "client_id": identity.client_id,
            "name": identity.name,
            "auth_methods": auth_methods,
            "grant_types": grant_types(&args.grant_types)?,
            "token_ttl_seconds": lifetime.transpose()?.map(Lifetime::seconds),
            "token_rate": rate,
            "grants": grants.iter().map(grant).collect::<Vec<_>>(),
            "claims": args.claims.claims()?,
            "admin_of": args.admin_of.owners()?,
            "leak_policy": leak_policy(args.leak_policy.as_deref())?,
            "secret": secret.body(),
        }),
    );
    // Members without a value are omitted, so that the server applies its defaults.
    if let Some(members) = body.as_object_mut() {
        members.retain(|name, value| !is_empty(name, value));
    }
    Ok(body)
}

fn add_members(body: &mut Value, more: Value) {
    if let (Some(members), Value::Object(more)) = (body.as_object_mut(), more) {
        members.extend(more);
    }
}

/// True for a member without a value. An empty `admin_of` is a value: it means no owner.
fn is_empty(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty() && name != "admin_of",
        _ => false,
    }
}

/// Converts a grant for the API, where `scopes` is `null` for all scopes.
fn grant(grant: &Grant) -> Value {
    let scopes = match &grant.scopes {
        GrantedScopes::All => Value::Null,
        GrantedScopes::Only(scopes) => json!(scopes),
    };
    json!({ "resource": grant.resource, "scopes": scopes })
}

/// Returns the function that prints a new client.
fn render(format: Format, file: Option<&Path>, is_generated: bool) -> Render {
    let file = file.map(Path::to_owned);
    Box::new(move |answer| {
        let made: Object<ClientObject> = Object::of(answer.clone())?;
        let client = &made.object;
        if is_generated {
            output::hint(&format!("note: the generated id is {}", client.client_id));
        }
        let shown = ShownSecret::of(answer, file.as_deref())?;
        let mut rows = view::rows_of(client, Clock::System.now());
        rows.insert(1, shown.row());
        output::render(format, &client.client_id, &shown.json(answer), &rows)
    })
}

/// Runs `tokend client update`.
pub(in crate::cli) async fn update(global: &Global, args: &UpdateArgs) -> Result<(), CliError> {
    let mut patch = patch(args)?;
    let api = Api::open(global, ApiUse::Change).await?;
    let id = reference::find(&api, &args.id).await?;
    let before = Before::read(&api, &id).await?;
    if let Some(claims) = args.claims.patch(before.claims())? {
        patch["claims"] = claims;
    }
    let request = ApiRequest::patch(path(&["clients", &id]), patch);
    let changed: Object<ClientObject> = api.read(&request).await?;
    before.compare(changed.json.clone());
    view::print(global, &changed, api.now())
}

/// Builds the merge patch of the options, without claims. `null` restores the default of a member.
fn patch(args: &UpdateArgs) -> Result<Value, CliError> {
    let (methods, types) = (methods(&args.auth_methods)?, grant_types(&args.grant_types)?);
    let mut patch = args.facts.patch()?;
    let mut set = |name: &str, value: Value| patch[name] = value;
    if let Some(name) = args.name.as_deref().map(ClientName::parse).transpose()? {
        set("name", json!(name));
    }
    if !methods.is_empty() {
        set("auth_methods", json!(methods));
    }
    if !types.is_empty() {
        set("grant_types", json!(types));
    }
    if let Some(text) = &args.token_ttl {
        let lifetime = duration_or_default("--token-ttl", text)?;
        set("token_ttl_seconds", json!(lifetime.map(Lifetime::seconds)));
    }
    if let Some(text) = &args.token_rate {
        set("token_rate", json!(rate_or_default(text)?));
    }
    if let Some(is_bound) = args.dpop_bound {
        set("dpop_bound_access_tokens", json!(is_bound));
    }
    if let Some(is_bound) = args.certificate_bound {
        set("tls_client_certificate_bound_access_tokens", json!(is_bound));
    }
    if let Some(subject) = args.tls_subject.as_deref().map(TlsSubject::parse).transpose()? {
        let subject = ClientSecurity { tls_subject: Some(subject), ..ClientSecurity::default() };
        for (name, value) in json!(subject).as_object().into_iter().flatten() {
            set(name, value.clone());
        }
    }
    if let Some(networks) = access::networks_or_any(&args.networks)? {
        set("networks", json!(networks));
    }
    if let Some(audiences) = audiences_or_none(&args.assertion_audiences)? {
        set("assertion_audiences", json!(audiences));
    }
    if let Some(policy) = leak_policy(args.leak_policy.as_deref())? {
        set("leak_policy", json!(policy));
    }
    if args.admin_of.is_given() {
        set("admin_of", json!(args.admin_of.owners()?));
    }
    Ok(patch)
}

fn leak_policy(text: Option<&str>) -> Result<Option<LeakPolicy>, CliError> {
    Ok(text.map(LeakPolicy::parse).transpose()?)
}

/// Parses a rate; `None` for `default`, which removes the client's own rate.
fn rate_or_default(text: &str) -> Result<Option<RateLimit>, CliError> {
    if text == "default" { Ok(None) } else { rate(text).map(Some) }
}

/// Parses a rate. An error names the option and quotes the text.
fn rate(text: &str) -> Result<RateLimit, CliError> {
    RateLimit::parse(text)
        .map_err(|malformed| CliError::usage(format!("--token-rate: '{text}' {malformed}")))
}

/// Parses the audiences of an option, or `none`; `None` if the option is not given.
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
