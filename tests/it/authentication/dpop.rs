//! Tokens that are bound to a key of the client (RFC 9449).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rstest::rstest;
use serde_json::{Value, json};
use tokend::crypto::random;
use tokend::model::rate::RateLimit;
use tokend::model::signing_key::Algorithm;

use crate::support::keys::KeyPair;
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, Server, TestClient};

/// A change that a test makes to claims or to a header.
type Change<'a> = &'a dyn Fn(&mut Value);

fn header(key: &KeyPair) -> Value {
    let mut jwk = key.jwk.clone();
    for member in ["kid", "use", "alg"] {
        jwk.as_object_mut().expect("an object").remove(member);
    }
    json!({ "typ": "dpop+jwt", "alg": key.header()["alg"], "jwk": jwk })
}

fn claims(server: &Server) -> Value {
    json!({
        "jti": random::identifier("").expect("an id"),
        "htm": "POST",
        "htu": server.token_url(),
        "iat": server.clock.now().0,
    })
}

fn proof(server: &Server, key: &KeyPair) -> String {
    key.sign_under(&header(key), &claims(server))
}

async fn ask(server: &Server, client: &TestClient, proofs: &[&str]) -> Answer {
    let mut request = server.http.post(server.token_url());
    for proof in proofs {
        request = request.header("dpop", *proof);
    }
    let request = request.basic_auth(&client.id, Some(&client.secret));
    Answer::of(request.form(&CLIENT_CREDENTIALS)).await
}

/// C-150, C-100, W-08, SECURITY 40: the token type, and the thumbprint in the token and its
/// introspection.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_binds_the_token_to_its_key(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("ES256", "RS256", "PS256", "EdDSA")] algorithm: &str,
) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let key = KeyPair::new(Algorithm::parse(algorithm).expect("an algorithm"));
    let answer = ask(&server, &client, &[&proof(&server, &key)]).await;
    let token = answer.token();
    assert_eq!(answer.json()["token_type"], "DPoP");
    // The kid of the server's own keys is the same kind of thumbprint (RFC 7638).
    let bound = json!({ "jkt": key.kid() });
    assert_eq!(server.claims(&token).await["cnf"], bound);
    let seen = server.post("/v1/oauth/introspect", &client, &[("token", &token)]).await.json();
    assert_eq!((&seen["cnf"], &seen["token_type"]), (&bound, &json!("DPoP")));
    let bearer = server.ask(&client).await;
    assert_eq!(bearer.json()["token_type"], "Bearer");
    assert!(server.claims(&bearer.token()).await["cnf"].is_null());
}

async fn refused(server: &Server, client: &TestClient, proofs: &[&str], word: &str) {
    let answer = ask(server, client, proofs).await;
    answer.assert_rejected(400, "invalid_dpop_proof");
    assert!(answer.description().contains(word), "{word}: {answer:?}");
}

/// C-151, section 4.3, point 1: not more than one header.
#[tokio::test(flavor = "multi_thread")]
async fn two_dpop_headers_are_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let key = KeyPair::new(Algorithm::Es256);
    let (one, two) = (proof(&server, &key), proof(&server, &key));
    refused(&server, &client, &[&one, &two], "more than one").await;
}

/// C-151, point 2: one well-formed JWT.
#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_proof_is_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let key = KeyPair::new(Algorithm::Es256);
    let good = proof(&server, &key);
    let two = format!("{good}, {good}");
    let long = "x".repeat(9_000);
    for bad in ["x", "a.b.c", "e30.e30", "bnVsbA.bnVsbA.x", two.as_str(), long.as_str()] {
        refused(&server, &client, &[bad], "well-formed").await;
    }
}

/// C-151, point 3: every required claim and header.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_without_a_required_claim_or_header_is_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let key = KeyPair::new(Algorithm::Es256);
    for member in ["typ", "alg", "jwk"] {
        let mut header = header(&key);
        header[member] = Value::Null;
        let bad = key.sign_under(&header, &claims(&server));
        refused(&server, &client, &[&bad], member).await;
    }
    for claim in ["jti", "htm", "htu", "iat"] {
        for value in [Value::Null, json!({}), json!([])] {
            let mut claims = claims(&server);
            claims[claim] = value;
            let bad = key.sign_under(&header(&key), &claims);
            refused(&server, &client, &[&bad], claim).await;
        }
    }
    let mut claims = claims(&server);
    claims["jti"] = json!("x".repeat(300));
    refused(&server, &client, &[&key.sign_under(&header(&key), &claims)], "jti").await;
}

/// Points 4 to 7: type, algorithm, signature, no private key.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_with_a_wrong_typ_alg_or_jwk_is_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let (key, other) = (KeyPair::new(Algorithm::Es256), KeyPair::new(Algorithm::Es256));
    let other_jwk = header(&other)["jwk"].clone();
    let changes: [(Change<'_>, &str); 8] = [
        (&|header| header["typ"] = json!("JWT"), "typ"),
        (&|header| header["typ"] = json!("at+jwt"), "typ"),
        (&|header| header["alg"] = json!("none"), "alg"),
        (&|header| header["alg"] = json!("HS256"), "alg"),
        (&|header| header["alg"] = json!("RS256"), "signature"),
        (&|header| header["jwk"] = other_jwk.clone(), "signature"),
        (&|header| header["jwk"] = json!({ "kty": "oct", "k": "c2VjcmV0" }), "signature"),
        (&|header| header["jwk"]["d"] = json!("AAAA"), "private"),
    ];
    for (change, word) in changes {
        let mut header = header(&key);
        change(&mut header);
        let bad = key.sign_under(&header, &claims(&server));
        refused(&server, &client, &[&bad], word).await;
    }
    let good = proof(&server, &key);
    let (head, _) = good.rsplit_once('.').expect("a JWS");
    refused(&server, &client, &[&format!("{head}.")], "signature").await;
}

/// Points 8 and 9: this method and this URL, normalized, without query and fragment.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_with_another_method_or_url_is_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let key = KeyPair::new(Algorithm::Es256);
    let with = |change: Change<'_>| {
        let mut claims = claims(&server);
        change(&mut claims);
        key.sign_under(&header(&key), &claims)
    };
    let url = server.token_url();
    for htu in [format!("{url}?a=b#c"), url.replace("http://", "HTTP://"), server.url("/token")] {
        ask(&server, &client, &[&with(&|claims| claims["htu"] = json!(htu))]).await.token();
    }
    for htm in ["GET", "post"] {
        let bad = with(&|claims| claims["htm"] = json!(htm));
        refused(&server, &client, &[&bad], "htm").await;
    }
    for htu in ["https://other.example/v1/oauth/token", "/v1/oauth/token", "", &server.url("/x")] {
        let bad = with(&|claims| claims["htu"] = json!(htu));
        refused(&server, &client, &[&bad], "htu").await;
    }
}

/// Point 10 and section 8 (C-153): if the settings require it, a proof needs a nonce of the server.
/// It comes in one header, and an old nonce is replaced.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_contains_a_server_nonce_if_the_settings_require_one(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::with(engine, &[("TOKEND_TOKEN_DPOP_NONCES", "true")]).await;
    let client = server.client().await;
    let key = KeyPair::new(Algorithm::Es256);
    let with = |nonce: &str| {
        let mut claims = claims(&server);
        claims["nonce"] = json!(nonce);
        key.sign_under(&header(&key), &claims)
    };
    let first = ask(&server, &client, &[&proof(&server, &key)]).await;
    first.assert_rejected(400, "use_dpop_nonce");
    assert_eq!(first.headers.get_all("dpop-nonce").iter().count(), 1);
    let nonce = first.header("dpop-nonce").to_owned();
    ask(&server, &client, &[&with(&nonce)]).await.token();
    ask(&server, &client, &[&with("forged")]).await.assert_rejected(400, "use_dpop_nonce");
    // Another instance accepts it too.
    let settings = [("TOKEND_ISSUER", server.base.as_str()), ("TOKEND_TOKEN_DPOP_NONCES", "true")];
    let second = Server::at(server.place.clone(), server.clock.clone(), &settings).await;
    ask(&second, &client, &[&with(&nonce)]).await.token();
    server.clock.advance(301);
    server.catch_up().await;
    let old = ask(&server, &client, &[&with(&nonce)]).await;
    old.assert_rejected(400, "use_dpop_nonce");
    assert_ne!(old.header("dpop-nonce"), nonce);
    server.ask(&client).await.token();
}

/// Point 11 (C-154): `iat` must be recent, and a proof is used once.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_or_replayed_proof_is_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let key = KeyPair::new(Algorithm::Es256);
    let now = server.clock.now().0;
    let at = |iat: i64| {
        let mut claims = claims(&server);
        claims["iat"] = json!(iat);
        key.sign_under(&header(&key), &claims)
    };
    for iat in [now - 60, now + 10] {
        ask(&server, &client, &[&at(iat)]).await.token();
    }
    for iat in [now - 61, now + 11, 0, i64::MAX] {
        refused(&server, &client, &[&at(iat)], "iat").await;
    }
    let proof = at(now);
    ask(&server, &client, &[&proof]).await.token();
    refused(&server, &client, &[&proof], "used before").await;
    // A failed authentication does not use the proof up, and reveals nothing about it.
    let fresh = at(now);
    let stranger = TestClient { secret: "wrong".to_owned(), ..client.clone() };
    ask(&server, &stranger, &[&fresh]).await.assert_rejected(401, "invalid_client");
    ask(&server, &client, &[&fresh]).await.token();
}

/// A request that is rejected for another reason does not use its proof up.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_beyond_the_rate_does_not_use_its_proof_up() {
    let server = Server::start(Engine::Sqlite).await;
    let rate = RateLimit::parse("1/m").expect("a rate");
    let client = server.new_client(|new| new.token_rate = Some(rate)).await;
    let key = KeyPair::new(Algorithm::Es256);
    let proof = || key.sign_under(&header(&key), &claims(&server));
    ask(&server, &client, &[&proof()]).await.token();
    let later = proof();
    assert_eq!(ask(&server, &client, &[&later]).await.status, 429);
    server.clock.advance(60);
    ask(&server, &client, &[&later]).await.token();
}

/// The URL of the endpoint for clients with certificates, as published in the metadata, is accepted
/// as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_may_be_for_the_endpoint_for_clients_with_certificates() {
    let settings = [("TOKEND_TLS_MTLS_URL", "https://mtls.example.com")];
    let server = Server::with(Engine::Sqlite, &settings).await;
    let client = server.client().await;
    let key = KeyPair::new(Algorithm::Es256);
    let mut claims = claims(&server);
    claims["htu"] = json!("https://mtls.example.com/v1/oauth/token");
    ask(&server, &client, &[&key.sign_under(&header(&key), &claims)]).await.token();
    claims["htu"] = json!("https://other.example.com/v1/oauth/token");
    refused(&server, &client, &[&key.sign_under(&header(&key), &claims)], "htu").await;
}

/// C-152: a client that must send a proof gets no token without one.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_dpop_bound_client_without_a_proof_is_rejected(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let client = server.new_client(|new| new.security.dpop_bound = true).await;
    refused(&server, &client, &[], "send a DPoP header").await;
    let key = KeyPair::new(Algorithm::Es256);
    let answer = ask(&server, &client, &[&proof(&server, &key)]).await;
    assert_eq!(answer.json()["token_type"], "DPoP");
    let metadata = server.get("/.well-known/oauth-authorization-server").await.json();
    // C-155.
    assert!(metadata["dpop_signing_alg_values_supported"].to_string().contains("ES256"));
}

/// S-13: the rules for registered keys apply to the key of a proof, and a key has one encoding.
#[tokio::test(flavor = "multi_thread")]
async fn a_weak_or_non_canonical_proof_key_is_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let (ec, rsa) = (KeyPair::new(Algorithm::Es256), KeyPair::new(Algorithm::Rs256));
    let decode = |value: &Value| {
        BASE64_URL_SAFE_NO_PAD.decode(value.as_str().expect("a text")).expect("base64url")
    };
    let (x, y) = (decode(&ec.jwk["x"]), decode(&ec.jwk["y"]));
    let text = |bytes: &[u8]| json!(BASE64_URL_SAFE_NO_PAD.encode(bytes));
    let other_curve: Change<'_> = &|jwk| jwk["crv"] = json!("P-384");
    // The same 64 bytes, divided at another position.
    let odd_lengths: Change<'_> = &|jwk| {
        jwk["x"] = text(&x[..31]);
        jwk["y"] = text(&[&x[31..], &y[..]].concat());
    };
    let padded: Change<'_> = &|jwk| jwk["n"] = text(&[&[0], &decode(&jwk["n"])[..]].concat());
    for (key, change) in [(&ec, other_curve), (&ec, odd_lengths), (&rsa, padded)] {
        let mut header = header(key);
        change(&mut header["jwk"]);
        let bad = key.sign_under(&header, &claims(&server));
        refused(&server, &client, &[&bad], "jwk").await;
    }
    // With the neutral element, R = B*s is a signature of every message: here s is 0.
    let neutral = [&[1][..], &[0; 31]].concat();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": text(&neutral) });
    let header = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk });
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signature = BASE64_URL_SAFE_NO_PAD.encode([&neutral[..], &[0; 32]].concat());
    let forged = format!("{}.{}.{signature}", part(&header), part(&claims(&server)));
    refused(&server, &client, &[&forged], "jwk").await;
}

/// S-13: a parser that drops control characters would accept the proof for another URL.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_url_with_control_characters_is_rejected() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.client().await;
    let key = KeyPair::new(Algorithm::Es256);
    let url = server.token_url();
    let with_tab = url.replace("oauth", "oa\tuth");
    for htu in [format!("{url}\0"), format!("\u{1}{url}"), with_tab, url.replace("/v1", "\\v1")] {
        let mut claims = claims(&server);
        claims["htu"] = json!(htu);
        let bad = key.sign_under(&header(&key), &claims);
        refused(&server, &client, &[&bad], "htu").await;
    }
}
