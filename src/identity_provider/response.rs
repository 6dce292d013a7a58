//! The authorization response: the parameters that the provider adds to the redirect URI.

use crate::identity_provider::SignInError;
use crate::remote_keys::ProviderMetadata;
use crate::text::escaping;

/// Parameters of an authorization response (RFC 6749, section 4.1.2; RFC 9207). They are untrusted
/// input.
#[derive(Default)]
pub struct AuthorizationResponse {
    pub(super) code: Option<String>,
    pub(super) state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl std::fmt::Debug for AuthorizationResponse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AuthorizationResponse(not shown)")
    }
}

impl AuthorizationResponse {
    /// Parses a query. Other parameters are ignored (RFC 6749, section 4.1.2).
    ///
    /// # Errors
    /// [`SignInError::Duplicate`].
    pub fn parse(query: &str) -> Result<Self, SignInError> {
        let mut response = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let (name, place) = match &*name {
                "code" => ("code", &mut response.code),
                "state" => ("state", &mut response.state),
                "iss" => ("iss", &mut response.iss),
                "error" => ("error", &mut response.error),
                "error_description" => ("error_description", &mut response.error_description),
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(SignInError::Duplicate(name));
            }
        }
        Ok(response)
    }

    /// Returns the code, if the response is of this issuer and not an error. If the provider
    /// announces `iss` for its responses, it must be present (RFC 9207, section 2.4).
    pub(super) fn code(
        &self,
        issuer: &str,
        metadata: &ProviderMetadata,
    ) -> Result<&str, SignInError> {
        match &self.iss {
            Some(iss) if iss != issuer => {
                let shown = escaping::escape_start(iss, 200);
                return Err(SignInError::Issuer(format!("'{shown}', not that of the settings")));
            }
            None if metadata.names_issuer_in_response => {
                return Err(SignInError::Issuer("missing".to_owned()));
            }
            _ => {}
        }
        if let Some(error) = &self.error {
            let description = self.error_description.as_deref().unwrap_or_default();
            let text = format!("{error} {description}");
            return Err(SignInError::Denied(escaping::escape_start(text.trim(), 300)));
        }
        self.code.as_deref().filter(|code| !code.is_empty()).ok_or(SignInError::NoCode)
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn metadata(names_issuer_in_response: bool) -> ProviderMetadata {
        let url = || Url::parse("https://login.example/").expect("a URL");
        ProviderMetadata {
            authorization_endpoint: url(),
            token_endpoint: url(),
            userinfo_endpoint: None,
            jwks_uri: url(),
            scopes: Vec::new(),
            takes_secret_in_body: false,
            names_issuer_in_response,
        }
    }

    #[test]
    fn a_response_is_of_the_issuer() {
        let code = |query: &str, names_issuer| {
            let response = AuthorizationResponse::parse(query)?;
            response.code("https://login.example", &metadata(names_issuer)).map(str::to_owned)
        };
        let own = "code=c&state=s&iss=https%3A%2F%2Flogin.example";
        assert_eq!(code(own, true).expect("a code"), "c");
        assert_eq!(code(own, false).expect("a code"), "c");
        assert_eq!(code("code=c&state=s", false).expect("a code"), "c");
        for (query, names_issuer, word) in [
            ("code=c&state=s", true, "missing"),
            ("code=c&iss=https%3A%2F%2Fevil.example", false, "evil.example"),
            ("code=c&iss=https%3A%2F%2Flogin.example%2F", true, "not that of"),
            ("code=c&code=d", false, "twice"),
            ("code=c&state=s&state=s", false, "twice"),
            ("error=access_denied&error_description=no", false, "access_denied no"),
            ("error=x&iss=https%3A%2F%2Fevil.example", false, "evil.example"),
            ("code=", false, "no code"),
            ("", false, "no code"),
        ] {
            let error = code(query, names_issuer).expect_err(query).to_string();
            assert!(error.contains(word), "{query}: {error}");
        }
    }
}
