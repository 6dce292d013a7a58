//! Records of a snapshot other than clients.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::directory::snapshot::SnapshotError;
use crate::keys::Keys;
use crate::model::client::ClientId;
use crate::model::facts::Facts;
use crate::model::owner::Owner;
use crate::model::resource::{Resource, ResourceId, ResourceScope, SignedBefore, TokenTyp};
use crate::model::scope::ScopeName;
use crate::model::signing_key::{Algorithm, KeyId, Sealed, SigningKeyRecord};
use crate::model::source::SourceName;
use crate::model::time::{Lifetime, Timestamp};
use crate::model::token::{RevocationEpoch, RevokedClient, RevokedToken, TokenId};
use crate::secrets::verification_cache::{MAC_LENGTH, VerificationCacheKey};

/// Keys of the process, and the number of clients.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State<'a> {
    /// In the sealed form of the database.
    tag_key: &'a str,
    verification_cache_key: [u8; MAC_LENGTH],
    /// The approximate number of clients that follow.
    pub(super) clients: u64,
    /// The instance that wrote the snapshot when it stopped.
    stopped_instance: Option<&'a str>,
}

impl<'a> State<'a> {
    pub(super) fn of(keys: &'a Keys, clients: usize, stopped_instance: Option<&'a str>) -> Self {
        Self {
            tag_key: &keys.tag_key_seal.0,
            verification_cache_key: *keys.verification_cache_key.expose(),
            clients: clients as u64,
            stopped_instance,
        }
    }

    pub(super) fn tag_key(&self) -> Sealed {
        Sealed(self.tag_key.to_owned())
    }

    pub(super) fn stopped_instance(&self) -> Option<String> {
        self.stopped_instance.map(str::to_owned)
    }

    pub(super) fn into_verification_cache_key(self) -> VerificationCacheKey {
        VerificationCacheKey::stored(Zeroizing::new(self.verification_cache_key))
    }
}

/// A signing key, in the sealed form of the database.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyRecord<'a> {
    kid: &'a str,
    algorithm: &'a str,
    sealed: Option<&'a str>,
    public_jwk: Option<&'a str>,
    created_at: i64,
    signs_from: i64,
    retired_at: Option<i64>,
    revoked_at: Option<i64>,
    postponed_at: Option<i64>,
}

impl<'a> KeyRecord<'a> {
    pub(super) fn of(key: &'a SigningKeyRecord) -> Self {
        Self {
            kid: key.kid.as_str(),
            algorithm: key.algorithm.as_str(),
            sealed: key.sealed.as_ref().map(|sealed| sealed.0.as_str()),
            public_jwk: key.public_jwk.as_deref(),
            created_at: key.created_at.0,
            signs_from: key.signs_from.0,
            retired_at: key.retired_at.map(|time| time.0),
            revoked_at: key.revoked_at.map(|time| time.0),
            postponed_at: key.postponed_at.map(|time| time.0),
        }
    }

    pub(super) fn restore(self) -> Result<SigningKeyRecord, SnapshotError> {
        Ok(SigningKeyRecord {
            kid: KeyId::parse(self.kid)?,
            algorithm: Algorithm::parse(self.algorithm)?,
            sealed: self.sealed.map(|sealed| Sealed(sealed.to_owned())),
            public_jwk: self.public_jwk.map(str::to_owned),
            created_at: Timestamp(self.created_at),
            signs_from: Timestamp(self.signs_from),
            retired_at: self.retired_at.map(Timestamp),
            revoked_at: self.revoked_at.map(Timestamp),
            postponed_at: self.postponed_at.map(Timestamp),
        })
    }
}

/// A resource, with the values that the directory keeps.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ResourceRecord<'a> {
    resource: &'a str,
    #[serde(borrow)]
    scopes: Vec<(&'a str, &'a str)>,
    token_lifetime: Option<i64>,
    signing_algorithm: Option<&'a str>,
    signed_before: SignedBeforeRecord<'a>,
    token_typ: &'a str,
    owner: Option<&'a str>,
    source: Option<&'a str>,
    created_at: i64,
    updated_at: i64,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
enum SignedBeforeRecord<'a> {
    Never,
    Server,
    Own(&'a str),
}

impl<'a> ResourceRecord<'a> {
    pub(super) fn of(resource: &'a Resource) -> Self {
        let scope = |scope: &'a ResourceScope| (scope.name.as_str(), scope.description.as_str());
        Self {
            resource: resource.resource.as_str(),
            scopes: resource.scopes.iter().map(scope).collect(),
            token_lifetime: resource.token_lifetime.map(Lifetime::seconds),
            signing_algorithm: resource.signing_algorithm.map(Algorithm::as_str),
            signed_before: match resource.signed_before {
                SignedBefore::Never => SignedBeforeRecord::Never,
                SignedBefore::Server => SignedBeforeRecord::Server,
                SignedBefore::Own(algorithm) => SignedBeforeRecord::Own(algorithm.as_str()),
            },
            token_typ: resource.token_typ.as_str(),
            owner: resource.facts.owner.as_ref().map(Owner::as_str),
            source: resource.source.as_ref().map(SourceName::as_str),
            created_at: resource.created_at.0,
            updated_at: resource.updated_at.0,
        }
    }

    pub(super) fn restore(self) -> Result<Resource, SnapshotError> {
        let scopes = self.scopes.into_iter().map(|(name, description)| ResourceScope {
            name: ScopeName::stored(name),
            description: description.to_owned(),
        });
        Ok(Resource {
            resource: ResourceId::parse(self.resource)?,
            scopes: scopes.collect(),
            token_lifetime: self.token_lifetime.map(Lifetime::stored),
            signing_algorithm: self.signing_algorithm.map(Algorithm::parse).transpose()?,
            signed_before: match self.signed_before {
                SignedBeforeRecord::Never => SignedBefore::Never,
                SignedBeforeRecord::Server => SignedBefore::Server,
                SignedBeforeRecord::Own(name) => SignedBefore::Own(Algorithm::parse(name)?),
            },
            token_typ: TokenTyp::parse(self.token_typ)?,
            facts: Facts { owner: self.owner.map(Owner::stored), ..Facts::default() },
            source: self.source.map(SourceName::stored),
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
        })
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RevokedTokenRecord<'a> {
    pub(super) jti: Cow<'a, str>,
    pub(super) expires_at: i64,
}

impl RevokedTokenRecord<'_> {
    pub(super) fn restore(self) -> Result<RevokedToken, SnapshotError> {
        let (jti, expires_at) = (TokenId::parse(&self.jti)?, Timestamp(self.expires_at));
        Ok(RevokedToken { jti, client_id: None, expires_at })
    }
}

/// A client whose tokens are revoked.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RevokedClientRecord {
    pub(super) client_id: String,
    pub(super) evt: i64,
    pub(super) iat_before: i64,
    pub(super) revoked_until: i64,
    pub(super) expires_at: i64,
}

impl RevokedClientRecord {
    pub(super) fn of(client: &RevokedClient) -> Self {
        Self {
            client_id: client.client_id.as_str().to_owned(),
            evt: client.epoch.evt,
            iat_before: client.epoch.iat_before.0,
            revoked_until: client.revoked_until.0,
            expires_at: client.expires_at.0,
        }
    }

    pub(super) fn restore(self) -> Result<RevokedClient, SnapshotError> {
        Ok(RevokedClient {
            client_id: ClientId::parse(&self.client_id)?,
            epoch: RevocationEpoch { evt: self.evt, iat_before: Timestamp(self.iat_before) },
            revoked_until: Timestamp(self.revoked_until),
            expires_at: Timestamp(self.expires_at),
        })
    }
}

/// State that a snapshot passes to the next process, in addition to the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoppedState {
    /// The assertions that are not stored in the database yet.
    pub assertions: Vec<UsedAssertion>,
    /// The instance that stopped with this snapshot. Its last heartbeat stays in the database.
    pub stopped_instance: Option<String>,
}

/// An assertion that was accepted while the database was unavailable and is not stored yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedAssertion {
    /// The hash of the client and its `jti`.
    pub name: String,
    /// The client id.
    pub client_id: String,
    /// The time until which it is remembered, in seconds since 1970.
    pub expires_at: i64,
}
