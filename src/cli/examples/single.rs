//! The examples of commands without subcommands that need no more than one.

/// The path of each command, what its example does, and the line.
pub(super) const SINGLE: [(&str, &str, &str); 50] = [
    ("config show", "Show each setting and its origin", "tokend config show --config tokend.toml"),
    ("config defaults", "Begin a file of settings", "tokend config defaults > tokend.toml"),
    ("client show", "Show a client as JSON", "tokend client show billing -o json"),
    (
        "client update",
        "Limit the tokens of a client to 60 a minute",
        "tokend client update billing --token-rate 60/m",
    ),
    ("client enable", "Let a client get tokens again", "tokend client enable billing"),
    (
        "client disable",
        "End its access, and note the reason",
        "tokend client disable billing --reason SEC-12",
    ),
    ("client delete", "Delete a client from a script", "tokend client delete billing --yes"),
    (
        "client add-secret",
        "Add a secret that expires",
        "tokend client add-secret billing --label ci --secret-ttl 90d",
    ),
    (
        "client expire-secret",
        "End a secret tomorrow",
        "tokend client expire-secret billing sec_4f9k2m7q --in 24h",
    ),
    (
        "client revoke-grant",
        "Take its access to orders away",
        "tokend client revoke-grant billing --resource https://orders.example.com",
    ),
    (
        "client keys add",
        "Register the keys of a file",
        "tokend client keys add billing --jwks public.json",
    ),
    ("client keys list", "Show the keys", "tokend client keys list billing"),
    ("client keys remove", "Remove all keys", "tokend client keys remove billing --all"),
    ("client trust list", "Show the trusts of a client", "tokend client trust list deploy"),
    (
        "client trust test",
        "Find out why a token is not accepted",
        "tokend client trust test deploy < token.jwt",
    ),
    (
        "client trust remove",
        "Remove a trust that the list shows",
        "tokend client trust remove deploy tru_4f9k2m7q",
    ),
    (
        "client revoke-tokens",
        "End all tokens of a client at once",
        "tokend client revoke-tokens billing",
    ),
    (
        "resource create",
        "Register an API with two scopes",
        "tokend resource create https://orders.example.com --scope orders:read --scope orders:write",
    ),
    ("owner-policy list", "Show the policies", "tokend owner-policy list"),
    ("owner-policy show", "Show a policy as JSON", "tokend owner-policy show sales -o json"),
    (
        "owner-policy set",
        "Require an expiry of each secret",
        "tokend owner-policy set sales --require-secret-expiry",
    ),
    ("owner-policy delete", "Remove a policy", "tokend owner-policy delete sales"),
    ("resource list", "Show the identifiers alone", "tokend resource list -o id"),
    (
        "resource show",
        "Show an API and its clients",
        "tokend resource show https://orders.example.com",
    ),
    (
        "resource update",
        "Add a scope",
        "tokend resource update https://orders.example.com --scope orders:cancel",
    ),
    (
        "resource delete",
        "Delete an API from a script",
        "tokend resource delete https://orders.example.com --yes",
    ),
    (
        "secret generate",
        "Write the secret to a file, and print the digest",
        "tokend secret generate --secret-file billing.secret",
    ),
    ("secret check", "Find out whether a secret was cut", "tokend secret check - < billing.secret"),
    ("secret leaked", "Report the secrets in a file", "tokend secret leaked - < leaked.env"),
    ("key list", "Show the signing keys as JSON", "tokend key list -o json"),
    ("backup create", "Write the whole database to a file", "tokend backup create tokend.backup"),
    ("backup verify", "Show as JSON what a file holds", "tokend backup verify a.backup -o json"),
    ("key show", "Show one key", "tokend key show q7Jw3kBv0dW9yXo2mKe5hTz8sLr1nGf4aCp6iKj-E_Q"),
    (
        "key retire",
        "Let a key stop signing",
        "tokend key retire q7Jw3kBv0dW9yXo2mKe5hTz8sLr1nGf4aCp6iKj-E_Q",
    ),
    (
        "console link",
        "Sign in to the console as an operator of one team",
        "tokend console link --owner payments",
    ),
    ("master-key reset", "Continue after the key was lost", "tokend master-key reset --lost"),
    (
        "token issue",
        "Issue a token for one scope",
        "tokend token issue --client billing --scope orders:read",
    ),
    (
        "token preview",
        "Show what the next token would say",
        "tokend token preview billing --scope orders:read",
    ),
    ("token inspect", "Show the claims of a token", "tokend token inspect < token.jwt"),
    (
        "token verify",
        "Verify the response of the token endpoint",
        "tokend token verify < response.json",
    ),
    ("token revoke", "Revoke a token that is in a file", "tokend token revoke - < token.jwt"),
    (
        "grant-request list",
        "List the requests that wait for a decision of the owner shop",
        "tokend grant-request list --state pending --owner shop",
    ),
    (
        "grant-request show",
        "Show a request with its revision",
        "tokend grant-request show grq_8fQ2m1Lx0PzR -o json",
    ),
    (
        "grant-request create",
        "Request a scope of an API of another owner",
        "tokend grant-request create --client billing --resource https://orders.example.com --scope orders:read",
    ),
    (
        "grant-request approve",
        "Approve a request that was read",
        "tokend grant-request approve grq_8fQ2m1Lx0PzR --revision 1",
    ),
    (
        "grant-request reject",
        "Reject a request",
        "tokend grant-request reject grq_8fQ2m1Lx0PzR --reason SEC-12",
    ),
    (
        "grant-request cancel",
        "Cancel a request",
        "tokend grant-request cancel grq_8fQ2m1Lx0PzR --reason obsolete",
    ),
    ("rejections list", "Show which clients fail now", "tokend rejections list --since 1h"),
    ("audit verify", "Check that no change was altered", "tokend audit verify"),
    ("version", "Print the version as JSON", "tokend version -o json"),
];
