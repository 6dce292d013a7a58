//! `tokend client trust`: manages external issuers whose tokens authenticate a client.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::api::{Api, ApiRequest, ApiUse, Object, path};
use crate::cli::client::keys::KeyArgs;
use crate::cli::client::{IdArgs, reference, trust_notes, trust_test};
use crate::cli::error::CliError;
use crate::cli::output::objects::trust::AnyTrust;
use crate::cli::{Global, output};
use crate::model::claim_pattern::Pattern;
use crate::model::security::{KeySetUri, KeySource};
use crate::model::spiffe_id::{SpiffeIdPattern, TrustDomain};
use crate::model::spiffe_trust::SpiffeSource;
use crate::model::trust::{ExternalIssuer, TrustId};
use crate::remote_keys::RemoteSource;

#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Trust an issuer or a SPIFFE trust domain: its tokens authenticate the client
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
        TrustCommand::Add(args) => Box::pin(add(global, &args)).await,
        TrustCommand::List(args) => {
            let api = Api::open(global, ApiUse::Read).await?;
            let id = reference::find(&api, &args.id).await?;
            let trusts =
                api.page(&ApiRequest::get(path(&["clients", &id, "trusts"])), None).await?;
            print(global, &trusts.data)
        }
        TrustCommand::Remove(args) => {
            let trust_id = TrustId::parse(&args.trust)?;
            let api = Api::open(global, ApiUse::Change).await?;
            let id = reference::find(&api, &args.id).await?;
            let trust = path(&["clients", &id, "trusts", trust_id.as_str()]);
            api.send(&ApiRequest::delete(trust)).await?;
            let value = json!({ "client_id": id, "trust_id": trust_id, "removed": true });
            let rows = [("client", id), ("removed", trust_id.to_string())];
            output::one(global.output, trust_id.as_str(), &value, &rows)
        }
        TrustCommand::Test(args) => trust_test::run(global, &args.id).await,
    }
}

/// A trust to create.
struct NewTrust {
    body: Value,
    /// The source of the keys and the name of their owner; `None` if the keys are not fetched.
    source: Option<(RemoteSource, String)>,
    notes: Vec<String>,
}

async fn add(global: &Global, args: &AddArgs) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Change).await?;
    let id = reference::find(&api, &args.id).await?;
    let new = match &args.trust_domain {
        Some(domain) => args.in_domain(domain)?,
        None => args.in_issuer()?,
    };
    let request = ApiRequest::post(path(&["clients", &id, "trusts"]), new.body);
    let made: Object<AnyTrust> = api.read(&request).await?;
    for note in new.notes {
        output::hint(&note);
    }
    if let Some((source, name)) = new.source.filter(|_| !args.no_check) {
        match api.fetcher() {
            Some(fetcher) => trust_notes::try_keys(fetcher, &source, &name).await,
            None => output::hint(&format!(
                "note: the keys of {name} are fetched by the server; this command did not try it"
            )),
        }
    }
    print(global, &[made])
}

impl AddArgs {
    fn in_domain(&self, domain: &str) -> Result<NewTrust, CliError> {
        let endpoint = self.bundle_endpoint.as_deref().unwrap_or_default();
        let subject = self.subject.as_deref().unwrap_or_default();
        let source = SpiffeSource::new(
            TrustDomain::parse(domain)?,
            KeySetUri::bundle_endpoint(endpoint)?,
            SpiffeIdPattern::parse(subject)?,
        )?;
        let body =
            json!({ "trust_domain": domain, "bundle_endpoint": endpoint, "subject": subject });
        let bundle = RemoteSource::Bundle(source.bundle_endpoint().clone());
        Ok(NewTrust { body, source: Some((bundle, domain.to_owned())), notes: Vec::new() })
    }

    fn in_issuer(&self) -> Result<NewTrust, CliError> {
        let issuer = self.issuer.as_deref().unwrap_or_default();
        let conditions = self.conditions()?;
        let notes = trust_notes::of_patterns(issuer, &conditions);
        let issuer = ExternalIssuer::parse(issuer)?;
        let keys = self.keys.source()?;
        let mut body = keys.as_ref().map_or_else(|| json!({}), |keys| json!(keys));
        body["issuer"] = json!(issuer);
        body["audience"] = json!(self.audience);
        body["conditions"] = json!(conditions);
        let name = issuer.to_string();
        let source = match keys {
            Some(KeySource::Inline(_)) => None,
            Some(KeySource::Remote(uri)) => Some(RemoteSource::KeySet(uri)),
            None => Some(RemoteSource::Discovered(issuer)),
        };
        Ok(NewTrust { body, source: source.map(|source| (source, name)), notes })
    }

    fn conditions(&self) -> Result<BTreeMap<String, Pattern>, CliError> {
        let mut conditions = BTreeMap::new();
        if let Some(subject) = &self.subject {
            conditions.insert("sub".to_owned(), Pattern::parse("sub", subject)?);
        }
        for text in &self.claims {
            let (claim, pattern) = text.split_once('=').ok_or_else(|| {
                CliError::usage(format!(
                    "'{text}' is not CLAIM=PATTERN, such as repository_id=1234"
                ))
            })?;
            if conditions.insert(claim.to_owned(), Pattern::parse(claim, pattern)?).is_some() {
                return Err(CliError::usage(format!("there are two conditions for {claim}")));
            }
        }
        Ok(conditions)
    }
}

fn print(global: &Global, trusts: &[Object<AnyTrust>]) -> Result<(), CliError> {
    let header = ["TRUST", "ISSUER", "KEYS", "AUDIENCE", "CONDITIONS"];
    output::many(global.output, trusts, &header, |trust| trust.object.row())
}
