//! Texts of the operations for people. Everything that programs need comes from the code.

mod clients;
mod others;

pub(super) struct Text {
    /// The method and the path, such as `GET /v1/clients`.
    route: &'static str,
    /// The name of the operation for generated clients.
    pub(super) id: &'static str,
    /// The statuses of responses, and those of problems that the handler types do not show.
    pub(super) statuses: &'static [u16],
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
}

const fn text(
    route: &'static str,
    id: &'static str,
    statuses: &'static [u16],
    summary: &'static str,
    description: &'static str,
) -> Text {
    Text { route, id, statuses, summary, description }
}

/// Returns the text of a route. A test checks that each route has one.
pub(super) fn find(method: &str, path: &str) -> Option<&'static Text> {
    let is_it = |text: &&Text| text.route.split_once(' ') == Some((method, path));
    clients::TEXTS.iter().chain(&others::TEXTS).find(is_it)
}

/// The description of the whole API.
pub(super) const INTRODUCTION: &str = "\
Programs manage clients, resources and their grants with a token of this server.

**Access.** Request a token for `urn:tokend` at the token endpoint, and send it as \
`Authorization: Bearer`. Each operation names the scope that it needs. The rights of a caller are \
the scopes of its token that it still holds, and only for the owners that it may manage. A bound \
token needs its DPoP proof or its certificate.

**Lists.** A response has `data` and `next_cursor`. Send `next_cursor` as `cursor` for the next \
page; it is `null` on the last one.

**Writes.** PUT replaces all writable members: an omitted member takes its default. \
Without `If-Match` it creates the object, or succeeds when nothing differs. PATCH is a merge patch \
(RFC 7396). `dry_run=true` checks the request and returns the response without storing anything. \
A POST with an `Idempotency-Key` can be repeated for ten minutes.

**Errors** are problem documents (RFC 9457) with a stable `code`. A mistake in the body has its \
place in `errors`, as a JSON pointer.";

/// The groups of operations in page order, each with its description.
pub(super) const TAGS: [(&str, &str); 14] = [
    ("Clients", "Machines that request tokens."),
    ("Secrets", "Secrets of a client. Each is shown once, in the response to its creation."),
    ("Keys", "Public keys that authenticate a client."),
    ("Trusts", "Issuers and SPIFFE trust domains whose tokens authenticate a client."),
    ("Grants", "Resources and scopes that a client may access."),
    ("Grant requests", "A team requests access to a resource of another team."),
    ("Resources", "APIs that tokens are issued for."),
    ("Owner policies", "Rules for the clients of a team."),
    ("Tokens", "Issue, read, verify and revoke tokens."),
    ("Signing keys", "The keys that tokens are signed with."),
    ("Declarations", "Clients and resources as documents."),
    ("Rejections", "Rejected requests of clients, with the reasons."),
    ("Audit", "Every change, in a hash chain."),
    ("Server", "State, metrics and documents of the server."),
];

pub(super) fn tag(path: &str) -> &'static str {
    let mut parts = path.split('/').skip(2);
    match (parts.next(), parts.next(), parts.next()) {
        (Some("clients"), Some("{id}"), Some("secrets")) | (Some("leaks"), ..) => "Secrets",
        (Some("clients"), Some("{id}"), Some("keys")) => "Keys",
        (Some("clients"), Some("{id}"), Some("trusts")) => "Trusts",
        (Some("clients"), Some("{id}"), Some("grants")) => "Grants",
        (Some("clients"), Some("{id}"), Some("tokens" | "token-preview"))
        | (Some("tokens"), ..) => "Tokens",
        (Some("clients"), ..) => "Clients",
        (Some("grant-requests"), ..) => "Grant requests",
        (Some("resources"), ..) => "Resources",
        (Some("owner-policies"), ..) => "Owner policies",
        (Some("signing-keys"), ..) => "Signing keys",
        (Some("apply" | "export"), ..) => "Declarations",
        (Some("rejections"), ..) => "Rejections",
        (Some("audit-events"), ..) => "Audit",
        _ => "Server",
    }
}
