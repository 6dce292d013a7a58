//! Conditions of requests of the admin API.

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::{Engine, Server};

const ACME: &str = "/v1/clients/acme";

/// `If-None-Match: *` makes a PUT that only creates (RFC 9110, section 13.1.2).
#[tokio::test]
async fn a_put_may_be_one_that_only_creates() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    for path in [ACME, "/v1/resources/urn:acme:a"] {
        for status in [201, 412] {
            let answer = api.send("PUT", path, &[("if-none-match", "*")], Some("{}")).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.text);
        }
        let both = [("if-none-match", "*"), ("if-match", "*")];
        assert_eq!(api.send("PUT", path, &both, Some("{}")).await.status, 412, "{path}");
    }
    let deletion = api.send("DELETE", ACME, &[("if-none-match", "*")], None).await;
    assert_eq!(deletion.status, 412, "{}", deletion.text);
}
