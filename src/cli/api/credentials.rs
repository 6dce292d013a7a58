//! Credentials of the command line at a server: the id of an administrator's client with a secret,
//! or with a private key (`private_key_jwt`, RFC 7523).

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::cli::error::CliError;
use crate::cli::remedies::command::ServerRemedy;
use crate::config::command_variables::{ADMIN_CLIENT_ID, ADMIN_CLIENT_SECRET, ADMIN_KEY_FILE};
use crate::config::environment;
use crate::jose::client_assertion::AssertionSigner;

/// The maximum length of a credential file, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// The credentials of an administrator.
pub(super) struct Credentials {
    pub(super) client_id: String,
    pub(super) proof: Proof,
}

/// Authentication method of the client.
pub(super) enum Proof {
    Secret(SecretString),
    /// Assertions that are signed with a private key.
    Key(AssertionSigner),
}

impl Credentials {
    /// Reads the credentials from the environment.
    ///
    /// # Errors
    /// If a variable is missing or in conflict with another one, or a file cannot be read.
    pub(super) fn from_environment() -> Result<Self, CliError> {
        let environment = environment();
        let value = |name: &str| {
            let found =
                environment.iter().find(|(known, value)| known == name && !value.is_empty());
            found.map(|(_, value)| value.clone())
        };
        let value_or_file = |name: &str| match (value(name), value(&format!("{name}_FILE"))) {
            (Some(_), Some(_)) => {
                Err(CliError::configuration(format!("{name} and {name}_FILE are both set")))
            }
            (Some(value), None) => Ok(Some(Zeroizing::new(value))),
            (None, Some(path)) => read(&format!("{name}_FILE"), Path::new(&path)).map(Some),
            (None, None) => Ok(None),
        };
        let missing =
            |what: String| CliError::configuration(what).with_remedy(ServerRemedy::GiveCredentials);
        let Some(client_id) = value_or_file(ADMIN_CLIENT_ID)? else {
            return Err(missing(format!("{ADMIN_CLIENT_ID} is not set, and a server is named")));
        };
        let secret = value_or_file(ADMIN_CLIENT_SECRET)?;
        let key = value(ADMIN_KEY_FILE).map(PathBuf::from);
        let proof = match (secret, key) {
            (Some(_), Some(_)) => {
                let text = format!("{ADMIN_CLIENT_SECRET} and {ADMIN_KEY_FILE} are both set");
                return Err(CliError::configuration(text));
            }
            (Some(secret), None) => Proof::Secret(SecretString::from(secret.as_str())),
            (None, Some(path)) => Proof::Key(signer(&path)?),
            (None, None) => {
                let text = format!("neither {ADMIN_CLIENT_SECRET} nor {ADMIN_KEY_FILE} is set");
                return Err(missing(text));
            }
        };
        Ok(Self { client_id: client_id.to_string(), proof })
    }
}

fn signer(path: &Path) -> Result<AssertionSigner, CliError> {
    let text = read(ADMIN_KEY_FILE, path)?;
    AssertionSigner::from_pem(text.as_bytes()).map_err(|problem| {
        CliError::configuration(format!("{ADMIN_KEY_FILE} = {}: {problem}", path.display()))
    })
}

/// Reads a file, without the line break at its end.
fn read(variable: &str, path: &Path) -> Result<Zeroizing<String>, CliError> {
    use std::io::Read;
    let mut text = Zeroizing::new(String::new());
    let reading = std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text));
    match reading {
        Ok(_) => Ok(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned())),
        Err(error) => {
            let text = format!("{variable} = {}: cannot be read: {error}", path.display());
            Err(CliError::configuration(text))
        }
    }
}

/// Returns the value of an `Authorization` header. Id and secret are form-encoded first (RFC 6749,
/// section 2.3.1).
pub(super) fn basic(client_id: &str, secret: &SecretString) -> Zeroizing<String> {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    let encode =
        |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let pair = Zeroizing::new(format!("{}:{}", encode(client_id), encode(secret.expose_secret())));
    Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes())))
}
