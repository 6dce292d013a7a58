//! Security settings of a client: keys, certificate subject, networks, sender constraints.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::model::Malformed;
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::distinguished_name::DistinguishedName;
use crate::text::newtype::text_newtype;
use crate::text::schema::text_schema;

/// The security settings of a client beyond secrets; all are optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ClientSecurity {
    /// The public keys.
    #[serde(flatten)]
    pub keys: Option<KeySource>,
    /// True if tokens must be bound to a DPoP key (RFC 9449, section 5.2).
    #[serde(rename = "dpop_bound_access_tokens", skip_serializing_if = "is_false")]
    pub dpop_bound: bool,
    /// The subject of the certificate that authenticates the client, if it is a CA-issued one.
    #[serde(flatten)]
    pub tls_subject: Option<TlsSubject>,
    /// True if tokens must be bound to a certificate (RFC 8705, section 3.4).
    #[serde(
        rename = "tls_client_certificate_bound_access_tokens",
        skip_serializing_if = "is_false"
    )]
    pub certificate_bound: bool,
    /// The networks from which the client may be used.
    #[serde(skip_serializing_if = "Networks::is_anywhere")]
    pub networks: Networks,
    /// The accepted `aud` values of client assertions, in addition to the issuer.
    #[serde(skip_serializing_if = "AssertionAudiences::is_empty")]
    pub assertion_audiences: AssertionAudiences,
}

/// The subject of a client certificate: exactly one of these (RFC 8705, section 2.1.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum TlsSubject {
    /// The distinguished name (RFC 4514).
    #[serde(rename = "tls_client_auth_subject_dn")]
    SubjectDn(String),
    /// A DNS name among the alternative names.
    #[serde(rename = "tls_client_auth_san_dns")]
    SanDns(String),
    /// A URI among the alternative names, such as a SPIFFE ID.
    #[serde(rename = "tls_client_auth_san_uri")]
    SanUri(String),
    /// An IP address among the alternative names.
    #[serde(rename = "tls_client_auth_san_ip")]
    SanIp(IpAddr),
    /// An email address among the alternative names.
    #[serde(rename = "tls_client_auth_san_email")]
    SanEmail(String),
}

impl TlsSubject {
    /// Parses `subject_dn=CN=worker,O=Acme`, `san_dns=worker.example.com`, `san_uri=…`, `san_ip=…`
    /// or `san_email=…`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (_, value) = text.split_once('=').unwrap_or((text, ""));
        if value.is_empty() || value.len() > 500 || value.contains(char::is_control) {
            return Err(Malformed::because(
                "the subject of a certificate is subject_dn, san_dns, san_uri, san_ip or san_email, \
                 an equals sign and the value",
            ));
        }
        let subject = Self::stored(text)?;
        if let Self::SubjectDn(name) = &subject
            && DistinguishedName::parse(name).is_none()
        {
            return Err(Malformed::because("a subject_dn is such as CN=worker,O=Acme"));
        }
        Ok(subject)
    }

    /// Reads a stored subject, whatever rules applied when its value was accepted. A value that is
    /// now invalid matches no certificate.
    ///
    /// # Errors
    /// If the kind is unknown, or the value of `san_ip` is not an IP address.
    pub fn stored(text: &str) -> Result<Self, Malformed> {
        let (kind, value) = text.split_once('=').unwrap_or((text, ""));
        let own = value.to_owned();
        match kind {
            "subject_dn" => Ok(Self::SubjectDn(own)),
            "san_dns" => Ok(Self::SanDns(own)),
            "san_uri" => Ok(Self::SanUri(own)),
            "san_email" => Ok(Self::SanEmail(own)),
            "san_ip" => value
                .parse()
                .map(Self::SanIp)
                .map_err(|_| Malformed::because(format!("'{value}' is not an address"))),
            _ => Err(Malformed::because(format!("'{kind}' is not a kind of subject"))),
        }
    }
}

impl fmt::Display for TlsSubject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SubjectDn(value) => write!(formatter, "subject_dn={value}"),
            Self::SanDns(value) => write!(formatter, "san_dns={value}"),
            Self::SanUri(value) => write!(formatter, "san_uri={value}"),
            Self::SanIp(value) => write!(formatter, "san_ip={value}"),
            Self::SanEmail(value) => write!(formatter, "san_email={value}"),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// The source of the public keys of a client or an external issuer (RFC 7591, section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum KeySource {
    /// The keys are registered here.
    #[serde(rename = "jwks")]
    Inline(KeySet),
    /// The keys are fetched from this URL.
    #[serde(rename = "jwks_uri")]
    Remote(KeySetUri),
}

/// A JWK set as JSON text (RFC 7517, section 5). `jose::external_jwks` validates its content.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeySet(Box<str>);

impl KeySet {
    /// The maximum length of the text, in bytes.
    pub const MAX_BYTES: usize = 64 << 10;

    /// Parses a JSON object of a limited size.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > Self::MAX_BYTES {
            return Err(Malformed::because("a key set has at most 64 KiB"));
        }
        match serde_json::from_str::<serde_json::Value>(text) {
            // Serialized again as a single line.
            Ok(value @ serde_json::Value::Object(_)) => Ok(Self(value.to_string().into())),
            _ => Err(Malformed::because("a key set is a JSON object with the member keys")),
        }
    }

    /// Wraps a stored set. Its content is validated where it is used.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the set as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for KeySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: serde_json::Value = serde_json::from_str(&self.0).unwrap_or_default();
        value.serialize(serializer)
    }
}

/// Checks a URL to which requests are sent: https, at most 500 printable characters, without a
/// user, a password or a fragment.
pub(in crate::model) fn https_url(what: &str, text: &str) -> Result<Box<str>, Malformed> {
    let malformed = |problem: &str| Err(Malformed::because(format!("{what} {problem}")));
    let Ok(parsed) = url::Url::parse(text) else {
        return malformed("is an absolute URL, such as https://a.example/keys");
    };
    if parsed.scheme() != "https" {
        return malformed("begins with https://");
    }
    if parsed.fragment().is_some() || !parsed.username().is_empty() || parsed.password().is_some() {
        return malformed("has no user, password or fragment");
    }
    if text.len() > 500 || !text.bytes().all(|byte| matches!(byte, 0x21..=0x7E)) {
        return malformed("is at most 500 printable characters long");
    }
    Ok(text.into())
}

/// The URL of a key set: an absolute https URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeySetUri(Box<str>);

text_schema!(
    KeySetUri,
    "An https URL from which a key set is fetched.",
    format(Some(utoipa::openapi::SchemaFormat::Custom("uri".to_owned()))),
    examples(["https://acme.example/jwks"]),
);

impl KeySetUri {
    /// Parses a `jwks_uri`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::named("a jwks_uri", text)
    }

    /// Wraps a stored URL, whatever rules applied when it was accepted. Only https URLs are ever
    /// fetched.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// Parses the URL of a SPIFFE bundle endpoint, which has the form of a `jwks_uri` (SPIFFE Trust
    /// Domain and Bundle, section 5).
    ///
    /// # Errors
    /// If it is not an https URL of at most 500 printable characters, or has a user, a password or
    /// a fragment.
    pub fn bundle_endpoint(text: &str) -> Result<Self, Malformed> {
        Self::named("a bundle endpoint", text)
    }

    fn named(what: &str, text: &str) -> Result<Self, Malformed> {
        https_url(what, text).map(Self)
    }

    /// Returns the URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_newtype!(KeySetUri);

/// Networks that something may be used from; anywhere if there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, ToSchema)]
#[schema(value_type = Vec<String>, description = "Networks in CIDR notation; anywhere if the list is empty.", examples("10.2.0.0/16"))]
pub struct Networks(Box<[IpNet]>);

impl Networks {
    /// The maximum number of networks of a client or a grant.
    const MAX_COUNT: usize = 32;

    /// Parses networks such as `10.0.0.0/8` and `2001:db8::/32`, or single addresses, separated by
    /// spaces or commas.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let words = text.split([' ', ',']).filter(|word| !word.is_empty());
        let networks = words.map(network).collect::<Result<Box<[_]>, _>>()?;
        if networks.len() > Self::MAX_COUNT {
            return Err(Malformed::because(format!(
                "there are at most {} networks",
                Self::MAX_COUNT
            )));
        }
        Ok(Self(networks))
    }

    /// Reads any number of stored networks. Bits beyond the prefix are ignored.
    ///
    /// # Errors
    /// If an item is not a network. It cannot be skipped, because that would widen or narrow the
    /// networks from which the client may be used.
    pub fn stored(text: &str) -> Result<Self, Malformed> {
        let words = text.split([' ', ',']).filter(|word| !word.is_empty());
        Ok(Self(words.map(|word| Ok(any_network(word)?.trunc())).collect::<Result<_, _>>()?))
    }

    /// True if any address is allowed.
    pub fn is_anywhere(&self) -> bool {
        self.0.is_empty()
    }

    /// True if `others` admit every address that these networks admit.
    pub fn is_within(&self, others: &Self) -> bool {
        let is_covered = |own: &IpNet| others.0.iter().any(|other| other.contains(own));
        others.is_anywhere() || (!self.is_anywhere() && self.0.iter().all(is_covered))
    }

    /// True if any address is allowed, or a network contains this one. IPv4-mapped IPv6 addresses
    /// are treated as IPv4.
    pub fn admit(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.is_anywhere() || self.0.iter().any(|network| network.contains(&address))
    }
}

fn network(word: &str) -> Result<IpNet, Malformed> {
    let network = any_network(word)?;
    if network.trunc() != network {
        return Err(Malformed::because(format!(
            "{network} has bits beyond its prefix; did you mean {}?",
            network.trunc()
        )));
    }
    Ok(network)
}

fn any_network(word: &str) -> Result<IpNet, Malformed> {
    let single = || word.parse::<IpAddr>().ok().map(IpNet::from);
    word.parse().ok().or_else(single).ok_or_else(|| {
        Malformed::because(format!(
            "'{word}' is not a network, such as 10.0.0.0/8 or 2001:db8::/32"
        ))
    })
}

impl fmt::Display for Networks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        formatter.write_str(&words.join(" "))
    }
}

impl Serialize for Networks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(ToString::to_string))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(networks: &str, address: &str) -> bool {
        let networks = Networks::parse(networks).expect("networks");
        networks.admit(address.parse().expect("an address"))
    }

    #[test]
    fn an_address_is_admitted_by_the_network_that_contains_it() {
        assert!(admits("", "203.0.113.9"));
        assert!(admits("10.0.0.0/8, 2001:db8::/32", "10.255.0.1"));
        assert!(admits("10.0.0.0/8 2001:db8::/32", "2001:db8::7"));
        assert!(!admits("10.0.0.0/8 2001:db8::/32", "11.0.0.1"));
        assert!(!admits("10.0.0.0/8", "2001:db8::7"));
        assert!(admits("10.1.2.3", "::ffff:10.1.2.3"));
        assert!(!admits("10.1.2.3", "10.1.2.4"));
    }

    #[test]
    fn networks_are_within_others_that_admit_as_much() {
        for (own, others, is_within) in [
            ("", "", true),
            ("10.0.0.0/8", "", true),
            ("", "10.0.0.0/8", false),
            ("10.1.0.0/16", "10.0.0.0/8 2001:db8::/32", true),
            ("10.1.0.0/16 192.0.2.1", "10.0.0.0/8", false),
            ("10.0.0.0/8", "10.1.0.0/16", false),
        ] {
            let parsed = |text| Networks::parse(text).expect("networks");
            assert_eq!(parsed(own).is_within(&parsed(others)), is_within, "{own} in {others}");
        }
    }

    #[test]
    fn an_invalid_network_is_rejected_with_a_correction() {
        assert!(Networks::parse("10.0.0.0/33").is_err());
        assert!(Networks::parse("example.com").is_err());
        let problem = Networks::parse("10.1.0.0/8").expect_err("bits").to_string();
        assert!(problem.contains("10.0.0.0/8"), "{problem}");
    }

    #[test]
    fn a_certificate_subject_has_one_of_five_types() {
        for text in [
            "subject_dn=CN=a,O=b",
            "san_dns=a.example",
            "san_uri=spiffe://a/b",
            "san_ip=10.0.0.1",
            "san_email=a@b.example",
        ] {
            assert_eq!(TlsSubject::parse(text).expect(text).to_string(), text);
        }
        for bad in
            ["", "a.example", "san_dns=", "san_ip=a", "subject_dn=worker", "subject_dn=CN=", "x=y"]
        {
            assert!(TlsSubject::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_set_is_fetched_over_https_only() {
        assert!(KeySetUri::parse("https://a.example/jwks.json").is_ok());
        for bad in ["http://a.example/", "/jwks", "https://u:p@a.example/", "https://a.example/#k"]
        {
            assert!(KeySetUri::parse(bad).is_err(), "{bad}");
        }
    }
}
