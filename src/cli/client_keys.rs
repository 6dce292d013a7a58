//! `tokend client keys`: the public keys by which a client proves itself without a secret.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::admin::{client, client_key};
use crate::cli::client::IdArgs;
use crate::cli::error::CliError;
use crate::cli::{Global, client_reference, input, output, principal};
use crate::jose::assertion::CLIENT_ASSERTION_ALGS;
use crate::jose::external_jwks::ExternalJwks;
use crate::jose::public_key_pem;
use crate::model::client::{AuthenticationMethod, Registration};
use crate::model::security::{KeySet, KeySetUri, KeySource};
use crate::x509::certificate::ClientCertificate;

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Register public keys of a client, or the URL of its key set
    Add(AddArgs),
    /// List the public keys of a client
    List(IdArgs),
    /// Remove public keys from a client
    Remove(RemoveArgs),
}

/// Where public keys come from.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// A file with its public keys: a JWK, a JWK set, or PEM (public keys or certificates); - for
    /// standard input
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks: Option<PathBuf>,
    /// A file with its self-signed certificate (PEM), for `self_signed_tls_client_auth`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["jwks", "jwks_uri"])]
    certificate: Option<PathBuf>,
    /// An https URL from which its public keys are fetched
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The client's id, or its name if the name is unique
    id: String,
    #[command(flatten)]
    keys: KeyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// The client's id, or its name if the name is unique
    id: String,
    /// The kid of the key, or its thumbprint (RFC 7638)
    #[arg(allow_hyphen_values = true, required_unless_present = "all", conflicts_with = "all")]
    kid: Option<String>,
    /// All keys, and the URL that they are fetched from
    #[arg(long)]
    all: bool,
}

/// A key as it is shown.
#[derive(Serialize)]
struct ShownClientKey {
    kid: String,
    algorithms: String,
    source: String,
}

impl KeyArgs {
    /// The method that such keys are for.
    pub(crate) fn method(&self) -> AuthenticationMethod {
        match self.certificate {
            Some(_) => AuthenticationMethod::SelfSignedTlsClientAuth,
            None => AuthenticationMethod::PrivateKeyJwt,
        }
    }

    /// The keys that the arguments name, if any.
    pub(crate) fn source(&self) -> Result<Option<KeySource>, CliError> {
        if let Some(file) = &self.certificate {
            let jwk = read(file).map_err(|error| error.to_string()).and_then(|text| {
                ClientCertificate::from_pem(text.as_bytes())
                    .and_then(|certificate| certificate.to_jwk())
                    .map_err(|error| error.to_string())
            });
            let jwk = jwk.map_err(|problem| {
                CliError::usage(format!("cannot use {}: {problem}", file.display()))
            })?;
            let set = serde_json::json!({ "keys": [jwk] });
            return Ok(Some(KeySource::Inline(KeySet::parse(&set.to_string())?)));
        }
        Ok(match (&self.jwks, &self.jwks_uri) {
            (Some(file), _) => Some(KeySource::Inline(key_set(file)?)),
            (None, Some(uri)) => Some(KeySource::Remote(KeySetUri::parse(uri)?)),
            (None, None) => None,
        })
    }
}

/// Reads a JWK set, or makes one of a single JWK or of PEM.
pub(crate) fn key_set(file: &Path) -> Result<KeySet, CliError> {
    let text = read(file)
        .map_err(|error| CliError::usage(format!("cannot read {}: {error}", file.display())))?;
    if public_key_pem::is_pem(&text) {
        let set = public_key_pem::key_set(&text).map_err(|problem| {
            CliError::usage(format!("{} cannot be used: {problem}", file.display()))
        })?;
        return Ok(KeySet::parse(&set.to_string())?);
    }
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| {
        let file = file.display();
        CliError::usage(format!("{file} is neither JSON (a JWK or JWK set) nor PEM: {error}"))
    })?;
    let set = if value["kty"].is_string() { serde_json::json!({ "keys": [value] }) } else { value };
    Ok(KeySet::parse(&set.to_string())?)
}

fn read(file: &Path) -> std::io::Result<String> {
    if file != Path::new("-") {
        return std::fs::read_to_string(file);
    }
    input::read("public keys", KeySet::MAX_BYTES as u64 + 1)
}

/// Runs `tokend client keys`.
pub(crate) async fn run(global: &Global, command: KeysCommand) -> Result<(), CliError> {
    let found = match command {
        KeysCommand::Add(args) => {
            let services = global.services().await?;
            let id = client_reference::resolve(&services.store, &args.id).await?;
            let keys = args.keys.source()?.ok_or_else(|| {
                CliError::usage(
                    "say where the keys are: --jwks FILE, --jwks-uri URL or --certificate FILE",
                )
            })?;
            output::changed(
                client_key::add(&services, &principal(), &id, keys, args.keys.method()).await?,
            )
        }
        KeysCommand::List(args) => {
            let reader = global.reader().await?;
            let id = client_reference::resolve(&reader.store, &args.id).await?;
            client::show(&reader.store, &id).await?
        }
        KeysCommand::Remove(args) => {
            let services = global.services().await?;
            let id = client_reference::resolve(&services.store, &args.id).await?;
            output::changed(
                client_key::remove(&services, &principal(), &id, args.kid.as_deref()).await?,
            )
        }
    };
    print(global, &found)
}

fn print(global: &Global, found: &Registration) -> Result<(), CliError> {
    let keys: Vec<ShownClientKey> = match &found.client.security.keys {
        None => Vec::new(),
        Some(KeySource::Remote(uri)) => {
            vec![ShownClientKey {
                kid: "*".into(),
                algorithms: "?".into(),
                source: uri.to_string(),
            }]
        }
        Some(KeySource::Inline(set)) => {
            ExternalJwks::describe(set.as_str(), &CLIENT_ASSERTION_ALGS)
                .map_err(|error| CliError::failed(error.to_string()))?
                .into_iter()
                .map(|(kid, algorithms)| ShownClientKey {
                    kid,
                    algorithms,
                    source: "registered".into(),
                })
                .collect()
        }
    };
    output::many(global.output, &keys, &["KID", "ALGORITHMS", "SOURCE"], |key| {
        vec![key.kid.clone(), key.algorithms.clone(), key.source.clone()]
    })
}
