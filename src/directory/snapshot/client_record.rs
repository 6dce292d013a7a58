//! A client in the format of a snapshot: the data from which its entry in memory is built.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::directory::entry::{ClientEntry, SecretEntry, SecurityEntry};
use crate::directory::insertion::NewEntry;
use crate::directory::security::ClientTrusts;
use crate::directory::snapshot::SnapshotError;
use crate::directory::snapshot::grant_record::GrantRecord;
use crate::directory::snapshot::shared::{RestoredShares, SharedIndex};
use crate::directory::{KeysEntry, SpiffeTrustEntry, TrustEntry};
use crate::model::assertion_audiences::AssertionAudiences;
use crate::model::client::{ClientId, ClientState};
use crate::model::rate::RateLimit;
use crate::model::secret::{LoadedSecret, SecretHash, SecretId, SecretKind};
use crate::model::secret_digest::SecretDigest;
use crate::model::security::{ClientSecurity, KeySet, KeySetUri, KeySource, Networks, TlsSubject};
use crate::model::spiffe_id::{SpiffeIdPattern, TrustDomain};
use crate::model::spiffe_trust::{SpiffeSource, SpiffeTrust};
use crate::model::time::{Lifetime, Timestamp};
use crate::model::trust::{Conditions, ExternalIssuer, FederatedCredential, TrustId};
use crate::remote_keys::RemoteSource;
use crate::secrets::verification_cache::{MAC_LENGTH, Mac};

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClientRecord<'a> {
    client_id: &'a str,
    is_active: bool,
    /// The index into the shared allowed methods.
    allowed: u32,
    token_lifetime: Option<i64>,
    token_rate: Option<Cow<'a, str>>,
    #[serde(borrow)]
    secrets: Vec<ClientSecretRecord<'a>>,
    grants: Vec<GrantReference<'a>>,
    security: Option<Box<SecurityRecord<'a>>>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
enum GrantReference<'a> {
    /// Index into the shared grants.
    Shared(u32),
    /// A grant that no other client has.
    Own(#[serde(borrow)] Box<GrantRecord<'a>>),
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ClientSecretRecord<'a> {
    secret_id: &'a str,
    #[serde(borrow)]
    hash: HashRecord<'a>,
    suffix: &'a str,
    expires_at: Option<i64>,
    /// The MAC, if a process has verified the secret. Never that of an imported secret.
    mac: Option<[u8; MAC_LENGTH]>,
}

/// Kind of a secret, with its stored hash.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
enum HashRecord<'a> {
    Generated(&'a str),
    Imported(&'a str),
    Digest([u8; SecretDigest::LENGTH]),
}

/// The security settings of a client: keys, certificate subject, networks, token binding.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SecurityRecord<'a> {
    #[serde(borrow)]
    keys: Option<KeysRecord<'a>>,
    dpop_bound: bool,
    tls_subject: Option<Cow<'a, str>>,
    certificate_bound: bool,
    networks: Cow<'a, str>,
    assertion_audiences: Cow<'a, str>,
    trusts: Vec<TrustRecord<'a>>,
    spiffe_trusts: Vec<SpiffeTrustRecord<'a>>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
enum KeysRecord<'a> {
    Inline(&'a str),
    Remote(&'a str),
}

/// A trust in an external issuer.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct TrustRecord<'a> {
    trust_id: &'a str,
    issuer: &'a str,
    #[serde(borrow)]
    keys: Option<KeysRecord<'a>>,
    audience: &'a str,
    conditions: Cow<'a, str>,
    created_at: i64,
}

/// A trust in a SPIFFE trust domain.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SpiffeTrustRecord<'a> {
    trust_id: &'a str,
    trust_domain: &'a str,
    bundle_endpoint: &'a str,
    subject: Cow<'a, str>,
    created_at: i64,
}

impl<'a> ClientRecord<'a> {
    /// Converts a client in memory. Its shared values must already be in `index`.
    pub(super) fn of(client: &'a ClientEntry, index: &SharedIndex) -> Result<Self, SnapshotError> {
        let grants = client.grants.iter().map(|grant| match index.grant(grant) {
            Some(place) => GrantReference::Shared(place),
            None => GrantReference::Own(Box::new(GrantRecord::of(&grant.key))),
        });
        Ok(Self {
            client_id: client.client_id.as_str(),
            is_active: client.state == ClientState::Active,
            allowed: index.allowed(&client.allowed)?,
            token_lifetime: client.token_lifetime.map(Lifetime::seconds),
            token_rate: client.token_rate.map(|rate| rate.to_string().into()),
            secrets: client.secrets.iter().map(ClientSecretRecord::of).collect(),
            grants: grants.collect(),
            security: client.security.as_deref().map(SecurityRecord::of).map(Box::new),
        })
    }

    /// Restores the entry to insert.
    pub(super) fn restore(self, shares: &RestoredShares<'_>) -> Result<NewEntry, SnapshotError> {
        let grants = self.grants.into_iter().map(|grant| match grant {
            GrantReference::Shared(place) => shares.grant(place),
            GrantReference::Own(own) => shares.restore_grant(*own),
        });
        let security = self.security.map(|security| security.restore()).transpose()?;
        let (security, trusts) = security.unwrap_or_default();
        let secrets = self.secrets.into_iter().map(ClientSecretRecord::restore);
        Ok(NewEntry {
            client_id: ClientId::parse(self.client_id)?,
            state: if self.is_active { ClientState::Active } else { ClientState::Disabled },
            allowed: shares.allowed(self.allowed)?,
            token_lifetime: self.token_lifetime.map(Lifetime::stored),
            token_rate: self.token_rate.as_deref().map(RateLimit::parse).transpose()?,
            security,
            trusts,
            secrets: secrets.collect::<Result<_, SnapshotError>>()?,
            grants: grants.collect::<Result<Box<[Arc<_>]>, _>>()?,
        })
    }
}

impl<'a> ClientSecretRecord<'a> {
    fn of(secret: &'a SecretEntry) -> Self {
        let LoadedSecret { secret_id, kind, hash, suffix, expires_at } = &secret.stored;
        let stored_hash = match (kind, hash.digest()) {
            (SecretKind::Imported, _) => HashRecord::Imported(hash.as_phc()),
            (_, Some(digest)) => HashRecord::Digest(*digest.as_bytes()),
            (_, None) => HashRecord::Generated(hash.as_phc()),
        };
        let may_be_kept = *kind != SecretKind::Imported;
        let mac = secret.memory.verified.remembered().filter(|_| may_be_kept).copied();
        let expires_at = expires_at.map(|end| end.0);
        Self { secret_id: secret_id.as_str(), hash: stored_hash, suffix, expires_at, mac }
    }

    fn restore(self) -> Result<(LoadedSecret, Option<Mac>), SnapshotError> {
        let (kind, hash) = match self.hash {
            HashRecord::Generated(phc) => (SecretKind::Generated, SecretHash::from_phc(phc)),
            HashRecord::Imported(phc) => (SecretKind::Imported, SecretHash::from_phc(phc)),
            HashRecord::Digest(digest) => {
                (SecretKind::Digest, SecretHash::from_digest(SecretDigest::new(digest)))
            }
        };
        let secret = LoadedSecret {
            secret_id: SecretId::parse(self.secret_id)?,
            kind,
            hash,
            suffix: self.suffix.into(),
            expires_at: self.expires_at.map(Timestamp),
        };
        Ok((secret, self.mac.map(Mac::stored)))
    }
}

impl<'a> SecurityRecord<'a> {
    fn of(security: &'a SecurityEntry) -> Self {
        let keys = match (&security.key_set, &security.keys) {
            (Some(set), _) => Some(KeysRecord::Inline(set.as_str())),
            (None, Some(KeysEntry::Remote(keys))) => match &keys.source {
                RemoteSource::KeySet(uri) => Some(KeysRecord::Remote(uri.as_str())),
                // A client's own keys have no other source.
                RemoteSource::Discovered(_) | RemoteSource::Bundle(_) => None,
            },
            (None, _) => None,
        };
        Self {
            keys,
            dpop_bound: security.dpop_bound,
            tls_subject: security.tls_subject.as_ref().map(|subject| subject.to_string().into()),
            certificate_bound: security.certificate_bound,
            networks: text_of(&security.networks, security.networks.is_anywhere()),
            assertion_audiences: text_of(
                &security.assertion_audiences,
                security.assertion_audiences.is_empty(),
            ),
            trusts: security.trusts.iter().map(TrustRecord::of).collect(),
            spiffe_trusts: security.spiffe_trusts.iter().map(SpiffeTrustRecord::of).collect(),
        }
    }

    fn restore(self) -> Result<(ClientSecurity, ClientTrusts), SnapshotError> {
        let security = ClientSecurity {
            keys: self.keys.map(KeysRecord::restore),
            dpop_bound: self.dpop_bound,
            tls_subject: self.tls_subject.as_deref().map(TlsSubject::stored).transpose()?,
            certificate_bound: self.certificate_bound,
            networks: Networks::stored(&self.networks)?,
            assertion_audiences: AssertionAudiences::stored(&self.assertion_audiences),
        };
        let trusts = self.trusts.into_iter().map(TrustRecord::restore);
        let spiffe_trusts = self.spiffe_trusts.iter().map(SpiffeTrustRecord::restore);
        let trusts = ClientTrusts {
            jwt: trusts.collect::<Result<_, _>>()?,
            spiffe: spiffe_trusts.collect::<Result<_, _>>()?,
        };
        Ok((security, trusts))
    }
}

/// Returns the text of a value. Most values are empty, which allocates nothing.
fn text_of<'a>(value: &impl ToString, is_empty: bool) -> Cow<'a, str> {
    if is_empty { Cow::Borrowed("") } else { Cow::Owned(value.to_string()) }
}

impl<'a> KeysRecord<'a> {
    fn of(source: &'a KeySource) -> Self {
        match source {
            KeySource::Inline(set) => Self::Inline(set.as_str()),
            KeySource::Remote(uri) => Self::Remote(uri.as_str()),
        }
    }

    fn restore(self) -> KeySource {
        match self {
            Self::Inline(set) => KeySource::Inline(KeySet::stored(set)),
            Self::Remote(uri) => KeySource::Remote(KeySetUri::stored(uri)),
        }
    }
}

impl<'a> TrustRecord<'a> {
    fn of(entry: &'a TrustEntry) -> Self {
        let trust = &entry.trust;
        Self {
            trust_id: trust.trust_id.as_str(),
            issuer: trust.issuer.as_str(),
            keys: trust.keys.as_ref().map(KeysRecord::of),
            audience: &trust.audience,
            // A map of strings, which JSON can always represent.
            conditions: serde_json::to_string(&trust.conditions).unwrap_or_default().into(),
            created_at: trust.created_at.0,
        }
    }

    fn restore(self) -> Result<FederatedCredential, SnapshotError> {
        Ok(FederatedCredential {
            trust_id: TrustId::parse(self.trust_id)?,
            issuer: ExternalIssuer::stored(self.issuer),
            keys: self.keys.map(KeysRecord::restore),
            audience: self.audience.to_owned(),
            conditions: Conditions::stored(&self.conditions)?,
            created_at: Timestamp(self.created_at),
        })
    }
}

impl<'a> SpiffeTrustRecord<'a> {
    fn of(entry: &'a SpiffeTrustEntry) -> Self {
        let source = &entry.trust.source;
        Self {
            trust_id: entry.trust.trust_id.as_str(),
            trust_domain: source.trust_domain().as_str(),
            bundle_endpoint: source.bundle_endpoint().as_str(),
            subject: source.subject().to_string().into(),
            created_at: entry.trust.created_at.0,
        }
    }

    fn restore(&self) -> Result<SpiffeTrust, SnapshotError> {
        Ok(SpiffeTrust {
            trust_id: TrustId::parse(self.trust_id)?,
            source: SpiffeSource::new(
                TrustDomain::parse(self.trust_domain)?,
                KeySetUri::stored(self.bundle_endpoint),
                SpiffeIdPattern::parse(&self.subject)?,
            )?,
            created_at: Timestamp(self.created_at),
        })
    }
}
