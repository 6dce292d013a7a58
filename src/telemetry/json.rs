//! Formats log lines as JSON: one object for each event, with the causes of errors.

use std::error::Error;
use std::fmt;
use std::io::Write;
use std::time::SystemTime;

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;

use crate::text::json_writer::JsonObject;

/// Capacity for most lines. The buffer grows for longer ones.
const LINE_CAPACITY: usize = 640;

/// Writes events as JSON objects with `timestamp`, `level`, the fields of the event, and `target`.
/// The causes of an error in the field `error` are the array `error.sources`.
#[derive(Debug)]
pub(super) struct JsonLines<W>(pub(super) W);

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut members = Members(JsonObject::with_capacity(LINE_CAPACITY));
        #[expect(clippy::disallowed_methods, reason = "log lines need the real time")]
        let now = SystemTime::now();
        members.0.shown("timestamp", humantime::format_rfc3339_micros(now));
        members.0.text("level", event.metadata().level().as_str());
        event.record(&mut members);
        members.0.text("target", event.metadata().target());
        let mut line = members.0.end();
        line.push(b'\n');
        // A log that cannot be written has no reader either.
        let _ = self.0.make_writer_for(event.metadata()).write_all(&line);
    }
}

/// Writes the fields of an event. A value that JSON cannot represent is omitted.
struct Members(JsonObject);

impl Members {
    fn put<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        let _ = self.0.value(name, value);
    }
}

impl Visit for Members {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.shown(field.name(), format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.text(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), &value);
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.0.shown(field.name(), error);
        let mut sources = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            sources.push(cause.to_string());
            source = cause.source();
        }
        if !sources.is_empty() {
            self.put(&format!("{}.sources", field.name()), &sources);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the database failed")]
    struct Outer(#[source] std::io::Error);

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("a lock").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Returns the line that is logged while `log` runs, parsed as JSON.
    fn logged(log: impl FnOnce()) -> Value {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let layer = JsonLines(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let bytes = buffer.0.lock().expect("a lock").clone();
        let text = String::from_utf8(bytes).expect("text");
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// O-12: the line has the causes of an error, as in the text format.
    #[test]
    fn a_line_holds_the_causes_of_an_error() {
        let error = Outer(std::io::Error::other("disk is full"));
        let line = logged(|| {
            tracing::warn!(error = &error as &dyn Error, "the usage statistics cannot be written");
        });
        assert_eq!(line["error"], "the database failed");
        assert_eq!(line["error.sources"], serde_json::json!(["disk is full"]));
        assert_eq!(line["message"], "the usage statistics cannot be written");
        assert_eq!(line["level"], "WARN");
        assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
        assert!(line["target"].as_str().is_some_and(|target| target.contains("json")), "{line}");
    }

    #[test]
    fn fields_keep_their_types() {
        let line = logged(|| {
            tracing::info!(
                count = 7_u64, less = -1_i64, is_on = true, part = 0.5, word = "a\"\nb",
                client.address = %std::net::Ipv4Addr::LOCALHOST, "with {}", "words"
            );
        });
        let expected = serde_json::json!({
            "count": 7, "less": -1, "is_on": true, "part": 0.5, "word": "a\"\nb",
            "client.address": "127.0.0.1", "message": "with words",
        });
        for (name, value) in expected.as_object().expect("an object") {
            assert_eq!(line[name], *value, "{name}");
        }
        assert!(line.get("error.sources").is_none());
    }
}
