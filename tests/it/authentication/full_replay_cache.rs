//! A full replay cache of DPoP proofs: a proof that cannot be stored is rejected.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;
use tokend::crypto::random;
use tokend::limits::replay_cache::ReplayRejection;
use tokend::model::signing_key::Algorithm;

use crate::support::keys::KeyPair;
use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, Server, TestClient};

pub fn proof(server: &Server, key: &KeyPair) -> String {
    let mut jwk = key.jwk.clone();
    for member in ["kid", "use", "alg"] {
        jwk.as_object_mut().expect("an object").remove(member);
    }
    let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
    let claims = json!({
        "jti": random::identifier("").expect("an id"), "htm": "POST", "htu": server.token_url(),
        "iat": server.clock.now().0,
    });
    key.sign_under(&header, &claims)
}

pub async fn ask(server: &Server, client: &TestClient, proof: &str) -> Answer {
    let request = server.http.post(server.token_url()).header("dpop", proof);
    let request = request.basic_auth(&client.id, Some(&client.secret));
    Answer::of(request.form(&CLIENT_CREDENTIALS)).await
}

/// Adds entries for a client, as its proofs would, until the cache is full.
fn fill(server: &Server, client: &str) -> ReplayRejection {
    let now = server.clock.now();
    (0_u64..)
        .find_map(|number| {
            let name = BASE64_URL_SAFE_NO_PAD.encode(format!("{number:08}{client}"));
            server.services().dpop_proofs.take(&name, client, now).err()
        })
        .expect("a limit")
}

/// A client that has filled its share must wait; others need not. When all clients together have
/// filled the cache, a client with a proof is rejected with `Retry-After`, and clients without
/// proofs are served. A used proof is rejected throughout.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_replay_cache_rejects_proofs_and_nothing_else() {
    let server = Server::start(Engine::Sqlite).await;
    let (client, other) = (server.client().await, server.client().await);
    let key = KeyPair::new(Algorithm::Es256);
    let used = proof(&server, &key);
    ask(&server, &other, &used).await.token();

    let ReplayRejection::FullForOne(span) = fill(&server, &client.id) else {
        panic!("another limit")
    };
    let answer = ask(&server, &client, &proof(&server, &key)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, span.to_string().as_str()));
    ask(&server, &other, &proof(&server, &key)).await.token();

    let full =
        (0..100).any(|number| fill(&server, &format!("{number:03}")) == ReplayRejection::Full);
    assert!(full, "the cache has no limit for all clients together");
    let unused = proof(&server, &key);
    let answer = ask(&server, &other, &unused).await;
    answer.assert_rejected(503, "temporarily_unavailable");
    assert!(!answer.header("retry-after").is_empty());
    ask(&server, &other, &used).await.assert_rejected(400, "invalid_dpop_proof");
    server.ask(&other).await.token();

    server.clock.advance(i64::from(span));
    server.catch_up().await;
    for client in [&client, &other] {
        ask(&server, client, &proof(&server, &key)).await.token();
    }
}
