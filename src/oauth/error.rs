//! Rejections: a code of the RFCs for the caller and, privately, the true reason for the log.

use std::borrow::Cow;

use crate::secrets::secret;

/// How many seconds "shortly" is.
const RETRY_AFTER_SECONDS: u32 = 2;

/// The code of a rejection (RFC 6749, section 5.2; RFC 8707, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request is malformed.
    InvalidRequest,
    /// The client is not who it says, or does not say.
    InvalidClient,
    /// The client may not use this grant.
    UnauthorizedClient,
    /// The assertion that is the grant does not count (RFC 7521, section 4.1.1).
    InvalidGrant,
    /// This server does not offer the grant.
    UnsupportedGrantType,
    /// No response type is supported (RFC 6749, section 4.1.2.1).
    UnsupportedResponseType,
    /// A scope is malformed, unknown or not granted.
    InvalidScope,
    /// The resource is unknown or not granted, or none is named where one must be.
    InvalidTarget,
    /// A proof of possession does not count, or is missing (RFC 9449, section 5).
    InvalidDpopProof,
    /// A proof of possession needs a nonce of ours (RFC 9449, section 8).
    UseDpopNonce,
    /// The client asks too often. No code is registered for this; the word is that of the next.
    TooManyRequests,
    /// The server cannot do it now.
    TemporarilyUnavailable,
    /// The server failed.
    ServerError,
}

impl ErrorCode {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::TooManyRequests | Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }
}

/// What the caller is told beside the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Description {
    /// This sentence.
    Sentence(Cow<'static, str>),
    /// What has failed, and the id of the request. It is the same for every failed authentication:
    /// who has not proved anything learns nothing (DESIGN D11).
    Failed(&'static str),
}

/// A rejection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {reason}", code = code.as_str())]
pub struct OAuthError {
    code: ErrorCode,
    description: Description,
    reason: Cow<'static, str>,
    retry_after: Option<u32>,
    dpop_nonce: Option<String>,
    operator_details: Option<Box<OperatorDetails>>,
}

/// What an operator may know beside the reason; never a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperatorDetails {
    /// The client it is about.
    pub client_id: Option<String>,
    /// How to fix it.
    pub remedy: Option<Cow<'static, str>>,
    /// The last characters of a whole secret that was presented.
    pub suffix: Option<String>,
}

impl OAuthError {
    /// A rejection whose reason the caller may know. The sentence says what would be right.
    pub fn new(code: ErrorCode, sentence: impl Into<Cow<'static, str>>) -> Self {
        let sentence = sanitize_description(sentence.into());
        let description = Description::Sentence(sentence.clone());
        Self {
            code,
            reason: sentence,
            description,
            retry_after: None,
            dpop_nonce: None,
            operator_details: None,
        }
    }

    /// `invalid_request`, with what is wrong about its shape.
    pub fn invalid_request(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidRequest, sentence)
    }

    /// `invalid_client` for a request that presents no credentials at all: nothing was wrong, so
    /// nothing is given away. A parameter that is misspelt is named.
    pub fn no_authentication(misspelt: Option<&str>) -> Self {
        Self::new(
            ErrorCode::InvalidClient,
            "No client authentication found. Send HTTP Basic, or client_id and client_secret in the body.",
        )
        .with_misspelt(misspelt)
    }

    /// The same with the name of a parameter that is not one, but close to one.
    #[must_use]
    pub fn with_misspelt(mut self, name: Option<&str>) -> Self {
        if let (Some(name), Description::Sentence(sentence)) = (name, &self.description) {
            let sentence = format!(
                "{sentence} '{name}' is not a parameter: names are written with underscores."
            );
            self.description = Description::Sentence(Cow::Owned(sentence.clone()));
            self.reason = Cow::Owned(sentence);
        }
        self
    }

    /// The same with another reason, for the operator alone. The caller is told what it was told.
    #[must_use]
    pub fn with_reason(mut self, reason: String) -> Self {
        self.reason = Cow::Owned(reason);
        self
    }

    /// `invalid_client` for credentials that were presented and do not count. The reason is for
    /// the log alone; the answer is the same whatever it is.
    pub fn authentication_failed(reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: ErrorCode::InvalidClient,
            description: Description::Failed("Client authentication failed."),
            reason: reason.into(),
            retry_after: None,
            dpop_nonce: None,
            operator_details: None,
        }
    }

    /// The same failure of the assertion that is a grant: `invalid_grant` (RFC 7521, section 4.1.1).
    #[must_use]
    pub fn of_the_grant(self) -> Self {
        if self.code != ErrorCode::InvalidClient {
            return self;
        }
        let description = Description::Failed("The assertion is not accepted.");
        Self { code: ErrorCode::InvalidGrant, description, ..self }
    }

    /// `temporarily_unavailable`: the caller should come again shortly.
    pub fn unavailable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: ErrorCode::TemporarilyUnavailable,
            description: Description::Sentence(Cow::Borrowed(
                "The server cannot do this right now. Try again shortly.",
            )),
            reason: reason.into(),
            retry_after: Some(RETRY_AFTER_SECONDS),
            dpop_nonce: None,
            operator_details: None,
        }
    }

    /// `use_dpop_nonce`: the proof should be made again with this nonce.
    pub fn use_dpop_nonce(nonce: String) -> Self {
        let sentence = "The DPoP proof needs a nonce of this server: make it again with the one in the DPoP-Nonce header.";
        Self { dpop_nonce: Some(nonce), ..Self::new(ErrorCode::UseDpopNonce, sentence) }
    }

    /// The caller asks too often, and may come again after so many seconds (RFC 6585, section 4).
    pub fn too_many(sentence: String, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(ErrorCode::TooManyRequests, sentence) }
    }

    /// There have been too many wrong secrets. Said of unknown clients as of known ones.
    pub fn too_many_guesses(seconds: u32) -> Self {
        Self::too_many(
            format!(
                "Too many failed attempts with this client_id or from this address. Check the secret and try again in {seconds} s."
            ),
            seconds,
        )
    }

    /// `server_error`: our fault, with the cause for the log.
    pub fn server_error(reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: ErrorCode::ServerError,
            description: Description::Sentence(Cow::Borrowed(
                "The server failed. The reason is recorded.",
            )),
            reason: reason.into(),
            retry_after: None,
            dpop_nonce: None,
            operator_details: None,
        }
    }

    /// The same about that client.
    #[must_use]
    pub fn about(mut self, client_id: &str) -> Self {
        self.operator_details.get_or_insert_default().client_id = Some(client_id.to_owned());
        self
    }

    /// The same with what would mend it, for the operator.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.operator_details.get_or_insert_default().remedy = Some(remedy.into());
        self
    }

    /// The same with the last characters of the secret that was presented.
    #[must_use]
    pub fn with_suffix(mut self, suffix: String) -> Self {
        self.operator_details.get_or_insert_default().suffix = Some(suffix);
        self
    }

    /// What an operator may know beside the reason.
    pub fn operator_details(&self) -> Option<&OperatorDetails> {
        self.operator_details.as_deref()
    }

    /// The code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// What the caller is told.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The true reason, for the log.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The nonce to be used next, if one is needed.
    pub fn dpop_nonce(&self) -> Option<&str> {
        self.dpop_nonce.as_deref()
    }

    /// After how many seconds it is worth trying again, if it is.
    pub fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }
}

/// A sentence with nothing in it but the characters of RFC 6749, section 5.2. Ids of clients and
/// resources stand in sentences too, and an imported id may hold others.
fn sanitize_description(sentence: Cow<'static, str>) -> Cow<'static, str> {
    let is_allowed = |character| matches!(character, ' '..='!' | '#'..='[' | ']'..='~');
    if sentence.chars().all(is_allowed) {
        return sentence;
    }
    Cow::Owned(sentence.replace(|character| !is_allowed(character), "?"))
}

/// A value of the caller, made fit to stand in a description between single quotes: at most 100
/// characters, all of them allowed there. Generated secrets are left out.
pub fn quote_input(text: &str) -> String {
    let text = secret::redact(text);
    let start: String = text.chars().take(100).collect();
    let mut shown = sanitize_description(Cow::Owned(start)).replace('\'', "?");
    if text.chars().nth(100).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// RFC 6749, section 5.2 (C-32).
        #[test]
        fn what_is_echoed_is_allowed_in_a_description(text in "\\PC{0,300}|.{0,300}") {
            let shown = quote_input(&text);
            prop_assert!(shown.len() <= 103);
            prop_assert!(shown.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)));
        }
    }
}
