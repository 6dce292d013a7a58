//! Authentication by a certificate that the client presents in the TLS handshake, or that a trusted
//! proxy forwards (RFC 8705, section 2).

use std::sync::Arc;

use crate::app::App;
use crate::directory::{ClientEntry, SecurityEntry};
use crate::model::client::AuthenticationMethod;
use crate::model::remedy::OperatorAction;
use crate::model::time::Timestamp;
use crate::oauth::client_authentication::{diagnosis, reject_disabled, rejection, request_fetch};
use crate::oauth::error::OAuthError;
use crate::x509::certificate::ClientCertificate;

/// Finds the client to which the certificate belongs, and the method that succeeded.
pub(super) fn authenticate(
    app: &App,
    client_id: &str,
    certificate: &ClientCertificate,
    now: Timestamp,
) -> Result<(Arc<ClientEntry>, AuthenticationMethod), OAuthError> {
    let entry =
        app.directory.client(client_id).ok_or_else(|| diagnosis::unknown_id(app, client_id))?;
    let may = |method| entry.allowed.auth_methods.contains(&method);
    let nothing = SecurityEntry::default();
    let security = entry.security.as_deref().unwrap_or(&nothing);
    let (chain, registration) =
        (AuthenticationMethod::TlsClientAuth, AuthenticationMethod::SelfSignedTlsClientAuth);
    let by_chain = || by_chain(app, security, certificate, now).map(|()| chain);
    let by_registration = || by_registration(app, security, certificate).map(|()| registration);
    let verified = match (may(chain), may(registration)) {
        (true, false) => by_chain(),
        (false, true) => by_registration(),
        (true, true) => by_chain()
            .or_else(|one| by_registration().map_err(|other| format!("{one}; and {other}"))),
        (false, false) => Err("the client may not authenticate by a certificate".to_owned()),
    };
    let method = verified.map_err(|problem| {
        let names = certificate.names().unwrap_or_else(|error| vec![error.to_string()]).join(", ");
        let thumbprint = certificate.thumbprint();
        rejection(
            &entry,
            &format!(
                "{problem}. The client presented the certificate of {names} (SHA-256 {thumbprint})"
            ),
        )
        .with_remedy(OperatorAction::RegisterCertificate)
    })?;
    reject_disabled(&entry)?;
    Ok((entry, method))
}

/// `tls_client_auth`: requires a valid chain and the registered subject (section 2.1).
fn by_chain(
    app: &App,
    security: &SecurityEntry,
    certificate: &ClientCertificate,
    now: Timestamp,
) -> Result<(), String> {
    let subject = security.tls_subject.as_ref().ok_or("no subject is registered for the client")?;
    let ca = app.services.client_ca.as_ref();
    let ca = ca.ok_or("`tls.client_ca` is not set, so no chain can be checked")?;
    ca.check(certificate, now).map_err(|error| format!("the certificate: {error}"))?;
    match certificate.is_of(subject) {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("the certificate is not of {subject}")),
        Err(error) => Err(format!("the certificate: {error}")),
    }
}

/// `self_signed_tls_client_auth`: requires a registered certificate, without a chain (section 2.2).
fn by_registration(
    app: &App,
    security: &SecurityEntry,
    certificate: &ClientCertificate,
) -> Result<(), String> {
    let source = security.keys.as_ref().ok_or("no certificate is registered for the client")?;
    let keys = source.keys();
    if keys.is_some_and(|keys| keys.have_certificate(&certificate.thumbprint())) {
        return Ok(());
    }
    request_fetch(app, source);
    Err("the certificate is not one of those registered (x5c of the client's keys)".to_owned())
}
