//! The rows of the matrix: a route, the request, and the answers for the three owners.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Objects, THIRD};

/// A row. Each owner has its own objects.
pub(super) struct Row {
    /// The route as the source declares it: `GET /v1/clients/{id}`.
    pub(super) route: &'static str,
    /// The path and the body.
    pub(super) request: fn(&Objects) -> (String, Option<Value>),
    /// The answers with the scope of the route, for the caller's owner, another owner and none.
    pub(super) expected: [Expected; 3],
}

#[derive(Debug)]
pub(super) enum Expected {
    Status(u16),
    Problem(u16, &'static str),
    /// A list with the object.
    Listed,
    /// A list without the object.
    NotListed,
    /// 200 with this text.
    Has(&'static str),
    /// 200 without this text.
    HasNot(&'static str),
}

use Expected::{Listed, NotListed, Problem, Status};

pub(super) const NO_CLIENT: Expected = Problem(404, "client_not_found");
const NO_RESOURCE: Expected = Problem(404, "resource_not_found");
const NO_REQUEST: Expected = Problem(404, "grant_request_not_found");
const NO_REJECTION: Expected = Problem(404, "rejection_not_found");
const NOT_HELD: Expected = Problem(403, "owner_not_held");
const TAKEN: Expected = Problem(409, "already_exists");
const NEEDS_APPROVAL: Expected = Problem(403, "grant_approval_needed");

/// A list of objects of one owner.
const LISTS: [Expected; 3] = [Listed, NotListed, NotListed];

/// The answer to a request that does not concern objects of an owner.
pub(super) const fn any_owner(status: u16) -> [Expected; 3] {
    [Status(status), Status(status), Status(status)]
}

pub(super) const fn client(status: u16) -> [Expected; 3] {
    [Status(status), NO_CLIENT, NO_CLIENT]
}

const fn resource(status: u16) -> [Expected; 3] {
    [Status(status), NO_RESOURCE, NO_RESOURCE]
}

const fn request(status: u16) -> [Expected; 3] {
    [Status(status), NO_REQUEST, NO_REQUEST]
}

/// Encodes one segment of a path.
fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

pub(super) fn of_client(objects: &Objects, rest: &str) -> String {
    format!("/v1/clients/{}{rest}", segment(&objects.client))
}

fn grant_of(client: &str, resource: &str) -> String {
    format!("/v1/clients/{}/grants/{}", segment(client), segment(resource))
}

fn of_request(id: &str, rest: &str) -> String {
    format!("/v1/grant-requests/{id}{rest}")
}

fn granted(resource: &str) -> Value {
    json!({ "resource": resource, "scopes": ["read"] })
}

fn of_scopes() -> Value {
    json!({ "scopes": ["read"] })
}

pub(super) fn empty() -> Value {
    json!({})
}

/// The rows. A route has several rows if it names objects of two owners.
pub(super) const ROWS: &[Row] = &[
    Row {
        route: "GET /v1/clients",
        request: |_| ("/v1/clients?limit=1000".to_owned(), None),
        expected: LISTS,
    },
    Row {
        route: "GET /v1/clients",
        request: |it| (format!("/v1/clients?resource={}", segment(&it.third_resource)), None),
        expected: LISTS,
    },
    Row {
        route: "POST /v1/clients",
        request: |it| {
            let methods = json!(["private_key_jwt"]);
            let body = json!({
                "client_id": format!("{}new", it.mark), "owner": it.owner, "auth_methods": methods,
            });
            ("/v1/clients".to_owned(), Some(body))
        },
        expected: [Status(201), NOT_HELD, NOT_HELD],
    },
    Row {
        route: "GET /v1/clients/{id}",
        request: |it| (of_client(it, ""), None),
        expected: client(200),
    },
    Row {
        route: "PATCH /v1/clients/{id}",
        request: |it| (of_client(it, ""), Some(json!({ "name": "Another" }))),
        expected: client(200),
    },
    Row {
        route: "PUT /v1/clients/{id}",
        request: |it| {
            let body = json!({ "owner": it.owner, "grants": [granted(&it.third_resource)] });
            (of_client(it, ""), Some(body))
        },
        // The name is reset to its default, and no precondition names the replaced state.
        expected: [Problem(428, "precondition_required"), NOT_HELD, NOT_HELD],
    },
    // An id of another owner's client is answered like any existing id.
    Row {
        route: "PUT /v1/clients/{id}",
        request: |it| {
            let body = json!({ "owner": "a", "auth_methods": ["private_key_jwt"] });
            (of_client(it, ""), Some(body))
        },
        // The grant would be removed, which needs another scope.
        expected: [Problem(403, "scope_missing"), TAKEN, TAKEN],
    },
    Row {
        route: "POST /v1/clients/{id}/token-preview",
        request: |it| {
            let body = json!({ "resource": it.third_resource });
            (of_client(it, "/token-preview"), Some(body))
        },
        expected: client(200),
    },
    // A change of owner needs rights on both owners.
    Row {
        route: "PATCH /v1/clients/{id}",
        request: |it| (of_client(it, ""), Some(json!({ "owner": THIRD }))),
        expected: [NOT_HELD, NO_CLIENT, NO_CLIENT],
    },
    Row {
        route: "DELETE /v1/clients/{id}",
        request: |it| (of_client(it, ""), None),
        expected: client(204),
    },
    Row {
        route: "POST /v1/clients/{id}/disable",
        request: |it| (of_client(it, "/disable"), Some(empty())),
        expected: client(200),
    },
    Row {
        route: "POST /v1/clients/{id}/enable",
        request: |it| (of_client(it, "/enable"), Some(empty())),
        expected: client(200),
    },
    Row {
        route: "GET /v1/signing-keys",
        request: |_| ("/v1/signing-keys".to_owned(), None),
        expected: any_owner(200),
    },
    Row {
        route: "GET /v1/signing-keys/{kid}",
        request: |_| ("/v1/signing-keys/absent".to_owned(), None),
        expected: any_owner(404),
    },
    Row {
        route: "GET /v1/rejections",
        request: |_| ("/v1/rejections?limit=1000".to_owned(), None),
        expected: LISTS,
    },
    Row {
        route: "GET /v1/clients/{id}/grants",
        request: |it| (of_client(it, "/grants"), None),
        expected: client(200),
    },
    // The client's owner differs from cell to cell; its grant is narrowed to its present scopes.
    Row {
        route: "PUT /v1/clients/{id}/grants/{resource}",
        request: |it| (grant_of(&it.client, &it.third_resource), Some(of_scopes())),
        expected: client(200),
    },
    Row {
        route: "PUT /v1/clients/{id}/grants/{resource}",
        request: |it| (grant_of(&it.client, &it.free_third_resource), Some(of_scopes())),
        expected: [NEEDS_APPROVAL, NO_CLIENT, NO_CLIENT],
    },
    Row {
        route: "PUT /v1/clients/{id}/grants/{resource}",
        request: |it| (grant_of(&it.client, &it.resource), Some(of_scopes())),
        expected: client(200),
    },
    Row {
        route: "PUT /v1/clients/{id}/grants/{resource}",
        request: |it| (grant_of(&it.third_client, &it.resource), Some(of_scopes())),
        expected: [NO_CLIENT, NO_CLIENT, NO_CLIENT],
    },
    // A body without members leaves an existing grant unchanged, and creates one with all scopes
    // otherwise.
    Row {
        route: "PATCH /v1/clients/{id}/grants/{resource}",
        request: |it| (grant_of(&it.client, &it.third_resource), Some(empty())),
        expected: client(200),
    },
    Row {
        route: "PATCH /v1/clients/{id}/grants/{resource}",
        request: |it| (grant_of(&it.client, &it.free_third_resource), Some(empty())),
        expected: [NEEDS_APPROVAL, NO_CLIENT, NO_CLIENT],
    },
    Row {
        route: "PATCH /v1/clients/{id}/grants/{resource}",
        request: |it| (grant_of(&it.client, &it.resource), Some(of_scopes())),
        expected: client(200),
    },
    Row {
        route: "PATCH /v1/clients/{id}/grants/{resource}",
        request: |it| (grant_of(&it.third_client, &it.resource), Some(of_scopes())),
        expected: [NO_CLIENT, NO_CLIENT, NO_CLIENT],
    },
    Row {
        route: "DELETE /v1/clients/{id}/grants/{resource}",
        request: |it| (grant_of(&it.client, &it.third_resource), None),
        expected: client(204),
    },
    // The team of a resource removes a grant from a client that it cannot see.
    Row {
        route: "DELETE /v1/clients/{id}/grants/{resource}",
        request: |it| (grant_of(&it.third_client, &it.resource), None),
        expected: client(204),
    },
    Row {
        route: "POST /v1/clients/{id}/tokens/revoke",
        request: |it| (of_client(it, "/tokens/revoke"), None),
        expected: client(200),
    },
    Row {
        route: "GET /v1/resources",
        request: |_| ("/v1/resources?limit=1000".to_owned(), None),
        expected: LISTS,
    },
    Row {
        route: "POST /v1/resources",
        request: |it| {
            let uri = format!("https://{}.new.example", it.mark);
            let body = json!({ "resource": uri, "owner": it.owner });
            ("/v1/resources".to_owned(), Some(body))
        },
        expected: [Status(201), NOT_HELD, NOT_HELD],
    },
    Row {
        route: "GET /v1/resources/{id}",
        request: |it| (format!("/v1/resources/{}", segment(&it.resource)), None),
        expected: resource(200),
    },
    Row {
        route: "PUT /v1/resources/{id}",
        request: |it| {
            let path = format!("/v1/resources/{}", segment(&it.resource));
            (path, Some(json!({ "scopes": [{ "name": "read" }], "owner": "a" })))
        },
        expected: [Status(200), TAKEN, TAKEN],
    },
    Row {
        route: "PATCH /v1/resources/{id}",
        request: |it| {
            let path = format!("/v1/resources/{}", segment(&it.resource));
            (path, Some(json!({ "description": "Orders" })))
        },
        expected: resource(200),
    },
    // A client has a grant of it, so grants:write is needed as well.
    Row {
        route: "DELETE /v1/resources/{id}",
        request: |it| (format!("/v1/resources/{}", segment(&it.resource)), None),
        expected: [Problem(403, "scope_missing"), NO_RESOURCE, NO_RESOURCE],
    },
    Row {
        route: "DELETE /v1/resources/{id}",
        request: |it| {
            let free = it.resource.replace("granted", "free");
            (format!("/v1/resources/{}", segment(&free)), None)
        },
        expected: resource(204),
    },
    Row {
        route: "GET /v1/rejections/{request_id}",
        request: |it| (format!("/v1/rejections/{}", it.rejection), None),
        expected: [Status(200), NO_REJECTION, NO_REJECTION],
    },
    Row {
        route: "GET /v1/audit-events",
        request: |_| ("/v1/audit-events?limit=1000".to_owned(), None),
        expected: LISTS,
    },
    Row {
        route: "GET /v1/audit-events/verify",
        request: |_| ("/v1/audit-events/verify".to_owned(), None),
        expected: any_owner(200),
    },
    Row {
        route: "GET /v1/audit-checkpoints",
        request: |_| ("/v1/audit-checkpoints".to_owned(), None),
        expected: any_owner(200),
    },
    Row {
        route: "GET /v1/audit-keys",
        request: |_| ("/v1/audit-keys".to_owned(), None),
        expected: any_owner(200),
    },
    Row {
        route: "GET /v1/server",
        request: |_| ("/v1/server".to_owned(), None),
        expected: any_owner(200),
    },
    Row {
        route: "GET /v1/grant-requests",
        request: |_| ("/v1/grant-requests?limit=1000".to_owned(), None),
        expected: LISTS,
    },
    Row {
        route: "POST /v1/grant-requests",
        request: |it| {
            let (client, resource) = (&it.client, &it.third_resource);
            let body = json!({ "client_id": client, "resource": resource, "scopes": ["read"] });
            ("/v1/grant-requests".to_owned(), Some(body))
        },
        expected: client(201),
    },
    // Both sides see a request.
    Row {
        route: "GET /v1/grant-requests/{id}",
        request: |it| (of_request(&it.outgoing, ""), None),
        expected: request(200),
    },
    Row {
        route: "GET /v1/grant-requests/{id}",
        request: |it| (of_request(&it.incoming, ""), None),
        expected: request(200),
    },
    // The side of the resource decides, never that of the client.
    Row {
        route: "POST /v1/grant-requests/{id}/approve",
        request: |it| (of_request(&it.incoming, "/approve"), Some(json!({ "revision": 1 }))),
        expected: request(200),
    },
    Row {
        route: "POST /v1/grant-requests/{id}/approve",
        request: |it| (of_request(&it.outgoing, "/approve"), Some(json!({ "revision": 1 }))),
        expected: [NOT_HELD, NO_REQUEST, NO_REQUEST],
    },
    Row {
        route: "POST /v1/grant-requests/{id}/reject",
        request: |it| (of_request(&it.incoming, "/reject"), Some(empty())),
        expected: request(200),
    },
    Row {
        route: "POST /v1/grant-requests/{id}/reject",
        request: |it| (of_request(&it.outgoing, "/reject"), Some(empty())),
        expected: [NOT_HELD, NO_REQUEST, NO_REQUEST],
    },
    Row {
        route: "POST /v1/grant-requests/{id}/cancel",
        request: |it| (of_request(&it.outgoing, "/cancel"), Some(empty())),
        expected: request(200),
    },
    Row {
        route: "POST /v1/grant-requests/{id}/cancel",
        request: |it| (of_request(&it.incoming, "/cancel"), Some(empty())),
        expected: [NOT_HELD, NO_REQUEST, NO_REQUEST],
    },
];
