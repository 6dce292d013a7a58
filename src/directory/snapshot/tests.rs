//! A snapshot restores what was written, and any other file is rejected.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::client_record::ClientRecord;
use super::shared::SharedIndex;
use super::*;
use crate::directory::entry::AllowedMethods;
use crate::directory::insertion::NewEntry;
use crate::directory::security::ClientTrusts;
use crate::directory::{ClientEntry, Directory};
use crate::keys::{Keys, keyring};
use crate::model::claim_pattern::Pattern;
use crate::model::client::{AuthenticationMethod, ClientId, ClientState, GrantType};
use crate::model::event::Head;
use crate::model::facts::Facts;
use crate::model::grant::{Grant, GrantedScopes, HeldGrant};
use crate::model::owner::Owner;
use crate::model::rate::RateLimit;
use crate::model::resource::{Resource, ResourceId, ResourceScope, SignedBefore, TokenTyp};
use crate::model::scope::Scopes;
use crate::model::secret::{LoadedSecret, SecretHash, SecretId, SecretKind};
use crate::model::secret_digest::SecretDigest;
use crate::model::security::{ClientSecurity, KeySet, KeySetUri, KeySource, Networks, TlsSubject};
use crate::model::signing_key::{Algorithm, RsaSize, Sealed};
use crate::model::spiffe_id::{SpiffeIdPattern, TrustDomain};
use crate::model::spiffe_trust::{SpiffeSource, SpiffeTrust};
use crate::model::static_claims::StaticClaims;
use crate::model::time::{Clock, Lifetime, Timestamp};
use crate::model::token::{RevocationEpoch, RevokedClient, RevokedToken, TokenId};
use crate::model::trust::{Conditions, ExternalIssuer, FederatedCredential, TrustId};
use crate::secrets::verification_cache::Mac;

const JWKS: &str = r#"{"keys":[{"crv":"Ed25519","kid":"k","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

fn keys() -> Keys {
    let mut keys = Keys::throwaway().expect("keys");
    keys.tag_key_seal = Sealed("the seal of the tag key".to_owned());
    keys
}

fn directory() -> Directory {
    let head = Head { sequence: 7, hash: "hash of 7".to_owned() };
    let directory = Directory::empty(3600, &Clock::fixed(Timestamp(1000)), &head, 0);
    directory.publish(7);
    directory
}

fn secret(id: &str, kind: SecretKind, mac: bool) -> (LoadedSecret, Option<Mac>) {
    let hash = match kind {
        SecretKind::Digest => SecretHash::from_digest(SecretDigest::new([9; 32])),
        _ => SecretHash::from_phc("$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaA"),
    };
    let stored = LoadedSecret {
        secret_id: SecretId::parse(id).expect("an id"),
        kind,
        hash,
        suffix: "abc123".into(),
        expires_at: Some(Timestamp(5000)),
    };
    (stored, mac.then(|| Mac::stored([8; 32])))
}

fn grants(claims: &str) -> Vec<HeldGrant> {
    let grant = |resource: &str, scopes, networks, claims| Grant {
        resource: ResourceId::parse(resource).expect("a resource"),
        scopes,
        networks: Networks::stored(networks).expect("networks"),
        claims: StaticClaims::stored(claims).expect("claims"),
    };
    let only = GrantedScopes::Only(Scopes::parse("a:read a:write").expect("scopes"));
    let one = grant("https://a.example", GrantedScopes::All, "", "{}");
    let other = grant("urn:example:b", only, "10.0.0.0/8 2001:db8::/32", claims);
    vec![
        HeldGrant { grant: one, is_approved: false },
        HeldGrant { grant: other, is_approved: true },
    ]
}

fn trusts() -> ClientTrusts {
    let pattern = Pattern::parse("sub", "repo:acme/api:ref:refs/heads/main").expect("a pattern");
    let conditions = Conditions::new(BTreeMap::from([("sub".to_owned(), pattern)]));
    let subject = SpiffeIdPattern::parse("spiffe://acme.example/ns/prod/*").expect("a pattern");
    let endpoint = KeySetUri::bundle_endpoint("https://acme.example/bundle").expect("a URL");
    let domain = TrustDomain::parse("acme.example").expect("a domain");
    let external = FederatedCredential {
        trust_id: TrustId::parse("tru_1").expect("an id"),
        issuer: ExternalIssuer::parse("https://ci.example").expect("an issuer"),
        keys: Some(KeySource::Inline(KeySet::stored(JWKS))),
        audience: "https://id.example".to_owned(),
        conditions: conditions.expect("conditions"),
        created_at: Timestamp(3),
    };
    let spiffe = SpiffeTrust {
        trust_id: TrustId::parse("tru_2").expect("an id"),
        source: SpiffeSource::new(domain, endpoint, subject).expect("a source"),
        created_at: Timestamp(4),
    };
    ClientTrusts { jwt: vec![external], spiffe: vec![spiffe] }
}

fn security(keys: KeySource) -> ClientSecurity {
    ClientSecurity {
        keys: Some(keys),
        dpop_bound: true,
        tls_subject: Some(TlsSubject::stored("san_dns=a.example").expect("a subject")),
        certificate_bound: true,
        networks: Networks::stored("192.0.2.0/24").expect("networks"),
        ..ClientSecurity::default()
    }
}

/// A directory whose clients have every kind of value.
async fn full() -> Directory {
    let directory = directory();
    let resource = Resource {
        resource: ResourceId::parse("https://a.example").expect("a resource"),
        scopes: vec![ResourceScope::parse("a:read=Read all").expect("a scope")],
        token_lifetime: Some(Lifetime::stored(60)),
        signing_algorithm: Some(Algorithm::Es256),
        signed_before: SignedBefore::Own(Algorithm::EdDsa),
        token_typ: TokenTyp::Jwt,
        facts: Facts { owner: Some(Owner::stored("payments")), ..Facts::default() },
        source: None,
        created_at: Timestamp(1),
        updated_at: Timestamp(2),
    };
    let resources = [(resource.resource.clone(), std::sync::Arc::new(resource))];
    directory.resources.store(std::sync::Arc::new(resources.into_iter().collect()));
    for number in 0..500 {
        add(&directory, number).await;
    }
    let client_id = ClientId::parse("c3").expect("an id");
    directory.revocations.put_client(RevokedClient {
        client_id,
        epoch: RevocationEpoch::beginning(6, Timestamp(900)),
        revoked_until: Timestamp(900),
        expires_at: Timestamp(9000),
    });
    let jti = TokenId::parse("AAAAAAAAAAAAAAAAAAAAAA").expect("a jti");
    let token = RevokedToken { jti, client_id: None, expires_at: Timestamp(9000) };
    directory.revocations.put_token(token);
    directory
}

async fn add(directory: &Directory, number: usize) {
    let resources = directory.resources();
    let claims = StaticClaims::stored(&match number % 5 {
        0 => json!({ "tenant": number }).to_string(),
        _ => "{}".to_owned(),
    });
    let (claims, owner) = (claims.expect("claims"), Owner::stored("payments"));
    let held =
        if number.is_multiple_of(7) { Vec::new() } else { grants(r#"{"roles":["reader"]}"#) };
    let held = directory.grants.entries(held, &claims, Some(&owner), &resources).await;
    let remote = KeySource::Remote(KeySetUri::stored("https://c.example/jwks"));
    let (security, trusts) = match number % 4 {
        0 => (security(KeySource::Inline(KeySet::stored(JWKS))), trusts()),
        1 => (security(remote), ClientTrusts::default()),
        _ => Default::default(),
    };
    directory.insert(NewEntry {
        client_id: ClientId::parse(&format!("c{number}")).expect("an id"),
        state: if number.is_multiple_of(3) { ClientState::Disabled } else { ClientState::Active },
        allowed: directory.intern_methods(AllowedMethods {
            auth_methods: AuthenticationMethod::BY_SECRET[..=(number % 2)].to_vec(),
            grant_types: vec![GrantType::ClientCredentials, GrantType::stored("urn:x:y")],
        }),
        token_lifetime: number.is_multiple_of(2).then(|| Lifetime::stored(600)),
        token_rate: (number % 2 == 1).then(|| RateLimit::parse("60/m").expect("a rate")),
        security,
        trusts,
        secrets: vec![
            secret("sec_a", SecretKind::Generated, number.is_multiple_of(2)),
            secret("sec_b", SecretKind::Imported, false),
            secret("sec_c", SecretKind::Digest, true),
        ],
        grants: held,
    });
}

/// Describes the clients with all their values, as text.
fn described(directory: &Directory) -> BTreeMap<String, String> {
    let describe = |client: &ClientEntry| {
        let proofs: Vec<_> = client
            .secrets
            .iter()
            .map(|secret| (&secret.stored.hash, secret.memory.verified.remembered()))
            .map(|(hash, mac)| format!("{} {:?} {mac:?}", hash.as_phc(), hash.digest()))
            .collect();
        let grants: Vec<_> = client.grants.iter().map(|grant| &grant.key).collect();
        let key_set = client.security.as_ref().and_then(|security| security.key_set.clone());
        format!("{client:?} {proofs:?} {grants:?} {key_set:?}")
    };
    let clients = directory.clients.pin();
    clients.iter().map(|(id, client)| (id.to_string(), describe(client))).collect()
}

async fn written(directory: &Directory, keys: &Keys, path: &Path) -> Vec<u8> {
    let beginning = directory.begin_snapshot().await.expect("a beginning");
    let manifest = beginning.manifest(keys, "postgres://db.example:5432/tokend".to_owned());
    let assertion =
        UsedAssertion { name: "name".to_owned(), client_id: "c1".to_owned(), expires_at: 2000 };
    let stopped_instance = Some("ins_a".to_owned());
    let stopped = StoppedState { assertions: vec![assertion], stopped_instance };
    let content = write(directory, keys, &beginning, &manifest, &stopped, Pace::AtOnce, Vec::new());
    let content = content.expect("written");
    std::fs::write(path, &content).expect("a file");
    content
}

fn read_again(path: &Path, keys: &Keys) -> Result<Restored, SnapshotError> {
    let file = SnapshotFile::open(path, &keys.master)?.expect("a file");
    read(file, &keys.master, 3600, 0, &Clock::fixed(Timestamp(1000)))
}

#[tokio::test]
async fn a_written_snapshot_is_read_unchanged() {
    let (directory, keys) = (full().await, keys());
    let key = keyring::create(
        &keys.master,
        Algorithm::Es256,
        RsaSize::Bits2048,
        Timestamp(10),
        Timestamp(20),
    );
    let keyring = keyring::Keyring::open(&keys.master, vec![key.expect("a key")], 3600);
    directory.replace_keyring(keyring.expect("a keyring"));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s");
    let content = written(&directory, &keys, &path).await;
    let (restored, keys) =
        std::thread::spawn(move || (read_again(&path, &keys), keys)).join().expect("no panic");
    let restored = restored.expect("restored");
    assert_eq!(restored.manifest.head().sequence, 7);
    assert_eq!(restored.manifest.confirmed_at(), Timestamp(1000));
    assert_eq!(restored.directory.published_sequence(), 7);
    assert_eq!(restored.directory.staleness(Timestamp(1500)), 500);
    assert_eq!(restored.tag_key_seal, keys.tag_key_seal);
    assert_eq!(restored.verification_cache_key.expose(), keys.verification_cache_key.expose());
    assert_eq!(restored.stopped.assertions.len(), 1);
    assert_eq!(restored.stopped.stopped_instance.as_deref(), Some("ins_a"));
    let again = restored.directory;
    let (before, after) = (described(&directory), described(&again));
    assert_eq!(before.len(), 500);
    for (id, text) in &before {
        assert_eq!(after.get(id), Some(text), "{id}");
    }
    assert_eq!(after.len(), before.len());
    assert_eq!(again.keyring().records(), directory.keyring().records());
    assert_eq!(format!("{:?}", again.resources()), format!("{:?}", directory.resources()));
    assert_eq!(again.revocations.epochs(), directory.revocations.epochs());
    assert_eq!(again.revocations.tokens(), directory.revocations.tokens());
    assert!(again.holds_imported_secrets());
    let sealed = &content[content.iter().position(|byte| *byte == b'\n').expect("a line")..];
    assert!(!sealed.windows(9).any(|window| window == b"$argon2id"), "it is sealed");
}

/// The MAC of a possibly guessable secret is never in a snapshot, and is never restored from one.
#[tokio::test]
async fn the_mac_of_an_imported_secret_is_neither_written_nor_kept() {
    let directory = full().await;
    let clients = directory.clients.pin();
    let client = clients.get("c2").expect("a client");
    let imported = &client.secrets[1];
    assert_eq!(imported.stored.kind, SecretKind::Imported);
    imported.memory.verified.remember(&Mac::stored([5; 32]));
    let mut index = SharedIndex::default();
    index.write_new(client, &mut Vec::new()).expect("written");
    let record = ClientRecord::of(client, &index).expect("a record");
    let bytes = postcard::to_extend(&record, Vec::new()).expect("bytes");
    assert!(bytes.windows(32).any(|window| window == [8; 32]), "the one of another secret");
    assert!(!bytes.windows(32).any(|window| window == [5; 32]));
    let (stored, mac) = secret("sec_b", SecretKind::Imported, true);
    let entry = NewEntry {
        client_id: ClientId::parse("new").expect("an id"),
        state: ClientState::Active,
        allowed: client.allowed.clone(),
        token_lifetime: None,
        token_rate: None,
        security: ClientSecurity::default(),
        trusts: ClientTrusts::default(),
        secrets: vec![(stored, mac)],
        grants: Box::default(),
    };
    directory.insert(entry);
    let new = directory.client("new").expect("a client");
    assert!(new.secrets[0].memory.verified.remembered().is_none());
}

#[tokio::test]
async fn a_file_that_is_not_exactly_as_it_was_written_is_rejected() {
    let (directory, keys) = (directory(), keys());
    for number in 0..3 {
        add(&directory, number).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s");
    let content = written(&directory, &keys, &path).await;
    std::thread::spawn(move || {
        let rejected = |content: &[u8], what: &str| {
            std::fs::write(&path, content).expect("a file");
            assert!(read_again(&path, &keys).is_err(), "{what}");
        };
        for place in 0..content.len() {
            let mut flipped = content.clone();
            flipped[place] ^= 1;
            rejected(&flipped, &format!("byte {place}"));
        }
        for length in 0..content.len() {
            rejected(&content[..length], &format!("{length} bytes"));
        }
        rejected(&[&content[..], b"x"].concat(), "more");
        std::fs::write(&path, &content).expect("a file");
        assert!(read_again(&path, &keys).is_ok());
        let other = self::keys();
        let error = read_again(&path, &other).err().expect("another key");
        assert!(matches!(error, SnapshotError::OtherMasterKey { .. }), "{error}");
    })
    .join()
    .expect("no panic");
}

#[test]
fn a_snapshot_of_another_program_database_or_time_is_distinguished() {
    let keys = keys();
    let head = Head { sequence: 7, hash: "h".to_owned() };
    let manifest =
        Manifest::new(&keys.master, "id".to_owned(), "here".to_owned(), &head, Timestamp(1000));
    let alone = |location: &str, now: i64| {
        manifest.require_use_alone(location, Lifetime::stored(100), Timestamp(now))
    };
    assert!(alone("here", 1100).is_ok() && alone("here", 940).is_ok());
    assert!(matches!(alone("here", 1101), Err(SnapshotError::Stale { age: 101, max: 100 })));
    assert!(matches!(alone("here", 900), Err(SnapshotError::Stale { .. })), "a clock went back");
    assert!(matches!(alone("there", 1000), Err(SnapshotError::OtherLocation { .. })));
    assert!(manifest.require_database("id").is_ok() && manifest.require_database("x").is_err());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s");
    assert!(SnapshotFile::open(&path, &keys.master).expect("no error").is_none());
    for (line, expected) in [
        (r#"{"tokend_snapshot":2,"version":"0.1.0","more":1}"#, "format 2"),
        (r#"{"tokend_snapshot":1,"version":"9.9.9"}"#, "9.9.9"),
        ("a text", "not the one of a snapshot"),
    ] {
        let mut file = std::fs::File::create(&path).expect("a file");
        writeln!(file, "{line}").expect("written");
        let error = SnapshotFile::open(&path, &keys.master).expect_err(line).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// A file that spans a full reload would mix two databases.
#[tokio::test]
async fn a_snapshot_ends_with_the_chain_that_it_began_with() {
    let (directory, keys) = (directory(), keys());
    let beginning = directory.begin_snapshot().await.expect("a beginning");
    let manifest = beginning.manifest(&keys, String::new());
    directory.metrics.count_reload();
    let (stopped, pace) = (StoppedState::default(), Pace::AtOnce);
    let written = write(&directory, &keys, &beginning, &manifest, &stopped, pace, Vec::new());
    assert!(matches!(written, Err(SnapshotError::Reloading)));
    directory.publish(0);
    assert!(directory.begin_snapshot().await.is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_a_record_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = postcard::from_bytes::<ClientRecord<'_>>(&bytes);
        let _ = frame::read(&mut &bytes[..]);
    }
}
