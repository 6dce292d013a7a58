//! Remedies for changes that were not carried out.

use crate::admin::{AdminError, AdminErrorCode, InvalidValue, ObjectKind};
use crate::remedies::conflict::{of_conflict, of_conflict_code};
use crate::remedies::{of_store, owner_policy};
use crate::text::shell::quote;

const NAME_SERVER_SCOPES: &str = "Name the scopes: tokend client grant ID --resource urn:tokend --scope introspect, or \
     --grant urn:tokend=clients:read,clients:write. To list them: tokend resource show \
     urn:tokend.";

const GIVE_TLS_SUBJECT: &str = "Give it with --tls-subject, such as san_dns=worker.example.com.";

/// Returns how to fix an admin operation that failed, if a remedy is known.
pub fn of_admin(error: &AdminError) -> Option<String> {
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
        AdminError::AllServerScopes => NAME_SERVER_SCOPES,
        AdminError::IssuerKeysMissing => "Give its keys with --jwks or --jwks-uri.",
        AdminError::AudienceMissing => {
            "Give the aud that a token must have with --audience, or set TOKEND_ISSUER."
        }
        AdminError::TlsSubjectMissing => GIVE_TLS_SUBJECT,
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
        AdminError::Invalid { problem: InvalidValue::IssuerUnknown { .. }, .. } => {
            return of_admin(&AdminError::IssuerMissing);
        }
        AdminError::Invalid { problem: InvalidValue::PruneWithoutSource, .. } => {
            "Name the source with --source, or in the member `source` of each document."
        }
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
        | AdminError::Precondition(_)
        | AdminError::Busy(_)
        | AdminError::Crypto(_) => return None,
    };
    Some(text.to_owned())
}

/// Returns how to fix an operation that a server rejected, if a remedy is known. The server sends
/// only the code, without the data of the error.
pub fn of_admin_code(code: AdminErrorCode) -> Option<String> {
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

/// Returns the command that lists the existing objects of a kind.
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
