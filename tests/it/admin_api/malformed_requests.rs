//! Malformed requests to every route of the admin API: each one is answered, never with 5xx, and a
//! 4xx answer is a problem document (RFC 9457).

use futures_util::{StreamExt, stream};
use reqwest::Method;
use rstest::rstest;
use serde_json::Value;

use crate::admin_api::routes::ROUTES;
use crate::support::api::{ALL_SCOPES, Api};
use crate::support::eventually::HANGS_AFTER;
use crate::support::{Engine, Server};

/// The number of concurrent requests.
const AT_ONCE: usize = 8;

/// Each route gets one of this many queries, headers and mistyped bodies, in rotation. With 1, each
/// route gets all of them.
const STRIDE: usize = 11;

/// A request that no route expects.
#[derive(Debug, Clone, Default)]
struct Odd {
    method: String,
    path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Odd {
    fn of(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), ..Self::default() }
    }

    fn with(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn json(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.with("content-type", "application/json")
    }

    /// Returns the description of the request in messages.
    fn shown(&self) -> String {
        let short = |bytes: &[u8]| {
            let text: String = String::from_utf8_lossy(bytes).chars().take(120).collect();
            text
        };
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| format!("{name}: {}", short(value))).collect();
        let body = self.body.as_deref().map(short).unwrap_or_default();
        format!("{} {} {headers:?} {body}", self.method, short(self.path.as_bytes()))
    }
}

/// The parts of the paths of [`ROUTES`] that stand for an identifier.
const IDS: [&str; 8] =
    ["absent", "sec_1", "tru_1", "urn:absent", "urn:a", "grq_absent", "req_absent", "sales"];

fn odd_ids() -> Vec<String> {
    let fixed = "%00 a%00b %FF %C0%AF %ED%A0%80 %F4%90%80%80 % %4 %zz %0A %7F %E2%80%AE \
        %F0%9F%92%A9 %2F..%2F %25%30%30 '%22;-- * null -1 9223372036854775808 %20 a+b \
        {id} %7B%7D [] a%3Fb a%23b";
    let long = [255, 256, 257, 4_000, 7_000].map(|length| "a".repeat(length));
    let wide = "%F0%9F%92%A9".repeat(300);
    fixed.split(' ').map(str::to_owned).chain(long).chain([wide]).collect()
}

fn odd_queries() -> Vec<String> {
    let values = [
        "",
        "0",
        "-1",
        "abc",
        "1e3",
        "1.5",
        "NaN",
        "+1",
        "01",
        "%00",
        "%FF",
        "%zz",
        "%",
        "null",
        "true",
        "[]",
        "{}",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999999",
        "1:",
        ":",
        "1:A",
        "9999-99-99",
        "2027-01-31T00:00:00Z",
        "%F0%9F%92%A9",
        "'%22;--",
        "%C0%AF",
    ];
    let names = "limit cursor dry_run follow after count since until subject actor action owner \
        label state resource scope q name expiring_within unused_for client client_id \
        existing prune adopt max_deletions source reason";
    let single = names.split(' ').flat_map(|name| values.map(|value| format!("{name}={value}")));
    let whole = [
        "limit=1&limit=2",
        "dry_run=true&dry_run=false",
        "cursor=1&cursor=1",
        "&&&",
        "=",
        "=1",
        "a",
        "a=1&a=2",
        "%00=1",
        "%FF=1",
        "limit[]=1",
        "limit=1;cursor=2",
        "?",
        "#",
        "LIMIT=1",
    ];
    let long = [format!("cursor={}", "a".repeat(5_000)), format!("q={}", "%25".repeat(2_000))];
    let many = vec!["label=a"; 500].join("&");
    single.chain(whole.map(str::to_owned)).chain(long).chain([many]).collect()
}

/// Bodies that are wrong as a whole.
fn odd_bodies() -> Vec<Vec<u8>> {
    let texts = [
        "",
        " ",
        "null",
        "true",
        "0",
        "-0",
        "1e999",
        "\"x\"",
        "[]",
        "[{}]",
        "{",
        "}",
        "{]",
        "{\"a\"",
        "{\"a\":}",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "{}{}",
        "{} x",
        "// x",
        "{\"\":1}",
        "{\"\\u0000\":1}",
        "{\"a\":\"\\ud800\"}",
        "{\"name\":\"\\u0000\"}",
        "{\"name\":\"a\",\"name\":\"b\"}",
        "{\"client_id\":\"a\",\"client_id\":\"b\"}",
        "{\"claims\":{\"a\":1,\"a\":2}}",
        "{\"labels\":{\"a\":\"b\",\"a\":\"c\"}}",
        "\u{feff}{}",
        "{\"__proto__\":{}}",
        "{\"$schema\":1}",
    ];
    let deep = |open: &str, close: &str, depth: usize| {
        format!("{}{}", open.repeat(depth), close.repeat(depth))
    };
    let built = [
        deep("[", "]", 200),
        deep("[", "]", 60_000),
        deep("{\"a\":", "}", 30_000).replacen('}', "1}", 1),
        format!("{{\"claims\":{}}}", deep("[", "]", 100)),
        format!("{{\"grants\":[{}]}}", vec!["{}"; 20_000].join(",")),
        format!("{{\"name\":\"{}\"}}", "a".repeat(200_000)),
        format!("{{\"name\":\"{}\"}}", "a".repeat(300_000)),
        format!("{{\"token_ttl_seconds\":{}}}", "9".repeat(10_000)),
        format!("{{{}}}", vec!["\"x\":1"; 10_000].join(",")),
    ];
    let bytes = [
        b"\xff\xfe{}".to_vec(),
        b"{\"name\":\"\xff\"}".to_vec(),
        b"{\"name\":\"\xed\xa0\x80\"}".to_vec(),
        b"\x00".to_vec(),
        b"\x1f\x8b\x08\x00".to_vec(),
    ];
    let texts = texts.map(|text| text.as_bytes().to_vec()).into_iter();
    texts.chain(built.map(String::into_bytes)).chain(bytes).collect()
}

/// Bodies with one member of a wrong type.
fn mistyped_bodies() -> Vec<Vec<u8>> {
    let names = "client_id name owner description contact labels claims grants state \
        token_ttl_seconds token_rate networks auth_methods grant_types jwks jwks_uri \
        scopes add_scopes resource secret expires_in_seconds overlap admin_of revision \
        reason token jti text leak_policy signing_alg message conditions issuer audience \
        subject max_clients label scope resources clients source sha256 \
        tls_client_auth_san_dns assertion_audiences";
    let values = [
        "null",
        "true",
        "-1",
        "1e999",
        "18446744073709551616",
        "\"\"",
        "\"\\u0000\"",
        "\"\\n\"",
        "\"\u{202e}\"",
        "[]",
        "[null]",
        "[\"\\u0000\"]",
        "[[]]",
        "{}",
        "{\"\":\"\"}",
        "{\"\\u0000\":\"\\u0000\"}",
        "[{\"resource\":\"\\u0000\"}]",
    ];
    let body = |name: &str, value: &str| format!("{{\"{name}\":{value}}}").into_bytes();
    names.split(' ').flat_map(|name| values.map(|value| body(name, value))).collect()
}

fn odd_headers() -> Vec<(&'static str, Vec<u8>)> {
    let mut found: Vec<(&'static str, Vec<u8>)> = Vec::new();
    let names = "if-match if-none-match idempotency-key accept accept-encoding content-type \
        content-encoding last-event-id tokend-force dpop expect range origin \
        x-forwarded-for x-request-id traceparent";
    for name in names.split(' ') {
        for value in
            ["", "*", "\"", "W/\"1\"", "\"a\", \"b\"", "gzip", ",,,", "0", "-1", "bytes=0-1"]
        {
            found.push((name, value.into()));
        }
        found.push((name, b"\xff\xfe".to_vec()));
        found.push((name, vec![b'a'; 3_000]));
    }
    for value in ["text/plain", "application/json; charset=utf-16", "application/xml", "json"] {
        found.push(("content-type", value.into()));
    }
    found
}

/// Returns the requests of each kind, at the routes where they have a meaning.
fn requests(engine: Engine) -> Vec<Odd> {
    let mut all = Vec::new();
    let (ids, queries, headers) = (odd_ids(), odd_queries(), odd_headers());
    let (bodies, mistyped) = (odd_bodies(), mistyped_bodies());
    for (route, (method, path, ..)) in ROUTES.into_iter().enumerate() {
        for id in IDS.iter().filter(|id| path.split('/').any(|part| part == **id)) {
            all.extend(
                ids.iter().map(|odd| Odd::of(method, &path.replacen(id, odd, 1)).json("{}")),
            );
        }
        let is_list = method == "GET";
        // A stream does not end.
        let queries = queries.iter().filter(|query| *query != "follow=true").enumerate();
        // Lists parse their queries; on other routes, a few samples show that the query is ignored.
        let stride = if is_list { STRIDE } else { 4 * STRIDE };
        let some = queries.filter(|(place, _)| (place + route) % stride == 0);
        all.extend(some.map(|(_, query)| Odd::of(method, &format!("{path}?{query}"))));
        let some = headers.iter().enumerate().filter(|(place, _)| (place + route) % STRIDE == 0);
        for (_, (name, value)) in some {
            all.push(Odd::of(method, path).json("{}").with(name, value.clone()));
        }
        for odd in ["OPTIONS", "TRACE", "BREW", "HEAD", "PUT", "DELETE"] {
            all.push(Odd::of(odd, &format!("{path}/x")));
            all.push(Odd::of(odd, path));
        }
        if !is_list {
            let some =
                mistyped.iter().enumerate().filter(|(place, _)| (place + route) % STRIDE == 0);
            let bodies = bodies.iter().chain(some.map(|(_, body)| body));
            all.extend(bodies.map(|body| Odd::of(method, path).json(body.clone())));
        }
    }
    // Requests that do not depend on the database are sent on one engine only.
    let is_of_engine = |place: usize| engine == Engine::Postgres || place.is_multiple_of(7);
    all.into_iter()
        .enumerate()
        .filter(|(place, _)| is_of_engine(*place))
        .map(|(_, odd)| odd)
        .collect()
}

/// Returns what is wrong with the answer to a request, if anything.
async fn problem_of(api: &Api<'_>, odd: &Odd) -> Option<String> {
    let method = Method::from_bytes(odd.method.as_bytes()).expect("a method");
    let url = format!("{}{}", api.server.management, odd.path);
    let mut request = api.server.http.request(method.clone(), url).bearer_auth(&api.token);
    for (name, value) in &odd.headers {
        request = request.header(*name, value.as_slice());
    }
    if let Some(body) = &odd.body {
        request = request.body(body.clone());
    }
    // The server closes a connection if it did not read the whole body, and the client may be about
    // to send the next request on it. That request is sent again.
    let request = request.timeout(HANGS_AFTER);
    let again = request.try_clone().expect("a body in memory");
    let sent = match request.send().await {
        Err(error) if error.is_request() && !error.is_timeout() => again.send().await,
        sent => sent,
    };
    let answer = match sent {
        Ok(answer) => answer,
        Err(error) => return Some(format!("no answer: {error:?}")),
    };
    let status = answer.status().as_u16();
    let kind = answer.headers().get("content-type").map(|kind| kind.as_bytes().to_vec());
    let text = match answer.text().await {
        Ok(text) => text,
        Err(error) => return Some(format!("{status} without an end: {error:?}")),
    };
    if status >= 500 {
        return Some(format!("{status}: {text}"));
    }
    if status < 400 || method == Method::HEAD {
        return None;
    }
    let document: Value = serde_json::from_str(&text).unwrap_or_default();
    let is_problem = kind.as_deref() == Some(b"application/problem+json")
        && document["status"] == status
        && ["title", "code", "detail", "request_id"].iter().all(|name| document[name].is_string());
    (!is_problem).then(|| format!("{status} is no problem document: {kind:?} {text}"))
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_malformed_request_is_answered_with_a_problem(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    let all = requests(engine);
    let found: Vec<String> = stream::iter(&all)
        .map(async |odd| problem_of(&api, odd).await.map(|it| format!("{}: {it}", odd.shown())))
        .buffer_unordered(AT_ONCE)
        .filter_map(async |found| found)
        .collect()
        .await;
    let some: Vec<_> = found.iter().take(40).collect();
    assert!(found.is_empty(), "{} of {}: {some:#?}", found.len(), all.len());
    // The instance still works.
    let answer = api.call("GET", "/v1/clients", None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(api.call("GET", "/v1/audit-events/verify", None).await.json()["is_intact"], true);
}
