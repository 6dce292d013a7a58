//! To what is the token bound? A key of the client's own, if it proves to have one, or the
//! certificate that it shows.

use crate::app::App;
use crate::jose::dpop::{Expected, Proof, ProofError};
use crate::jose::jwt::Confirmation;
use crate::limits::replay_cache::Refused;
use crate::model::time::Timestamp;
use crate::oauth::client_authentication::AuthenticatedClient;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::metadata::TOKEN_PATH;

/// A proof as it came with a request (RFC 9449, section 5), unread.
#[derive(Debug)]
pub struct PresentedProof {
    /// The values of the `DPoP` headers.
    pub values: Vec<String>,
    /// The path of the request.
    pub path: String,
}

/// What a token can be bound to: [`check`] has found nothing wrong with it.
#[derive(Debug)]
pub struct VerifiedBinding {
    confirmation: Option<Confirmation>,
    /// The name of the proof, which counts once.
    proof: Option<String>,
}

impl VerifiedBinding {
    /// Uses the proof up. It comes after everything that may refuse the request otherwise: the
    /// client may send the same proof again then, and has taken no room in the memory of proofs. A
    /// proof that has been used counts against the client's rate all the same: it is its own doing.
    pub fn consume_proof(
        self,
        app: &App,
        client: &AuthenticatedClient,
        now: Timestamp,
    ) -> Result<Binding, OAuthError> {
        let taken = match &self.proof {
            Some(name) => app.services.dpop_proofs.take(name, client.id().as_str(), now),
            None => Ok(()),
        };
        match taken {
            Ok(()) => Ok(Binding(self.confirmation)),
            Err(Refused::Seen) => Err(OAuthError::new(
                ErrorCode::InvalidDpopProof,
                "The DPoP proof has been used before: make one for each request, with its own jti.",
            )),
            Err(Refused::Full) => Err(OAuthError::unavailable("the memory of DPoP proofs is full")),
            Err(Refused::FullForOne(seconds)) => Err(OAuthError::too_many(
                format!(
                    "Client {} has sent too many DPoP proofs. Keep a token until it expires. Next one in {seconds} s.",
                    client.id()
                ),
                seconds,
            )),
        }
    }
}

/// What a token is bound to. Only [`VerifiedBinding::consume_proof`] makes one.
#[derive(Debug)]
pub struct Binding(Option<Confirmation>);

impl Binding {
    /// What the token has to say about it; nothing for a bearer token.
    pub fn confirmation(&self) -> Option<&Confirmation> {
        self.0.as_ref()
    }
}

/// Checks what the client binds its token to, and that it does if it must.
pub fn verify_binding(
    app: &App,
    client: &AuthenticatedClient,
    presented: Option<&PresentedProof>,
    now: Timestamp,
) -> Result<VerifiedBinding, OAuthError> {
    let security = client.entry().security.as_deref();
    let must = security.is_some_and(|security| security.dpop_bound);
    match presented {
        // A token has one key (RFC 7800, section 3.1), and for this client it is settled whose.
        Some(_) if must_show_certificate(client) => Err(OAuthError::invalid_request(format!(
            "Tokens of client {} are bound to its certificate (RFC 8705): leave the DPoP header out.",
            client.id()
        ))),
        Some(presented) => {
            let proof = proof(app, presented, now)?;
            let confirmation = Some(Confirmation::Key(proof.thumbprint));
            Ok(VerifiedBinding { confirmation, proof: Some(proof.name) })
        }
        None if must => Err(OAuthError::new(
            ErrorCode::InvalidDpopProof,
            format!(
                "Tokens of client {} are bound to a key: send a DPoP header with each token request (RFC 9449).",
                client.id()
            ),
        )),
        None => Ok(VerifiedBinding { confirmation: by_certificate(client)?, proof: None }),
    }
}

/// The certificate that has authenticated the client, or to which its tokens must be bound
/// (RFC 8705, section 3).
fn by_certificate(client: &AuthenticatedClient) -> Result<Option<Confirmation>, OAuthError> {
    let must = must_show_certificate(client);
    match client.certificate() {
        Some(certificate) if must || client.is_by_certificate() => {
            Ok(Some(Confirmation::Certificate(certificate.thumbprint())))
        }
        None if must => Err(OAuthError::invalid_request(format!(
            "Tokens of client {} are bound to a certificate: show one in the TLS handshake (RFC 8705).",
            client.id()
        ))),
        _ => Ok(None),
    }
}

fn must_show_certificate(client: &AuthenticatedClient) -> bool {
    client.entry().security.as_deref().is_some_and(|security| security.certificate_bound)
}

fn proof(app: &App, presented: &PresentedProof, now: Timestamp) -> Result<Proof, OAuthError> {
    let wrong = |error: &ProofError| {
        OAuthError::new(
            ErrorCode::InvalidDpopProof,
            format!("The DPoP proof does not count: {error}."),
        )
    };
    let [text] = &presented.values[..] else { return Err(wrong(&ProofError::Several)) };
    let uris = token_endpoints(app, &presented.path);
    let proof = Proof::check(text, &Expected { method: "POST", uris: &uris });
    let proof = proof.map_err(|error| wrong(&error))?;
    check_nonce(app, &proof, now)?;
    proof.check_time(now).map_err(|error| wrong(&error))?;
    Ok(proof)
}

/// Point 10 of RFC 9449, section 4.3, and section 8.
fn check_nonce(app: &App, proof: &Proof, now: Timestamp) -> Result<(), OAuthError> {
    let nonces = &app.services.nonce_issuer;
    if !app.services.config.token.dpop_nonces
        || proof.nonce.as_deref().is_some_and(|nonce| nonces.knows(nonce, now))
    {
        return Ok(());
    }
    Err(OAuthError::use_dpop_nonce(nonces.make(now)))
}

/// The URLs of the token endpoint: the one in the metadata, its other names, and the path of this
/// very request, which is one of them with or without a slash; at the host for clients with
/// certificates too, if there is one.
fn token_endpoints(app: &App, path: &str) -> Vec<String> {
    let config = &app.services.config;
    let mut uris = Vec::new();
    for base in std::iter::once(&app.issuer).chain(&config.mtls_url) {
        let url = base.as_str();
        let origin = url.strip_suffix(base.path()).unwrap_or(url);
        let aliases = config.token.aliases.iter().map(String::as_str);
        let paths = std::iter::once(TOKEN_PATH).chain(aliases);
        uris.extend(paths.map(|path| format!("{url}{path}")));
        uris.push(format!("{origin}{path}"));
    }
    uris
}
