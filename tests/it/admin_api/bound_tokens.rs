//! The admin API with tokens that are bound to a key (RFC 9449) or to a certificate (RFC 8705).

use serde_json::{Value, json};
use tokend::model::signing_key::Algorithm;

use crate::admin_api::management_access::{assert_unauthorized, call, call_with};
use crate::programs::check::{TRUSTED, certificate_token_for, dpop_token, proof};
use crate::support::certificates::self_signed;
use crate::support::keys::KeyPair;
use crate::support::{Engine, ORDERS, Server, grant};

/// Sets the claims of a proof for `GET /v1/server`.
pub fn for_server(server: &Server, claims: &mut Value) {
    claims["htm"] = json!("GET");
    claims["htu"] = json!(format!("{}/v1/server", server.management));
}

/// RFC 9449, section 7: the scheme, and a new proof for this request, this token and this key.
#[tokio::test]
async fn a_token_bound_to_a_key_needs_a_proof_for_each_request() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.administrator("server:read").await;
    let (key, other) = (KeyPair::new(Algorithm::Es256), KeyPair::new(Algorithm::Es256));
    let token = dpop_token(&server, &client, &key).await;
    let with = |change: &dyn Fn(&mut Value)| {
        proof(&server, &key, &token, |claims| {
            for_server(&server, claims);
            change(claims);
        })
    };
    let call_with_proof =
        async |proof: &str| call_with(&server, "DPoP", &token, &[("dpop", proof)]).await;
    let good = with(&|_| {});
    assert_eq!(call_with_proof(&good).await.status, 200);
    // A listener on loopback has several names.
    let port = server.management.rsplit(':').next().expect("a port").to_owned();
    let by_name = format!("http://localhost:{port}/v1/server?x=y");
    let by_name = with(&|claims| claims["htu"] = json!(by_name));
    assert_eq!(call_with_proof(&by_name).await.status, 200);
    let foreign = proof(&server, &other, &token, |claims| for_server(&server, claims));
    let of_other_token = proof(&server, &key, "other", |claims| for_server(&server, claims));
    let elsewhere = format!("http://127.0.0.1:{port}1/v1/server");
    for (wrong, word) in [
        (good.clone(), "used before"),
        (foreign, "another key"),
        (of_other_token, "ath"),
        (with(&|claims| claims["ath"] = Value::Null), "ath"),
        (with(&|claims| claims["htm"] = json!("POST")), "htm"),
        (with(&|claims| claims["htu"] = json!(server.management)), "htu"),
        (with(&|claims| claims["htu"] = json!(elsewhere)), "htu"),
        (with(&|claims| claims["htu"] = json!(server.token_url())), "htu"),
        (with(&|claims| claims["iat"] = json!(1)), "iat"),
        (with(&|claims| claims["jti"] = Value::Null), "jti"),
        ("nonsense".to_owned(), "JWT"),
    ] {
        let answer = call_with_proof(&wrong).await;
        assert_unauthorized(&answer, "DPoP", "invalid_dpop_proof");
        let detail = answer.json()["detail"].as_str().expect("a detail").to_owned();
        assert!(detail.contains(word), "{word}: {detail}");
    }
    // A host name that the caller chooses proves nothing.
    let host = with(&|claims| claims["htu"] = json!("http://evil.example/v1/server"));
    let headers = [("dpop", host.as_str()), ("host", "evil.example")];
    let answer = call_with(&server, "DPoP", &token, &headers).await;
    assert_unauthorized(&answer, "DPoP", "invalid_dpop_proof");
    let missing = call_with(&server, "DPoP", &token, &[]).await;
    assert_unauthorized(&missing, "DPoP", "invalid_dpop_proof");
    let (one, two) = (with(&|_| {}), with(&|_| {}));
    let twice = call_with(&server, "DPoP", &token, &[("dpop", &one), ("dpop", &two)]).await;
    assert_unauthorized(&twice, "DPoP", "invalid_dpop_proof");

    // A stolen token is rejected without its proof, also together with another one.
    let stolen = call_with(&server, "Bearer", &token, &[("dpop", &one)]).await;
    assert_unauthorized(&stolen, "Bearer", "invalid_token");
    let bearer = server.ask(&client).await.token();
    let of_bearer = proof(&server, &key, &bearer, |claims| for_server(&server, claims));
    let answer = call_with(&server, "DPoP", &bearer, &[("dpop", &of_bearer)]).await;
    assert_unauthorized(&answer, "DPoP", "invalid_token");
}

/// RFC 9449, section 9: the first answer has the nonce, and the next proof is accepted.
#[tokio::test]
async fn a_proof_contains_a_nonce_if_the_settings_require_one() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.administrator("server:read").await;
    let key = KeyPair::new(Algorithm::Es256);
    let token = dpop_token(&server, &client, &key).await;
    let strict = Server::at(
        server.place.clone(),
        server.clock.clone(),
        &[("TOKEND_ISSUER", &server.base), ("TOKEND_TOKEN_DPOP_NONCES", "true")],
    )
    .await;
    let ask = async |nonce: Option<&str>| {
        let own = proof(&strict, &key, &token, |claims| {
            for_server(&strict, claims);
            claims["nonce"] = json!(nonce);
        });
        call_with(&strict, "DPoP", &token, &[("dpop", &own)]).await
    };
    let first = ask(None).await;
    assert_unauthorized(&first, "DPoP", "use_dpop_nonce");
    let nonce = first.header("dpop-nonce").to_owned();
    assert_eq!(ask(Some(&nonce)).await.status, 200);
    assert_unauthorized(&ask(Some("made-up")).await, "DPoP", "use_dpop_nonce");
    strict.clock.advance(301);
    assert_unauthorized(&ask(Some(&nonce)).await, "DPoP", "use_dpop_nonce");
}

/// RFC 8705, section 3: only a trusted proxy passes the certificate.
#[tokio::test]
async fn a_token_bound_to_a_certificate_needs_the_certificate() {
    let server = Server::with(Engine::Sqlite, &TRUSTED).await;
    let granted = grant("urn:tokend", Some("server:read"));
    let (pair, token) = certificate_token_for(&server, granted).await;
    let (own, other) = (pair.header(), self_signed("worker").header());
    assert_eq!(call_with(&server, "Bearer", &token, &[("client-cert", &own)]).await.status, 200);
    let twice = [("client-cert", own.as_str()), ("client-cert", own.as_str())];
    let wrong: [&[(&str, &str)]; 4] =
        [&[], &[("client-cert", &other)], &[("client-cert", "nonsense")], &twice];
    for headers in wrong {
        let answer = call_with(&server, "Bearer", &token, headers).await;
        assert_unauthorized(&answer, "Bearer", "invalid_token");
    }
    let untrusting =
        Server::at(server.place.clone(), server.clock.clone(), &[("TOKEND_ISSUER", &server.base)])
            .await;
    let answer = call_with(&untrusting, "Bearer", &token, &[("client-cert", &own)]).await;
    assert_unauthorized(&answer, "Bearer", "invalid_token");
    let plain = server.ask(&server.administrator("server:read").await).await.token();
    untrusting.catch_up().await;
    assert_eq!(call_with(&untrusting, "Bearer", &plain, &[]).await.status, 200);
}

/// The resource of a grant is one segment of the path, with an encoded slash in it.
#[tokio::test]
async fn a_proof_names_the_path_as_it_was_sent() {
    let server = Server::start(Engine::Sqlite).await;
    let client = server.administrator("resources:read").await;
    let key = KeyPair::new(Algorithm::Es256);
    let token = dpop_token(&server, &client, &key).await;
    let path = "/v1/resources/https%3A%2F%2Forders.example.com";
    let own = proof(&server, &key, &token, |claims| {
        claims["htm"] = json!("GET");
        claims["htu"] = json!(format!("{}{path}", server.management));
    });
    let authorization = format!("DPoP {token}");
    let headers = [("authorization", authorization.as_str()), ("dpop", own.as_str())];
    let answer = call(&server, "GET", path, &headers).await;
    assert_eq!((answer.status, answer.json()["resource"].clone()), (200, json!(ORDERS)));
}
