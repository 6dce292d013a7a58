//! How to fix what a command or a server met, for the operator: the one place that turns the typed
//! errors of the layers below into commands, options and settings.

pub(super) mod backup;
pub(super) mod command;
pub(super) mod command_line;
mod conflict;
mod owner_policy;
pub(super) mod server;

use std::fmt::Write;

use crate::admin::{AdminError, AdminErrorCode, ObjectKind};
use crate::cli::remedies::conflict::{of_conflict, of_conflict_code};
use crate::model::github_subject;
use crate::model::remedy::{
    OperatorAction, Remedy, SubjectDifference, SubjectTrust, SubjectTrustKeys,
};
use crate::model::shell_word::quote;
use crate::model::untrusted_text;
use crate::services::StartError;
use crate::store::StoreError;
use crate::store::schema::SchemaError;

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
        | AdminError::TokenRefused(_)
        | AdminError::ScopeMissing { .. }
        | AdminError::MorePowerful { .. }
        | AdminError::RightsNotHeld
        | AdminError::OwnerNotHeld { .. }
        | AdminError::Limited { .. }
        | AdminError::LimitChanged
        | AdminError::RevisionChanged { .. }
        | AdminError::PreconditionFailed
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

/// How to fix the cause of a rejection. `client` is the client that the request was about.
pub(super) fn of_rejection(remedy: &Remedy, client: Option<&str>) -> String {
    match remedy {
        Remedy::Text(text) => text.clone().into_owned(),
        // A part of it may have been written by the caller.
        Remedy::Action(action) => {
            let client = client.map_or_else(|| "ID".to_owned(), quote);
            untrusted_text::escape(&of_action(action, &client)).into_owned()
        }
    }
}

const COMPARE_CLIENT_IDS: &str = "Compare with: tokend client list. It may have been deleted (tokend audit list), or be a client of another server.";

const SHORTEN_ASSERTIONS: &str = "Have the client set a shorter exp, and make an assertion for each request. The maximum is the setting assertions.lifetime_max.";

const PRESENT_CERTIFICATE: &str = "Let it show its certificate in the handshake, at the host of mtls_endpoint_aliases. Behind a proxy, the proxy must pass it on as Client-Cert, and its network must be in proxy.trusted.";

const REACH_KEYS: &str = "It must be https, answer within seconds without a redirect, and be outside of private networks unless fetch.allowed_networks names them (fetch.ca_file for a CA of your own).";

const COMPARE_TRUSTS: &str =
    "Trusts: tokend client trust list. Send client_id to learn what differs.";

fn of_action(action: &OperatorAction, client: &str) -> String {
    match action {
        OperatorAction::CompareClientIds => COMPARE_CLIENT_IDS.to_owned(),
        OperatorAction::GiveOwnSecret => format!(
            "Give this client its own secret, or add one: tokend client add-secret {client}."
        ),
        OperatorAction::AddCredential => format!(
            "Add a secret: tokend client add-secret {client}. Or register a key or a trust."
        ),
        OperatorAction::UseOtherCredential => format!(
            "Let it authenticate by these, or add a secret: tokend client add-secret {client}."
        ),
        OperatorAction::ReplaceSecret => format!(
            "Make a new one: tokend client rotate-secret {client}, or tokend client add-secret {client} with a longer --secret-ttl."
        ),
        OperatorAction::CompareDigests => format!(
            "Print its digest, and compare it with the one that was registered: tokend secret check - < FILE. To register a digest: tokend client add-secret {client} --secret-digest sha256:…."
        ),
        OperatorAction::EnableClient => format!(
            "Why: tokend audit list --subject {client} --action client.disabled. To let it in again: tokend client enable {client}."
        ),
        OperatorAction::PermitMethod { method, permitted } => format!(
            "Let it use {}, or permit {method}: tokend client update {client} --auth-method.",
            permitted.join(" or ")
        ),
        OperatorAction::PermitAddress => format!(
            "To permit the address: tokend client update {client} --network CIDR (repeat those that it has)."
        ),
        OperatorAction::PermitAddressOfGrant { resource } => format!(
            "To permit the address for this grant: tokend client grant {client} --resource {} --network CIDR (repeat those that it has).",
            quote(resource)
        ),
        OperatorAction::RevokeAllTokens => {
            format!("To revoke all of its tokens at once: tokend client revoke-tokens {client}")
        }
        OperatorAction::AddKeys => format!("Register keys: tokend client keys add {client}."),
        OperatorAction::RegisterKey => format!(
            "Sign with the private half of a key that tokend client keys list {client} shows, under its kid, or register the key that signs: tokend client keys add {client}."
        ),
        OperatorAction::ShortenAssertions => SHORTEN_ASSERTIONS.to_owned(),
        OperatorAction::SetAudience { issuer, own_url } => {
            of_audience(issuer, own_url.as_deref(), client)
        }
        OperatorAction::RegisterCertificate => format!(
            "For a subject register one of the names shown (tokend client update {client} --tls-subject), and put the root that it comes from into tls.client_ca; certificates between the two must be sent along. For a self-signed one: tokend client keys add {client} --certificate FILE."
        ),
        OperatorAction::PresentCertificate => PRESENT_CERTIFICATE.to_owned(),
        OperatorAction::ReachKeys => REACH_KEYS.to_owned(),
        OperatorAction::TestTrust => {
            format!("Try it: tokend client trust test {client}, with the token on standard input.")
        }
        OperatorAction::CompareTrusts => COMPARE_TRUSTS.to_owned(),
        OperatorAction::AddSpiffeTrust => format!(
            "Add one: tokend client trust add {client} --trust-domain NAME --bundle-endpoint URL --subject SPIFFE_ID."
        ),
        OperatorAction::TrustSubject(trust) => of_subject(trust),
    }
}

fn of_audience(issuer: &str, own_url: Option<&str>, client: &str) -> String {
    let mut text = format!("Have the client put {issuer} into aud, alone, and not an endpoint.");
    if let Some(url) = own_url {
        let _ = write!(
            text,
            " If it cannot: tokend client update {client} --assertion-audience {url} (repeat those that it has)."
        );
    }
    text
}

/// The command comes last, without a full stop, so that it is copied as it is.
fn of_subject(trust: &SubjectTrust) -> String {
    let (name, wanted) = (&trust.sent, &trust.wanted);
    let (lookup, command) = (github_subject::lookup(name), trust_command(trust));
    let compare = format!(
        "First compare the ids with `{lookup}`: the signature of the token was not checked."
    );
    match trust.difference {
        SubjectDifference::IdsSent => format!("{compare} Then trust the immutable form: {command}"),
        SubjectDifference::IdsSentByAnother => {
            format!(
                "{compare} If {wanted} was renamed to {name}, trust the immutable form: {command}"
            )
        }
        SubjectDifference::NamesSent => format!(
            "Opt in to immutable subjects in the OIDC settings of the repository. Or trust the names, with the ids as claims: {command}"
        ),
        SubjectDifference::Renamed => format!("Trust the new name: {command}"),
        SubjectDifference::OtherIds => format!(
            "Compare the ids with `{lookup}`. If the token has them, the trust is wrong. Then trust the right ids: {command}"
        ),
    }
}

/// The command that adds the trust.
fn trust_command(trust: &SubjectTrust) -> String {
    let mut command = format!(
        "tokend client trust add {} --issuer {} --audience {} --subject {}",
        quote(&trust.client_id),
        quote(&trust.issuer),
        quote(&trust.audience),
        quote(&trust.subject)
    );
    for (claim, pattern) in &trust.claims {
        let _ = write!(command, " --claim {}", quote(&format!("{claim}={pattern}")));
    }
    match &trust.keys {
        SubjectTrustKeys::Discovered => {}
        SubjectTrustKeys::Url(url) => {
            let _ = write!(command, " --jwks-uri {}", quote(url));
        }
        SubjectTrustKeys::Given => command.push_str(" --jwks FILE"),
    }
    command
}

#[cfg(test)]
mod tests;
