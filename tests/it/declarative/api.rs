//! `POST /v1/apply` and `GET /v1/export`: exactly the rights of the single calls.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Engine, ORDERS, Server};

/// The admin API with a token of some scopes.
struct Caller<'a> {
    server: &'a Server,
    token: String,
}

impl<'a> Caller<'a> {
    async fn with(server: &'a Server, scopes: &str) -> Self {
        let administrator = server.administrator(scopes).await;
        let token = server.ask_for(&administrator, &[("resource", "urn:tokend")]).await.token();
        Self { server, token }
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let url = format!("{}{path}", self.server.management);
        let mut request = self.server.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = Answer::of(request).await;
        self.server.catch_up().await;
        answer
    }

    async fn apply(&self, query: &str, body: &Value) -> Answer {
        self.call(Method::POST, &format!("/v1/apply{query}"), Some(body)).await
    }
}

fn client(members: &Value) -> Value {
    let mut client = json!({ "client_id": "a", "secret": null });
    for (name, value) in members.as_object().expect("members") {
        client[name] = value.clone();
    }
    json!({ "source": "s", "clients": [client] })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_answers_its_plan_and_the_new_secrets() {
    let server = Server::start(Engine::Sqlite).await;
    let scopes =
        "clients:read clients:write resources:read resources:write secrets:write grants:write";
    let caller = Caller::with(&server, scopes).await;
    let body = json!({ "documents": [
        { "resources": [{ "resource": "urn:x", "scopes": ["x"] }] },
        { "source": "s", "clients": [{ "client_id": "a", "grants": [{ "resource": "urn:x" }] }] },
    ] });
    let planned = caller.apply("?dry_run=true", &body).await;
    assert_eq!(planned.status, 200, "{}", planned.text);
    let planned = planned.json();
    assert_eq!((&planned["applied"], &planned["secrets"]), (&json!(false), &json!([])));
    assert_eq!(planned["changes"][1]["gets_secret"], true);
    assert_eq!(caller.call(Method::GET, "/v1/clients/a", None).await.status, 404);
    let applied = caller.apply("", &body).await.json();
    let secret = applied["secrets"][0]["client_secret"].as_str().expect("a secret");
    let form =
        [("grant_type", "client_credentials"), ("client_id", "a"), ("client_secret", secret)];
    let answer = Answer::of(server.http.post(server.token_url()).form(&form)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(caller.apply("", &body).await.json()["unchanged"], 2);

    let shown = caller.call(Method::GET, "/v1/clients/a", None).await.json();
    assert_eq!(shown["source"], "s");
    let patch = json!({ "name": "b" });
    let refused = caller.call(Method::PATCH, "/v1/clients/a", Some(&patch)).await;
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("managed_by_source")));
    let url = format!("{}/v1/clients/a", server.management);
    let forced = server.http.patch(url).bearer_auth(&caller.token).header("tokend-force", "true");
    assert_eq!(Answer::of(forced.json(&patch)).await.status, 200);

    let exported = caller.call(Method::GET, "/v1/export?source=s", None).await.json();
    assert_eq!(exported["documents"][0]["clients"][0]["name"], "b");
    assert_eq!(exported["documents"].as_array().expect("documents").len(), 1);
    let wrong = caller.apply("", &json!({ "clients": [{ "client_id": "a", "nam": 1 }] })).await;
    assert_eq!(wrong.status, 422, "{}", wrong.text);
    assert!(wrong.text.contains("clients[0].nam is not a member"), "{}", wrong.text);
    for (path, status) in [("?max_deletion=1", 400), ("?source=a%20b", 400)] {
        assert_eq!(caller.apply(path, &body).await.status, status, "{path}");
    }
}

/// Each member needs the scope of the call that changes only this member.
#[tokio::test(flavor = "multi_thread")]
async fn an_apply_needs_what_the_single_calls_need() {
    let server = Server::start(Engine::Sqlite).await;
    let trust = json!([{ "issuer": "https://ci.example.com", "audience": "t", "conditions": { "sub": "b" } }]);
    let cases = [
        (client(&json!({})), "clients:write"),
        (
            json!({ "source": "s", "clients": [{ "client_id": "a" }] }),
            "clients:write secrets:write",
        ),
        (client(&json!({ "trusts": trust })), "clients:write secrets:write"),
        (client(&json!({ "tls_client_auth_san_dns": "a.example" })), "clients:write secrets:write"),
        (client(&json!({ "claims": { "tenant": "a" } })), "clients:write grants:write"),
        (client(&json!({ "grants": [{ "resource": ORDERS }] })), "clients:write grants:write"),
        (client(&json!({ "admin_of": ["payments"] })), "clients:write admins:write"),
        (json!({ "resources": [{ "resource": "urn:x" }] }), "resources:write"),
        (
            client(
                &json!({ "grants": [{ "resource": "urn:tokend", "scopes": ["clients:write"] }] }),
            ),
            "clients:write grants:write admins:write",
        ),
    ];
    let all = "clients:read clients:write secrets:write grants:write resources:read resources:write admins:write";
    for (body, needed) in &cases {
        let enough = Caller::with(&server, needed).await;
        let answer = enough.apply("?dry_run=true", body).await;
        assert_eq!(answer.status, 200, "{body} with {needed}: {}", answer.text);
        for missing in needed.split(' ') {
            let rest: Vec<_> = all.split(' ').filter(|scope| *scope != missing).collect();
            let less = Caller::with(&server, &rest.join(" ")).await;
            let answer = less.apply("", body).await;
            assert_eq!(answer.status, 403, "{body} without {missing}: {}", answer.text);
        }
    }
    let nothing = Caller::with(&server, "audit:read").await;
    assert_eq!(nothing.apply("?dry_run=true", &client(&json!({}))).await.status, 403);
    let reader = Caller::with(&server, "clients:read").await;
    assert_eq!(reader.call(Method::GET, "/v1/export", None).await.status, 403, "resources as well");
}

/// A client with rights that the caller lacks is neither changed, adopted nor deleted.
#[tokio::test(flavor = "multi_thread")]
async fn an_apply_takes_no_rights_over() {
    let server = Server::start(Engine::Sqlite).await;
    let caller = Caller::with(
        &server,
        "clients:read clients:write secrets:write grants:write resources:read resources:write",
    )
    .await;
    let stronger = server.administrator("admins:write audit:read").await;
    let grants = json!([{ "resource": "urn:tokend", "scopes": ["admins:write", "audit:read"] }]);
    let declared = |more: Value| {
        let mut body = client(&more);
        body["clients"][0]["client_id"] = json!(stronger.id);
        body
    };
    let taken = [
        declared(json!({ "grants": grants })),
        declared(json!({ "grants": [] })),
        declared(json!({ "grants": grants, "state": "disabled" })),
        declared(json!({ "grants": grants, "jwks_uri": "https://evil.example/jwks" })),
    ];
    for body in &taken {
        let answer = caller.apply("?adopt=true", body).await;
        assert_eq!(answer.status, 403, "{body}: {}", answer.text);
        assert_eq!(answer.json()["code"], "client_more_powerful", "{body}");
    }
    let more =
        client(&json!({ "grants": [{ "resource": "urn:tokend", "scopes": ["clients:read"] }] }));
    assert_eq!(caller.apply("", &more).await.status, 403, "only with admins:write");

    // An object of the source that the caller may not delete stops the whole apply.
    let operator = Caller::with(
        &server,
        "clients:read clients:write secrets:write grants:write resources:read admins:write audit:read",
    )
    .await;
    let mut strong = declared(json!({ "grants": grants }));
    strong["clients"][0]["client_id"] = json!("strong");
    let applied = operator.apply("", &strong).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let pruned = caller.apply("?prune=true", &client(&json!({}))).await;
    assert_eq!(pruned.status, 403, "{}", pruned.text);
    assert_eq!(caller.call(Method::GET, "/v1/clients/a", None).await.status, 404, "nothing");
}
