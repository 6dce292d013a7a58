//! An answer of the server, and the assertions of tests about it.

use serde_json::Value;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.expect("a text"),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("no JSON: {error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text"))
    }

    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    pub fn description(&self) -> String {
        self.json()["error_description"].as_str().unwrap_or_default().to_owned()
    }

    /// Returns the token. Panics if the answer is not a success.
    pub fn token(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["access_token"].as_str().expect("a token").to_owned()
    }

    /// Asserts a rejection with this status and code in every respect: JSON with two members and no
    /// others (K-14, C-33), allowed characters (C-32), headers (C-27).
    pub fn assert_rejected(&self, status: u16, error: &str) -> &Self {
        assert_eq!((self.status, self.error().as_str()), (status, error), "{self:?}");
        let members: Vec<_> = self.json().as_object().expect("an object").keys().cloned().collect();
        assert_eq!(members, ["error", "error_description"], "{self:?}");
        let is_allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        assert!(self.description().bytes().all(is_allowed), "{self:?}");
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
        assert_eq!(self.header("pragma"), "no-cache", "{self:?}");
        // Ids of a trusted proxy have another form.
        assert!(self.header("x-request-id").len() >= 16, "{self:?}");
        self.assert_names_no_command();
        self
    }

    /// Asserts that an answer to a client or an API names no command and no option of tokend. The
    /// remedy of the operator is in `tokend explain`.
    pub fn assert_names_no_command(&self) {
        for text in [&self.text, self.header("www-authenticate")] {
            assert!(!text.contains("tokend ") && !text.contains(" --"), "{self:?}");
        }
    }
}
