//! The id and the first secret of a new client.

use secrecy::SecretString;

use crate::admin::secret::{self, NewSecret};
use crate::admin::{AdminError, WriteMode};
use crate::crypto::random;
use crate::model::client::ClientId;
use crate::model::secret::SecretRecord;
use crate::services::Services;

/// The credentials of a new client.
pub(in crate::admin) struct Credentials {
    pub(in crate::admin) client_id: ClientId,
    /// The record of the first secret, if the client has one.
    pub(in crate::admin) record: Option<SecretRecord>,
    /// The secret, if it was generated here.
    pub(in crate::admin) plain: Option<SecretString>,
}

/// Creates the credentials of a new client. The id is generated if absent. A dry run generates no
/// secret.
pub(in crate::admin) async fn generate(
    services: &Services,
    mode: WriteMode,
    id: Option<ClientId>,
    new: Option<&NewSecret>,
) -> Result<Credentials, AdminError> {
    let Some(new) = new else {
        let client_id = id.map_or_else(generate_id, Ok)?;
        return Ok(Credentials { client_id, record: None, plain: None });
    };
    match id {
        None if new.digest.is_none() && mode == WriteMode::Store => {
            let (client_id, (plain, record)) = secret::generate_with_id(services, new).await?;
            Ok(Credentials { client_id, record: Some(record), plain: Some(plain) })
        }
        id => {
            let client_id = id.map_or_else(generate_id, Ok)?;
            let (plain, record) = secret::generate(services, mode, &client_id, new).await?;
            Ok(Credentials { client_id, record: Some(record), plain })
        }
    }
}

/// Generates an identifier: `cl_` and random letters and digits.
///
/// # Errors
/// If the operating system does not provide random bytes.
fn generate_id() -> Result<ClientId, AdminError> {
    ClientId::parse_new(&random::identifier("cl_")?).map_err(AdminError::malformed("id"))
}
