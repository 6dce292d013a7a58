//! The API of `examples/` accepts valid tokens and no others.

use std::sync::Arc;

use tokend::model::time::Clock;
use tokio::net::TcpListener;

use crate::support::eventually::eventually;
use crate::support::{Answer, Engine, INVOICES, Place, Server, client, grant};

#[path = "../../../examples/api.rs"]
#[expect(dead_code, reason = "its main is for people")]
mod program;

const DEMO: &str = "https://api.demo.localhost";

/// W-47: with the keys in its memory, the API sends no request to the server.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_verifies_tokens() {
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let server = Server::at(place, Clock::System, &[]).await;
    server.resource(DEMO, &["demo:read", "demo:write"]).await;
    server.resource(INVOICES, &["demo:read"]).await;
    let grants = vec![grant(DEMO, None), grant(INVOICES, None)];
    let caller = server.new_client(|new| new.grants = grants).await;

    let verifier = program::Verifier::new(server.base.clone(), DEMO.to_owned()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/orders", listener.local_addr().expect("an address"));
    tokio::spawn(program::serve(listener, verifier.expect("the keys")));
    let ask = async |authorization: Option<String>| {
        let request = client().get(&url);
        Answer::of(match &authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        })
        .await
    };
    let token = async |resource: &str, scope: &str| {
        let answer = server.ask_for(&caller, &[("resource", resource), ("scope", scope)]).await;
        answer.token()
    };

    let good = token(DEMO, "demo:read").await;
    let answer = ask(Some(format!("bearer {good}"))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["caller"], caller.id.as_str());

    let answer = ask(None).await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer"));
    let (unsigned, _) = good.rsplit_once('.').expect("a signature");
    for bad in [token(INVOICES, "demo:read").await, format!("{unsigned}."), "x".to_owned()] {
        let answer = ask(Some(format!("Bearer {bad}"))).await;
        assert_eq!(answer.status, 401, "{bad}: {answer:?}");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    }
    let answer = ask(Some(format!("Bearer {}", token(DEMO, "demo:write").await))).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.header("www-authenticate").contains("scope=\"demo:read\""), "{answer:?}");

    let later = token(DEMO, "demo:read").await;
    let keys = server.url("/.well-known/jwks.json");
    drop(server);
    eventually("the end of the server", async || client().get(&keys).send().await.err()).await;
    assert_eq!(ask(Some(format!("Bearer {later}"))).await.status, 200);
}
