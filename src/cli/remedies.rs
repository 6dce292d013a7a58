//! How to fix what a command or a server met, for the operator: the one place that turns the typed
//! errors of the layers below into commands, options and settings.

pub(super) mod backup;
pub(super) mod command;
pub(super) mod command_line;
mod conflict;
mod owner_policy;
pub(super) mod server;

use crate::admin::{AdminError, AdminErrorCode, ObjectKind};
use crate::cli::remedies::conflict::{of_conflict, of_conflict_code};
use crate::model::shell_word::quote;
use crate::services::StartError;
use crate::store::StoreError;
use crate::store::schema::SchemaError;
pub(super) use crate::web::remedies::of_rejection;

/// How to fix a failure of the database, if that is known.
pub(super) fn of_store(error: &StoreError) -> Option<String> {
    match error {
        error if error.is_read_only() => Some(
            "This process may not write to the database. Run the command as the user that owns the \
             files, or give the files and their folder to the user that runs tokend."
                .to_owned(),
        ),
        error if error.is_disk_full() => Some(
            "The disk of the database is full. Free space on it, and run the command again.".to_owned(),
        ),
        StoreError::TimedOut(_)
            | StoreError::Failed(_)
            | StoreError::Unreachable { .. }
            | StoreError::NotIdentified => {
            Some("Check `database.url` (tokend config show) and that the database runs.".to_owned())
        }
        StoreError::Unopenable { path, owner: Some((owner, process)), .. } => Some(format!(
            "{} belongs to {owner}, this process runs as {process}. Run the command as {owner}, or \
             give {process} the files: chown -R {process} {}",
            path.display(),
            path.parent().unwrap_or(path).display()
        )),
        StoreError::Unopenable { .. } => Some(FOLDER.to_owned()),
        StoreError::Damaged { .. } => Some(
            "Check `data_dir` and `database.url` (tokend config show). If it is the right file, \
             restore it from a backup."
                .to_owned(),
        ),
        StoreError::OutcomeUnknown(_) => Some(
            "It is not known whether the change was made. `tokend audit list` shows it if it was."
                .to_owned(),
        ),
        StoreError::InUse => Some("Stop every tokend on this database, then try again.".to_owned()),
        _ => None,
    }
}

const FOLDER: &str =
    "tokend needs a folder that it may write to: give it this one, or set TOKEND_DATA_DIR.";

/// How to fix what a start met, if that is known.
pub(super) fn of_start(error: &StartError) -> Option<String> {
    let text = match error {
        StartError::Store(error) => return of_store(error),
        StartError::Schema(schema) => return of_schema(schema),
        StartError::NoDatabase { .. } => {
            "Point the command at the database of your server with TOKEND_DATA_DIR, \
             TOKEND_DATABASE_URL or --config. To create a database here: tokend migrate, or tokend \
             serve."
        }
        StartError::NoMasterKey => {
            "Make one with `openssl rand -base64 32`, keep it safe, and give it as \
             TOKEND_MASTER_KEY or TOKEND_MASTER_KEY_FILE to every instance."
        }
        StartError::NoMasterKeyYet { .. } => {
            "Start the server once (tokend serve): it generates the master key. Or set \
             TOKEND_MASTER_KEY_FILE."
        }
        StartError::MasterKeyMissing { .. } => {
            "Restore the master key from your backup. If it is lost: tokend master-key \
             reset --lost makes new keys; clients and secrets stay."
        }
        StartError::WrongMasterKey { .. } => {
            "Give the key that the database was sealed with, or both, the new one first, as \
             `new,old`, and then run tokend master-key rotate. If it is lost: tokend \
             master-key reset --lost makes new keys; clients and secrets stay."
        }
        StartError::MasterKeyCommand { problem, .. } if problem.is_transient() => {
            "Run the command by hand as the user of tokend; it must print the keys and end with 0. \
             A longer time: master_key_command_timeout."
        }
        StartError::MasterKeyCommand { .. } => {
            "Check master_key_command (tokend config show): the program first, then its arguments. \
             It prints the keys as master_key has them, and nothing else."
        }
        StartError::MasterKeyFile { .. } => {
            "The file must hold 32 bytes in base64 or hex, and this process must be able to read \
             it. Restore it from your backup, or set TOKEND_DATA_DIR."
        }
        StartError::Fetch(_) | StartError::Certificate(_) | StartError::Crypto(_) => return None,
    };
    Some(text.to_owned())
}

fn of_schema(error: &SchemaError) -> Option<String> {
    match error {
        SchemaError::Empty => Some("Run tokend migrate.".to_owned()),
        SchemaError::Newer { .. } => Some("Run that version of tokend, or a newer one.".to_owned()),
        SchemaError::Store(error) => of_store(error),
        SchemaError::Behind { .. } => Some(
            "To migrate it, run `tokend migrate`, or start a server of this version with \
             database.migrate = auto."
                .to_owned(),
        ),
        SchemaError::Altered(_) => None,
    }
}

/// How to fix a verb that was not carried out, if that is known.
pub(super) fn of_admin(error: &AdminError) -> Option<String> {
    let text = match error {
        AdminError::NotFound { kind, .. } => of_absent(*kind),
        AdminError::Unknown { kind, suggestion, .. } => {
            let list = of_absent(*kind);
            return Some(match suggestion {
                Some(known) => format!("Did you mean {known}? {list}"),
                None => list.to_owned(),
            });
        }
        AdminError::Conflict(conflict) => return of_conflict(conflict).map(str::to_owned),
        AdminError::GrantWithoutScopes { resource } => {
            return Some(format!(
                "To remove the grant: tokend client revoke-grant ID --resource {resource}"
            ));
        }
        AdminError::AllServerScopes => {
            "Name the scopes: tokend client grant ID --resource urn:tokend --scope introspect, or \
             --grant urn:tokend=clients:read,clients:write. To list them: tokend resource show \
             urn:tokend."
        }
        AdminError::IssuerKeysMissing => "Give its keys with --jwks or --jwks-uri.",
        AdminError::AudienceMissing => {
            "Give the aud that a token must have with --audience, or set TOKEND_ISSUER."
        }
        AdminError::TlsSubjectMissing => {
            "Give it with --tls-subject, such as san_dns=worker.example.com."
        }
        AdminError::ApprovalNeeded { resource } => {
            return Some(format!(
                "To request it: tokend grant-request create --client ID --resource {} --scope SCOPE",
                quote(resource.as_str())
            ));
        }
        AdminError::Store(error) => return of_store(error),
        AdminError::IssuerMissing => "Set TOKEND_ISSUER, or start the server once (tokend serve).",
        AdminError::InLine { problem, .. } => return of_admin(problem),
        AdminError::OwnerPolicy(violation) => owner_policy::of_violation(violation),
        AdminError::Invalid { .. }
        | AdminError::ImportTooLong { .. }
        | AdminError::Claims(_)
        | AdminError::TokenInvalid(_)
        | AdminError::TokenForServer
        | AdminError::TokenRejected(_)
        | AdminError::ScopeMissing { .. }
        | AdminError::MorePowerful { .. }
        | AdminError::RightsNotHeld
        | AdminError::OwnerNotHeld { .. }
        | AdminError::Limited { .. }
        | AdminError::LimitChanged
        | AdminError::RevisionChanged { .. }
        | AdminError::PreconditionFailed
        | AdminError::ExistsAlready
        | AdminError::PreconditionRequired
        | AdminError::Busy(_)
        | AdminError::Crypto(_) => return None,
    };
    Some(text.to_owned())
}

/// How to fix what a server did not carry out, if that is known. The server has told the code, and
/// no data.
pub(super) fn of_admin_code(code: AdminErrorCode) -> Option<String> {
    use AdminErrorCode as Code;
    let kind = match code {
        Code::ClientNotFound => ObjectKind::Client,
        Code::ClientNotInList => ObjectKind::ListedClient,
        Code::ResourceNotFound => ObjectKind::Resource,
        Code::ScopeNotFound => ObjectKind::Scope,
        Code::GrantNotFound => ObjectKind::Grant,
        Code::SecretNotFound => ObjectKind::Secret,
        Code::KeyNotFound => ObjectKind::Key,
        Code::TrustNotFound => ObjectKind::Trust,
        Code::ClaimNotFound => ObjectKind::Claim,
        Code::RejectionNotFound => ObjectKind::Rejection,
        Code::SigningKeyNotFound => ObjectKind::SigningKey,
        Code::AllServerScopes => return of_admin(&AdminError::AllServerScopes),
        Code::IssuerKeysMissing => return of_admin(&AdminError::IssuerKeysMissing),
        Code::AudienceMissing => return of_admin(&AdminError::AudienceMissing),
        Code::TlsSubjectMissing => return of_admin(&AdminError::TlsSubjectMissing),
        Code::GrantRequestNotFound => ObjectKind::GrantRequest,
        Code::GrantApprovalNeeded => {
            let text = "To request it: tokend grant-request create --client ID --resource URI --scope SCOPE";
            return Some(text.to_owned());
        }
        code => return of_conflict_code(code).map(str::to_owned),
    };
    Some(of_absent(kind).to_owned())
}

/// Where the objects that exist are shown.
fn of_absent(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Client => {
            "No client has this id or this name. To list the clients: tokend client list"
        }
        ObjectKind::ListedClient => "--after takes the last client of the page before.",
        ObjectKind::Resource => {
            "To list the resources: tokend resource list. To create one: tokend resource create"
        }
        ObjectKind::Scope => {
            "To show the scopes of each resource: tokend resource list, tokend resource show"
        }
        ObjectKind::GrantedScope => {
            "To show the grants of the client with their scopes: tokend client show"
        }
        ObjectKind::Grant => "To show the grants of the client: tokend client show",
        ObjectKind::Secret => "To show the secrets of the client: tokend client show",
        ObjectKind::Key => "To list the keys of the client: tokend client keys list",
        ObjectKind::Trust => "To list the trusts of the client: tokend client trust list",
        ObjectKind::Claim => "To show the claims of the client: tokend client show",
        ObjectKind::SigningKey => "To list the signing keys: tokend key list",
        ObjectKind::OwnerPolicy => "To list the policies: tokend owner-policy list",
        ObjectKind::GrantRequest => "To list the requests: tokend grant-request list",
        ObjectKind::Rejection => {
            "Only rejections are kept: the last 10,000 of seven days, and of a flood from one \
             network a part. 404 and 405 are not kept. The server's log has them all: search it \
             for this id."
        }
    }
}

#[cfg(test)]
mod tests;
