//! nginx, `HAProxy`, Caddy and Envoy in front of tokend, with the files of `deploy/proxy`.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rstest::rstest;
use serde_json::json;
use tokend::crypto::random;
use tokend::model::client::JWT_BEARER_ASSERTION;
use tokend::model::security::{KeySet, KeySource, Networks};
use tokend::model::signing_key::Algorithm;
use tokend::x509::certificate::ClientCertificate;

use crate::authentication::private_key_jwt::keyed;
use crate::programs::check::TRUSTED;
use crate::support::certificates::{Pair, self_signed};
use crate::support::eventually::eventually;
use crate::support::fleet::{Fleet, Load};
use crate::support::foreign::assert_allowed;
use crate::support::gateways::forgetful_proxy::ForgetfulProxy;
use crate::support::gateways::front::{Front, Proxy};
use crate::support::keys::KeyPair;
use crate::support::{Answer, Engine, Place, Server, TestClient, method};

/// The address of most clients of these tests.
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Another address of this machine, which differs from that of the proxy.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

const GRANT_TYPE: (&str, &str) = ("grant_type", "client_credentials");

/// A proxy with one instance behind both of its addresses.
struct Stage {
    front: Front,
    server: Server,
    http: reqwest::Client,
}

impl Stage {
    async fn new(proxy: Proxy) -> Self {
        assert_allowed("proxies of other projects");
        let mut front = Front::new(proxy);
        let (issuer, url) = (front.url(), front.url_for_certificates());
        let own = [("TOKEND_ISSUER", issuer.as_str()), ("TOKEND_TLS_MTLS_URL", url.as_str())];
        let server = Server::with(Engine::Sqlite, &[&own[..], &TRUSTED].concat()).await;
        let port = server.base.rsplit_once(':').expect("a port").1.parse().expect("a number");
        front.start(&[port, port]).await;
        let http = front.client(HERE, None);
        Self { front, server, http }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.front.url())
    }

    /// Returns a token request through the proxy.
    fn token_request(&self, http: &reqwest::Client) -> reqwest::RequestBuilder {
        http.post(self.url("/v1/oauth/token"))
    }

    async fn ask(
        &self,
        http: &reqwest::Client,
        client: &TestClient,
        forged: &[(&str, &str)],
    ) -> u16 {
        let mut request = self.token_request(http).basic_auth(&client.id, Some(&client.secret));
        for (name, value) in forged {
            request = request.header(*name, *value);
        }
        Answer::of(request.form(&[GRANT_TYPE])).await.status
    }
}

/// Tests each form of a request, and each answer with its headers.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers_pass_unchanged(
    #[values(Proxy::Nginx, Proxy::Haproxy, Proxy::Caddy, Proxy::Envoy)] proxy: Proxy,
) {
    let stage = Stage::new(proxy).await;
    let client = stage.server.client().await;
    let request = || stage.token_request(&stage.http);
    let basic = |secret: &str| request().basic_auth(&client.id, Some(secret)).form(&[GRANT_TYPE]);
    let credentials = [("client_id", client.id.as_str()), ("client_secret", &client.secret)];
    let token = Answer::of(basic(&client.secret)).await.token();
    Answer::of(request().form(&[&credentials[..], &[GRANT_TYPE]].concat())).await.token();
    let mut object = json!({ "grant_type": "client_credentials" });
    for (name, value) in credentials {
        object[name] = json!(value);
    }
    Answer::of(request().json(&object)).await.token();
    assert_eq!(stage.server.claims(&token).await["iss"], stage.front.url());

    let metadata = stage.http.get(stage.url("/.well-known/oauth-authorization-server"));
    let metadata = Answer::of(metadata).await.json();
    assert_eq!(metadata["issuer"], stage.front.url());
    let keys = Answer::of(stage.http.get(metadata["jwks_uri"].as_str().expect("a URL"))).await;
    assert!(keys.status == 200 && keys.text.contains("kid"), "{keys:?}");

    let wrong = Answer::of(basic("wrong")).await;
    wrong.assert_rejected(401, "invalid_client");
    assert!(wrong.header("www-authenticate").starts_with("Basic realm="), "{wrong:?}");

    let form = [("token", token.as_str())];
    let post = |path: &str| {
        let request = stage.http.post(stage.url(path));
        request.basic_auth(&client.id, Some(&client.secret)).form(&form)
    };
    let active = Answer::of(post("/v1/oauth/introspect")).await;
    assert_eq!(active.json()["active"], true, "{active:?}");
    assert_eq!(Answer::of(post("/v1/oauth/revoke")).await.status, 200);
    assert_eq!(Answer::of(post("/v1/oauth/introspect")).await.json()["active"], false);

    // The proxy keeps its connections: otherwise the gauge is 0 between two requests.
    let metrics = stage.server.http.get(format!("{}/metrics", stage.server.management));
    let metrics = Answer::of(metrics).await.text;
    let name = "tokend_http_connections{listener=\"public\"} ";
    let open = metrics.lines().find_map(|line| line.strip_prefix(name)).expect("the gauge");
    assert!(open.parse::<f64>().expect("a number") > 0.0, "{open}");
}

/// The address is the one that the proxy sees. Forged headers of the client have no effect.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_names_the_address_of_the_client(
    #[values(Proxy::Nginx, Proxy::Haproxy, Proxy::Caddy, Proxy::Envoy)] proxy: Proxy,
) {
    let stage = Stage::new(proxy).await;
    let networks = Networks::parse("127.0.0.2/32").expect("networks");
    let client = stage.server.new_client(|new| new.security.networks = networks).await;
    let elsewhere = stage.front.client(ELSEWHERE, None);
    for address in [None, Some("203.0.113.9"), Some("127.0.0.2")] {
        let forged: Vec<_> =
            address.map(|address| ("x-forwarded-for", address)).into_iter().collect();
        assert_eq!(stage.ask(&elsewhere, &client, &forged).await, 200, "{forged:?}");
        assert_eq!(stage.ask(&stage.http, &client, &forged).await, 400, "{forged:?}");
        // Some proxies remove the headers that this one names. Envoy rejects such a request.
        let forged = [&forged[..], &[("connection", "x-forwarded-for")]].concat();
        let expected = if proxy == Proxy::Envoy { 400 } else { 200 };
        assert_eq!(stage.ask(&elsewhere, &client, &forged).await, expected, "{forged:?}");
        assert_eq!(stage.ask(&stage.http, &client, &forged).await, 400, "{forged:?}");
    }
}

/// The proxy sets the id of each request. The header of a client has no effect.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_sets_the_request_id(
    #[values(Proxy::Nginx, Proxy::Haproxy, Proxy::Caddy, Proxy::Envoy)] proxy: Proxy,
) {
    let stage = Stage::new(proxy).await;
    let forged = "forged-forged-forged-forged";
    let mut ids = Vec::new();
    for _ in 0..2 {
        let request = stage.token_request(&stage.http).header("x-request-id", forged);
        let answer = Answer::of(request.basic_auth("a", Some("wrong")).form(&[GRANT_TYPE])).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        ids.push(answer.header("x-request-id").to_owned());
    }
    assert!(ids.iter().all(|id| id != forged && !id.starts_with("req_")), "{ids:?}");
    assert_ne!(ids[0], ids[1]);
}

/// RFC 9449, section 4.3: `htu` is the URL that the client uses, not the one of the instance.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_names_the_url_of_the_proxy(
    #[values(Proxy::Nginx, Proxy::Haproxy, Proxy::Caddy, Proxy::Envoy)] proxy: Proxy,
) {
    let stage = Stage::new(proxy).await;
    let client = stage.server.client().await;
    let key = KeyPair::new(Algorithm::Es256);
    let mut jwk = key.jwk.clone();
    for member in ["kid", "use", "alg"] {
        jwk.as_object_mut().expect("an object").remove(member);
    }
    let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
    let ask = async |url: String| {
        let proof = json!({
            "jti": random::identifier("").expect("an id"),
            "htm": "POST",
            "htu": url,
            "iat": stage.server.clock.now().0,
        });
        let request =
            stage.token_request(&stage.http).header("dpop", key.sign_under(&header, &proof));
        let request = request.basic_auth(&client.id, Some(&client.secret));
        Answer::of(request.form(&[GRANT_TYPE])).await
    };
    let answer = ask(stage.url("/v1/oauth/token")).await;
    assert_eq!(answer.json()["token_type"], "DPoP", "{answer:?}");
    ask(stage.server.token_url()).await.assert_rejected(400, "invalid_dpop_proof");
}

/// RFC 8705 and RFC 9440: the certificate is that of the connection, or there is none.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_passes_the_certificate_of_the_connection_on(
    #[values(Proxy::Nginx, Proxy::Haproxy, Proxy::Caddy)] proxy: Proxy,
) {
    let stage = Stage::new(proxy).await;
    let (own, other) = (self_signed("worker"), self_signed("worker"));
    let jwk = ClientCertificate::new(own.der.clone(), Vec::new()).to_jwk().expect("a key");
    let set = KeySet::parse(&json!({ "keys": [jwk] }).to_string()).expect("a key set");
    let client = stage
        .server
        .new_client(|new| {
            new.auth_methods = vec![method("self_signed_tls_client_auth")];
            new.security.keys = Some(KeySource::Inline(set));
        })
        .await;
    let form = [GRANT_TYPE, ("client_id", client.id.as_str())];
    let ask = async |base: String, shown: Option<&Pair>, claimed: Option<&Pair>| {
        let http = stage.front.client(HERE, shown);
        let mut request = http.post(format!("{base}/v1/oauth/token"));
        if let Some(claimed) = claimed {
            request = request.header("client-cert", claimed.header());
        }
        Answer::of(request.form(&form)).await.status
    };
    let (plain, mutual) = (|| stage.front.url(), || stage.front.url_for_certificates());
    assert_eq!(ask(mutual(), Some(&own), None).await, 200);
    assert_eq!(ask(mutual(), Some(&own), Some(&other)).await, 200);
    for (base, shown, claimed) in [
        (mutual(), None, None),
        (mutual(), None, Some(&own)),
        (mutual(), Some(&other), Some(&own)),
        (plain(), None, Some(&own)),
        (plain(), Some(&own), None),
    ] {
        assert_eq!(ask(base, shown, claimed).await, 401);
    }
    // A client with a secret and without a certificate may use either URL.
    let client = stage.server.client().await;
    let request = stage.http.post(format!("{}/v1/oauth/token", mutual()));
    let request = request.basic_auth(&client.id, Some(&client.secret)).form(&[GRANT_TYPE]);
    assert_eq!(Answer::of(request).await.status, 200);
}

/// The minimum number of requests that the clients send.
const REQUESTS: usize = 2_000;

/// Both instances restart, the second one as soon as the first is available again, and no request
/// fails (O-20, SECURITY 37).
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_the_instances_restart(
    #[values(Proxy::Nginx, Proxy::Haproxy, Proxy::Caddy, Proxy::Envoy)] proxy: Proxy,
) {
    let place = Arc::new(Place::new(Engine::Sqlite).await);
    let mut fleet = Fleet::start(proxy, place, 2, &[]).await;
    let load = Load::start(&fleet);
    for index in 0..fleet.instances.len() {
        fleet.restart(index, "TERM").await;
    }
    load.until_sent(REQUESTS).await;
    load.end().await.assert_none_failed();
}

/// A client assertion is accepted once. If the instance that accepted it loses its answer, the
/// proxy sends the request to the other instance, which rejects it: the client must create a new
/// assertion.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_retry_of_a_used_assertion_is_rejected(
    #[values(Proxy::Nginx, Proxy::Haproxy)] proxy: Proxy,
) {
    assert_allowed("proxies of other projects");
    let mut front = Front::new(proxy);
    let issuer = front.url();
    let own = [("TOKEND_ISSUER", issuer.as_str())];
    let server = Server::with(Engine::Sqlite, &[&own[..], &TRUSTED].concat()).await;
    let key = KeyPair::new(Algorithm::Es256);
    let client = keyed(&server, &key).await;
    let port = server.base.rsplit_once(':').expect("a port").1.parse().expect("a number");
    let forgetful = ForgetfulProxy::before(port).await;
    front.start(&[forgetful.port, port]).await;
    let http = front.client(HERE, None);
    let ask = async || {
        let assertion = json!({
            "iss": client.id, "sub": client.id, "aud": issuer,
            "jti": random::identifier("").expect("an id"),
            "exp": server.clock.now().0 + 60,
        });
        let form = [
            GRANT_TYPE,
            ("client_assertion_type", JWT_BEARER_ASSERTION),
            ("client_assertion", &key.sign(&assertion)),
        ];
        Answer::of(http.post(format!("{issuer}/v1/oauth/token")).form(&form)).await
    };
    ask().await.token();
    forgetful.forget_next();
    // The instances take turns, so one of two requests reaches the one that loses its answer.
    let mut answers = vec![ask().await, ask().await];
    answers.sort_by_key(|answer| answer.status);
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 401], "{answers:?}");
    assert_eq!(answers[1].error(), "invalid_client");
    let id = answers[1].header("x-request-id");
    let rejection = eventually("the rejection", async || {
        server.services().store.rejection(id).await.expect("a look")
    })
    .await;
    assert!(rejection.reason.contains("used before"), "{rejection:?}");
    ask().await.token();
}
