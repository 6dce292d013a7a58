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
use crate::cli::{
    Global, client_reference, output, principal, spiffe_trust, trust_notes, trust_test,
};
use crate::model::claim_pattern::Pattern;
use crate::model::client::Registration;
use crate::model::security::KeySource;
use crate::model::spiffe_trust::SpiffeTrust;
use crate::model::trust::{FederatedCredential, ForeignIssuer, TrustId};
use crate::remote_keys::fetch::Fetcher;
use crate::remote_keys::{RemoteSource, fetch_keys};

/// How long the check of an issuer may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

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
        TrustCommand::Add(args) => add(global, args).await,
        TrustCommand::List(args) => {
            let reader = global.reader().await?;
            let id = client_reference::resolve(&reader.store, &args.id).await?;
            let found = client::show(&reader.store, &id).await?;
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
        TrustCommand::Test(args) => trust_test::run(global, &args.id).await,
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
