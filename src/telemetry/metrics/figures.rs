//! Values that are read when the metrics are scraped: the current state of queues, caches, keys and
//! the process.

use std::fmt;

use crate::telemetry::metrics::definitions::{ALL, Definition, Kind};
use crate::telemetry::metrics::writer::Writer;

#[derive(Debug, Clone, Copy)]
enum Value {
    Whole(u64),
    Fraction(f64),
}

#[derive(Debug)]
struct Figure {
    definition: &'static Definition,
    labels: Vec<(&'static str, String)>,
    value: Value,
}

/// Values of one scrape.
#[derive(Debug, Default)]
pub struct Figures {
    figures: Vec<Figure>,
    /// The metrics that are written even without a value.
    declared: Vec<&'static Definition>,
}

impl Figures {
    /// Ensures that a metric is written even without a value, so that its name is visible.
    pub fn declare(&mut self, definition: &'static Definition) {
        self.declared.push(definition);
    }

    /// Adds an integer value without labels.
    pub fn add(&mut self, definition: &'static Definition, value: usize) {
        self.add_by(definition, &[], value);
    }

    /// Adds an integer value. The labels are in the order of the definition.
    pub fn add_by(&mut self, definition: &'static Definition, labels: &[&str], value: usize) {
        self.push(definition, labels, Value::Whole(u64::try_from(value).unwrap_or(u64::MAX)));
    }

    /// Adds a time or a duration in seconds. A negative one becomes 0.
    pub fn add_seconds(&mut self, definition: &'static Definition, labels: &[&str], seconds: i64) {
        self.add_signed(definition, labels, seconds);
    }

    /// Adds an integer value. A negative one becomes 0.
    pub fn add_signed(&mut self, definition: &'static Definition, labels: &[&str], value: i64) {
        self.push(definition, labels, Value::Whole(u64::try_from(value).unwrap_or(0)));
    }

    /// Adds a fractional value.
    pub fn add_fraction(&mut self, definition: &'static Definition, value: f64) {
        self.push(definition, &[], Value::Fraction(value));
    }

    fn push(&mut self, definition: &'static Definition, labels: &[&str], value: Value) {
        let names = definition.labels.iter().copied();
        let labels = names.zip(labels.iter().map(|value| (*value).to_owned())).collect();
        self.figures.push(Figure { definition, labels, value });
    }

    /// Writes the values grouped by metric, in the order of the definitions.
    pub(super) fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        for definition in ALL {
            let of_metric: Vec<_> =
                self.figures.iter().filter(|figure| figure.definition == *definition).collect();
            if of_metric.is_empty() && !self.declared.contains(definition) {
                continue;
            }
            let mut family = writer.family(definition)?;
            for figure in of_metric {
                let labels: Vec<_> =
                    figure.labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
                match (definition.kind, figure.value) {
                    (Kind::Counter, Value::Whole(value)) => family.counter(&labels, value)?,
                    (Kind::Counter, Value::Fraction(value)) => {
                        family.fractional_counter(&labels, value)?;
                    }
                    (_, value) => family.gauge(&labels, value.as_fraction())?,
                }
            }
        }
        Ok(())
    }
}

impl Value {
    #[expect(clippy::cast_precision_loss, reason = "no gauge is beyond 2^53")]
    fn as_fraction(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Fraction(value) => value,
        }
    }
}
