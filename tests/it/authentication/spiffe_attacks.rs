//! JWT-SVIDs that must not authenticate a client, and the reason that the operator gets for each.

use serde_json::{Value, json};
use tokend::admin::trust;
use tokend::model::security::KeySetUri;
use tokend::model::signing_key::Algorithm;
use tokend::model::spiffe_id::{SpiffeIdPattern, TrustDomain};
use tokend::model::spiffe_trust::SpiffeSource;

use crate::support::keys::KeyPair;
use crate::support::spiffe::{DOMAIN, Domain, WORKER, ask, bundle, claims, explained};
use crate::support::{Engine, client_id, https, operator};

/// The operator gets each reason, and the caller never does.
#[tokio::test(flavor = "multi_thread")]
async fn every_claim_is_checked_and_the_operator_learns_which_one_differs() {
    let domain = Domain::new(Algorithm::Es256).await;
    let server = domain.server(Engine::Sqlite, &[]).await;
    let client = domain.client(&server, "spiffe://acme.example/ns/prod/*").await;
    let now = server.clock.now().0;
    let wrong: [(&str, Value, &str); 30] = [
        ("sub", json!("spiffe://evil.example/ns/prod/worker"), "trust domain of sub is 'evil.exa"),
        ("sub", json!("spiffe://acme.example.evil/ns/prod/worker"), "trust domain of sub"),
        ("sub", json!("spiffe://acme.example/ns/production/worker"), "whole segments only"),
        ("sub", json!("spiffe://acme.example/ns/prod"), "not 'spiffe://acme.example/ns/prod/*'"),
        ("sub", json!("spiffe://acme.example/ns/dev/worker"), "not 'spiffe://acme.example/ns/pr"),
        ("sub", json!("spiffe://acme.example/ns/prod/"), "not a SPIFFE ID"),
        ("sub", json!("spiffe://acme.example/ns/prod//worker"), "not a SPIFFE ID"),
        ("sub", json!("spiffe://acme.example/ns/prod/../dev"), "not a SPIFFE ID"),
        ("sub", json!("spiffe://acme.example/ns/prod/."), "not a SPIFFE ID"),
        ("sub", json!("spiffe://acme.example/ns/prod/%2e%2e/dev"), "not a SPIFFE ID"),
        ("sub", json!("spiffe://acme.example/ns/prod%2Fworker"), "not a SPIFFE ID"),
        ("sub", json!("spiffe://acme.example/ns/prod/a?b"), "not a SPIFFE ID"),
        ("sub", json!("spiffe://acme.example:443/ns/prod/a"), "not a SPIFFE ID"),
        ("sub", json!("spiffe://x@acme.example/ns/prod/a"), "not a SPIFFE ID"),
        ("sub", json!("SPIFFE://acme.example/ns/prod/a"), "not a SPIFFE ID"),
        ("sub", json!("spiffe://acme.example/ns/prod/*"), "not a SPIFFE ID"),
        ("sub", json!("worker"), "not a SPIFFE ID"),
        ("sub", json!([WORKER]), "sub is ["),
        ("sub", Value::Null, "sub is absent"),
        ("aud", json!("https://b.example"), "aud is 'https://b.example', expected exactly"),
        ("aud", json!([server.base, "https://b.example"]), "expected exactly"),
        ("aud", json!(format!("{}/", server.base)), "expected exactly"),
        ("aud", json!([]), "expected exactly"),
        ("aud", Value::Null, "aud is absent"),
        ("exp", json!(now - 11), "expired 11 s ago"),
        ("exp", json!(now + 3700), "exp is 3700 s ahead, the maximum is 3600 s"),
        ("exp", Value::Null, "no exp"),
        ("exp", json!("soon"), "its exp is not a number"),
        ("nbf", json!(now + 60), "its nbf is 60 s"),
        ("iat", json!(now + 60), "its iat is 60 s"),
    ];
    for (claim, value, word) in wrong {
        let mut claims = claims(&server, WORKER);
        claims[claim] = value.clone();
        let svid = domain.svid(&claims);
        let (reason, fix) = explained(&server, &ask(&server, Some(&client.id), &svid).await).await;
        assert!(reason.contains(word) && !fix.is_empty(), "{claim} {value}: {reason} / {fix}");
        ask(&server, None, &svid).await.assert_rejected(401, "invalid_client");
    }
    let svid = domain.svid(&claims(&server, WORKER));
    ask(&server, Some(&client.id), &svid).await.token();
    // A named client must be the one that trusts the workload.
    let other = server.client().await;
    for id in [other.id.as_str(), "nobody", "spiffe://acme.example/ns/prod/other"] {
        explained(&server, &ask(&server, Some(id), &svid).await).await;
    }
}

/// Tests JWT-SVIDs that are oversized, signed by another key, unsigned, signed with a shared key,
/// or of another type.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_jwt_svid_is_rejected() {
    let domain = Domain::new(Algorithm::Es256).await;
    let server = domain.server(Engine::Sqlite, &[]).await;
    let client = domain.client(&server, WORKER).await;
    let good = claims(&server, WORKER);
    let under = |member: &str, value: Value| {
        let mut header = domain.key.header();
        header[member] = value;
        domain.key.sign_under(&header, &good)
    };
    let stranger = KeyPair::new(Algorithm::Es256);
    let mut borrowed = stranger.header();
    borrowed["kid"] = domain.key.header()["kid"].clone();
    borrowed["jwk"] = stranger.jwk.clone();
    let mut big = good.clone();
    big["padding"] = json!("x".repeat(20_000));
    let mut long = good.clone();
    long["sub"] = json!(format!("spiffe://acme.example/{}", "a".repeat(2048)));
    let unsigned = under("alg", json!("none"));
    let without_signature = unsigned.rsplit_once('.').expect("a signature").0;
    for (svid, word) in [
        (stranger.sign(&good), "no key of the bundle"),
        (stranger.sign_under(&borrowed, &good), "signature does not match"),
        (unsigned.clone(), "alg 'none' is not one of a JWT-SVID"),
        (format!("{without_signature}."), "alg 'none'"),
        (under("alg", json!("HS256")), "alg 'HS256'"),
        (under("alg", json!("EdDSA")), "alg 'EdDSA'"),
        (under("alg", json!("RS256")), "no key of the bundle"),
        (under("typ", json!("at+jwt")), "typ of a JWT-SVID is JWT or JOSE"),
        (under("typ", json!("wit+jwt")), "typ of a JWT-SVID"),
        (under("crit", json!(["b64"])), "crit"),
        (domain.svid(&big), "longer than"),
        (domain.svid(&long), "at most 2048 bytes"),
        ("no.jwt".to_owned(), "not a JWT"),
    ] {
        for id in [Some(client.id.as_str()), None] {
            let (reason, _) = explained(&server, &ask(&server, id, &svid).await).await;
            assert!(reason.contains(word), "{word}: {reason}");
        }
    }
}

/// The keys of one trust domain never verify an ID of another, even if a client trusts both.
#[tokio::test(flavor = "multi_thread")]
async fn a_trust_domain_vouches_only_for_its_own_workloads() {
    let domain = Domain::new(Algorithm::Es256).await;
    let server = domain.server(Engine::Sqlite, &[]).await;
    let client = domain.client(&server, WORKER).await;
    // The same client trusts a second domain with another key in its bundle.
    let evil = KeyPair::new(Algorithm::Es256);
    let evil_bundle = bundle(&[("jwt-svid", &evil)]);
    let normal = domain.bundle.clone();
    domain.endpoint.answer(move |path| match path {
        "/evil" => https::json(&evil_bundle),
        _ => https::json(&normal.lock().expect("a lock").clone()),
    });
    let subject = SpiffeIdPattern::parse("spiffe://evil.example/ns/*").expect("a pattern");
    let endpoint = KeySetUri::bundle_endpoint(&domain.endpoint.url("/evil")).expect("a URL");
    let name = TrustDomain::parse("evil.example").expect("a trust domain");
    let acme = TrustDomain::parse(DOMAIN).expect("a trust domain");
    assert!(SpiffeSource::new(acme, endpoint.clone(), subject.clone()).is_err());
    let source = SpiffeSource::new(name, endpoint, subject).expect("a source");
    let id = client_id(&client.id);
    trust::spiffe::add(server.services(), &operator(), &id, source).await.expect("a trust");
    server.catch_up().await;
    domain.until_fetched(&server, &client.id).await;
    let own = "spiffe://evil.example/ns/prod/worker";
    ask(&server, Some(&client.id), &evil.sign(&claims(&server, own))).await.token();
    for (key, sub) in [(&evil, WORKER), (&domain.key, own)] {
        for id in [Some(client.id.as_str()), None] {
            let answer = ask(&server, id, &key.sign(&claims(&server, sub))).await;
            let (reason, _) = explained(&server, &answer).await;
            assert!(reason.contains("no key of the bundle"), "{reason}");
        }
    }
    // Two clients that trust the same workload must be distinguished.
    let second = domain.client(&server, "spiffe://acme.example/ns/*").await;
    let svid = domain.svid(&claims(&server, WORKER));
    let (reason, fix) = explained(&server, &ask(&server, None, &svid).await).await;
    assert!(reason.contains("several clients") && fix.contains("client_id"), "{reason}");
    for id in [&client.id, &second.id] {
        let token = ask(&server, Some(id), &svid).await.token();
        assert_eq!(server.claims(&token).await["sub"], id.as_str());
    }
}

/// A forged JWT-SVID costs the same number of verifications for a client that does not exist, has
/// no such trust, accepts the SPIFFE ID, or is not named.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_jwt_svid_costs_the_same_for_every_client_id() {
    let domain = Domain::new(Algorithm::Es256).await;
    let server = domain.server(Engine::Sqlite, &[]).await;
    let client = domain.client(&server, WORKER).await;
    let other = server.client().await;
    let mut borrowed = domain.key.header();
    let forger = KeyPair::new(Algorithm::Es256);
    let mut costs = Vec::new();
    for kid in [json!(domain.key.kid()), Value::Null, json!("unknown")] {
        borrowed["kid"] = kid;
        for (id, sub) in [
            (Some("unknown"), WORKER),
            (Some(other.id.as_str()), WORKER),
            (Some(client.id.as_str()), WORKER),
            (Some(client.id.as_str()), "spiffe://acme.example/other"),
            (Some(client.id.as_str()), "spiffe://evil.example/other"),
            (Some(client.id.as_str()), "worker"),
            (None, WORKER),
        ] {
            let svid = forger.sign_under(&borrowed, &claims(&server, sub));
            let before = server.services().signature_checks();
            ask(&server, id, &svid).await.assert_rejected(401, "invalid_client");
            costs.push(server.services().signature_checks() - before);
        }
    }
    assert_eq!(costs, [4; 21]);
}
