//! Writes metrics with the crate `prometheus-client`, which produces the text.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::telemetry::metrics::definitions::{Definition, Kind};
use crate::telemetry::metrics::histogram::Histogram;

/// Text format of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, version 0.0.4.
    Prometheus,
    /// `OpenMetrics` 1.0, which includes exemplars.
    OpenMetrics,
}

impl Format {
    /// Returns the format for an `Accept` header. `OpenMetrics` is used only if the caller accepts
    /// it explicitly.
    pub fn accepted(accept: &str) -> Self {
        let has = |range: &str| {
            let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
            let is_rejected = parameters.split(';').any(|text| {
                let weight = text.trim().strip_prefix("q=");
                weight.is_some_and(|weight| weight.parse::<f32>().is_ok_and(|q| q <= 0.0))
            });
            name.trim() == "application/openmetrics-text" && !is_rejected
        };
        if accept.split(',').any(has) { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// Returns the media type of the format.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A source of metrics.
pub(super) trait Source: fmt::Debug + Send + Sync + 'static {
    /// Writes all metrics of the source.
    fn write(&self, writer: &mut Writer<'_>) -> fmt::Result;
}

/// Writes metrics one after the other.
pub(super) struct Writer<'a> {
    encoder: DescriptorEncoder<'a>,
}

pub(super) struct Family<'a>(MetricEncoder<'a>);

impl Writer<'_> {
    /// Starts a metric.
    pub(super) fn family<'s>(
        &'s mut self,
        definition: &'s Definition,
    ) -> Result<Family<'s>, fmt::Error> {
        let name = definition.name.strip_suffix("_total").unwrap_or(definition.name);
        let kind = match definition.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
        };
        self.encoder.encode_descriptor(name, definition.help, None, kind).map(Family)
    }
}

impl Family<'_> {
    /// Writes a value of a counter.
    pub(super) fn counter(&mut self, labels: &[(&str, &str)], value: u64) -> fmt::Result {
        self.0.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    /// Writes a fractional value of a counter.
    pub(super) fn fractional_counter(
        &mut self,
        labels: &[(&str, &str)],
        value: f64,
    ) -> fmt::Result {
        self.0.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&value, None)
    }

    /// Writes a value of a gauge.
    pub(super) fn gauge(&mut self, labels: &[(&str, &str)], value: f64) -> fmt::Result {
        self.0.encode_family(&labels)?.encode_gauge(&value)
    }

    /// Writes a histogram.
    pub(super) fn histogram(
        &mut self,
        labels: &[(&str, &str)],
        histogram: &Histogram,
    ) -> fmt::Result {
        let buckets = histogram.buckets();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let mut labelled = self.0.encode_family(&labels)?;
        labelled.encode_histogram::<NoLabelSet>(histogram.sum(), count, &buckets, None)
    }

    /// Writes another metric type of the crate, with labels.
    pub(super) fn metric(
        &mut self,
        labels: &[(&str, &str)],
        metric: &impl prometheus_client::encoding::EncodeMetric,
    ) -> fmt::Result {
        metric.encode(self.0.encode_family(&labels)?)
    }
}

/// Adapts a source to the interface of the crate.
#[derive(Debug)]
struct Collected<S>(S);

impl<S: Source> Collector for Collected<S> {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.write(&mut Writer { encoder })
    }
}

/// Returns the text of all metrics of a source.
pub(super) fn text<S: Source>(source: S, format: Format) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Collected(source)));
    let mut text = String::new();
    match format {
        Format::Prometheus => prometheus_text::encode(&mut text, &registry)?,
        Format::OpenMetrics => text::encode(&mut text, &registry)?,
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_sent_only_if_the_accept_header_lists_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.6,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, format) in [
            ("", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("text/plain", Format::Prometheus),
            ("application/openmetrics-text; q=0", Format::Prometheus),
            ("application/openmetrics-text", Format::OpenMetrics),
            (prometheus, Format::OpenMetrics),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept:?}");
        }
    }
}
