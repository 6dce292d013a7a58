//! `tokend token`: make, read and check tokens.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::admin::revocation::{self, RevocationTarget};
use crate::admin::token::{self as admin_token, InvalidToken, VerifiedToken};
use crate::admin::{AdminError, ObjectKind};
use crate::cli::api::{Api, ApiRequest, Purpose, path};
use crate::cli::error::CliError;
use crate::cli::output::{self, Format};
use crate::cli::remedies::command::CommandRemedy;
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::token_text::token_text;
use crate::cli::{Global, client_reference, principal};
use crate::jose::jwt::{self, TokenError};
use crate::model::time::Timestamp;
use crate::model::token::TokenId;
use crate::oauth::token::preview::{self, PreviewError};
use crate::oauth::token::request::RequestedAccess;
use crate::services::StartError;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Issue a token in the name of a client; an event in the audit log says so
    Issue(IssueArgs),
    /// Show the claims that the next token of a client would have, without issuing it
    Preview(PreviewArgs),
    /// Show the claims of a token, without checking it
    Inspect(TokenArgs),
    /// Verify a token: exit code 0 if it is valid, 8 if not
    Verify(TokenArgs),
    /// Revoke a token before it expires, on every instance within two seconds
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The token's jti, or - to read the token itself from standard input
    #[arg(allow_hyphen_values = true)]
    jti: String,
}

#[derive(Debug, Args)]
pub(crate) struct IssueArgs {
    /// The client's id, or its name if the name is unique
    #[arg(long, value_name = "ID")]
    client: String,
    /// The resource; may be omitted if only one is possible
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// A scope; may be repeated; every granted scope if omitted
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    /// The client's id, or its name if the name is unique
    client: String,
    /// The resource; may be omitted if only one is possible
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// A scope; may be repeated; every granted scope if omitted
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// The token; - reads it, or the whole response of the token endpoint, from standard input
    #[arg(default_value = "-")]
    token: String,
}

/// Runs `tokend token`.
pub(crate) async fn run(global: &Global, command: TokenCommand) -> Result<(), CliError> {
    match command {
        TokenCommand::Issue(args) => issue(global, &args).await,
        TokenCommand::Preview(args) => show_preview(global, &args).await,
        TokenCommand::Inspect(args) => inspect(global, &args),
        TokenCommand::Verify(args) => verify(global, &args).await,
        TokenCommand::Revoke(args) => revoke(global, args).await,
    }
}

async fn issue(global: &Global, args: &IssueArgs) -> Result<(), CliError> {
    let mut api = Api::open(global, Purpose::Change).await?;
    let id = client_reference::find(&api, &args.client).await?;
    api.prepare_to_issue(global, &id).await?;
    let scopes = Some(&args.scopes).filter(|scopes| !scopes.is_empty());
    let body = json!({ "client_id": id, "resource": args.resource, "scopes": scopes });
    let issued = api.send(&ApiRequest::post(path(&["tokens"]), body)).await?;
    match global.output {
        format @ (Format::Json | Format::Jsonl) => output::object(format, &issued),
        Format::Table | Format::Id => {
            output::line(issued["access_token"].as_str().unwrap_or_default())
        }
    }
}

/// What the options of a command request.
fn requested(resource: Option<&str>, scopes: &[String]) -> RequestedAccess {
    RequestedAccess {
        resources: resource.into_iter().map(str::to_owned).collect(),
        scope: Some(scopes.join(" ")).filter(|scope| !scope.is_empty()),
    }
}

async fn show_preview(global: &Global, args: &PreviewArgs) -> Result<(), CliError> {
    let services = global.services().await?;
    let id = client_reference::resolve(&services.store, &args.client).await?;
    let requested = requested(args.resource.as_deref(), &args.scopes);
    let previewed = preview::preview(&services, &id, &requested).await;
    let claims = previewed.map_err(|error| match error {
        PreviewError::NoClient(id) => AdminError::not_found(ObjectKind::Client, id).into(),
        PreviewError::Refused(reason) => CliError::from(AdminError::TokenRefused(reason)),
        PreviewError::IssuerMissing => AdminError::IssuerMissing.into(),
        PreviewError::Load(error) => StartError::from(error).into(),
    })?;
    match global.output {
        format @ (Format::Json | Format::Jsonl) => output::object(format, &claims),
        Format::Table | Format::Id => output::json(&claims),
    }
}

fn inspect(global: &Global, args: &TokenArgs) -> Result<(), CliError> {
    let token = token_text(&args.token)?;
    let (header, claims) =
        jwt::read_unchecked(&token).map_err(|error| CliError::not_valid(error.to_string()))?;
    match global.output {
        format @ (Format::Json | Format::Jsonl) => {
            output::object(format, &json!({ "header": header, "claims": claims }))
        }
        Format::Table | Format::Id => {
            output::hint(&format!(
                "not checked: this is what the token says of itself (check: {})",
                CommandLine::VerifyToken
            ));
            output::json(&header)?;
            output::json(&claims)
        }
    }
}

async fn verify(global: &Global, args: &TokenArgs) -> Result<(), CliError> {
    let reader = global.reader().await?;
    let now = reader.clock.now();
    let text = token_text(&args.token)?;
    let verified = admin_token::verify(&reader.store, &reader.config, now, &text).await;
    let VerifiedToken { token: verified, is_issuer_checked } = verified.map_err(rejected)?;
    let claims = &verified.claims;
    let value = json!({
        "valid": true, "algorithm": verified.algorithm, "kid": verified.kid,
        "issuer_checked": is_issuer_checked, "claims": claims,
    });
    let issuer = if is_issuer_checked {
        claims.iss.clone()
    } else {
        format!(
            "{}   (issuer not checked: `issuer` is not set, and no server has started yet)",
            claims.iss
        )
    };
    let rows = [
        (
            "valid",
            format!("signature {}, key {}, time checks pass", verified.algorithm, verified.kid),
        ),
        ("issuer", issuer),
        ("client", claims.client_id.clone()),
        ("audience", claims.aud.clone()),
        ("scope", claims.scope.clone().unwrap_or_default()),
        ("issued", output::time(Timestamp(claims.iat), now)),
        ("expires", output::time(Timestamp(claims.exp), now)),
        ("jti", claims.jti.clone()),
    ];
    output::one(global.output, &claims.jti, &value, &rows)
}

async fn revoke(global: &Global, args: RevokeArgs) -> Result<(), CliError> {
    let services = global.services().await?;
    let now = services.clock.now();
    let token = if args.jti == "-" {
        let token = token_text(&args.jti)?;
        let verified =
            admin_token::verify_signature(&services.store, &services.config, now, &token).await;
        RevocationTarget::of_claims(&verified.map_err(rejected)?.token.claims)?
    } else {
        RevocationTarget::Id(TokenId::parse(&args.jti)?)
    };
    let revoked = revocation::revoke_token(&services, &principal(), token).await?;
    let jti = &revoked.jti;
    let value = json!({ "jti": jti, "revoked": true, "kept_until": revoked.expires_at });
    let rows =
        [("revoked", jti.to_string()), ("kept until", output::time(revoked.expires_at, now))];
    output::one(global.output, jti.as_str(), &value, &rows)
}

/// Says how to fix what made a token invalid, if that is known.
fn rejected(error: AdminError) -> CliError {
    let remedy = match &error {
        AdminError::TokenInvalid(InvalidToken::Token(TokenError::UnknownKey(_))) => {
            CommandRemedy::CompareSigningKeys
        }
        AdminError::TokenInvalid(InvalidToken::Token(TokenError::WrongIssuer(_))) => {
            CommandRemedy::CompareIssuer
        }
        _ => return error.into(),
    };
    CliError::from(error).with_remedy(remedy)
}
