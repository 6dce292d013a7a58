//! nginx, `HAProxy`, Caddy and Traefik as released, with the configurations of `docs/gateways.md`.

use std::time::Duration;

use reqwest::Method;
use rstest::rstest;
use serde_json::json;
use tokend::model::signing_key::Algorithm;

use crate::programs::check::{TRUSTED, certificate_token, dpop_token, proof};
use crate::programs::tried_with::record;
use crate::support::certificates::{Pair, self_signed};
use crate::support::eventually::eventually;
use crate::support::gateways::gateway::{Api, Gateway, Program};
use crate::support::keys::KeyPair;
use crate::support::process::Cli;
use crate::support::{Answer, Engine, ORDERS, Server, grant};

/// A gateway in front of an API, and its server.
struct Stage {
    server: Server,
    api: Api,
    gateway: Gateway,
}

impl Stage {
    async fn new(program: Program) -> Self {
        let server = Server::with(Engine::Sqlite, &TRUSTED).await;
        let api = Api::start().await;
        let gateway = Gateway::start(program, &server.base, &api).await;
        Self { server, api, gateway }
    }

    /// Sends a request to the API with these headers and a body.
    async fn post(&self, headers: &[(&str, &str)]) -> Answer {
        let url = self.gateway.url("/orders/7?resource=urn:tokend&scope=x");
        let mut request = self.server.http.request(Method::POST, url).body("hello");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request).await
    }

    async fn with_token(&self, token: &str) -> Answer {
        self.post(&[("authorization", &format!("Bearer {token}"))]).await
    }

    /// Asserts that the request got this answer, and that the API has not seen it.
    async fn assert_rejected(&self, headers: &[(&str, &str)], status: u16, challenge: &str) {
        let before = self.api.requests();
        let answer = self.post(headers).await;
        assert_eq!(answer.status, status, "{headers:?}: {answer:?}");
        assert!(answer.header("www-authenticate").starts_with(challenge), "{answer:?}");
        assert_eq!(self.api.requests(), before, "{headers:?}: the API has seen the request");
    }
}

/// The API gets the client from tokend and never from the caller.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_api_sees_the_client_of_a_valid_token(
    #[values(Program::Nginx, Program::Haproxy, Program::Caddy, Program::Traefik)] program: Program,
) {
    let stage = Stage::new(program).await;
    let client = stage.server.client().await;
    let bearer = format!("Bearer {}", stage.server.ask(&client).await.token());
    let forged = [
        &[][..],
        &[("x-auth-client-id", "root"), ("x-auth-scope", "all"), ("x-auth-expires-in", "9")],
        &[("x_auth_client_id", "root"), ("X-Auth_Scope", "all"), ("x_auth-expires_in", "9")],
        // Some gateways remove the headers that this one names.
        &[("connection", "x-auth-client-id, X-Auth-Scope"), ("x-auth-client-id", "root")],
    ];
    for more in forged {
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(more);
        let answer = stage.post(&headers).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "ok"), "{more:?}: {answer:?}");
        let seen = stage.api.last();
        assert!(seen.starts_with("POST /orders/7?resource=urn:tokend&scope=x HTTP/1."), "{seen}");
        assert!(seen.ends_with("\r\n\r\nhello"), "{seen}");
        assert_eq!(stage.api.header("x-auth-client-id"), [client.id.as_str()], "{seen}");
        assert_eq!(stage.api.header("x-auth-scope"), ["orders:read orders:write"], "{seen}");
        assert_eq!(stage.api.header("x-auth-expires-in"), ["3600"], "{seen}");
    }
    let other = [("authorization", bearer.as_str()), ("authorization", "Bearer a.b.c")];
    let before = stage.api.requests();
    let twice = stage.post(&other).await;
    // nginx itself answers 400, without a challenge.
    assert!([400, 401].contains(&twice.status), "{twice:?}");
    assert_eq!(stage.api.requests(), before, "a second token has reached the API");
    record(&[program.name()]);
}

/// RFC 6750, section 3: the caller gets the status and the challenge of tokend.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_sufficient_token_is_rejected(
    #[values(Program::Nginx, Program::Haproxy, Program::Caddy, Program::Traefik)] program: Program,
) {
    let stage = Stage::new(program).await;
    let narrow =
        stage.server.new_client(|new| new.grants = vec![grant(ORDERS, Some("orders:write"))]).await;
    let narrow = format!("Bearer {}", stage.server.ask(&narrow).await.token());
    stage.assert_rejected(&[], 401, "Bearer realm=\"tokend\"").await;
    let invalid = "Bearer realm=\"tokend\", error=\"invalid_token\"";
    stage.assert_rejected(&[("authorization", "Bearer a.b.c")], 401, invalid).await;
    let insufficient = "Bearer realm=\"tokend\", error=\"insufficient_scope\"";
    stage.assert_rejected(&[("authorization", &narrow)], 403, insufficient).await;
    // The gateway's own endpoint is not accessible to callers.
    let own = stage.server.http.get(stage.gateway.url("/tokend-check"));
    assert!([401, 404].contains(&Answer::of(own).await.status));
}

/// No answer is cached: the next request is rejected. A revocation by another process arrives
/// later.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_rejected(
    #[values(Program::Nginx, Program::Haproxy, Program::Caddy, Program::Traefik)] program: Program,
) {
    let stage = Stage::new(program).await;
    let (server, client) = (&stage.server, stage.server.client().await);
    let token = server.ask(&client).await.token();
    assert_eq!(stage.with_token(&token).await.status, 200);
    server.post("/v1/oauth/revoke", &client, &[("token", &token)]).await;
    assert_eq!(stage.with_token(&token).await.status, 401);

    let cli = Cli::at(server.place.clone());
    let client = server.client().await;
    let token = server.ask(&client).await.token();
    assert_eq!(stage.with_token(&token).await.status, 200);
    cli.json(&["client", "revoke-tokens", &client.id]);
    eventually("the rejection of the token", async || {
        (stage.with_token(&token).await.status == 401).then_some(())
    })
    .await;
}

/// Without tokend no request passes, not even with a valid token.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_fails_closed(
    #[values(Program::Nginx, Program::Haproxy, Program::Caddy, Program::Traefik)] program: Program,
) {
    let mut stage = Stage::new(program).await;
    let client = stage.server.client().await;
    let token = stage.server.ask(&client).await.token();
    assert_eq!(stage.with_token(&token).await.status, 200);
    stage.server.request_shutdown();
    while stage.server.http.get(stage.server.url("/livez")).send().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = stage.api.requests();
    let answer = stage.with_token(&token).await;
    assert!((500..=504).contains(&answer.status), "{answer:?}");
    assert_eq!(stage.api.requests(), before, "the API has seen the request");
}

/// RFC 9449, section 7: the gateway tells tokend which request it received. The caller's own
/// headers about its request or its certificate have no effect, although tokend trusts the gateway.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_bound_token_needs_its_key(
    #[values(Program::Nginx, Program::Haproxy, Program::Caddy, Program::Traefik)] program: Program,
) {
    let stage = Stage::new(program).await;
    let server = &stage.server;
    let client = server.client().await;
    let key = KeyPair::new(Algorithm::Es256);
    let token = dpop_token(server, &client, &key).await;
    let authorization = format!("DPoP {token}");
    let made_for = |path: &str| {
        proof(server, &key, &token, |claims| {
            claims["htm"] = json!("POST");
            claims["htu"] = json!(stage.gateway.url(path));
        })
    };
    let good = made_for("/orders/7");
    let headers = [("authorization", authorization.as_str()), ("dpop", good.as_str())];
    let answer = stage.post(&headers).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(stage.api.header("x-auth-client-id"), [client.id.as_str()]);
    let invalid_proof = "DPoP algs=\"ES256 RS256 PS256 EdDSA\", error=\"invalid_dpop_proof\"";
    stage.assert_rejected(&headers, 401, invalid_proof).await;
    for more in [&[("x-forwarded-uri", "/other")][..], &[("connection", "x-forwarded-uri")], &[]] {
        let other = made_for("/other");
        let mut headers = vec![("authorization", authorization.as_str()), ("dpop", &other)];
        headers.extend(more);
        stage.assert_rejected(&headers, 401, invalid_proof).await;
    }

    let (pair, token) = certificate_token(server).await;
    let (authorization, header) = (format!("Bearer {token}"), pair.header());
    let forged = [("authorization", authorization.as_str()), ("client-cert", header.as_str())];
    stage.assert_rejected(&forged, 401, "Bearer realm=\"tokend\", error=\"invalid_token\"").await;
}

/// RFC 8705, section 3: the gateway passes the certificate of the connection on, and no other.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_bound_to_a_certificate_passes_with_it_only(
    #[values(Program::Nginx, Program::Haproxy, Program::Caddy)] program: Program,
) {
    let server = Server::with(Engine::Sqlite, &TRUSTED).await;
    let api = Api::start().await;
    let (pair, token) = certificate_token(&server).await;
    let gateway = Gateway::with_tls(program, &server.base, &api, &pair).await;
    let ask = async |shown: Option<&Pair>, claimed: Option<&Pair>| {
        let mut http = reqwest::Client::builder().no_proxy().tls_certs_only([gateway.root()]);
        if let Some(shown) = shown {
            http = http.identity(shown.identity());
        }
        let url = format!("https://localhost:{}/orders/7", gateway.port);
        let mut request = http.build().expect("an HTTP client").get(url).bearer_auth(&token);
        if let Some(claimed) = claimed {
            request = request.header("client-cert", claimed.header());
        }
        Answer::of(request).await.status
    };
    let other = self_signed("other");
    assert_eq!(ask(Some(&pair), None).await, 200);
    assert_eq!(ask(Some(&pair), Some(&other)).await, 200);
    assert_eq!(api.requests(), 2);
    for (shown, claimed) in [(None, None), (None, Some(&pair)), (Some(&other), Some(&pair))] {
        assert_eq!(ask(shown, claimed).await, 401);
    }
    assert_eq!(api.requests(), 2, "the API has seen a request");
}
