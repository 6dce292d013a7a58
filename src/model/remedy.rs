//! Remedies: how the operator fixes the cause of a rejection, as data. `remedies` turns them into
//! text; lower layers do not know any commands.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};

/// A way for the operator to fix the cause of a rejection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// A text that does not name a command of tokend.
    Text(Cow<'static, str>),
    /// An action that needs a command of tokend or a setting.
    Action(OperatorAction),
}

/// An action of the operator for the rejected client. The names are stored, so they never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum OperatorAction {
    /// Compare the sent id with the existing ones.
    CompareClientIds,
    /// Give the client its own secret, or add one.
    GiveOwnSecret,
    /// Add a secret, a key or a trust, because the client has none.
    AddCredential,
    /// Let the client use a credential that it has, or add a secret.
    UseOtherCredential,
    /// Replace a secret that has expired or was deleted.
    ReplaceSecret,
    /// Compare the digest of an offline-generated secret with those of the client.
    CompareDigests,
    /// Enable the client.
    EnableClient,
    /// Permit an authentication method, or use a permitted one.
    PermitMethod {
        /// The method that the client used.
        method: String,
        /// The permitted methods.
        permitted: Vec<String>,
    },
    /// Permit the address for the client.
    PermitAddress,
    /// Permit the address for one grant.
    PermitAddressOfGrant {
        /// The resource of the grant.
        resource: String,
    },
    /// Revoke all tokens of the client.
    RevokeAllTokens,
    /// Register keys, because the client has none.
    AddKeys,
    /// Register the key that signed the assertion, or sign with a registered key.
    RegisterKey,
    /// Shorten the lifetime of the client's assertions, or raise the maximum.
    ShortenAssertions,
    /// Have the client send another audience.
    SetAudience {
        /// The issuer of this server.
        issuer: String,
        /// The URL that was sent, if it is a URL of the token endpoint and may be permitted.
        own_url: Option<String>,
    },
    /// Register the presented certificate or its subject.
    RegisterCertificate,
    /// Have the client present its certificate.
    PresentCertificate,
    /// Make the keys reachable for the server.
    ReachKeys,
    /// Set the issuer of the server.
    SetIssuer,
    /// Test a token against the trusts of the client.
    TestTrust,
    /// Compare the trusts of all clients.
    CompareTrusts,
    /// Add a trust in a SPIFFE trust domain.
    AddSpiffeTrust,
    /// Add a trust for the subject of a GitHub token whose form differs from that of the existing
    /// trust.
    TrustSubject(Box<SubjectTrust>),
}

/// A trust that would accept the subject of a rejected GitHub token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectTrust {
    /// The client that has the trust.
    pub client_id: String,
    /// The difference between the subjects.
    pub difference: SubjectDifference,
    /// The repository of the trust, such as `acme/api`.
    pub wanted: String,
    /// The repository of the token.
    pub sent: String,
    /// The issuer of the trust.
    pub issuer: String,
    /// The audience of the trust.
    pub audience: String,
    /// The pattern for the subject.
    pub subject: String,
    /// The other claims with their patterns.
    pub claims: Vec<(String, String)>,
    /// The source of the issuer's keys.
    pub keys: SubjectTrustKeys,
}

/// The source of an issuer's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectTrustKeys {
    /// Discovered through the issuer's metadata.
    Discovered,
    /// Fetched from this URL.
    Url(String),
    /// Provided by the operator.
    Given,
}

/// The difference between the subjects of a token and of a trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectDifference {
    /// The token has ids, the trust has only names.
    IdsSent,
    /// Like [`Self::IdsSent`], but for another repository of the owner, which may have been
    /// renamed.
    IdsSentByAnother,
    /// The token has only names, the trust has ids.
    NamesSent,
    /// Both have the same ids with different names.
    Renamed,
    /// Both have the same names with different ids.
    OtherIds,
}

impl Remedy {
    /// Encodes the remedy for storage: the text, or an action as JSON.
    pub fn encode(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Action(action) => Cow::Owned(serde_json::to_string(action).unwrap_or_default()),
        }
    }

    /// Decodes the result of [`Remedy::encode`]. An unknown action is kept as text.
    pub fn decode(stored: String) -> Self {
        serde_json::from_str(&stored).map_or(Self::Text(Cow::Owned(stored)), Self::Action)
    }
}

impl Serialize for Remedy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl From<&'static str> for Remedy {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Remedy {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<OperatorAction> for Remedy {
    fn from(action: OperatorAction) -> Self {
        Self::Action(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_remedy_round_trips() {
        let subject = SubjectTrust {
            client_id: "a".to_owned(),
            difference: SubjectDifference::Renamed,
            wanted: "acme/api".to_owned(),
            sent: "acme/web".to_owned(),
            issuer: "https://issuer.example".to_owned(),
            audience: "a \"b\"\n\0".to_owned(),
            subject: "repo:acme/web:*".to_owned(),
            claims: vec![("a".to_owned(), "b".to_owned())],
            keys: SubjectTrustKeys::Url("https://issuer.example/keys".to_owned()),
        };
        for remedy in [
            Remedy::from("Send it again."),
            Remedy::from("{\"action\":\"of_a_newer_version\"}"),
            OperatorAction::EnableClient.into(),
            OperatorAction::PermitAddressOfGrant { resource: "urn:a".to_owned() }.into(),
            OperatorAction::TrustSubject(Box::new(subject)).into(),
        ] {
            let stored = remedy.encode().into_owned();
            assert!(!stored.contains(char::is_control), "{stored}");
            assert_eq!(Remedy::decode(stored), remedy);
        }
    }
}
