//! Resource identifiers that a lenient verifier could confuse belong to one owner.

use rstest::rstest;
use serde_json::json;

use crate::support::api::{ALL_SCOPES, Api};
use crate::support::{Engine, Server};

const SHOP: &str = "https://shop.example";

fn path(id: &str) -> String {
    let id = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC);
    format!("/v1/resources/{id}")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn another_owner_gets_no_spelling_of_an_identifier(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let create = async |id: &str, owner: Option<&str>| {
        let body = json!({ "resource": id, "owner": owner, "scopes": [{ "name": "a" }] });
        api.call("POST", "/v1/resources", Some(body)).await
    };
    assert_eq!(create(SHOP, Some("shop")).await.status, 201);
    let spellings = [
        "https://shop.example/",
        "https://SHOP.example",
        "HTTPS://shop.example:443/",
        "https://shop.example/a/..",
    ];
    for id in spellings {
        for owner in [Some("pay"), None] {
            let answer = create(id, owner).await;
            assert_eq!(answer.status, 409, "{id}: {}", answer.text);
            assert_eq!(answer.json()["code"], "already_exists", "{}", answer.text);
        }
        let resources = json!([{ "resource": id, "owner": "pay", "scopes": ["a"] }]);
        let document = json!({ "source": "pay", "resources": resources });
        for query in ["?dry_run=true", ""] {
            let apply = format!("/v1/apply{query}");
            let answer = api.call("POST", &apply, Some(document.clone())).await;
            assert_eq!(answer.status, 409, "{id} {query}: {}", answer.text);
        }
        let put = json!({ "owner": "pay", "scopes": [{ "name": "a" }] });
        let answer = api.call("PUT", &path(id), Some(put)).await;
        assert_eq!(answer.status, 409, "{id}: {}", answer.text);
    }
    for id in ["URN:tokend", "urn:TOKEND", "URN:Tokend"] {
        for owner in [Some("pay"), None] {
            let answer = create(id, owner).await;
            assert_eq!(answer.status, 409, "{id}: {}", answer.text);
        }
    }
    for id in ["https://shop.example:8443", "https://shop.example/pay", "http://shop.example"] {
        assert_eq!(create(id, Some("pay")).await.status, 201, "{id}");
    }
}

#[tokio::test]
async fn one_owner_may_have_several_spellings_and_gives_none_of_them_away() {
    let server = Server::start(Engine::Sqlite).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    for id in [SHOP, "https://shop.example/"] {
        let body = json!({ "resource": id, "owner": "shop", "scopes": [{ "name": "a" }] });
        let answer = api.call("POST", "/v1/resources", Some(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    let path = path("https://shop.example/");
    let answer = api.call("PATCH", &path, Some(json!({ "owner": "pay" }))).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    let answer = api.call("PATCH", &path, Some(json!({ "description": "Orders" }))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = api.call("DELETE", &path, None).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
}
