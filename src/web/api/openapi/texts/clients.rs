//! Texts of the operations on clients, credentials and grants.

use super::{Text, text};

pub(super) const TEXTS: [Text; 35] = [
    text(
        "GET /v1/clients",
        "list_clients",
        &[],
        "List clients",
        "Ordered by id; with `expiring_within`, ordered by the earliest expiry. \
         A page of a search may be short or empty although `next_cursor` is not `null`: \
         follow it to the end.",
    ),
    text(
        "POST /v1/clients",
        "create_client",
        &[201],
        "Create a client",
        "Returns the first secret once, as `client_secret`. The secret needs `secrets:write`, \
         `grants` and `claims` need `grants:write`, `admin_of` needs `admins:write`.",
    ),
    text(
        "POST /v1/clients/import",
        "import_clients",
        &[200],
        "Import clients",
        "Takes one client per line, in the format of an import file: at most 64 MiB and 100,000 \
         clients. All are imported, or none. Each line needs the scopes of the corresponding \
         single call. The response has one object per line: progress, then the result for each \
         client, then a summary or a problem.",
    ),
    text(
        "GET /v1/clients/{id}",
        "show_client",
        &[],
        "Show a client",
        "Shows the client with its grants and credentials. Only the last characters of a secret \
         are shown. The `ETag` names this state for `If-Match`.",
    ),
    text(
        "PUT /v1/clients/{id}",
        "put_client",
        &[200, 201],
        "Create or replace a client",
        "Replaces all writable members; secrets, keys and trusts stay. Without \
         `If-Match` it creates the client, or succeeds when nothing differs; otherwise the \
         response is 428. The right to change a member is needed only if the member would differ.",
    ),
    text(
        "PATCH /v1/clients/{id}",
        "update_client",
        &[],
        "Change a client",
        "A merge patch (RFC 7396): an absent member stays, `null` restores the default. \
         Rights are checked for each member.",
    ),
    text(
        "DELETE /v1/clients/{id}",
        "delete_client",
        &[],
        "Delete a client",
        "Deletes the client with its credentials and grants. Its tokens are rejected at once \
         where they are introspected, and elsewhere when they expire.",
    ),
    text(
        "POST /v1/clients/{id}/disable",
        "disable_client",
        &[],
        "Disable a client",
        "The client gets no tokens until it is enabled again, and its tokens are rejected \
         where they are introspected.",
    ),
    text(
        "POST /v1/clients/{id}/enable",
        "enable_client",
        &[],
        "Enable a client",
        "The client gets tokens again.",
    ),
    text(
        "GET /v1/clients/{id}/secrets",
        "list_secrets",
        &[],
        "List the secrets of a client",
        "Oldest first. Each entry has the last characters of the secret, its usage, and whether it \
         is safe to end.",
    ),
    text(
        "POST /v1/clients/{id}/secrets",
        "create_secret",
        &[201],
        "Add a secret",
        "Returns the secret once, as `client_secret`. With `secret_digest` it registers a \
         secret that was generated offline, which the server never sees.",
    ),
    text(
        "POST /v1/clients/{id}/secrets/rotate",
        "rotate_secret",
        &[201],
        "Replace the secrets of a client",
        "Creates a new secret and ends the others after `overlap`: a time, `0s` for at once, or \
         `until_unused:6h,max:7d`.",
    ),
    text(
        "PATCH /v1/clients/{id}/secrets/{secret}",
        "expire_secret",
        &[],
        "Set the expiry of a secret",
        "Sets the expiry of a secret to `expires_in_seconds` from now; `0` ends it at once. An \
         expiry is never extended: the earlier one stays.",
    ),
    text(
        "DELETE /v1/clients/{id}/secrets/{secret}",
        "delete_secret",
        &[],
        "End a secret",
        "Ends the secret at once. Its record stays for a while, so that its usage can still be \
         read.",
    ),
    text(
        "POST /v1/leaks",
        "report_leak",
        &[429],
        "Report leaked secrets",
        "Finds secrets of this server in any text and applies the `leak_policy` of their clients. \
         For a secret of another owner, the response is the same as for an unknown text. Imported \
         secrets are found only with `client_id`.",
    ),
    text(
        "GET /v1/clients/{id}/keys",
        "list_keys",
        &[],
        "List the keys of a client",
        "The client has registered keys, or a `jwks_uri`, or neither.",
    ),
    text(
        "POST /v1/clients/{id}/keys",
        "add_keys",
        &[201],
        "Add keys",
        "Takes exactly one of the members. A key replaces an existing key with the same `kid`.",
    ),
    text(
        "DELETE /v1/clients/{id}/keys",
        "clear_keys",
        &[],
        "Remove all keys",
        "Removes the registered keys, or the `jwks_uri`.",
    ),
    text(
        "DELETE /v1/clients/{id}/keys/{key}",
        "delete_key",
        &[],
        "Remove a key",
        "Removes one registered key.",
    ),
    text(
        "GET /v1/clients/{id}/trusts",
        "list_trusts",
        &[],
        "List the trusts of a client",
        "Trusts in issuers first, then trusts in SPIFFE trust domains.",
    ),
    text(
        "POST /v1/clients/{id}/trusts",
        "create_trust",
        &[201],
        "Add a trust",
        "Takes a trust in an issuer (`issuer`, with `subject` or `conditions`) or in a SPIFFE \
         trust domain (`trust_domain`, `bundle_endpoint` and `subject`).",
    ),
    text(
        "POST /v1/clients/{id}/trusts/test",
        "test_trusts",
        &[429],
        "Test a token against the trusts of a client",
        "Shows which trust accepts the token, or what differs for each trust. Nothing is issued \
         or counted.",
    ),
    text(
        "DELETE /v1/clients/{id}/trusts/{trust}",
        "delete_trust",
        &[],
        "Remove a trust",
        "Its tokens no longer authenticate the client.",
    ),
    text(
        "GET /v1/clients/{id}/grants",
        "list_grants",
        &[],
        "List the grants of a client",
        "Shows the resources and scopes that the client may access.",
    ),
    text(
        "PUT /v1/clients/{id}/grants/{resource}",
        "put_grant",
        &[],
        "Grant access to a resource",
        "Replaces the whole grant. Without `scopes` it has every scope of the resource. A \
         resource of another owner needs an approved grant request instead. A grant of \
         `urn:tokend` needs `admins:write`, and ends credentials that callers with fewer \
         rights made.",
    ),
    text(
        "PATCH /v1/clients/{id}/grants/{resource}",
        "update_grant",
        &[],
        "Change a grant",
        "Adds or removes scopes, or changes networks and claims; an absent member stays. Without a \
         grant, it creates one with the scopes of `scopes` or `add_scopes`, or with every scope. \
         It needs the same rights as PUT.",
    ),
    text(
        "DELETE /v1/clients/{id}/grants/{resource}",
        "delete_grant",
        &[],
        "Remove a grant",
        "The client gets no more tokens for the resource.",
    ),
    text(
        "POST /v1/clients/{id}/tokens/revoke",
        "revoke_tokens_of_client",
        &[],
        "Revoke all tokens of a client",
        "Every token that was issued before is rejected where tokens are introspected. The \
         client can request new ones.",
    ),
    text(
        "POST /v1/clients/{id}/token-preview",
        "preview_token",
        &[],
        "Preview the next token",
        "Returns the exact claims that a token request would yield. No token is issued.",
    ),
    text(
        "GET /v1/grant-requests",
        "list_grant_requests",
        &[],
        "List grant requests",
        "Newest first. A caller sees the requests of its clients and for its resources.",
    ),
    text(
        "POST /v1/grant-requests",
        "create_grant_request",
        &[200, 201],
        "Request a grant",
        "Answers 201 for a new request. If a request of the same client and resource is pending, \
         it is changed and the response is 200.",
    ),
    text(
        "GET /v1/grant-requests/{id}",
        "show_grant_request",
        &[],
        "Show a grant request",
        "The `ETag` is the revision; an approval names it.",
    ),
    text(
        "POST /v1/grant-requests/{id}/approve",
        "approve_grant_request",
        &[412, 428],
        "Approve a grant request",
        "Gives the grant. The body or `If-Match` names the revision that was read. The \
         team of the client alone cannot approve.",
    ),
    text(
        "POST /v1/grant-requests/{id}/reject",
        "reject_grant_request",
        &[],
        "Reject a grant request",
        "Only an administrator of the resource can reject it.",
    ),
    text(
        "POST /v1/grant-requests/{id}/cancel",
        "cancel_grant_request",
        &[],
        "Cancel a grant request",
        "Only an administrator of the client can cancel it.",
    ),
];
