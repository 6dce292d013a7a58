//! The rows of the matrix about secrets, keys, trusts, tokens and whole clients with them.

use serde_json::json;

use super::rows::Expected::{self, Has, HasNot, Problem};
use super::rows::{NO_CLIENT, Row, any_owner, client, empty, of_client};

const LIMITED: Expected = Problem(403, "administrator_limited");

const KEY_SET: &str = "https://keys.example/jwks";

pub(super) const CREDENTIAL_ROWS: &[Row] = &[
    Row {
        route: "GET /v1/clients/{id}/secrets",
        request: |it| (of_client(it, "/secrets"), None),
        expected: client(200),
    },
    Row {
        route: "POST /v1/clients/{id}/secrets",
        request: |it| (of_client(it, "/secrets"), Some(empty())),
        expected: client(201),
    },
    Row {
        route: "POST /v1/clients/{id}/secrets/rotate",
        request: |it| (of_client(it, "/secrets/rotate"), Some(json!({ "overlap": "1h" }))),
        expected: client(201),
    },
    Row {
        route: "PATCH /v1/clients/{id}/secrets/{secret}",
        request: |it| {
            let body = json!({ "expires_in_seconds": 60 });
            (of_client(it, &format!("/secrets/{}", it.secret)), Some(body))
        },
        expected: client(200),
    },
    Row {
        route: "DELETE /v1/clients/{id}/secrets/{secret}",
        request: |it| (of_client(it, &format!("/secrets/{}", it.secret)), None),
        expected: client(204),
    },
    Row {
        route: "GET /v1/clients/{id}/keys",
        request: |it| (of_client(it, "/keys"), None),
        expected: client(200),
    },
    Row {
        route: "POST /v1/clients/{id}/keys",
        request: |it| (of_client(it, "/keys"), Some(json!({ "jwks_uri": KEY_SET }))),
        expected: client(201),
    },
    Row {
        route: "DELETE /v1/clients/{id}/keys",
        request: |it| (of_client(it, "/keys"), None),
        expected: client(204),
    },
    Row {
        route: "DELETE /v1/clients/{id}/keys/{key}",
        request: |it| (of_client(it, "/keys/absent"), None),
        expected: [Problem(404, "key_not_found"), NO_CLIENT, NO_CLIENT],
    },
    Row {
        route: "GET /v1/clients/{id}/trusts",
        request: |it| (of_client(it, "/trusts"), None),
        expected: client(200),
    },
    Row {
        route: "POST /v1/clients/{id}/trusts",
        request: |it| {
            let body = json!({
                "issuer": "https://issuer.example", "jwks_uri": KEY_SET,
                "audience": "https://tokens.example", "conditions": { "sub": "job" },
            });
            (of_client(it, "/trusts"), Some(body))
        },
        expected: client(201),
    },
    Row {
        route: "POST /v1/clients/{id}/trusts/test",
        request: |it| (of_client(it, "/trusts/test"), Some(json!({ "token": "a.b.c" }))),
        expected: client(200),
    },
    Row {
        route: "DELETE /v1/clients/{id}/trusts/{trust}",
        request: |it| (of_client(it, "/trusts/tru_absent"), None),
        expected: [Problem(404, "trust_not_found"), NO_CLIENT, NO_CLIENT],
    },
    // The answer is the same for a secret of another owner and for an absent one.
    Row {
        route: "POST /v1/leaks",
        request: |it| ("/v1/leaks".to_owned(), Some(json!({ "text": it.plain_secret }))),
        expected: [Has("secret_id"), HasNot("secret_id"), HasNot("secret_id")],
    },
    // A line about a client of another owner is answered as if the client did not exist.
    Row {
        route: "POST /v1/clients/import",
        request: |it| {
            let line = json!({ "client_id": it.client, "name": "Another" });
            ("/v1/clients/import?existing=update".to_owned(), Some(line))
        },
        expected: client(200),
    },
    Row {
        route: "POST /v1/tokens",
        request: |it| {
            let body = json!({ "client_id": it.client, "resource": it.third_resource });
            ("/v1/tokens".to_owned(), Some(body))
        },
        expected: client(201),
    },
    // The reason why a client would get no token is shown for visible clients only.
    Row {
        route: "POST /v1/tokens",
        request: |it| {
            let body = json!({ "client_id": it.client, "resource": "urn:absent" });
            ("/v1/tokens".to_owned(), Some(body))
        },
        expected: [Problem(422, "token_refused"), NO_CLIENT, NO_CLIENT],
    },
    // The holder of a token may read and verify it: the key set is public.
    Row {
        route: "POST /v1/tokens/inspect",
        request: |_| ("/v1/tokens/inspect".to_owned(), Some(json!({ "token": "a.b.c" }))),
        expected: any_owner(422),
    },
    Row {
        route: "POST /v1/tokens/verify",
        request: |_| ("/v1/tokens/verify".to_owned(), Some(json!({ "token": "a.b.c" }))),
        expected: any_owner(200),
    },
    // A token that is named by its id is not proved to belong to the client.
    Row {
        route: "POST /v1/tokens/revoke",
        request: |it| {
            let body = json!({ "jti": "AAAAAAAAAAAAAAAAAAAAAA", "client_id": it.client });
            ("/v1/tokens/revoke".to_owned(), Some(body))
        },
        expected: [LIMITED, LIMITED, LIMITED],
    },
];
