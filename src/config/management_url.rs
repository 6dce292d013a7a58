//! The URL of the management listener, as its callers know it.

use std::net::IpAddr;

use crate::config::Config;

/// The host names that reach a listener on a loopback address.
const LOOPBACK_HOSTS: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

impl Config {
    /// Returns the URL of the management listener: the setting `management.url`, or else a URL on a
    /// loopback address. `None` if the setting is empty and the listener is not reachable over
    /// loopback, because the server cannot know the name that callers use.
    pub fn management_url(&self) -> Option<String> {
        if let Some(url) = &self.configured_management_url {
            return Some(url.as_str().to_owned());
        }
        let (address, port) = (self.management_listen.ip(), self.management_listen.port());
        let host = match address {
            IpAddr::V4(address) if address.is_unspecified() => LOOPBACK_HOSTS[0].to_owned(),
            IpAddr::V6(address) if address.is_unspecified() => LOOPBACK_HOSTS[1].to_owned(),
            IpAddr::V4(address) if address.is_loopback() => address.to_string(),
            IpAddr::V6(address) if address.is_loopback() => format!("[{address}]"),
            _ => return None,
        };
        Some(format!("http://{host}:{port}"))
    }

    /// Returns the host of the setting `management.url`, without the port.
    pub fn configured_management_host(&self) -> Option<&str> {
        let url = self.configured_management_url.as_ref()?.as_str();
        let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
        let port = authority.rfind(':').filter(|colon| !authority[*colon..].contains(']'));
        Some(port.map_or(authority, |colon| &authority[..colon]))
    }

    /// Returns every URL that callers may use for the management listener. A listener on loopback
    /// has several names.
    pub fn management_urls(&self) -> Vec<String> {
        let Some(url) = self.management_url() else { return Vec::new() };
        if self.configured_management_url.is_some() {
            return vec![url];
        }
        let port = self.management_listen.port();
        let names = LOOPBACK_HOSTS.map(|host| format!("http://{host}:{port}"));
        let others: Vec<_> = names.into_iter().filter(|name| *name != url).collect();
        std::iter::once(url).chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::config::sources::Flags;
    use crate::config::{Config, Requirement};

    fn config(listen: &str, url: &str) -> Result<Config, String> {
        let pairs = [("TOKEND_MANAGEMENT_LISTEN", listen), ("TOKEND_MANAGEMENT_URL", url)];
        let environment = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Config::load(&Flags::default(), &environment, Requirement::Nothing)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_listener_that_loopback_reaches_has_a_url_of_its_own() {
        for (listen, url) in [
            ("127.0.0.1:8081", Some("http://127.0.0.1:8081")),
            ("127.0.0.2:1", Some("http://127.0.0.2:1")),
            ("[::1]:8081", Some("http://[::1]:8081")),
            ("0.0.0.0:8081", Some("http://127.0.0.1:8081")),
            ("[::]:8081", Some("http://[::1]:8081")),
            ("10.0.0.7:8081", None),
        ] {
            let config = config(listen, "").expect("settings");
            assert_eq!(config.management_url().as_deref(), url, "{listen}");
            let all = config.management_urls();
            assert_eq!(all.first().map(String::as_str), url, "{listen}");
            let has_name = all.iter().any(|url| url.starts_with("http://localhost:"));
            assert_eq!(has_name, url.is_some(), "{listen}: {all:?}");
        }
    }

    #[test]
    fn the_setting_is_the_only_url() {
        for (url, host) in [
            ("https://ops.example.com", "ops.example.com"),
            ("https://ops.example.com:8443", "ops.example.com"),
            ("http://[::1]:1", "[::1]"),
            ("https://[2001:db8::1]", "[2001:db8::1]"),
        ] {
            let config = config("10.0.0.7:8081", url).expect("settings");
            assert_eq!(config.management_urls(), [url]);
            assert_eq!(config.configured_management_host(), Some(host));
        }
        for (url, word) in [
            ("http://ops.example.com", "must be https"),
            ("https://ops.example.com/", "slash"),
            ("https://ops.example.com/admin", "has a path"),
            ("ops.example.com", "is not a URL"),
        ] {
            let problem = config("127.0.0.1:8081", url).expect_err(url);
            assert!(problem.contains("management.url") && problem.contains(word), "{problem}");
        }
    }
}
