//! `tokend client keys`: manages the public keys with which a client authenticates without a
//! secret.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::api::{Api, ApiRequest, ApiUse, Failure, Object, path};
use crate::cli::client::change::Before;
use crate::cli::client::{IdArgs, reference};
use crate::cli::error::CliError;
use crate::cli::{Global, arguments, output};
use crate::jose::public_key_pem;
use crate::model::client::AuthenticationMethod;
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

/// The keys of a client, as the API returns them.
#[derive(Deserialize)]
struct Keys {
    data: Vec<Value>,
    jwks_uri: Option<String>,
}

/// The parsed members of a key, or the URL of a key set.
#[derive(Deserialize)]
struct Key {
    kid: Option<String>,
    #[serde(default)]
    algorithms: String,
    jwks_uri: Option<String>,
}

impl KeyArgs {
    /// Returns the authentication method that the keys are for.
    pub(crate) fn method(&self) -> AuthenticationMethod {
        match self.certificate {
            Some(_) => AuthenticationMethod::SelfSignedTlsClientAuth,
            None => AuthenticationMethod::PrivateKeyJwt,
        }
    }

    /// Reads the keys that the arguments name, if any.
    pub(crate) fn source(&self) -> Result<Option<KeySource>, CliError> {
        if let Some(file) = &self.certificate {
            let set = json!({ "keys": [certificate(file)?.1] });
            return Ok(Some(KeySource::Inline(KeySet::parse(&set.to_string())?)));
        }
        Ok(match (&self.jwks, &self.jwks_uri) {
            (Some(file), _) => Some(KeySource::Inline(key_set(file)?)),
            (None, Some(uri)) => Some(KeySource::Remote(KeySetUri::parse(uri)?)),
            (None, None) => None,
        })
    }

    /// Returns the keys as the body of a request.
    fn body(&self) -> Result<Value, CliError> {
        if let Some(file) = &self.certificate {
            return Ok(json!({ "certificate": certificate(file)?.0 }));
        }
        let keys = self.source()?.ok_or_else(|| {
            CliError::usage(
                "say where the keys are: --jwks FILE, --jwks-uri URL or --certificate FILE",
            )
        })?;
        Ok(json!(keys))
    }
}

/// Reads a certificate and returns its PEM text and its key as a JWK.
fn certificate(file: &Path) -> Result<(String, Value), CliError> {
    let problem =
        |problem: String| CliError::usage(format!("cannot use {}: {problem}", file.display()));
    let text = read(file).map_err(|error| problem(error.to_string()))?;
    let jwk = ClientCertificate::from_pem(text.as_bytes())
        .and_then(|certificate| certificate.to_jwk())
        .map_err(|error| problem(error.to_string()))?;
    Ok((text, json!(jwk)))
}

/// Reads a JWK set, or builds one from a single JWK or from PEM.
pub(crate) fn key_set(file: &Path) -> Result<KeySet, CliError> {
    let text = read(file)
        .map_err(|error| CliError::usage(format!("cannot read {}: {error}", file.display())))?;
    if public_key_pem::is_pem(&text) {
        let set = public_key_pem::key_set(&text).map_err(|problem| {
            CliError::usage(format!("{} cannot be used: {problem}", file.display()))
        })?;
        return Ok(KeySet::parse(&set.to_string())?);
    }
    let value: Value = serde_json::from_str(&text).map_err(|error| {
        let file = file.display();
        CliError::usage(format!("{file} is neither JSON (a JWK or JWK set) nor PEM: {error}"))
    })?;
    let set = if value["kty"].is_string() { json!({ "keys": [value] }) } else { value };
    Ok(KeySet::parse(&set.to_string())?)
}

fn read(file: &Path) -> std::io::Result<String> {
    if file != Path::new("-") {
        return std::fs::read_to_string(file);
    }
    arguments::input::read("public keys", KeySet::MAX_BYTES as u64 + 1)
}

/// Runs `tokend client keys`.
pub(crate) async fn run(global: &Global, command: KeysCommand) -> Result<(), CliError> {
    match command {
        KeysCommand::Add(args) => {
            let api = Api::open(global, ApiUse::Change).await?;
            let id = reference::find(&api, &args.id).await?;
            let request = ApiRequest::post(path(&["clients", &id, "keys"]), args.keys.body()?);
            let before = Before::read(&api, &id).await?;
            let keys = api.read(&request).await?.object;
            before.compare_with_stored(&api, &id).await?;
            print(global, keys)
        }
        KeysCommand::List(args) => {
            let api = Api::open(global, ApiUse::Read).await?;
            let id = reference::find(&api, &args.id).await?;
            print(global, keys_of(&api, &id).await?)
        }
        KeysCommand::Remove(args) => remove(global, &args).await,
    }
}

async fn remove(global: &Global, args: &RemoveArgs) -> Result<(), CliError> {
    let api = Api::open(global, ApiUse::Change).await?;
    let id = reference::find(&api, &args.id).await?;
    let mut segments = vec!["clients", id.as_str(), "keys"];
    segments.extend(args.kid.as_deref());
    let before = Before::read(&api, &id).await?;
    api.send(&ApiRequest::delete(path(&segments))).await?;
    before.compare_with_stored(&api, &id).await?;
    match keys_of(&api, &id).await {
        Err(failure) if failure.is_not_allowed() => {
            output::hint("note: the keys that are left cannot be shown without clients:read");
            Ok(())
        }
        keys => print(global, keys?),
    }
}

async fn keys_of(api: &Api, id: &str) -> Result<Keys, Failure> {
    Ok(api.read(&ApiRequest::get(path(&["clients", id, "keys"]))).await?.object)
}

fn print(global: &Global, keys: Keys) -> Result<(), CliError> {
    let remote = keys.jwks_uri.map(|uri| json!({ "jwks_uri": uri }));
    let shown = keys.data.into_iter().chain(remote).map(Object::<Key>::of);
    let shown = shown.collect::<Result<Vec<_>, _>>()?;
    output::many(global.output, &shown, &["KID", "ALGORITHMS", "SOURCE"], |key| {
        let Key { kid, algorithms, jwks_uri } = &key.object;
        match jwks_uri {
            Some(uri) => vec!["*".to_owned(), "?".to_owned(), uri.clone()],
            None => {
                vec![kid.clone().unwrap_or_default(), algorithms.clone(), "registered".to_owned()]
            }
        }
    })
}
