//! A database with a damaged row of each kind, for `damaged_rows`.

use secrecy::ExposeSecret;
use serde_json::json;
use tokend::admin::{Actor, console};

use crate::listeners::stopping::execute;
use crate::support::api::{ALL_SCOPES, Api};
use crate::support::browser::console::{Browser, limits};
use crate::support::{Engine, ORDERS, Server, TestClient, client_id, grant};

/// A statement for each type of row, with the object that it damages.
pub const DAMAGE: [(&str, &str); 25] = [
    (
        "urn:bad:alg",
        "UPDATE resource SET signing_algorithm = 'none' WHERE resource = 'urn:bad:alg'",
    ),
    ("urn:bad:labels", "UPDATE resource SET labels = '{' WHERE resource = 'urn:bad:labels'"),
    ("method", "UPDATE client SET auth_methods = 'smoke' WHERE client_id = 'method'"),
    ("rate", "UPDATE client SET token_rate = 'often' WHERE client_id = 'rate'"),
    ("labels", "UPDATE client SET labels = '[' WHERE client_id = 'labels'"),
    ("claims", "UPDATE client SET claims = 'x' WHERE client_id = 'claims'"),
    ("admin", "UPDATE client SET admin_of = 'all' WHERE client_id = 'admin'"),
    (
        "expiry",
        "UPDATE client_secret SET replaced_by = '?', expires_at = created_at + 200000
         WHERE client_id = 'expiry'",
    ),
    ("digest", "UPDATE client_secret SET digest = 'sha1:00' WHERE client_id = 'digest'"),
    ("grant", "UPDATE client_grant SET networks = '10.0.0.0/99' WHERE client_id = 'grant'"),
    ("grantclaims", "UPDATE client_grant SET claims = '7' WHERE client_id = 'grantclaims'"),
    (
        "trust",
        "INSERT INTO client_trust (trust_id, client_id, issuer, audience, conditions, created_at)
         VALUES ('tru_1', 'trust', 'https://ci.example', 'https://id.example', '{', 0)",
    ),
    (
        "spiffe",
        "INSERT INTO client_spiffe_trust
            (trust_id, client_id, trust_domain, bundle_endpoint, subject, created_at)
         VALUES ('tru_2', 'spiffe', 'A B', 'https://b.example', 'nothing', 0)",
    ),
    (
        "keys",
        "UPDATE client SET jwks_uri = 'https://a.example', key_set = '{' WHERE client_id = 'keys'",
    ),
    (
        "use",
        "INSERT INTO client_use (client_id, first_used_at, last_used_at, uses, last_address)
         VALUES ('use', 0, 0, 1, 'here')",
    ),
    ("", "UPDATE grant_request SET networks = 'here' WHERE client_id = 'asks-badly'"),
    ("", "UPDATE owner_policy SET auth_methods = 'smoke' WHERE owner = 'bad'"),
    (
        "",
        "INSERT INTO signing_key (kid, algorithm, sealed, created_at, signs_from)
         VALUES ('badkey', 'ROT13', 'x', 0, 0)",
    ),
    ("", "INSERT INTO revoked_token (jti, client_id, expires_at) VALUES ('a b', '?', 9999999999)"),
    (
        "",
        "INSERT INTO revoked_client (client_id, revoked_until, expires_at)
         VALUES ('\u{7f}', 0, 9999999999)",
    ),
    ("", "UPDATE console_session SET session_id = 'a b' WHERE operator = 'ben'"),
    ("", "UPDATE event SET detail = '{', action = 'x y', subject = '?' WHERE sequence = 3"),
    (
        "",
        "INSERT INTO refusal (request_id, at, status, error, address, client_id, reason, remedy)
         VALUES ('req_bad', 9999999999, 99999, '?', '?', 'a b', '?', '{')",
    ),
    ("", "UPDATE audit_checkpoint SET jws = 'x.y'"),
    (
        "",
        "INSERT INTO key_set_reader
            (network, user_agent, first_seen_at, last_seen_at, days, newest_key_at)
         VALUES ('?', '', 0, 9999999999, 1, 0)",
    ),
];

/// Creates a server with an intact object of each type, and one for each damage. Returns the
/// damaged clients and the intact one.
pub async fn fixture(engine: Engine) -> (Server, Vec<TestClient>, TestClient) {
    let server = Server::start(engine).await;
    let api = Api::with(&server, ALL_SCOPES).await;
    for uri in ["urn:bad:alg", "urn:bad:labels", "urn:example:other"] {
        server.resource(uri, &["read"]).await;
    }
    let grants = [ORDERS, "urn:example:other", "urn:bad:alg"].map(|uri| grant(uri, None));
    let with_id = async |id: &str| {
        let id = client_id(id);
        server
            .new_client(|new| {
                new.client_id = Some(id);
                new.grants = grants.to_vec();
            })
            .await
    };
    let mut damaged = Vec::new();
    for id in damaged_clients() {
        damaged.push(with_id(id).await);
    }
    let whole = with_id("whole").await;
    for owner in ["good", "bad"] {
        let body = json!({ "secret_expiry_required": false, "max_clients": 50 });
        let put = api.call("PUT", &format!("/v1/owner-policies/{owner}"), Some(body)).await;
        assert_eq!(put.status, 200, "{}", put.text);
    }
    let body =
        json!({ "resource": "urn:example:api", "owner": "good", "scopes": [{ "name": "read" }] });
    assert_eq!(api.call("POST", "/v1/resources", Some(body)).await.status, 201);
    for id in ["asks", "asks-badly"] {
        let body = json!({ "client_id": id, "owner": "team" });
        let made = api.call("POST", "/v1/clients", Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let body = json!({ "client_id": id, "resource": "urn:example:api", "scopes": ["read"] });
        let made = api.call("POST", "/v1/grant-requests", Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    Browser::by_link(&server, limits(None, None)).await;
    let ben = Actor::new("cli", "ben");
    let link = console::create_link(server.services(), &ben, "ben", limits(None, None)).await;
    let secret = link.expect("a link").secret;
    let secret = secret.expose_secret();
    server.keep_secret(secret);
    Browser::new(&server).post("/console/sign-in/link", &[("link", secret)]).await;
    assert_eq!(api.call("POST", "/v1/audit-checkpoints", None).await.status, 201);
    let url = server.place.database_url.clone();
    for (_, sql) in DAMAGE {
        execute(engine, &url, sql).await;
    }
    (server, damaged, whole)
}

/// Returns the ids of the damaged clients.
pub fn damaged_clients() -> impl Iterator<Item = &'static str> {
    let ids = DAMAGE.iter().map(|(id, _)| *id);
    ids.filter(|id| !id.is_empty() && !id.starts_with("urn:"))
}
