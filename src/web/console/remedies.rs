//! How an operator fixes the cause of a rejection, with the commands that do it.

use crate::model::remedy::{OperatorAction, Remedy};
use crate::model::shell_word::quote;

/// How to fix the cause of a rejection that is about this client.
pub(super) fn of_rejection(remedy: &Remedy, client: Option<&str>) -> String {
    match remedy {
        Remedy::Text(text) => text.clone().into_owned(),
        Remedy::Action(action) => of_action(action, &quote(client.unwrap_or("CLIENT"))),
    }
}

fn of_action(action: &OperatorAction, client: &str) -> String {
    use OperatorAction as Do;
    match action {
        Do::CompareClientIds => {
            "Compare the id that was sent with the list of clients: a name is often sent as the id."
                .to_owned()
        }
        Do::GiveOwnSecret | Do::ReplaceSecret => format!(
            "Give the client a new secret: Rotate on its page, or tokend client add-secret {client}."
        ),
        Do::AddCredential => format!(
            "The client has nothing to authenticate by. Add a secret: tokend client add-secret {client}."
        ),
        Do::UseOtherCredential => format!(
            "Let the client authenticate by what it has, or add a secret: tokend client add-secret {client}."
        ),
        Do::CompareDigests => {
            "Compare the digest of the secret with those of the client: tokend secret check."
                .to_owned()
        }
        Do::EnableClient => {
            format!("Enable the client on its page, or: tokend client enable {client}.")
        }
        Do::PermitMethod { method, permitted } => format!(
            "The client may use {}. Let it do so, or permit {method}: tokend client update {client} --auth-method {method}.",
            permitted.join(" or ")
        ),
        Do::PermitAddress => {
            format!("Permit the address: tokend client update {client} --network NETWORK.")
        }
        Do::PermitAddressOfGrant { resource } => format!(
            "Permit the address for the grant: tokend client grant {client} --resource {} --network NETWORK.",
            quote(resource)
        ),
        Do::RevokeAllTokens => {
            format!(
                "Revoke all tokens of the client at once: tokend client revoke-tokens {client}."
            )
        }
        other => of_trust(other, client),
    }
}

/// The same for keys, certificates, assertions and trusts.
fn of_trust(action: &OperatorAction, client: &str) -> String {
    use OperatorAction as Do;
    match action {
        Do::AddKeys | Do::RegisterKey => format!(
            "Register the key that signs: tokend client keys add {client} --jwks public.json."
        ),
        Do::ShortenAssertions => {
            "Let the client make shorter assertions, or raise assertions.lifetime_max.".to_owned()
        }
        Do::SetAudience { issuer, .. } => {
            format!("Let the client send the issuer as the audience of its assertions: {issuer}.")
        }
        Do::RegisterCertificate => format!(
            "Register the certificate that was presented, or its subject: tokend client update {client} --help."
        ),
        Do::PresentCertificate => {
            "Let the client present its certificate with the request.".to_owned()
        }
        Do::ReachKeys => {
            "Let the server reach the keys of the issuer: see fetch.allowed_networks and fetch.ca_file."
                .to_owned()
        }
        Do::TestTrust | Do::CompareTrusts => format!(
            "Compare the token with the trusts of the client: tokend client trust test {client} < token.jwt."
        ),
        Do::AddSpiffeTrust => {
            format!("Add a trust in the trust domain: tokend client trust add {client} --help.")
        }
        Do::TrustSubject(trust) => format!(
            "The token names {}, and the trust of {} is for {}. Add a trust for the subject: {}.",
            trust.sent, trust.client_id, trust.wanted, trust.subject
        ),
        // Those of the other function.
        _ => format!("Look at the client: tokend client show {client}."),
    }
}
