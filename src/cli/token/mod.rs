//! `tokend token`: issues, reads, verifies and revokes tokens.

mod text;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use crate::admin::{AdminError, AdminErrorCode};
use crate::cli::api::{Api, ApiRequest, ApiUse, Failure, Object, path};
use crate::cli::error::CliError;
use crate::cli::error::codes::CliErrorCode;
use crate::cli::output::{self, Format};
use crate::cli::remedies::command::CommandRemedy;
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::token::text::token_text;
use crate::cli::{Global, client};
use crate::jose::jwt::{self, AccessTokenClaims};
use crate::model::time::Timestamp;
use crate::model::token::TokenId;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Issue a token in the name of a client; the audit log records it
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
    /// The client that the token was issued to, by its id or its unique name; required with a jti
    /// and --server
    #[arg(long, value_name = "ID")]
    client: Option<String>,
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
    /// Issue a test token: it expires after at most five minutes and has the claim `test`
    #[arg(long)]
    test: bool,
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
    let mut api = Api::open(global, ApiUse::Change).await?;
    let id = client::reference::find(&api, &args.client).await?;
    api.prepare_to_issue(global, &id).await?;
    let scopes = Some(&args.scopes).filter(|scopes| !scopes.is_empty());
    let mut body = json!({ "client_id": id, "resource": args.resource, "scopes": scopes });
    if args.test {
        body["test"] = json!(true);
    }
    let issued = api.send(&ApiRequest::post(path(&["tokens"]), body)).await?;
    match global.output {
        format @ (Format::Json | Format::Jsonl) => output::object(format, &issued),
        Format::Table | Format::Id => {
            output::line(issued["access_token"].as_str().unwrap_or_default())
        }
    }
}

async fn show_preview(global: &Global, args: &PreviewArgs) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Change).await?;
    let id = client::reference::find(&api, &args.client).await?;
    let scope = Some(args.scopes.join(" ")).filter(|scope| !scope.is_empty());
    let body = json!({ "resource": args.resource, "scope": scope });
    let place = path(&["clients", &id, "token-preview"]);
    let claims = api.send(&ApiRequest::post(place, body)).await?;
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

/// The response to the verification of a token.
#[derive(Deserialize)]
struct Verification {
    valid: bool,
    #[serde(default)]
    code: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    algorithm: String,
    #[serde(default)]
    kid: String,
    #[serde(default)]
    issuer_checked: bool,
    claims: Option<AccessTokenClaims>,
}

async fn verify(global: &Global, args: &TokenArgs) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Read).await?;
    let body = json!({ "token": token_text(&args.token)? });
    let request = ApiRequest::post(path(&["tokens", "verify"]), body);
    let found: Object<Verification> = api.read(&request).await?;
    let Verification { valid, code, reason, algorithm, kid, issuer_checked, claims } = found.object;
    let Some(claims) = claims.filter(|_| valid) else {
        return Err(not_valid(&code, &reason));
    };
    let issuer = if issuer_checked {
        claims.iss.clone()
    } else {
        format!(
            "{}   (issuer not checked: `issuer` is not set, and no server has started yet)",
            claims.iss
        )
    };
    let now = api.now();
    let rows = [
        ("valid", format!("signature {algorithm}, key {kid}, time checks pass")),
        ("issuer", issuer),
        ("client", claims.client_id.clone()),
        ("audience", claims.aud.clone()),
        ("scope", claims.scope.clone().unwrap_or_default()),
        ("issued", output::time(Timestamp(claims.iat), now)),
        ("expires", output::time(Timestamp(claims.exp), now)),
        ("jti", claims.jti.clone()),
    ];
    output::one(global.output, &claims.jti, &found.json, &rows)
}

/// Returns the error for an invalid token from the code and the reason of the API.
fn not_valid(code: &str, reason: &str) -> CliError {
    let text = format!("the token is not valid: {reason}");
    let error =
        CliError::with_codes(CliErrorCode::NotValid, Some(AdminErrorCode::TokenInvalid), text);
    match code {
        "unknown_key" => error.with_remedy(CommandRemedy::CompareSigningKeys),
        "wrong_issuer" => error.with_remedy(CommandRemedy::CompareIssuer),
        _ => error,
    }
}

/// The response to the revocation of a token.
#[derive(Deserialize)]
struct RevokedToken {
    jti: String,
    kept_until: String,
}

async fn revoke(global: &Global, args: RevokeArgs) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Change).await?;
    let body = if args.jti == "-" {
        json!({ "token": token_text(&args.jti)? })
    } else {
        let jti = TokenId::parse(&args.jti)?;
        json!({ "jti": jti, "client_id": client_of_jti(&api, args.client.as_deref()).await? })
    };
    let request = ApiRequest::post(path(&["tokens", "revoke"]), body);
    let revoked: Object<RevokedToken> = match api.read(&request).await {
        Err(Failure::Operation(AdminError::TokenInvalid(problem))) => {
            return Err(not_valid(problem.code(), &problem.to_string()));
        }
        answer => answer?,
    };
    let RevokedToken { jti, kept_until } = revoked.object;
    let kept_until = output::time(Timestamp::parse(&kept_until)?, api.now());
    let mut value = revoked.json;
    value["revoked"] = json!(true);
    let rows = [("revoked", jti.clone()), ("kept until", kept_until)];
    output::one(global.output, &jti, &value, &rows)
}

/// Returns the client that a token was issued to, which a server needs in addition to the `jti`.
/// The operator of the database may omit it.
async fn client_of_jti(api: &Api, client: Option<&str>) -> Result<Option<String>, CliError> {
    match client {
        Some(client) => client::reference::find(api, client).await.map(Some),
        None if api.is_remote() => Err(CliError::usage(
            "--client is missing: a server revokes a jti of a client, or a token from standard \
             input",
        )),
        None => Ok(None),
    }
}
