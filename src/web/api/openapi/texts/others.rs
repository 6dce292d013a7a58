//! Texts of the operations on resources, tokens and the server.

use super::{Text, text};

pub(super) const TEXTS: [Text; 36] = [
    text("GET /v1/resources", "list_resources", &[], "List resources", "In alphabetical order."),
    text(
        "POST /v1/resources",
        "create_resource",
        &[201],
        "Register a resource",
        "An API that tokens are issued for, with its scopes.",
    ),
    text(
        "GET /v1/resources/{id}",
        "show_resource",
        &[],
        "Show a resource",
        "The `ETag` names this state for `If-Match`.",
    ),
    text(
        "PUT /v1/resources/{id}",
        "put_resource",
        &[200, 201],
        "Register or replace a resource",
        "Replaces all writable members. Without `If-Match` it registers the \
         resource, or succeeds when nothing differs; otherwise the response is 428.",
    ),
    text(
        "PATCH /v1/resources/{id}",
        "update_resource",
        &[],
        "Change a resource",
        "A merge patch (RFC 7396). A scope that is removed is removed from grants too.",
    ),
    text(
        "DELETE /v1/resources/{id}",
        "delete_resource",
        &[],
        "Delete a resource",
        "Needs `grants:write` as well if clients have grants of it: those end.",
    ),
    text(
        "GET /v1/owner-policies",
        "list_owner_policies",
        &[],
        "List the owner policies",
        "In the order of the owners.",
    ),
    text(
        "GET /v1/owner-policies/{owner}",
        "show_owner_policy",
        &[],
        "Show the policy of an owner",
        "`*` is the policy of every owner without its own policy.",
    ),
    text(
        "PUT /v1/owner-policies/{owner}",
        "put_owner_policy",
        &[],
        "Set the policy of an owner",
        "An absent member has no rule. Existing secrets and clients stay as they are.",
    ),
    text(
        "DELETE /v1/owner-policies/{owner}",
        "delete_owner_policy",
        &[],
        "Remove the policy of an owner",
        "The policy of `*` then applies, if it exists.",
    ),
    text(
        "POST /v1/tokens",
        "issue_token",
        &[201],
        "Issue a token in the name of a client",
        "Rejected for `urn:tokend`, and for a client with rights that the caller lacks. The \
         audit log names the caller.",
    ),
    text(
        "POST /v1/tokens/inspect",
        "inspect_token",
        &[],
        "Show the header and claims of a token",
        "Checks nothing: do not trust what it shows.",
    ),
    text(
        "POST /v1/tokens/verify",
        "verify_token",
        &[],
        "Verify a token",
        "Checks signature, time and revocation.",
    ),
    text(
        "POST /v1/tokens/revoke",
        "revoke_token",
        &[],
        "Revoke a token",
        "Takes the token, or its `jti` with the `client_id`. An administrator that is limited to \
         owners can revoke by `jti` only the token that authenticates this request.",
    ),
    text(
        "GET /v1/signing-keys",
        "list_signing_keys",
        &[],
        "List signing keys",
        "Private keys are never shown.",
    ),
    text(
        "GET /v1/signing-keys/{kid}",
        "show_signing_key",
        &[],
        "Show a signing key",
        "The private key is never shown.",
    ),
    text(
        "POST /v1/signing-keys/rotate",
        "rotate_signing_key",
        &[],
        "Rotate a signing key",
        "Without `start_in_seconds` the next key signs as soon as every verifier knows it. A step \
         that would break verifiers is rejected without `Tokend-Force: true`.",
    ),
    text(
        "POST /v1/signing-keys/{kid}/retire",
        "retire_signing_key",
        &[],
        "Stop signing with a key",
        "The key verifies until its last token has expired. A successor signs.",
    ),
    text(
        "POST /v1/signing-keys/{kid}/revoke",
        "revoke_signing_key",
        &[],
        "Revoke a signing key",
        "For a key that was stolen. It leaves the key set at once, all its tokens become inactive, \
         and a new key signs. The response says what breaks, and for how long verifiers cache.",
    ),
    text(
        "GET /v1/rejections",
        "list_rejections",
        &[],
        "List rejections",
        "Newest first: why requests of clients were rejected.",
    ),
    text(
        "GET /v1/rejections/{request_id}",
        "show_rejection",
        &[],
        "Explain a rejection",
        "The true reason, which the client was not told, and how to fix it.",
    ),
    text(
        "GET /v1/audit-events",
        "list_audit_events",
        &[],
        "List or follow audit events",
        "Newest first. With `follow=true` the response is a stream of server-sent events, one \
         for each new event; `Last-Event-ID` resumes it. The stream ends when the token or \
         the rights end.",
    ),
    text(
        "GET /v1/audit-events/verify",
        "verify_audit_events",
        &[429],
        "Verify the chain of audit events",
        "Checks a part of the chain. Follow `next_cursor` to its end.",
    ),
    text(
        "GET /v1/audit-checkpoints",
        "list_audit_checkpoints",
        &[],
        "List signed checkpoints of the audit log",
        "Newest first. Each checkpoint proves later that the events up to it were not altered.",
    ),
    text(
        "POST /v1/audit-checkpoints",
        "create_audit_checkpoint",
        &[201],
        "Sign a checkpoint of the audit log",
        "Signs the sequence and the hash of the last event.",
    ),
    text(
        "GET /v1/audit-keys",
        "show_audit_keys",
        &[],
        "Show the keys that verify checkpoints",
        "A JWK set. These keys sign no tokens.",
    ),
    text(
        "GET /v1/server",
        "show_server",
        &[],
        "Show the server",
        "Version, database, health, and the settings that limit a change.",
    ),
    text(
        "POST /v1/apply",
        "apply",
        &[],
        "Apply declarations",
        "Takes a document with `resources` and `clients`, as in a file of declarations, or several \
         as `{ \"documents\": [ … ] }`. Everything is done in one transaction. `dry_run=true` \
         returns the plan. With an `Idempotency-Key`, a response with new secrets can be read \
         again. Each change needs the scopes of the corresponding single call.",
    ),
    text(
        "GET /v1/export",
        "export",
        &[],
        "Export declarations",
        "Documents that apply accepts, without secrets.",
    ),
    text(
        "GET /metrics",
        "show_metrics",
        &[],
        "Read metrics",
        "In the text format of Prometheus, or OpenMetrics if `Accept` asks for it.",
    ),
    text("GET /livez", "live", &[200], "Check liveness", "Answers as long as the process runs."),
    text("GET /readyz", "ready", &[200, 503], "Check readiness", "503 if no tokens can be issued."),
    text(
        "GET /healthz",
        "health",
        &[200, 503],
        "Check readiness under its old name",
        "An alias of `/readyz`.",
    ),
    text(
        "GET /.well-known/oauth-protected-resource",
        "show_protected_resource",
        &[200],
        "Read the metadata of the API",
        "Names the authorization server that issues tokens for this API (RFC 9728).",
    ),
    text("GET /v1/openapi.json", "show_openapi", &[200], "Read this document", "OpenAPI 3.1."),
    text("GET /docs", "show_docs", &[200], "Read this document as a page", "HTML without scripts."),
];
