//! Parser of server-sent events (WHATWG HTML, section 9.2) as tokend sends them. Reads lines of
//! bounded length.

use crate::cli::api::lines::AnswerLines;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SentEvent {
    /// The position in the stream from which it can be resumed.
    pub(crate) id: Option<String>,
    /// The event type; `None` for a plain message.
    pub(crate) kind: Option<String>,
    /// The data; `None` if the event has only an id.
    pub(crate) data: Option<String>,
}

/// A stream of server-sent events.
pub(crate) struct SentEvents(AnswerLines);

impl SentEvents {
    pub(super) fn new(lines: AnswerLines) -> Self {
        Self(lines)
    }

    /// Returns the next event, or `None` at the end of the stream. An incomplete event at the end
    /// is dropped; the server sends it again after a resumption.
    ///
    /// # Errors
    /// If the connection breaks, or the server is silent for too long.
    pub(crate) async fn next(&mut self) -> Result<Option<SentEvent>, String> {
        let mut event = SentEvent::default();
        while let Some(line) = self.0.next().await? {
            if !line.is_empty() {
                event.add(&line);
            } else if event != SentEvent::default() {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }
}

impl SentEvent {
    /// Adds a line: a field, or a comment that begins with a colon.
    fn add(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => self.id = Some(value.to_owned()),
            "event" => self.kind = Some(value.to_owned()),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_others_are_ignored() {
        let mut event = SentEvent::default();
        for line in [": keep-alive", "retry: 2000", "id: 7", "event:end", "data: a", "data:b", "x"]
        {
            event.add(line);
        }
        let text = |text: &str| Some(text.to_owned());
        let expected = SentEvent { id: text("7"), kind: text("end"), data: text("a\nb") };
        assert_eq!(event, expected);
    }
}
