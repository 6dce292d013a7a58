//! Remedies for the cause of a rejection. `tokend explain`, the console and the admin API show the
//! same text.

use std::fmt::Write;

use crate::model::github_subject;
use crate::model::remedy::{
    OperatorAction, Remedy, SubjectDifference, SubjectTrust, SubjectTrustKeys,
};
use crate::text::escaping;
use crate::text::shell::quote;

/// Returns how to fix the cause of a rejection. `client` is the client that the request was about.
pub fn of_rejection(remedy: &Remedy, client: Option<&str>) -> String {
    match remedy {
        Remedy::Text(text) => text.clone().into_owned(),
        // Parts of the text may come from the caller.
        Remedy::Action(action) => {
            let client = client.map_or_else(|| "ID".to_owned(), quote);
            escaping::escape(&of_action(action, &client)).into_owned()
        }
    }
}

const COMPARE_CLIENT_IDS: &str = "Compare with: tokend client list. It may have been deleted (tokend audit list), or be a client of another server.";

const SHORTEN_ASSERTIONS: &str = "Have the client set a shorter exp, and make an assertion for each request. The maximum is the setting assertions.lifetime_max.";

const PRESENT_CERTIFICATE: &str = "Let it present its certificate in the handshake, at the host of mtls_endpoint_aliases. Behind a proxy, the proxy must pass it on as Client-Cert, and its network must be in proxy.trusted.";

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
            "Why: tokend audit list --subject {client} --action client.disabled. To enable it again: tokend client enable {client}."
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
            "For a subject register one of the names shown (tokend client update {client} --tls-subject), and put the root that it comes from into tls.client_ca; the client must send the certificates between the two as well. For a self-signed one: tokend client keys add {client} --certificate FILE."
        ),
        OperatorAction::PresentCertificate => PRESENT_CERTIFICATE.to_owned(),
        OperatorAction::ReachKeys => REACH_KEYS.to_owned(),
        OperatorAction::SetIssuer => "Set TOKEND_ISSUER.".to_owned(),
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
    let mut text = format!("Have the client put only {issuer} into aud, and not an endpoint.");
    if let Some(url) = own_url {
        let _ = write!(
            text,
            " If it cannot: tokend client update {client} --assertion-audience {url} (repeat those that it has)."
        );
    }
    text
}

/// Puts the command last, without a full stop, so that it can be copied as it is.
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
