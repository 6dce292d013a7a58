//! The main job in one breath.

use rstest::rstest;

use crate::support::{Engine, Server};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_a_token(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let server = Server::start(engine).await;
    let client = server.client().await;
    let answer = server.ask(&client).await;
    let claims = server.claims(&answer.token()).await;
    assert_eq!(claims["sub"], client.id.as_str());
}
