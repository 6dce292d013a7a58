//! Rejections: a code of the RFCs and a description for the caller; reason and remedy for the
//! operator. A description never names a command, an option or a setting of tokend.

use std::borrow::Cow;

pub use crate::model::error_code::ErrorCode;
use crate::model::reason_code::ReasonCode;
use crate::model::remedy::Remedy;
use crate::secrets::secret;
use crate::telemetry::stage_times::StageTimes;

/// When a client should try again that was told to try again shortly.
const RETRY_AFTER_SECONDS: u32 = 2;

/// What the caller is told in addition to the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Description {
    /// This sentence.
    Sentence(Cow<'static, str>),
    /// What failed. The answer adds the id of the request. It is identical for every failed
    /// authentication, so an unauthenticated caller learns nothing (D11).
    Failed(&'static str),
}

/// When a repeated request can succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retry {
    /// After this many seconds (RFC 9110, section 10.2.3).
    After(u32),
    /// With a DPoP proof that has this nonce (RFC 9449, section 8).
    WithNonce(String),
}

/// A rejection: what the caller is told, and what only the operator is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", .code.as_str(), self.reason())]
pub struct OAuthError {
    code: ErrorCode,
    reason_code: ReasonCode,
    description: Description,
    retry: Option<Retry>,
    operator_details: Box<OperatorDetails>,
}

/// What only the operator is told; never a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperatorDetails {
    /// The true reason, if it is not what the caller is told.
    pub reason: Option<Cow<'static, str>>,
    /// The client that the request is about.
    pub client_id: Option<String>,
    /// How to fix it.
    pub remedy: Option<Remedy>,
    /// The last characters of a whole secret that was presented.
    pub suffix: Option<String>,
    /// The stages of a token request until it was rejected.
    pub times: Option<StageTimes>,
}

impl OAuthError {
    /// Cold: the compiler puts what leads here behind the code that every request runs.
    #[cold]
    fn described(code: ErrorCode, description: Description) -> Self {
        let reason_code = ReasonCode::usual(code);
        Self { code, reason_code, description, retry: None, operator_details: Box::default() }
    }

    /// Says which reason of the closed list this is, if it is not the usual one of the code.
    #[must_use]
    pub fn because(self, reason_code: ReasonCode) -> Self {
        Self { reason_code, ..self }
    }

    /// The same for a rejection that no other reason of authentication has been found for.
    #[must_use]
    pub fn or_because(self, reason_code: ReasonCode) -> Self {
        if self.reason_code == ReasonCode::AuthenticationFailed {
            return self.because(reason_code);
        }
        self
    }

    /// The reason in the closed list that metrics have.
    pub fn reason_code(&self) -> ReasonCode {
        self.reason_code
    }

    fn retried(self, retry: Retry) -> Self {
        Self { retry: Some(retry), ..self }
    }

    /// A rejection whose reason the caller may know. The sentence says what is expected.
    pub fn new(code: ErrorCode, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::described(code, Description::Sentence(sanitize_description(sentence.into())))
    }

    /// `invalid_request`, with what is wrong with the form of the request.
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
        .because(ReasonCode::NoCredentials)
        .with_misspelt(misspelt)
    }

    /// Adds the name of a parameter that is not known, but close to a known one.
    #[must_use]
    pub fn with_misspelt(mut self, name: Option<&str>) -> Self {
        if let (Some(name), Description::Sentence(sentence)) = (name, &mut self.description) {
            *sentence = Cow::Owned(format!(
                "{sentence} '{name}' is not a parameter: names are written with underscores."
            ));
        }
        self
    }

    /// Replaces the reason, which only the operator is told. The description stays.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.operator_details.reason = Some(reason.into());
        self
    }

    /// `invalid_client` for credentials that were presented and are not valid. The reason is for
    /// the operator; the description is identical for every reason.
    pub fn authentication_failed(reason: impl Into<Cow<'static, str>>) -> Self {
        let description = Description::Failed("Client authentication failed.");
        Self::described(ErrorCode::InvalidClient, description).with_reason(reason)
    }

    /// The same failure of the assertion that is a grant: `invalid_grant` (RFC 7521, section
    /// 4.1.1).
    #[must_use]
    pub fn as_invalid_grant(self) -> Self {
        if self.code != ErrorCode::InvalidClient {
            return self;
        }
        let description = Description::Failed("The assertion is not accepted.");
        Self { code: ErrorCode::InvalidGrant, description, ..self }
    }

    /// `temporarily_unavailable`: the same request can succeed shortly.
    pub fn unavailable(reason: impl Into<Cow<'static, str>>) -> Self {
        let sentence = "The server cannot do this right now. Try again shortly.";
        Self::new(ErrorCode::TemporarilyUnavailable, sentence)
            .with_reason(reason)
            .retried(Retry::After(RETRY_AFTER_SECONDS))
    }

    /// `use_dpop_nonce`: the client should make a new proof with this nonce.
    pub fn use_dpop_nonce(nonce: String) -> Self {
        let sentence = "The DPoP proof needs a nonce of this server: make it again with the one in the DPoP-Nonce header.";
        Self::new(ErrorCode::UseDpopNonce, sentence).retried(Retry::WithNonce(nonce))
    }

    /// The caller sends too many requests, and may try again after so many seconds (RFC 6585,
    /// section 4).
    pub fn too_many(sentence: String, seconds: u32) -> Self {
        Self::new(ErrorCode::TooManyRequests, sentence).retried(Retry::After(seconds))
    }

    /// There were too many wrong secrets. The answer is the same for unknown and known clients.
    pub fn too_many_guesses(seconds: u32) -> Self {
        Self::too_many(
            format!(
                "Too many failed attempts with this client_id or from this address. Check the secret and try again in {seconds} s."
            ),
            seconds,
        )
        .because(ReasonCode::GuessLimit)
    }

    /// `server_error`: the server failed; the cause is for the operator.
    pub fn server_error(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::ServerError, "The server failed. The reason is recorded.")
            .with_reason(reason)
    }

    /// Names the client that the request is about.
    #[must_use]
    pub fn about(mut self, client_id: &str) -> Self {
        self.operator_details.client_id = Some(client_id.to_owned());
        self
    }

    /// Adds the stages of a token request until now.
    #[must_use]
    pub fn during(mut self, times: StageTimes) -> Self {
        self.operator_details.times = Some(times);
        self
    }

    /// Adds how to fix it, which only the operator is told.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<Remedy>) -> Self {
        self.operator_details.remedy = Some(remedy.into());
        self
    }

    /// Adds the last characters of the secret that was presented.
    #[must_use]
    pub fn with_suffix(mut self, suffix: String) -> Self {
        self.operator_details.suffix = Some(suffix);
        self
    }

    /// What only the operator is told.
    pub fn operator_details(&self) -> &OperatorDetails {
        &self.operator_details
    }

    /// The code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// What the caller is told.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The true reason, for the operator: the description if it says all.
    pub fn reason(&self) -> &str {
        match (&self.operator_details.reason, &self.description) {
            (Some(reason), _) => reason,
            (None, Description::Sentence(sentence)) => sentence,
            (None, Description::Failed(what)) => what,
        }
    }

    /// When a repeated request can succeed, if that is known.
    pub fn retry(&self) -> Option<&Retry> {
        self.retry.as_ref()
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
