//! How the operator fixes the cause of a rejection, as data. `remedies` turns it into text; the
//! layers below it know no commands.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};

/// How to fix the cause of a rejection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// A text. It names no command of tokend.
    Text(Cow<'static, str>),
    /// Something that the operator does with a command of tokend or by a setting.
    Action(OperatorAction),
}

/// What the operator does about the client of a rejection. The names are stored: they never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum OperatorAction {
    /// Compare the id that was sent with those that exist.
    CompareClientIds,
    /// Give the client its own secret, or add one.
    GiveOwnSecret,
    /// Add a secret, a key or a trust: the client has none.
    AddCredential,
    /// Let the client authenticate by what it has, or add a secret.
    UseOtherCredential,
    /// Replace a secret that has expired or was removed.
    ReplaceSecret,
    /// Compare the digest of a secret that was generated offline with those of the client.
    CompareDigests,
    /// Enable the client.
    EnableClient,
    /// Permit an authentication method, or use one of those that are permitted.
    PermitMethod {
        /// The method that was used.
        method: String,
        /// Those that are permitted.
        permitted: Vec<String>,
    },
    /// Permit the address for the client.
    PermitAddress,
    /// Permit the address for one grant.
    PermitAddressOfGrant {
        /// The resource of the grant.
        resource: String,
    },
    /// Revoke all tokens of the client at once.
    RevokeAllTokens,
    /// Register keys: the client has none.
    AddKeys,
    /// Register the key that signs, or sign with one that is registered.
    RegisterKey,
    /// Shorten the assertions of the client, or raise the maximum.
    ShortenAssertions,
    /// Have the client send another audience.
    SetAudience {
        /// The issuer of this server.
        issuer: String,
        /// The URL that was sent, if it is of the token endpoint and may be permitted.
        own_url: Option<String>,
    },
    /// Register the certificate that was presented, or its subject.
    RegisterCertificate,
    /// Have the client present its certificate.
    PresentCertificate,
    /// Let the server fetch the keys.
    ReachKeys,
    /// Set the issuer of the server.
    SetIssuer,
    /// Test a token against the trusts of the client.
    TestTrust,
    /// Compare the trusts of all clients.
    CompareTrusts,
    /// Add a trust in a SPIFFE trust domain.
    AddSpiffeTrust,
    /// Trust the subject of a token of GitHub, which has another form than that of the trust.
    TrustSubject(Box<SubjectTrust>),
}

/// A trust that would accept the subject of a token of GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectTrust {
    /// The client of the trust.
    pub client_id: String,
    /// How the subjects differ.
    pub difference: SubjectDifference,
    /// The repository of the trust, such as `acme/api`.
    pub wanted: String,
    /// The repository of the token.
    pub sent: String,
    /// The issuer.
    pub issuer: String,
    /// The audience.
    pub audience: String,
    /// The pattern of the subject.
    pub subject: String,
    /// The other claims and their patterns.
    pub claims: Vec<(String, String)>,
    /// Where the keys of the issuer are.
    pub keys: SubjectTrustKeys,
}

/// Where the keys of the issuer are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectTrustKeys {
    /// Its metadata names them.
    Discovered,
    /// At this URL.
    Url(String),
    /// The operator gave them.
    Given,
}

/// How the subject of a token differs from that of a trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectDifference {
    /// The token has ids, the trust has names alone.
    IdsSent,
    /// The same, and it is another repository of the owner: perhaps it was renamed.
    IdsSentByAnother,
    /// The token has names alone, the trust has ids.
    NamesSent,
    /// Both have ids: the same ones for other names.
    Renamed,
    /// Both have ids: other ones for the same names.
    OtherIds,
}

impl Remedy {
    /// The form in which it is stored: the text, or an action as JSON.
    pub fn encode(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Action(action) => Cow::Owned(serde_json::to_string(action).unwrap_or_default()),
        }
    }

    /// Reads what [`Remedy::encode`] wrote. An action that this version does not know is shown as
    /// it is stored.
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
    fn a_remedy_is_stored_and_read_back() {
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
