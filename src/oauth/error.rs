//! Rejections of the protocol: an error code and description for the caller, a reason and remedy
//! for the operator. A description never names a command, an option or a setting of tokend.

use std::borrow::Cow;

pub use crate::model::error_code::ErrorCode;
use crate::model::reason_code::ReasonCode;
use crate::model::remedy::Remedy;
use crate::secrets::secret;
use crate::telemetry::stage_times::StageTimes;

/// `Retry-After` of a temporary failure.
const RETRY_AFTER_SECONDS: u32 = 2;

/// Text for the caller, in addition to the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Description {
    /// A complete sentence.
    Sentence(Cow<'static, str>),
    /// The operation that failed. The answer adds the id of the request. It is identical for every
    /// failed authentication, so an unauthenticated caller learns nothing (D11).
    Failed(&'static str),
}

/// Condition under which a repeated request can succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retry {
    /// After this many seconds (RFC 9110, section 10.2.3).
    After(u32),
    /// With a DPoP proof that has this nonce (RFC 9449, section 8).
    WithNonce(String),
}

/// A rejection, with the parts for the caller and for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", .code.as_str(), self.reason())]
pub struct OAuthError {
    code: ErrorCode,
    reason_code: ReasonCode,
    description: Description,
    retry: Option<Retry>,
    operator_details: Box<OperatorDetails>,
}

/// Details for the operator only. They never include a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperatorDetails {
    /// The true reason, if it differs from the description.
    pub reason: Option<Cow<'static, str>>,
    /// The client that the request is about.
    pub client_id: Option<String>,
    /// Remedy for the problem.
    pub remedy: Option<Remedy>,
    /// The last characters of a complete secret that was presented.
    pub suffix: Option<String>,
    /// The duration of each stage of a token request until it was rejected.
    pub times: Option<StageTimes>,
}

impl OAuthError {
    /// Cold, so that the compiler moves these paths out of the code that every request runs.
    #[cold]
    fn described(code: ErrorCode, description: Description) -> Self {
        let reason_code = ReasonCode::usual(code);
        Self { code, reason_code, description, retry: None, operator_details: Box::default() }
    }

    /// Sets the reason code, if it is not the usual one for the error code.
    #[must_use]
    pub fn because(self, reason_code: ReasonCode) -> Self {
        Self { reason_code, ..self }
    }

    /// Like [`because`](Self::because), unless a more specific reason of authentication is set.
    #[must_use]
    pub fn or_because(self, reason_code: ReasonCode) -> Self {
        if self.reason_code == ReasonCode::AuthenticationFailed {
            return self.because(reason_code);
        }
        self
    }

    /// Returns the reason code that metrics and the log use.
    pub fn reason_code(&self) -> ReasonCode {
        self.reason_code
    }

    fn retried(self, retry: Retry) -> Self {
        Self { retry: Some(retry), ..self }
    }

    /// Creates a rejection whose reason the caller may know. The sentence states what is expected.
    pub fn new(code: ErrorCode, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::described(code, Description::Sentence(sanitize_description(sentence.into())))
    }

    /// `invalid_request`: the form of the request is wrong.
    pub fn invalid_request(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidRequest, sentence)
    }

    /// `invalid_client` for a request without any credentials. No credential was wrong, so the
    /// description may be specific. It names a misspelt parameter.
    pub fn no_authentication(misspelt: Option<&str>) -> Self {
        Self::new(
            ErrorCode::InvalidClient,
            "No client authentication found. Send HTTP Basic, or client_id and client_secret in the body.",
        )
        .because(ReasonCode::NoCredentials)
        .with_misspelt(misspelt)
    }

    /// Adds the name of an unknown parameter that resembles a known one.
    #[must_use]
    pub fn with_misspelt(mut self, name: Option<&str>) -> Self {
        if let (Some(name), Description::Sentence(sentence)) = (name, &mut self.description) {
            *sentence = Cow::Owned(format!(
                "{sentence} '{name}' is not a parameter: names are written with underscores."
            ));
        }
        self
    }

    /// Replaces the reason for the operator. The description does not change.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.operator_details.reason = Some(reason.into());
        self
    }

    /// `invalid_client` for credentials that are not valid. The reason is for the operator. The
    /// description is identical for every reason.
    pub fn authentication_failed(reason: impl Into<Cow<'static, str>>) -> Self {
        let description = Description::Failed("Client authentication failed.");
        Self::described(ErrorCode::InvalidClient, description).with_reason(reason)
    }

    /// Converts `invalid_client` into `invalid_grant`, for an assertion that is a grant (RFC 7521,
    /// section 4.1.1).
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

    /// The caller sends too many requests and may retry after this number of seconds (RFC 6585,
    /// section 4).
    pub fn too_many(sentence: String, seconds: u32) -> Self {
        Self::new(ErrorCode::TooManyRequests, sentence).retried(Retry::After(seconds))
    }

    /// Too many wrong secrets were presented. The answer is the same for unknown and known clients.
    pub fn too_many_guesses(seconds: u32) -> Self {
        Self::too_many(
            format!(
                "Too many failed attempts with this client_id or from this address. Check the secret and try again in {seconds} s."
            ),
            seconds,
        )
        .because(ReasonCode::GuessLimit)
    }

    /// `server_error`: the server failed. The reason is for the operator.
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

    /// Adds the duration of the stages of a token request until now.
    #[must_use]
    pub fn during(mut self, times: StageTimes) -> Self {
        self.operator_details.times = Some(times);
        self
    }

    /// Adds the remedy, which is for the operator only.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<Remedy>) -> Self {
        self.operator_details.remedy = Some(remedy.into());
        self
    }

    /// Adds the last characters of the presented secret.
    #[must_use]
    pub fn with_suffix(mut self, suffix: String) -> Self {
        self.operator_details.suffix = Some(suffix);
        self
    }

    /// Returns the details for the operator only.
    pub fn operator_details(&self) -> &OperatorDetails {
        &self.operator_details
    }

    /// Returns the error code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// Returns the text for the caller.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Returns the true reason, for the operator. Falls back to the description.
    pub fn reason(&self) -> &str {
        match (&self.operator_details.reason, &self.description) {
            (Some(reason), _) => reason,
            (None, Description::Sentence(sentence)) => sentence,
            (None, Description::Failed(what)) => what,
        }
    }

    /// Returns the condition under which a repeated request can succeed, if it is known.
    pub fn retry(&self) -> Option<&Retry> {
        self.retry.as_ref()
    }
}

/// Replaces characters that RFC 6749, section 5.2 does not allow. Sentences include ids of clients
/// and resources, and an imported id may have such characters.
fn sanitize_description(sentence: Cow<'static, str>) -> Cow<'static, str> {
    let is_allowed = |character| matches!(character, ' '..='!' | '#'..='[' | ']'..='~');
    if sentence.chars().all(is_allowed) {
        return sentence;
    }
    Cow::Owned(sentence.replace(|character| !is_allowed(character), "?"))
}

/// Sanitizes a value of the caller for a description, in which it is quoted: at most 100
/// characters, all allowed there. Generated secrets are redacted.
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
