//! A team: an administrator of the admin API that is limited to owners.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokend::model::owner::Owner;
use tokend::model::resource::ResourceId;

use crate::support::{Answer, Server, TestClient, grant};

/// The scopes of a team's administrator.
pub const SCOPES: &str = "clients:read clients:write secrets:write grants:write resources:read \
    resources:write tokens:revoke audit:read admins:write";

/// An API of the team `shop`.
pub const API: &str = "https://api.shop.example";

/// A team with an administrator that is limited to it.
pub struct Team<'a> {
    server: &'a Server,
    pub token: String,
    pub administrator: TestClient,
}

impl<'a> Team<'a> {
    pub async fn new(server: &'a Server, owner: &str) -> Self {
        Self::of(server, Some(&[owner])).await
    }

    /// Returns the administrator of these owners; of all if absent.
    pub async fn of(server: &'a Server, owners: Option<&[&str]>) -> Self {
        let administrator = server
            .new_client(|new| {
                new.grants = vec![grant(ResourceId::SERVER, Some(SCOPES))];
                new.admin_of = owners.map(set);
            })
            .await;
        let token = server.ask_for(&administrator, &[("resource", ResourceId::SERVER)]).await;
        Self { server, token: token.token(), administrator }
    }

    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let method: reqwest::Method = method.parse().expect("a method");
        let url = format!("{}{path}", self.server.management);
        let mut request = self.server.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = Answer::of(request).await;
        self.server.catch_up().await;
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(body)).await
    }

    /// Returns the answer to a call that must succeed.
    pub async fn done(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.call(method, path, body).await;
        assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text);
        if answer.text.is_empty() { Value::Null } else { answer.json() }
    }

    /// Creates a client with a secret.
    pub async fn client(&self, id: &str, owner: &str) -> TestClient {
        let body = json!({ "client_id": id, "owner": owner });
        let made = self.done("POST", "/v1/clients", Some(body)).await;
        let secret = made["client_secret"].as_str().expect("a secret").to_owned();
        self.server.keep_secret(&secret);
        TestClient { id: id.to_owned(), secret }
    }

    pub async fn resource(&self, uri: &str, owner: &str) {
        let scopes = json!([{ "name": "orders:read" }, { "name": "orders:write" }]);
        let body = json!({ "resource": uri, "owner": owner, "scopes": scopes });
        self.done("POST", "/v1/resources", Some(body)).await;
    }

    /// Requests `orders:read`; returns the id of the request.
    pub async fn request(&self, client: &str, resource: &str) -> String {
        let body = json!({ "client_id": client, "resource": resource, "scopes": ["orders:read"] });
        let made = self.done("POST", "/v1/grant-requests", Some(body)).await;
        made["request_id"].as_str().expect("an id").to_owned()
    }

    /// Returns the state of a request, and the reason of its end.
    pub async fn state(&self, id: &str) -> (String, String) {
        let shown = self.done("GET", &format!("/v1/grant-requests/{id}"), None).await;
        let text = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
        (text("state"), text("reason"))
    }
}

pub fn set(names: &[&str]) -> BTreeSet<Owner> {
    names.iter().map(|name| Owner::parse(name).expect("an owner")).collect()
}

pub fn assert_rejected(answer: &Answer, status: u16, code: &str) {
    let found = (answer.status, answer.json()["code"].clone());
    assert_eq!(found, (status, json!(code)), "{}", answer.text);
}

pub fn grant_path(client: &str) -> String {
    format!("/v1/clients/{client}/grants/https%3A%2F%2Fapi.shop.example")
}
