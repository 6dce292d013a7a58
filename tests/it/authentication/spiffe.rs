//! Workloads of a SPIFFE trust domain that the test runs: JWT-SVIDs with the assertion type
//! jwt-spiffe (draft-ietf-oauth-spiffe-client-auth-02), and X.509-SVIDs by mutual TLS.

use rcgen::{CertificateParams, SanType};
use rstest::rstest;
use serde_json::json;
use tokend::admin::client::set_state;
use tokend::admin::trust::{self, NewTrust};
use tokend::model::claim_pattern::Pattern;
use tokend::model::client::{ClientState, GrantType, JWT_BEARER_ASSERTION, JWT_SPIFFE};
use tokend::model::security::TlsSubject;
use tokend::model::signing_key::Algorithm;
use tokend::model::trust::ExternalIssuer;

use crate::support::certificates::{Ca, Pair};
use crate::support::eventually::eventually;
use crate::support::keys::KeyPair;
use crate::support::spiffe::{Domain, WORKER, ask, bundle, claims, explained, send};
use crate::support::{Answer, Engine, ORDERS, Server, client_id, method, operator};

/// Tests an exact ID and a prefix, with `client_id`, without it, and with the SPIFFE ID as
/// `client_id`.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_jwt_svid_of_a_trusted_domain_authenticates(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("ES256", "RS256", "PS256")] algorithm: &str,
    #[values(WORKER, "spiffe://acme.example/ns/prod/*", "spiffe://acme.example/ns/*")]
    subject: &str,
) {
    let domain = Domain::new(Algorithm::parse(algorithm).expect("an algorithm")).await;
    let server = domain.server(engine, &[]).await;
    let client = domain.client(&server, subject).await;
    let svid = domain.svid(&claims(&server, WORKER));
    for id in [Some(client.id.as_str()), None, Some(WORKER)] {
        let answer = ask(&server, id, &svid).await;
        let claims = server.claims(&answer.token()).await;
        assert_eq!((&claims["sub"], &claims["aud"]), (&json!(client.id), &json!(ORDERS)));
    }
    assert_eq!(server.usage(&client).await.expect("a use").uses, 3);
    // Optional claims are ignored, and the types of JWT-SVIDs are accepted.
    let mut more = claims(&server, WORKER);
    more["iss"] = json!("https://spire.acme.example");
    more["jti"] = json!("1");
    more["aud"] = json!(server.base);
    for typ in ["JWT", "JOSE"] {
        let mut header = domain.key.header();
        header["typ"] = json!(typ);
        ask(&server, None, &domain.key.sign_under(&header, &more)).await.token();
    }
    // Introspection and revocation accept it as well.
    let token = ask(&server, None, &svid).await.token();
    let form = [
        ("token", token.as_str()),
        ("client_assertion_type", JWT_SPIFFE),
        ("client_assertion", svid.as_str()),
    ];
    let revoke = server.http.post(server.url("/v1/oauth/revoke")).form(&form);
    assert_eq!(Answer::of(revoke).await.status, 200);
}

/// A JWT-SVID is a bearer token that workloads reuse: it is valid until it expires, with or without
/// `jti`. Removing the trust or disabling the client takes effect at once.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_jwt_svid_is_reused_until_it_expires(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let domain = Domain::new(Algorithm::Es256).await;
    let server = domain.server(engine, &[]).await;
    let client = domain.client(&server, WORKER).await;
    let mut with_jti = claims(&server, WORKER);
    with_jti["jti"] = json!("once");
    let svids = [domain.svid(&claims(&server, WORKER)), domain.svid(&with_jti)];
    for svid in &svids {
        ask(&server, None, svid).await.token();
        ask(&server, None, svid).await.token();
    }
    let id = client_id(&client.id);
    let state = ClientState::Disabled;
    set_state(server.services(), &operator(), &id, state, None).await.expect("disabled");
    server.catch_up().await;
    let (reason, _) = explained(&server, &ask(&server, None, &svids[0]).await).await;
    assert!(reason.contains("disabled"), "{reason}");
    let state = ClientState::Active;
    set_state(server.services(), &operator(), &id, state, None).await.expect("enabled");
    server.catch_up().await;
    ask(&server, None, &svids[0]).await.token();
    // The clock skew allows ten more seconds.
    server.clock.advance(310);
    server.catch_up().await;
    let (reason, fix) = explained(&server, &ask(&server, None, &svids[0]).await).await;
    assert!(reason.contains("expired 10 s ago") && fix.contains("new JWT-SVID"), "{reason}");
    let fresh = domain.svid(&claims(&server, WORKER));
    ask(&server, None, &fresh).await.token();
    let registered = server.services().store.registration(&id).await.expect("a store");
    let trust_id = registered.expect("a client").spiffe_trusts[0].trust_id.clone();
    trust::remove(server.services(), &operator(), &id, &trust_id).await.expect("removed");
    server.catch_up().await;
    let (reason, _) = explained(&server, &ask(&server, None, &fresh).await).await;
    assert!(reason.contains("no client trusts the trust domain"), "{reason}");
}

/// Only keys of the bundle with the JWT-SVID use verify one; a key that the trust domain has
/// replaced is no longer accepted.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_keys_for_jwt_svids_verify_them_and_the_bundle_is_followed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let domain = Domain::new(Algorithm::Es256).await;
    let others =
        ["x509-svid", "wit-svid", "sig"].map(|name| (name, KeyPair::new(Algorithm::Es256)));
    let mut keys: Vec<_> = others.iter().map(|(name, key)| (*name, key)).collect();
    keys.push(("jwt-svid", &domain.key));
    domain.serve(bundle(&keys));
    let server = domain.server(engine, &[]).await;
    let client = domain.client(&server, WORKER).await;
    ask(&server, None, &domain.svid(&claims(&server, WORKER))).await.token();
    for (name, key) in &others {
        let svid = key.sign(&claims(&server, WORKER));
        let (reason, _) = explained(&server, &ask(&server, Some(&client.id), &svid).await).await;
        assert!(reason.contains("no key of the bundle for JWT-SVIDs"), "{name}: {reason}");
    }
    // The trust domain rotates its key. The bundle asks for a refresh each minute.
    let next = KeyPair::new(Algorithm::Es256);
    domain.serve(bundle(&[("jwt-svid", &next)]));
    server.clock.advance(60);
    server.catch_up().await;
    eventually("the use of the new key", async || {
        let answer = ask(&server, None, &next.sign(&claims(&server, WORKER))).await;
        (answer.status == 200).then_some(())
    })
    .await;
    let old = domain.svid(&claims(&server, WORKER));
    ask(&server, None, &old).await.assert_rejected(401, "invalid_client");
}

/// The assertion type determines the trusts that are searched.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_assertion_type_separates_the_two_kinds_of_trust(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let domain = Domain::new(Algorithm::Es256).await;
    let server = domain.server(engine, &[]).await;
    let spiffe = domain.client(&server, WORKER).await;
    // A trust of another client in an issuer, with the same key and the same subject.
    let federated =
        server.new_client(|new| new.auth_methods = vec![method("private_key_jwt")]).await;
    let issuer = "https://spire.acme.example";
    let new = NewTrust {
        issuer: ExternalIssuer::parse(issuer).expect("an issuer"),
        keys: Some(domain.key.source()),
        audience: None,
        conditions: [("sub".to_owned(), Pattern::parse("sub", WORKER).expect("a pattern"))].into(),
    };
    let id = client_id(&federated.id);
    trust::add(server.services(), &operator(), &id, new).await.expect("a trust");
    server.catch_up().await;
    let mut with_issuer = claims(&server, WORKER);
    with_issuer["iss"] = json!(issuer);
    let token = domain.svid(&with_issuer);
    for (kind, client) in [(JWT_SPIFFE, &spiffe), (JWT_BEARER_ASSERTION, &federated)] {
        for id in [Some(client.id.as_str()), None] {
            let token = send(&server, id, kind, &token).await.token();
            assert_eq!(server.claims(&token).await["sub"], client.id.as_str());
        }
    }
    // Each one with the wrong type.
    let answer = send(&server, Some(&federated.id), JWT_SPIFFE, &token).await;
    let (reason, fix) = explained(&server, &answer).await;
    assert!(reason.contains("trusts no SPIFFE trust domain"), "{reason}");
    assert!(fix.contains("client-assertion-type:jwt-bearer"), "{fix}");
    let bare = domain.svid(&claims(&server, WORKER));
    for (id, token) in
        [(Some(spiffe.id.as_str()), &token), (Some(spiffe.id.as_str()), &bare), (None, &bare)]
    {
        let answer = send(&server, id, JWT_BEARER_ASSERTION, token).await;
        let (reason, fix) = explained(&server, &answer).await;
        assert!(reason.contains("is a JWT-SVID"), "{reason}");
        assert!(fix.contains("client-assertion-type:jwt-spiffe"), "{fix}");
    }
    // The jwt-bearer grant is for issuers only.
    let form = [
        ("grant_type", GrantType::JWT_BEARER),
        ("assertion", bare.as_str()),
        ("client_id", &spiffe.id),
    ];
    let answer = Answer::of(server.http.post(server.token_url()).form(&form)).await;
    answer.assert_rejected(400, "invalid_grant");
    // An unknown type, and a client that may not use the method.
    let answer = send(&server, None, &format!("{JWT_SPIFFE}2"), &bare).await;
    answer.assert_rejected(400, "invalid_request");
    assert!(answer.description().contains("jwt-spiffe"), "{answer:?}");
    let update = tokend::admin::client::ClientUpdate {
        auth_methods: Some(vec![method("private_key_jwt")]),
        ..Default::default()
    };
    let id = client_id(&spiffe.id);
    tokend::admin::client::update(server.services(), &operator(), &id, update).await.expect("done");
    server.catch_up().await;
    let (reason, _) = explained(&server, &ask(&server, None, &bare).await).await;
    assert!(reason.contains("may not use spiffe_jwt"), "{reason}");
}

/// The draft, section 4: the method is listed wherever it is accepted.
#[tokio::test(flavor = "multi_thread")]
async fn metadata_announces_the_method() {
    let server = Server::start(Engine::Sqlite).await;
    let metadata = server.get("/.well-known/oauth-authorization-server").await.json();
    for endpoint in ["token", "introspection", "revocation"] {
        let methods = &metadata[format!("{endpoint}_endpoint_auth_methods_supported")];
        let methods = methods.as_array().expect("a list");
        assert!(methods.contains(&json!("spiffe_jwt")), "{methods:?}");
        assert!(!methods.contains(&json!("spiffe_wit")), "{methods:?}");
    }
}

/// An X.509-SVID of the same trust domain authenticates by its SAN URI, as `tls_client_auth`. One
/// client can use both kinds of SVID, and its id can be the SPIFFE ID.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_x509_svid_authenticates_by_its_san_uri(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let domain = Domain::new(Algorithm::Es256).await;
    let ca = Ca::new();
    let roots = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(roots.path(), &ca.pem).expect("a file");
    let roots = roots.path().display().to_string();
    let more = [("TOKEND_PROXY_TRUSTED", "127.0.0.0/8"), ("TOKEND_TLS_CLIENT_CA", &roots)];
    let server = domain.server(engine, &more).await;
    let client = server
        .new_client(|new| {
            new.client_id = Some(client_id(WORKER));
            new.auth_methods = vec![method("tls_client_auth"), method("spiffe_jwt")];
            let subject = TlsSubject::parse(&format!("san_uri={WORKER}"));
            new.security.tls_subject = Some(subject.expect("a subject"));
        })
        .await;
    domain.trust(&server, &client, WORKER).await;
    let svid = |uri: &str| {
        let mut params = CertificateParams::new(Vec::new()).expect("names");
        params.subject_alt_names = vec![SanType::URI(uri.try_into().expect("a URI"))];
        ca.issue(&params)
    };
    let show = async |pair: &Pair| {
        let form = [("grant_type", "client_credentials"), ("client_id", WORKER)];
        let request = server.http.post(server.token_url()).header("client-cert", pair.header());
        Answer::of(request.form(&form)).await
    };
    let own = svid(WORKER);
    let claims_of_token = server.claims(&show(&own).await.token()).await;
    assert_eq!(claims_of_token["sub"], WORKER);
    assert_eq!(claims_of_token["cnf"], json!({ "x5t#S256": own.thumbprint() }));
    for other in [
        "spiffe://acme.example/ns/prod/worker2",
        "spiffe://acme.example/ns/prod/worker/sub",
        "spiffe://evil.example/ns/prod/worker",
    ] {
        show(&svid(other)).await.assert_rejected(401, "invalid_client");
    }
    let jwt = domain.svid(&claims(&server, WORKER));
    for id in [Some(WORKER), None] {
        let token = ask(&server, id, &jwt).await.token();
        assert_eq!(server.claims(&token).await["sub"], WORKER);
    }
}
