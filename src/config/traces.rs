//! The standard variables of OpenTelemetry. The OpenTelemetry library reads them; this module
//! decides whether traces are exported, and rejects values that are not supported.

/// The variables with the URL of the collector, in order of precedence.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The variables with the protocol; the first one that is set applies.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// The variables with the compression.
const COMPRESSIONS: [&str; 2] =
    ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"];

/// The only supported protocol.
const HTTP_PROTOBUF: &str = "http/protobuf";

/// The export of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceExport {
    /// Spans are not created.
    Off,
    /// Spans are sent to the collector that the variables name.
    Otlp,
}

impl TraceExport {
    /// Reads the environment. Traces are off without an endpoint.
    ///
    /// # Errors
    /// Returns a message for operators if a variable has an unsupported value.
    pub fn of(environment: &[(String, String)]) -> Result<Self, String> {
        let value = |name: &str| {
            let found = environment.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
        };
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| value(name).map(|value| (name, value)))
        };
        let is_disabled =
            value("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let Some((name, endpoint)) = first(ENDPOINTS).filter(|_| !is_disabled) else {
            return Ok(Self::Off);
        };
        match value("OTEL_TRACES_EXPORTER") {
            None | Some("otlp") => {}
            Some("none") => return Ok(Self::Off),
            Some(other) => {
                return Err(format!("OTEL_TRACES_EXPORTER is {other}: it must be otlp or none"));
            }
        }
        let is_http = ["http://", "https://"].iter().any(|scheme| endpoint.starts_with(scheme));
        if !is_http {
            return Err(format!("{name} is {endpoint}: it must be an http or https URL"));
        }
        if let Some((name, protocol)) = first(PROTOCOLS).filter(|(_, it)| *it != HTTP_PROTOBUF) {
            return Err(format!("{name} is {protocol}: it must be {HTTP_PROTOBUF}"));
        }
        if let Some((name, compression)) = first(COMPRESSIONS).filter(|(_, it)| *it != "none") {
            return Err(format!("{name} is {compression}: it must be none"));
        }
        Ok(Self::Otlp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<TraceExport, String> {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        TraceExport::of(&variables.collect::<Vec<_>>())
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    #[test]
    fn traces_are_off_without_an_endpoint() {
        assert_eq!(of(&[]), Ok(TraceExport::Off));
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), Ok(TraceExport::Off));
        assert_eq!(of(&[("OTEL_SERVICE_NAME", "tokend")]), Ok(TraceExport::Off));
        assert_eq!(of(&[ENDPOINT]), Ok(TraceExport::Otlp));
        assert_eq!(of(&[ENDPOINT, ("OTEL_SDK_DISABLED", "True")]), Ok(TraceExport::Off));
        assert_eq!(of(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]), Ok(TraceExport::Off));
        assert_eq!(of(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "otlp")]), Ok(TraceExport::Otlp));
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://collector/v1/traces");
        assert_eq!(
            of(&[own, ("OTEL_EXPORTER_OTLP_PROTOCOL", HTTP_PROTOBUF)]),
            Ok(TraceExport::Otlp)
        );
    }

    #[test]
    fn unsupported_values_of_otel_variables_are_rejected() {
        for (name, value) in [
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4317"),
        ] {
            let problem = of(&[ENDPOINT, (name, value)]).expect_err(name);
            assert!(problem.starts_with(&format!("{name} is {value}: it must be")), "{problem}");
        }
    }
}
