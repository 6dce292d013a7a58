//! An instance runs one apply at a time.

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::eventually::eventually;
use crate::support::{Engine, Server};

/// A second apply is told to come again while the body of the first one arrives.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_runs_one_apply_at_a_time() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let body = json!({ "clients": [{ "client_id": "a" }] });
    let address = server.management.strip_prefix("http://").expect("http").to_owned();
    let mut first = TcpStream::connect(&address).await.expect("a connection");
    let text = body.to_string();
    let head = format!(
        "POST /v1/apply HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        api.token,
        text.len(),
    );
    first.write_all(head.as_bytes()).await.expect("a head");
    let busy = eventually("an apply in progress", async || {
        let answer = api.call("POST", "/v1/apply?dry_run=true", Some(body.clone())).await;
        (answer.status == 409).then_some(answer)
    })
    .await;
    assert_eq!(busy.json()["code"], "apply_in_progress", "{}", busy.text);
    assert_eq!(busy.header("retry-after"), "2");
    // Without the right to apply, a caller neither holds the place nor learns of it.
    let stranger = Api::with(&server, "audit:read").await;
    let answer = stranger.call("POST", "/v1/apply", Some(body.clone())).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    first.write_all(text.as_bytes()).await.expect("a body");
    let applied = eventually("the end of the first apply", async || {
        let answer = api.call("POST", "/v1/apply?dry_run=true", Some(body.clone())).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!(applied.json()["unchanged"], 1, "{}", applied.text);
}
