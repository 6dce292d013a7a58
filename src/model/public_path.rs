//! The paths of the public listener and their endpoints. The settings check them for collisions,
//! and the router uses them unchanged.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The path of the token endpoint below the issuer.
pub const TOKEN_PATH: &str = "/v1/oauth/token";

/// The path of the authorization endpoint below the issuer.
pub const AUTHORIZATION_PATH: &str = "/v1/oauth/authorize";

/// The path of the introspection endpoint below the issuer.
pub const INTROSPECTION_PATH: &str = "/v1/oauth/introspect";

/// The path of the revocation endpoint below the issuer.
pub const REVOCATION_PATH: &str = "/v1/oauth/revoke";

/// The path of the check endpoint for gateways below the issuer.
pub const CHECK_PATH: &str = "/v1/oauth/check";

/// The path of the revocation list below the issuer.
pub const REVOCATION_LIST_PATH: &str = "/v1/oauth/revocations";

/// The path of the key set below the issuer.
pub const KEY_SET_PATH: &str = "/.well-known/jwks.json";

/// The path of the metadata of an issuer without a path (RFC 8414, section 3).
pub const METADATA_PATH: &str = "/.well-known/oauth-authorization-server";

/// The paths of the metadata (RFC 8414, section 3; OpenID Connect Discovery). If the issuer has a
/// path, it is both appended and prepended (RFC 8414, section 3.1).
const METADATA_PATHS: [&str; 2] = [METADATA_PATH, "/.well-known/openid-configuration"];

/// Health endpoints exist only at the root, even if the issuer has a path.
const HEALTH_PATHS: [(&str, PublicEndpoint); 3] = [
    ("/livez", PublicEndpoint::Liveness),
    ("/readyz", PublicEndpoint::Readiness),
    ("/healthz", PublicEndpoint::Readiness),
];

/// The endpoints that clients call. Each also exists with a trailing slash, because a redirect
/// would turn the POST into a GET (N-09).
const CLIENT_PATHS: [(&str, PublicEndpoint); 5] = [
    (TOKEN_PATH, PublicEndpoint::Token),
    (INTROSPECTION_PATH, PublicEndpoint::Introspection),
    (REVOCATION_PATH, PublicEndpoint::Revocation),
    (CHECK_PATH, PublicEndpoint::Check),
    (AUTHORIZATION_PATH, PublicEndpoint::Authorization),
];

const DOCUMENT_PATHS: [(&str, PublicEndpoint); 2] = [
    (KEY_SET_PATH, PublicEndpoint::KeySet),
    (REVOCATION_LIST_PATH, PublicEndpoint::RevocationList),
];

/// The endpoint that the public listener serves at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicEndpoint {
    /// The token endpoint (RFC 6749, section 3.2).
    Token,
    /// The introspection endpoint (RFC 7662).
    Introspection,
    /// The revocation endpoint (RFC 7009).
    Revocation,
    /// The check endpoint for gateways.
    Check,
    /// The authorization endpoint (RFC 6749, section 3.1), which rejects every request.
    Authorization,
    /// The metadata (RFC 8414).
    Metadata,
    /// The key set (RFC 7517).
    KeySet,
    /// The signed revocation list.
    RevocationList,
    /// A description of the server, at the root of the issuer.
    Welcome,
    /// Liveness: the process is running.
    Liveness,
    /// Readiness: the instance can issue tokens.
    Readiness,
}

impl PublicEndpoint {
    /// Returns the name of the endpoint in error messages.
    fn name(self) -> &'static str {
        match self {
            Self::Token => "the token endpoint",
            Self::Introspection => "the introspection endpoint",
            Self::Revocation => "the revocation endpoint",
            Self::Check => "the check endpoint",
            Self::Authorization => "the authorization endpoint",
            Self::Metadata => "the metadata",
            Self::KeySet => "the key set",
            Self::RevocationList => "the revocation list",
            Self::Welcome => "the page at the root",
            Self::Liveness | Self::Readiness => "the health check",
        }
    }
}

/// Two endpoints with the same path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} is the path of {}", taken_by.name())]
pub struct PathCollision {
    path: String,
    taken_by: PublicEndpoint,
}

/// All paths of the public listener; each has exactly one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicPaths {
    issuer_path: String,
    endpoints: BTreeMap<String, PublicEndpoint>,
}

impl PublicPaths {
    /// Creates the paths for an issuer with this path, which is empty or begins with a slash.
    /// Endpoints below the issuer also exist at the root. Fails if the issuer path makes two
    /// endpoints collide.
    pub fn new(issuer_path: &str) -> Result<Self, PathCollision> {
        let mut paths = Self { issuer_path: issuer_path.to_owned(), endpoints: BTreeMap::new() };
        for (path, endpoint) in HEALTH_PATHS {
            paths.insert(path.to_owned(), endpoint)?;
        }
        for (path, endpoint) in CLIENT_PATHS {
            paths.insert_with_slash(path, endpoint)?;
        }
        for (path, endpoint) in DOCUMENT_PATHS {
            paths.insert_below(path, endpoint)?;
        }
        for path in METADATA_PATHS {
            paths.insert_below(path, PublicEndpoint::Metadata)?;
            paths.insert(format!("{path}{issuer_path}"), PublicEndpoint::Metadata)?;
        }
        paths.insert_below("/", PublicEndpoint::Welcome)?;
        if !issuer_path.is_empty() {
            paths.insert(issuer_path.to_owned(), PublicEndpoint::Welcome)?;
        }
        Ok(paths)
    }

    /// Adds an alias of the token endpoint below the issuer. An existing path of the token endpoint
    /// is accepted. Fails if another endpoint has the path.
    pub fn add_token_alias(&mut self, alias: &str) -> Result<(), PathCollision> {
        self.insert_with_slash(alias, PublicEndpoint::Token)
    }

    /// Returns the paths with their endpoints.
    pub fn iter(&self) -> impl Iterator<Item = (&str, PublicEndpoint)> {
        self.endpoints.iter().map(|(path, endpoint)| (path.as_str(), *endpoint))
    }

    fn insert_with_slash(
        &mut self,
        path: &str,
        endpoint: PublicEndpoint,
    ) -> Result<(), PathCollision> {
        self.insert_below(path, endpoint)?;
        self.insert_below(&format!("{path}/"), endpoint)
    }

    fn insert_below(&mut self, path: &str, endpoint: PublicEndpoint) -> Result<(), PathCollision> {
        self.insert(path.to_owned(), endpoint)?;
        self.insert(format!("{}{path}", self.issuer_path), endpoint)
    }

    fn insert(&mut self, path: String, endpoint: PublicEndpoint) -> Result<(), PathCollision> {
        match self.endpoints.entry(path) {
            Entry::Vacant(entry) => {
                entry.insert(endpoint);
                Ok(())
            }
            Entry::Occupied(entry) if *entry.get() == endpoint => Ok(()),
            Entry::Occupied(entry) => {
                Err(PathCollision { path: entry.key().clone(), taken_by: *entry.get() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(paths: &PublicPaths, path: &str) -> Option<PublicEndpoint> {
        paths.iter().find(|(candidate, _)| *candidate == path).map(|(_, endpoint)| endpoint)
    }

    #[test]
    fn an_issuer_with_a_path_has_every_endpoint_at_the_root_too() {
        let mut paths = PublicPaths::new("/tenant/a").expect("no collision");
        paths.add_token_alias("/token").expect("a free path");
        for base in ["", "/tenant/a"] {
            for path in ["/v1/oauth/token", "/v1/oauth/token/", "/token", "/token/"] {
                assert_eq!(at(&paths, &format!("{base}{path}")), Some(PublicEndpoint::Token));
            }
            for path in METADATA_PATHS {
                let metadata = Some(PublicEndpoint::Metadata);
                assert_eq!(at(&paths, &format!("{base}{path}")), metadata);
                assert_eq!(at(&paths, &format!("{path}{base}")), metadata);
            }
        }
        for path in ["/", "/tenant/a", "/tenant/a/"] {
            assert_eq!(at(&paths, path), Some(PublicEndpoint::Welcome), "{path}");
        }
        for path in ["", "/tenant", "/tenant/a/livez", "/livez/", "/.well-known/jwks.json/"] {
            assert_eq!(at(&paths, path), None, "{path}");
        }
    }

    #[test]
    fn an_alias_collides_at_the_root_and_below_the_issuer() {
        let mut paths = PublicPaths::new("/tenant").expect("no collision");
        for alias in [
            "/livez",
            "/v1/oauth/introspect",
            "/v1/oauth/check",
            "/v1/oauth/authorize",
            "/v1/oauth/revocations",
            "/.well-known/jwks.json",
            "/.well-known/oauth-authorization-server/tenant",
            "/tenant",
            "/tenant/v1/oauth/revoke",
        ] {
            assert!(paths.add_token_alias(alias).is_err(), "{alias}");
        }
        for alias in ["/token", "/tenant/token", "/v1/oauth/token", "/tenant/livez"] {
            assert_eq!(paths.add_token_alias(alias), Ok(()), "{alias}");
        }
        let collision = paths.add_token_alias("/tenant").expect_err("a collision");
        assert_eq!(collision.to_string(), r#""/tenant" is the path of the page at the root"#);
    }

    #[test]
    fn the_path_of_an_issuer_can_collide() {
        for path in ["/livez", "/v1/oauth/token", "/v1/oauth/check", "/.well-known/jwks.json"] {
            assert!(PublicPaths::new(path).is_err(), "{path}");
        }
        for path in ["", "/v1", "/v1/oauth", "/livez/a"] {
            assert!(PublicPaths::new(path).is_ok(), "{path}");
        }
    }
}
