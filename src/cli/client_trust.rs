//! `tokend client trust`: foreign issuers whose tokens authenticate a client.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use crate::admin::client;
use crate::admin::trust::{self, NewTrust};
use crate::cli::client::IdArgs;
use crate::cli::client_keys::KeyArgs;
use crate::cli::error::CliError;
use crate::cli::remedies::command::CommandRemedy;
use crate::cli::remedies::command_line::CommandLine;
use crate::cli::{Global, client_reference, input, output, principal, spiffe_trust, trust_notes};
use crate::jose::assertion::{ISSUER_ALGS, SignatureChecks, UnverifiedAssertion};
use crate::jose::external_jwks::ExternalJwks;
use crate::model::claim_pattern::Pattern;
use crate::model::client::{ClientId, ClientState, JWT_SPIFFE, Registration};
use crate::model::security::KeySource;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::time::Timestamp;
use crate::model::trust::{FederatedCredential, ForeignIssuer, TrustId};
use crate::oauth::client_authentication::federation::{mismatch, untimely};
use crate::oauth::client_authentication::subject_form;
use crate::remote_keys::fetch::Fetcher;
use crate::remote_keys::{RemoteSource, fetch_keys};
use crate::services::StartError;

/// How long the check of an issuer may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest token that is read, in bytes.
const MAX_TOKEN_BYTES: u64 = 64 << 10;

#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Let tokens of a foreign issuer, or of a SPIFFE trust domain, authenticate a client
    Add(AddArgs),
    /// List the trusts of a client
    List(IdArgs),
    /// Remove a trust from a client
    Remove(RemoveArgs),
    /// Read a token from standard input and show which trust accepts it, or which claim differs
    Test(IdArgs),
}

#[derive(Debug, Args)]
#[command(
    mut_arg("jwks", |argument| argument.help("A file with the issuer's public keys, a JWK or a JWK set; - for standard input")),
    mut_arg("certificate", |argument| argument.help("A file with the issuer's certificate (PEM), whose key signs its tokens")),
    mut_arg("jwks_uri", |argument| argument.help("An https URL of the issuer's key set; found by discovery if omitted")),
)]
pub(crate) struct AddArgs {
    /// The client's id, or its name if the name is unique
    id: String,
    /// The issuer: exactly the `iss` claim of its tokens
    #[arg(long, value_name = "URL", required_unless_present = "trust_domain")]
    issuer: Option<String>,
    /// A SPIFFE trust domain, such as acme.example, instead of an issuer. Its JWT-SVIDs
    /// authenticate the client with the assertion type jwt-spiffe; their `aud` is this server's
    /// issuer
    #[arg(
        long,
        value_name = "NAME",
        requires_all = ["bundle_endpoint", "subject"],
        conflicts_with_all = ["issuer", "claims", "audience", "jwks", "jwks_uri", "certificate"],
    )]
    trust_domain: Option<String>,
    /// The https URL of the bundle of the trust domain (profile `https_web`)
    #[arg(long, value_name = "URL", requires = "trust_domain")]
    bundle_endpoint: Option<String>,
    /// Pattern of the `sub` claim; a * stands for a whole segment after the owner. GitHub adds
    /// the ids of owner and repository, each after an @, for repositories created, renamed or
    /// transferred since 2026-07-15. With a trust domain: a SPIFFE ID, or a path prefix that ends
    /// with /* and matches every ID below it
    #[arg(long, value_name = "PATTERN")]
    subject: Option<String>,
    /// Pattern of another claim; may be repeated. A JSON pointer names a claim within a claim, such
    /// as /kubernetes.io/namespace
    #[arg(long = "claim", value_name = "CLAIM=PATTERN")]
    claims: Vec<String>,
    /// A value of the `aud` claim; this server's issuer if omitted
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,
    #[command(flatten)]
    keys: KeyArgs,
    /// Do not fetch the issuer's key set now to check it
    #[arg(long)]
    no_check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// The client's id, or its name if the name is unique
    id: String,
    /// The identifier of the trust
    trust: String,
}

/// Runs `tokend client trust`.
pub(crate) async fn run(global: &Global, command: TrustCommand) -> Result<(), CliError> {
    match command {
        TrustCommand::Add(args) => Box::pin(add(global, args)).await,
        TrustCommand::List(args) => {
            let reader = global.reader().await?;
            let id = client_reference::resolve(&reader.store, &args.id).await?;
            let found = client::show(&reader.store, &principal(), &id).await?;
            print(global, &shown(&found))
        }
        TrustCommand::Remove(args) => {
            let trust_id = TrustId::parse(&args.trust)?;
            let services = global.services().await?;
            let id = client_reference::resolve(&services.store, &args.id).await?;
            trust::remove(&services, &principal(), &id, &trust_id).await?;
            let value = json!({ "client_id": id, "trust_id": trust_id, "removed": true });
            let rows = [("client", id.to_string()), ("removed", trust_id.to_string())];
            output::one(global.output, trust_id.as_str(), &value, &rows)
        }
        TrustCommand::Test(args) => test(global, &args.id).await,
    }
}

async fn add(global: &Global, args: AddArgs) -> Result<(), CliError> {
    let services = global.services().await?;
    let id = client_reference::resolve(&services.store, &args.id).await?;
    if let (Some(domain), Some(endpoint), Some(subject)) =
        (&args.trust_domain, &args.bundle_endpoint, &args.subject)
    {
        let wanted = (domain.as_str(), endpoint.as_str(), subject.as_str());
        let made = spiffe_trust::add(&services, &id, wanted, !args.no_check).await?;
        return print(global, &[Shown::Spiffe(&made)]);
    }
    let issuer = args.issuer.unwrap_or_default();
    let mut conditions = BTreeMap::new();
    if let Some(subject) = &args.subject {
        conditions.insert("sub".to_owned(), Pattern::parse("sub", subject)?);
    }
    for text in &args.claims {
        let (claim, pattern) = text.split_once('=').ok_or_else(|| {
            CliError::usage(format!("'{text}' is not CLAIM=PATTERN, such as repository_id=1234"))
        })?;
        if conditions.insert(claim.to_owned(), Pattern::parse(claim, pattern)?).is_some() {
            return Err(CliError::usage(format!("there are two conditions for {claim}")));
        }
    }
    let notes = trust_notes::of_patterns(&issuer, &conditions);
    let new = NewTrust {
        issuer: ForeignIssuer::parse(&issuer)?,
        keys: args.keys.source()?,
        audience: args.audience,
        conditions,
    };
    let made = trust::add(&services, &principal(), &id, new).await?;
    for note in notes {
        output::hint(&note);
    }
    if !args.no_check {
        try_issuer(&services.fetcher, &made).await;
    }
    print(global, &[Shown::Issuer(&made)])
}

/// A trust of either kind as it is shown.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Issuer(&'a FederatedCredential),
    Spiffe(&'a SpiffeTrust),
}

/// Every trust of a client.
fn shown(found: &Registration) -> Vec<Shown<'_>> {
    let in_issuers = found.trusts.iter().map(Shown::Issuer);
    in_issuers.chain(found.spiffe_trusts.iter().map(Shown::Spiffe)).collect()
}

/// Fetches the issuer's key set once, and says what came of it. The trust is there in any case: an
/// issuer may come later, and the server tries again by itself.
async fn try_issuer(fetcher: &Fetcher, trust: &FederatedCredential) {
    let source = match &trust.keys {
        Some(KeySource::Inline(_)) => return,
        Some(KeySource::Remote(uri)) => RemoteSource::KeySet(uri.clone()),
        None => RemoteSource::Discovered(trust.issuer.clone()),
    };
    let fetching = fetch_keys(fetcher, &source);
    let outcome = tokio::time::timeout(CHECK_TIMEOUT, fetching).await;
    let issuer = &trust.issuer;
    match outcome {
        Ok(Ok(keys)) => output::hint(&format!(
            "checked: the key set of {issuer} was fetched, with {} usable keys",
            keys.names().len()
        )),
        Ok(Err(problem)) => warn_unfetched(issuer, &problem),
        Err(_) => warn_unfetched(issuer, &format!("no answer within {CHECK_TIMEOUT:?}")),
    }
}

fn warn_unfetched(issuer: &ForeignIssuer, problem: &str) {
    output::hint(&format!(
        "warning: the key set of {issuer} cannot be fetched from here: {problem}. The trust is \
         added; no token meets it until the server can fetch the key set."
    ));
}

fn print(global: &Global, trusts: &[Shown<'_>]) -> Result<(), CliError> {
    output::many(
        global.output,
        trusts,
        &["TRUST", "ISSUER", "KEYS", "AUDIENCE", "CONDITIONS"],
        Shown::columns,
    )
}

impl Shown<'_> {
    fn columns(&self) -> Vec<String> {
        let trust = match self {
            Self::Issuer(trust) => trust,
            Self::Spiffe(trust) => {
                let source = &trust.source;
                return vec![
                    trust.trust_id.to_string(),
                    format!("spiffe://{}", source.trust_domain()),
                    source.bundle_endpoint().to_string(),
                    "this issuer".to_owned(),
                    format!("sub={}", source.subject()),
                ];
            }
        };
        let keys = match &trust.keys {
            None => "discovered".to_owned(),
            Some(KeySource::Remote(uri)) => uri.to_string(),
            Some(KeySource::Inline(_)) => "registered".to_owned(),
        };
        let conditions: Vec<_> = trust
            .conditions
            .iter()
            .map(|(claim, pattern)| format!("{claim}={}", pattern.as_str()))
            .collect();
        vec![
            trust.trust_id.to_string(),
            trust.issuer.to_string(),
            keys,
            trust.audience.clone(),
            conditions.join(" "),
        ]
    }
}

async fn test(global: &Global, id: &str) -> Result<(), CliError> {
    let reader = global.reader().await?;
    let fetcher = Fetcher::new(&reader.config.fetch).map_err(StartError::from)?;
    let id = client_reference::resolve(&reader.store, id).await?;
    let found = client::show(&reader.store, &principal(), &id).await?;
    let text = input::read("a token", MAX_TOKEN_BYTES)
        .map_err(|error| CliError::not_valid(format!("cannot read a token: {error}")))?;
    let token = text.trim();
    let assertion = UnverifiedAssertion::parse(token)
        .map_err(|error| CliError::not_valid(format!("standard input: {error}")))?;
    if found.client.state == ClientState::Disabled {
        return Err(CliError::not_valid(format!(
            "client {id} is disabled: no token authenticates it"
        ))
        .with_remedy(CommandRemedy::EnableClient { client: id }));
    }
    let (mut problems, mut remedy) = (Vec::new(), None);
    for trust in &found.trusts {
        let note = mismatch(trust, assertion.unverified_claims())
            .and_then(|found| subject_form::note(id.as_str(), trust, &found));
        match judge(&fetcher, trust, &assertion, reader.clock.now()).await {
            None => {
                let value = json!({ "client_id": id, "trust_id": trust.trust_id, "matches": true });
                let rows = [
                    ("matches", trust.trust_id.to_string()),
                    ("client", id.to_string()),
                    ("issuer", trust.issuer.to_string()),
                ];
                return output::one(global.output, trust.trust_id.as_str(), &value, &rows);
            }
            Some(problem) => {
                let mut line = format!("trust {}: {problem}", trust.trust_id);
                if let Some(note) = note {
                    line = format!("{line}\n    {}", note.reason);
                    remedy = remedy.or(Some(note.remedy));
                }
                problems.push(line);
            }
        }
    }
    match spiffe_trust::judge(&reader, &fetcher, &found, &assertion).await? {
        Ok(trust) => return print_match(global, &id, trust),
        Err(others) => {
            remedy = remedy.or_else(|| others.first().map(|(_, fix)| fix.clone()));
            problems.extend(others.into_iter().map(|(line, _)| line));
        }
    }
    if problems.is_empty() {
        problems.push(format!("the client has no trust; make one: {}", CommandLine::AddTrust));
    }
    let error = CliError::not_valid(format!(
        "the token meets no trust of {id}\n  {}",
        problems.join("\n  ")
    ));
    Err(match remedy {
        Some(remedy) => error.with_remedy(CommandRemedy::OfRejection { remedy, client: id }),
        None => error,
    })
}

/// Prints the trust in a trust domain that a JWT-SVID meets.
fn print_match(global: &Global, id: &ClientId, trust: &SpiffeTrust) -> Result<(), CliError> {
    let trust_id = &trust.trust_id;
    let value = json!({
        "client_id": id, "trust_id": trust_id, "matches": true, "client_assertion_type": JWT_SPIFFE,
    });
    let rows = [
        ("matches", trust_id.to_string()),
        ("client", id.to_string()),
        ("trust domain", trust.source.trust_domain().to_string()),
        ("type", JWT_SPIFFE.to_owned()),
    ];
    output::one(global.output, trust_id.as_str(), &value, &rows)
}

/// Why a token does not meet a trust, as the server sees it; nothing if it does.
async fn judge(
    fetcher: &Fetcher,
    trust: &FederatedCredential,
    assertion: &UnverifiedAssertion<'_>,
    now: Timestamp,
) -> Option<String> {
    if let Err(problem) = assertion.check_purpose() {
        return Some(problem.to_string());
    }
    if let Some(problem) = mismatch(trust, assertion.unverified_claims()) {
        return Some(problem.to_string());
    }
    let keys = match &trust.keys {
        Some(KeySource::Inline(set)) => {
            ExternalJwks::stored(set.as_str()).map_err(|error| error.to_string())
        }
        Some(KeySource::Remote(uri)) => {
            fetch_keys(fetcher, &RemoteSource::KeySet(uri.clone())).await
        }
        None => {
            let source = RemoteSource::Discovered(trust.issuer.clone());
            fetch_keys(fetcher, &source).await
        }
    };
    match keys {
        Err(problem) => Some(format!("the issuer's keys cannot be had: {problem}")),
        Ok(keys) => assertion
            .verify(&keys, &ISSUER_ALGS, &mut SignatureChecks::new(usize::MAX))
            .err()
            .map(|error| error.to_string())
            .or_else(|| untimely(assertion.unverified_claims(), now)),
    }
}
