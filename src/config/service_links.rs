//! Recognizes the environment variables that Kubernetes adds to every container for each Service in
//! its namespace. They are not settings, although the name of a Service can make them look like
//! one.

/// The protocols of the ports of a Service.
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// True for a variable of a Service named `tokend` or `tokend-…`. The upper-case name of the
/// Service is followed by `SERVICE_HOST`, `SERVICE_PORT`, `SERVICE_PORT_NAME`, `PORT` (with a URL
/// as its value), or `PORT_8080_TCP` and its variants.
pub(super) fn is_service_link(name: &str, value: &str) -> bool {
    // The name of a Service may itself contain any of these words.
    let ends = name.match_indices('_').map(|(place, _)| &name[place + 1..]);
    name.starts_with("TOKEND_") && ends.into_iter().any(|end| is_end_of_link(end, value))
}

fn is_end_of_link(end: &str, value: &str) -> bool {
    match end {
        "SERVICE_HOST" | "SERVICE_PORT" => true,
        // Without a URL, it is probably meant as a setting.
        "PORT" => is_url_of_port(value),
        _ => end.starts_with("SERVICE_PORT_") || is_port(end),
    }
}

fn is_url_of_port(value: &str) -> bool {
    let scheme = value.split_once("://").map_or("", |(scheme, _)| scheme);
    PROTOCOLS.iter().any(|protocol| protocol.eq_ignore_ascii_case(scheme))
}

/// True for `PORT_8080_TCP`, optionally followed by `_PROTO`, `_PORT` or `_ADDR`.
fn is_port(end: &str) -> bool {
    let mut words = end.split('_');
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    words.next() == Some("PORT")
        && words.next().is_some_and(is_number)
        && words.next().is_some_and(|word| PROTOCOLS.contains(&word))
        && matches!(words.next(), None | Some("PROTO" | "PORT" | "ADDR"))
        && words.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sources::Settings;
    use crate::config::sources::{Flags, variable_of};

    #[test]
    fn kubernetes_service_variables_are_distinguished_from_settings() {
        for (name, value, is_link) in [
            ("TOKEND_SERVICE_HOST", "10.0.0.1", true),
            ("TOKEND_SERVICE_PORT", "8080", true),
            ("TOKEND_SERVICE_PORT_HTTP", "8080", true),
            ("TOKEND_PORT", "tcp://10.0.0.1:8080", true),
            ("TOKEND_PORT_8080_TCP", "tcp://10.0.0.1:8080", true),
            ("TOKEND_PORT_8080_TCP_PROTO", "tcp", true),
            ("TOKEND_PORT_8080_TCP_PORT", "8080", true),
            ("TOKEND_PORT_8080_TCP_ADDR", "10.0.0.1", true),
            ("TOKEND_PORT_53_UDP_ADDR", "10.0.0.1", true),
            ("TOKEND_MANAGEMENT_SERVICE_HOST", "10.0.0.1", true),
            ("TOKEND_MANAGEMENT_SERVICE_PORT_METRICS", "8081", true),
            ("TOKEND_MANAGEMENT_PORT", "tcp://10.0.0.1:8081", true),
            ("TOKEND_MANAGEMENT_PORT_8081_TCP_ADDR", "10.0.0.1", true),
            ("TOKEND_PORT", "8080", false),
            ("TOKEND_MANAGEMENT_PORT", "8081", false),
            ("TOKEND_PORT_8080", "8080", false),
            ("TOKEND_PORT_HTTP_TCP", "tcp://10.0.0.1:8080", false),
            ("TOKEND_PORT_8080_TCP_ADDRESS", "10.0.0.1", false),
            ("TOKEND_SERVICE_NAME", "tokend", false),
            ("OTHER_SERVICE_HOST", "10.0.0.1", false),
        ] {
            assert_eq!(is_service_link(name, value), is_link, "{name}={value}");
        }
    }

    #[test]
    fn no_setting_is_taken_for_a_variable_of_a_service() {
        let settings = Settings::gather(&Flags::default(), &[]).expect("settings");
        for key in settings.keys() {
            let name = variable_of(key);
            assert!(!is_service_link(&name, ""), "{name}");
            assert!(!is_service_link(&format!("{name}_FILE"), ""), "{name}");
        }
    }
}
