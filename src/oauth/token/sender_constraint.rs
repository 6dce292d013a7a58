//! Steps 4 and 6, sender constraint (RFC 9700, section 2.2.1): binds the token to a key of which
//! the client proves possession, or to the certificate that it presents.

use std::iter::once;

use crate::app::App;
use crate::app::token_endpoint::token_endpoint_urls;
use crate::jose::dpop::{Expected, Proof, ProofError};
use crate::jose::jwt::Confirmation;
use crate::limits::replay_cache::ReplayRejection;
use crate::model::reason_code::ReasonCode;
use crate::model::time::Timestamp;
use crate::oauth::client_authentication::AuthenticatedClient;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::token::authorization::Granted;

/// A proof from a request (RFC 9449, section 5), not yet parsed.
#[derive(Debug)]
pub struct PresentedProof {
    /// The values of the `DPoP` headers.
    pub values: Vec<String>,
    /// The path of the request.
    pub path: String,
}

/// A binding that passed all checks. Only `verify_binding` creates it.
#[derive(Debug)]
pub struct VerifiedBinding {
    confirmation: Option<Confirmation>,
    /// The hash that identifies the proof, which is accepted once.
    proof: Option<String>,
}

/// Granted access with the binding of the token. Only `consume_proof` creates it.
#[derive(Debug)]
pub struct Bound {
    granted: Granted,
    confirmation: Option<Confirmation>,
}

impl Bound {
    /// Returns the granted access.
    pub fn granted(&self) -> &Granted {
        &self.granted
    }

    /// Returns the claim `cnf`; `None` for a bearer token.
    pub fn confirmation(&self) -> Option<&Confirmation> {
        self.confirmation.as_ref()
    }

    /// Returns the granted access by value.
    pub fn into_granted(self) -> Granted {
        self.granted
    }
}

/// Verifies the requested binding. Rejects a client that must bind its tokens and does not.
pub(super) fn verify_binding(
    app: &App,
    granted: &Granted,
    presented: Option<&PresentedProof>,
    now: Timestamp,
) -> Result<VerifiedBinding, OAuthError> {
    let client = granted.client();
    let security = client.entry().security.as_deref();
    let must = security.is_some_and(|security| security.dpop_bound);
    match presented {
        // A token has one key (RFC 7800, section 3.1), and this client's is that of its
        // certificate.
        Some(_) if is_certificate_bound(client) => Err(OAuthError::invalid_request(format!(
            "Tokens of client {} are bound to its certificate (RFC 8705): leave the DPoP header out.",
            client.id()
        ))),
        Some(presented) => {
            let proof = proof(app, presented, now)?;
            let confirmation = Some(Confirmation::Key(proof.thumbprint));
            Ok(VerifiedBinding { confirmation, proof: Some(proof.replay_key) })
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

/// Consumes the proof. This step comes last of all that may reject the request. A client whose
/// request was rejected before may send the same proof again, and the proof has taken no space in
/// the replay cache. A replayed proof still counts against the rate of the client.
pub(super) fn consume_proof(
    app: &App,
    granted: Granted,
    binding: VerifiedBinding,
    now: Timestamp,
) -> Result<Bound, OAuthError> {
    let id = granted.client().id();
    let taken = match &binding.proof {
        Some(replay_key) => app.services.dpop_proofs.take(replay_key, id.as_str(), now),
        None => Ok(()),
    };
    match taken {
        Ok(()) => Ok(Bound { granted, confirmation: binding.confirmation }),
        Err(ReplayRejection::Seen) => Err(OAuthError::new(
            ErrorCode::InvalidDpopProof,
            "The DPoP proof has been used before: make one for each request, with its own jti.",
        )
        .because(ReasonCode::ProofReplayed)),
        Err(ReplayRejection::Full) => {
            Err(OAuthError::unavailable("the memory of DPoP proofs is full")
                .because(ReasonCode::ReplayCacheFull))
        }
        Err(ReplayRejection::FullForOne(seconds)) => Err(OAuthError::too_many(
            format!(
                "Client {id} has sent too many DPoP proofs. Keep a token until it expires. The next proof is accepted in {seconds} s."
            ),
            seconds,
        )
        .because(ReasonCode::ProofLimit)),
    }
}

/// Returns the certificate that authenticated the client, or to which its tokens must be bound (RFC
/// 8705, section 3).
fn by_certificate(client: &AuthenticatedClient) -> Result<Option<Confirmation>, OAuthError> {
    let is_bound = is_certificate_bound(client);
    match client.certificate() {
        Some(certificate) if is_bound || client.is_by_certificate() => {
            Ok(Some(Confirmation::Certificate(certificate.thumbprint())))
        }
        None if is_bound => Err(OAuthError::invalid_request(format!(
            "Tokens of client {} are bound to a certificate: present one in the TLS handshake (RFC 8705).",
            client.id()
        ))
        .because(ReasonCode::CertificateMissing)),
        _ => Ok(None),
    }
}

fn is_certificate_bound(client: &AuthenticatedClient) -> bool {
    client.entry().security.as_deref().is_some_and(|security| security.certificate_bound)
}

fn proof(app: &App, presented: &PresentedProof, now: Timestamp) -> Result<Proof, OAuthError> {
    let wrong = |error: &ProofError| {
        OAuthError::new(ErrorCode::InvalidDpopProof, format!("The DPoP proof is invalid: {error}."))
    };
    let [text] = &presented.values[..] else { return Err(wrong(&ProofError::Several)) };
    let config = &app.services.config;
    // A client with a certificate may have called the host of `mtls_url`.
    let uris: Vec<_> = once(&app.issuer)
        .chain(&config.mtls_url)
        .flat_map(|base| token_endpoint_urls(base.as_str(), &config.token.aliases, &presented.path))
        .collect();
    let proof = Proof::check(text, &Expected { method: "POST", uris: &uris });
    let proof = proof.map_err(|error| wrong(&error))?;
    check_nonce(app, &proof, now)?;
    proof.check_time(now).map_err(|error| wrong(&error))?;
    Ok(proof)
}

/// RFC 9449, section 4.3, check 10, and section 8.
fn check_nonce(app: &App, proof: &Proof, now: Timestamp) -> Result<(), OAuthError> {
    let nonces = &app.services.nonce_issuer;
    if !app.services.config.token.dpop_nonces
        || proof.nonce.as_deref().is_some_and(|nonce| nonces.knows(nonce, now))
    {
        return Ok(());
    }
    Err(OAuthError::use_dpop_nonce(nonces.make(now)))
}
