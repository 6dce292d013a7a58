//! The rows of owner policies, one of `a` and one of `b`, and of signing keys, which have no owner.

use serde_json::json;

use super::Objects;
use super::rows::Expected::{Has, HasNot, Problem, Status};
use super::rows::{Expected, Row};

const NO_POLICY: Expected = Problem(404, "owner_policy_not_found");
const LIMITED: Expected = Problem(403, "administrator_limited");

fn path(objects: &Objects) -> String {
    format!("/v1/owner-policies/{}", objects.owner.unwrap_or("*"))
}

pub(super) const POLICY_ROWS: &[Row] = &[
    Row {
        route: "GET /v1/owner-policies",
        request: |_| ("/v1/owner-policies".to_owned(), None),
        expected: [Has("\"owner\":\"a\""), HasNot("\"owner\":\"b\""), HasNot("\"owner\":\"*\"")],
    },
    Row {
        route: "GET /v1/owner-policies/{owner}",
        request: |it| (path(it), None),
        expected: [Status(200), NO_POLICY, NO_POLICY],
    },
    Row {
        route: "PUT /v1/owner-policies/{owner}",
        request: |it| (path(it), Some(json!({ "max_clients": 1 }))),
        expected: [LIMITED, LIMITED, LIMITED],
    },
    Row {
        route: "DELETE /v1/owner-policies/{owner}",
        request: |it| (path(it), None),
        expected: [LIMITED, LIMITED, LIMITED],
    },
    Row {
        route: "POST /v1/audit-checkpoints",
        request: |_| ("/v1/audit-checkpoints".to_owned(), None),
        expected: [LIMITED, LIMITED, LIMITED],
    },
    Row {
        route: "POST /v1/signing-keys/rotate",
        request: |_| ("/v1/signing-keys/rotate".to_owned(), Some(json!({}))),
        expected: [LIMITED, LIMITED, LIMITED],
    },
    Row {
        route: "POST /v1/signing-keys/{kid}/retire",
        request: |_| ("/v1/signing-keys/absent/retire".to_owned(), None),
        expected: [LIMITED, LIMITED, LIMITED],
    },
    Row {
        route: "POST /v1/signing-keys/{kid}/revoke",
        request: |_| ("/v1/signing-keys/absent/revoke".to_owned(), Some(json!({}))),
        expected: [LIMITED, LIMITED, LIMITED],
    },
];
