//! The admin API, called as an administrator.

use reqwest::Method;
use serde_json::Value;

use super::{Answer, Server, TestClient};

/// Every scope of `urn:tokend`.
pub const ALL_SCOPES: &str = "clients:read clients:write secrets:write grants:write resources:read \
    resources:write keys:read keys:write tokens:issue tokens:revoke audit:read stats:read \
    server:read admins:write introspect";

/// The admin API with a token of an administrator with some scopes.
pub struct Api<'a> {
    pub server: &'a Server,
    pub token: String,
    pub administrator: TestClient,
}

impl<'a> Api<'a> {
    pub async fn with(server: &'a Server, scopes: &str) -> Self {
        let administrator = server.administrator(scopes).await;
        let token = server.ask_for(&administrator, &[("resource", "urn:tokend")]).await.token();
        Self { server, token, administrator }
    }

    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        call(self.server, Some(&format!("Bearer {}", self.token)), method, path, body).await
    }

    /// Sends a request with the precondition that the object has this entity tag.
    pub async fn call_if(
        &self,
        method: &str,
        path: &str,
        tag: &str,
        body: Option<Value>,
    ) -> Answer {
        let body = body.map(|body| body.to_string());
        self.send(method, path, &[("if-match", tag)], body.as_deref()).await
    }

    /// Like [`Self::call_if`], with a raw body that a library would not write.
    pub async fn send_if(&self, method: &str, path: &str, tag: &str, body: &str) -> Answer {
        self.send(method, path, &[("if-match", tag)], Some(body)).await
    }

    /// Sends a request with some headers.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Answer {
        let method: Method = method.parse().expect("a method");
        let url = format!("{}{path}", self.server.management);
        let mut request = self.server.http.request(method, url).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let answer = Answer::of(request).await;
        self.server.catch_up().await;
        answer
    }
}

/// Sends a request with or without a token.
pub async fn call(
    server: &Server,
    authorization: Option<&str>,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let method: Method = method.parse().expect("a method");
    let mut request = server.http.request(method, format!("{}{path}", server.management));
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = Answer::of(request).await;
    server.catch_up().await;
    answer
}
