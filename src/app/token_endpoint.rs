//! URLs of the token endpoint, for the audience of assertions and for DPoP proofs.

use std::iter::once;

use crate::model::public_path::TOKEN_PATH;

/// True if `url` is the token endpoint of this issuer under one of its routed paths: at the root or
/// below the path of the issuer, with or without a trailing slash. The comparison is exact.
pub fn is_token_endpoint(issuer: &str, aliases: &[String], url: &str) -> bool {
    let url = url.strip_suffix('/').unwrap_or(url);
    let bases = [origin(issuer), issuer];
    paths(aliases).any(|path| bases.iter().any(|base| url.strip_prefix(base) == Some(path)))
}

/// Returns the URLs that the proof of a request at `request_path` may name (RFC 9449, section 4.2):
/// the token endpoint below `base`, its aliases there, and the path of the request at the origin of
/// `base`. The last one differs from the others by a trailing slash or by the path of `base`.
pub fn token_endpoint_urls(
    base: &str,
    aliases: &[String],
    request_path: &str,
) -> impl Iterator<Item = String> {
    let below = paths(aliases).map(move |path| format!("{base}{path}"));
    below.chain(once(format!("{}{request_path}", origin(base))))
}

/// Returns the paths of the token endpoint below the issuer, without a trailing slash.
fn paths(aliases: &[String]) -> impl Iterator<Item = &str> {
    once(TOKEN_PATH).chain(aliases.iter().map(String::as_str))
}

/// Returns scheme, host and port of an issuer.
fn origin(issuer: &str) -> &str {
    let host = issuer.find("://").map_or(0, |colon| colon + "://".len());
    let end = issuer[host..].find('/').map_or(issuer.len(), |slash| host + slash);
    &issuer[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_may_name_the_endpoint_its_aliases_and_the_path_of_the_request() {
        let aliases = ["/token".to_owned()];
        let urls: Vec<_> =
            token_endpoint_urls("https://a.example/tenant", &aliases, "/token/").collect();
        let expected = [
            "https://a.example/tenant/v1/oauth/token",
            "https://a.example/tenant/token",
            "https://a.example/token/",
        ];
        assert_eq!(urls, expected);
    }

    #[test]
    fn only_routed_paths_of_this_issuer_are_its_token_endpoint() {
        let aliases = ["/oauth/token".to_owned()];
        let is_own = |issuer: &str, url: &str| is_token_endpoint(issuer, &aliases, url);
        let (plain, tenant) = ("https://a.example", "https://a.example/tenant");
        for url in [
            "https://a.example/v1/oauth/token",
            "https://a.example/v1/oauth/token/",
            "https://a.example/oauth/token",
            "https://a.example/oauth/token/",
        ] {
            assert!(is_own(plain, url), "{url}");
            assert!(is_own(tenant, url), "{url}");
            let below = url.replace("a.example", "a.example/tenant");
            assert!(is_own(tenant, &below), "{below}");
            assert!(!is_own(plain, &below), "{below}");
        }
        for url in [
            "",
            "https://a.example",
            "https://a.example/",
            "https://a.example/tenant",
            "https://a.example/token",
            "https://a.example/oauth/token//",
            "https://a.example/oauth/token?x",
            "https://a.example/oauth/token/x",
            "https://a.example/v1/oauth/introspect",
            "https://a.example.b.example/oauth/token",
            "https://a.example:443/oauth/token",
            "https://A.example/oauth/token",
            "http://a.example/oauth/token",
            "https://a.example/other/oauth/token",
        ] {
            assert!(!is_own(plain, url) && !is_own(tenant, url), "{url}");
        }
    }
}
