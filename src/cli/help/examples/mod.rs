//! Examples at the end of help texts.

mod single;

use crate::cli::help::examples::single::SINGLE;

/// The examples of one command: a description and a command line each.
type Examples = &'static [(&'static str, &'static str)];

const ALL: [(&str, Examples); 40] = [
    (
        "",
        &[
            ("Try it: a server with a demo client and a curl command that works", "tokend dev"),
            ("Find out why a request was rejected", "tokend explain req_8fQ2m1Lx0PzR5tYvB3nK"),
        ],
    ),
    (
        "serve",
        &[
            ("Serve on 127.0.0.1:8080", "TOKEND_ISSUER=https://id.example.com tokend serve"),
            ("Read the settings from a file", "tokend serve --config /etc/tokend/tokend.toml"),
        ],
    ),
    (
        "dev",
        &[
            ("Keep the data of the demo in ./.tokend", "tokend dev"),
            ("Keep nothing", "tokend dev --ephemeral --listen 127.0.0.1:8090"),
        ],
    ),
    (
        "migrate",
        &[
            ("Show what would be done", "tokend migrate --status"),
            ("Bring the schema up to date", "tokend migrate"),
        ],
    ),
    (
        "check-config",
        &[
            ("Check a file before a deployment", "tokend check-config tokend.toml"),
            ("Check the database and the keys as well", "tokend check-config --online"),
        ],
    ),
    (
        "config",
        &[
            ("Show each setting and its origin", "tokend config show"),
            ("Begin a file of settings", "tokend config defaults > tokend.toml"),
        ],
    ),
    (
        "doctor",
        &[
            ("Check the machine of a server", "tokend doctor --config /etc/tokend/tokend.toml"),
            ("Check a server as its clients see it", "tokend doctor --url https://id.example.com"),
        ],
    ),
    (
        "health",
        &[
            ("Ask the server of these settings", "tokend health"),
            ("Ask a server that listens elsewhere", "tokend health --set listen=127.0.0.1:8090"),
        ],
    ),
    (
        "client",
        &[
            (
                "Register a client that may read orders",
                "tokend client create billing --grant https://orders.example.com=orders:read",
            ),
            (
                "Replace its secret; the old one works for another day",
                "tokend client rotate-secret billing --overlap 24h --secret-file billing.secret",
            ),
            ("End its access, and its tokens", "tokend client disable billing --reason SEC-12"),
            (
                "Show the clients whose secrets expire within two weeks",
                "tokend client list --expiring 14d",
            ),
        ],
    ),
    (
        "client create",
        &[
            (
                "With a secret, written to a file",
                "tokend client create billing --grant https://orders.example.com=orders:read --secret-file billing.secret",
            ),
            (
                "With a key of its own, and without a secret",
                "tokend client create nightly --no-secret --jwks public.json --grant https://orders.example.com",
            ),
        ],
    ),
    (
        "client grant",
        &[
            (
                "Let a client write orders as well",
                "tokend client grant billing --resource https://orders.example.com --scope orders:write",
            ),
            (
                "Let it read orders and nothing else",
                "tokend client grant billing --resource https://orders.example.com --only-scope orders:read",
            ),
            (
                "Limit the grant to a network, with the same scopes",
                "tokend client grant billing --resource https://orders.example.com --network 10.0.0.0/8",
            ),
        ],
    ),
    (
        "client list",
        &[
            ("Secrets that expire within two weeks", "tokend client list --expiring 14d"),
            (
                "The ids of active clients that are not used",
                "tokend client list --unused 90d --state active -o id",
            ),
            (
                "Clients that may write orders",
                "tokend client list --resource https://orders.example.com --scope orders:write",
            ),
        ],
    ),
    (
        "client rotate-secret",
        &[
            (
                "Let the old secret work for another day",
                "tokend client rotate-secret billing --overlap 24h --secret-file billing.secret",
            ),
            (
                "End the old secret when it is unused for 6 hours, at the latest in 7 days",
                "tokend client rotate-secret billing --overlap until_unused:6h,max:7d --secret-file billing.secret",
            ),
        ],
    ),
    (
        "secret",
        &[
            (
                "Generate a secret that no server sees",
                "tokend secret generate --secret-file billing.secret",
            ),
            ("Report the secrets in a file", "tokend secret leaked - < leaked.env"),
        ],
    ),
    (
        "client keys",
        &[
            ("Register a public key", "tokend client keys add billing --jwks public.json"),
            ("Show the keys", "tokend client keys list billing"),
        ],
    ),
    (
        "client trust",
        &[
            (
                "Let a GitHub Actions workflow authenticate as a client",
                "tokend client trust add deploy --issuer https://token.actions.githubusercontent.com --subject repo:acme/api:ref:refs/heads/main",
            ),
            ("Find out why a token is not accepted", "tokend client trust test deploy < token.jwt"),
        ],
    ),
    (
        "client trust add",
        &[
            (
                "Let a Kubernetes service account authenticate as a client",
                "tokend client trust add deploy --issuer https://oidc.cluster.example --subject system:serviceaccount:billing:worker",
            ),
            (
                "Let every workload below a SPIFFE path authenticate as a client",
                "tokend client trust add deploy --trust-domain acme.example --bundle-endpoint https://spire.acme.example/bundle --subject 'spiffe://acme.example/ns/prod/*'",
            ),
        ],
    ),
    ("client import", &[("Register the clients of a file", "tokend client import clients.jsonl")]),
    (
        "resource",
        &[
            (
                "Register an API with two scopes",
                "tokend resource create https://orders.example.com --scope orders:read --scope orders:write",
            ),
            (
                "Sign its tokens with RS256",
                "tokend resource update https://orders.example.com --signing-alg RS256",
            ),
        ],
    ),
    (
        "backup",
        &[
            ("Write the whole database to a file", "tokend backup create tokend.backup"),
            ("Check that a file is complete", "tokend backup verify tokend.backup"),
        ],
    ),
    (
        "restore",
        &[
            (
                "Move to Postgres",
                "TOKEND_DATABASE_URL=postgres://db/machines tokend restore tokend.backup",
            ),
            (
                "After an incident: revoke tokens, and end the secrets that had ended since the backup",
                "tokend restore tokend.backup --revoke-tokens --end-secrets events.jsonl",
            ),
        ],
    ),
    (
        "master-key",
        &[
            ("Show what is sealed under each key", "tokend master-key status"),
            ("Seal everything under the new key", "tokend master-key rotate"),
        ],
    ),
    ("console", &[("Create a link that signs in once", "tokend console link")]),
    (
        "key",
        &[
            ("Show the signing keys", "tokend key list"),
            ("Rotate without an interruption", "tokend key rotate"),
        ],
    ),
    (
        "key rotate",
        &[
            ("Rotate without an interruption", "tokend key rotate"),
            (
                "Let the next key of RS256 sign in two days",
                "tokend key rotate --alg RS256 --in 48h",
            ),
        ],
    ),
    (
        "key revoke",
        &[(
            "Revoke a stolen key",
            "tokend key revoke q7Jw3kBv0dW9yXo2mKe5hTz8sLr1nGf4aCp6iKj-E_Q --reason INC-12 --force",
        )],
    ),
    (
        "token",
        &[
            (
                "Get a token and check it",
                "curl -s http://localhost:8080/v1/oauth/token -u cl_demo:tkd_… -d grant_type=client_credentials | tokend token verify",
            ),
            (
                "Issue a token in the name of a client",
                "tokend token issue --client billing --scope orders:read",
            ),
        ],
    ),
    (
        "explain",
        &[(
            "The id is in the answer and in the X-Request-Id header",
            "tokend explain req_8fQ2m1Lx0PzR5tYvB3nK",
        )],
    ),
    (
        "audit",
        &[
            (
                "Show the changes to a client in a week",
                "tokend audit list --subject billing --since 7d",
            ),
            ("Check that no change was altered", "tokend audit verify"),
            (
                "Sign the log, and store the signature elsewhere",
                "tokend audit checkpoint -o id > checkpoint.jwt",
            ),
        ],
    ),
    (
        "audit list",
        &[
            (
                "Changes of a client in the last month",
                "tokend audit list --subject billing --since 30d",
            ),
            ("Grants that an operator changed", "tokend audit list --action grant --actor ana"),
            ("Send each change to another program", "tokend audit list --follow -o jsonl"),
            ("Continue after the last known event", "tokend audit list --after 9021 -o jsonl"),
        ],
    ),
    (
        "audit verify",
        &[
            ("Check the whole log", "tokend audit verify"),
            (
                "Compare it with a checkpoint and keys that were stored elsewhere",
                "tokend audit verify --checkpoint checkpoint.jwt --keys audit-keys.json",
            ),
        ],
    ),
    (
        "audit export",
        &[
            (
                "Changes of a week, for a spreadsheet",
                "tokend audit export --since 7d --format csv -f week.csv",
            ),
            ("Continue after the last export", "tokend audit export --since 9022 -f next.jsonl"),
        ],
    ),
    (
        "owner-policy",
        &[
            (
                "Limit a team to secrets of 90 days and to 50 clients",
                "tokend owner-policy set sales --secret-max-age 90d --max-clients 50",
            ),
            (
                "All other teams use keys instead of secrets",
                "tokend owner-policy set '*' --auth-method private_key_jwt",
            ),
        ],
    ),
    (
        "grant-request",
        &[
            ("Requests that wait for a decision", "tokend grant-request list --state pending"),
            (
                "Approve a request that was read",
                "tokend grant-request approve grq_8fQ2m1Lx0PzR --revision 1",
            ),
        ],
    ),
    (
        "rejections",
        &[
            ("Show which clients fail now", "tokend rejections list --since 1h"),
            (
                "Show why a client fails",
                "tokend rejections list --client billing --since 7d --reason invalid_client",
            ),
        ],
    ),
    (
        "diff",
        &[
            ("Show what an apply would change", "tokend diff -f clients.yaml"),
            ("Exit with code 9 if there are differences", "tokend diff -f clients/ --exit-code"),
        ],
    ),
    (
        "apply",
        &[
            (
                "Apply a directory, and write new secrets to files",
                "tokend apply -f clients/ --source payments --secrets-dir secrets",
            ),
            (
                "Delete the objects that the source no longer declares",
                "tokend apply -f clients/ --source payments --prune",
            ),
        ],
    ),
    (
        "export",
        &[
            ("Begin a file with what exists", "tokend export > clients.yaml"),
            ("Let an editor complete the format", "tokend export --schema > schema.json"),
        ],
    ),
    (
        "completion",
        &[("Complete commands, options and ids in this bash", "source <(tokend completion bash)")],
    ),
    ("man", &[("Install the manual pages of this user", "tokend man ~/.local/share/man/man1")]),
];

/// Returns the examples of the command at `path`, such as `client trust`, as its help shows them.
pub(crate) fn find(path: &str) -> Option<String> {
    let several = ALL.iter().filter(|(known, _)| *known == path).flat_map(|(_, all)| *all).copied();
    let single =
        SINGLE.iter().filter(|(known, ..)| *known == path).map(|(_, what, line)| (*what, *line));
    let lines: String =
        several.chain(single).map(|(what, line)| format!("\n  # {what}\n  {line}")).collect();
    (!lines.is_empty()).then(|| format!("Examples:{lines}"))
}

/// Returns every example line.
#[cfg(test)]
pub(crate) fn lines() -> impl Iterator<Item = &'static str> {
    let several = ALL.iter().flat_map(|(_, examples)| examples.iter()).map(|(_, line)| *line);
    several.chain(SINGLE.iter().map(|(.., line)| *line))
}
