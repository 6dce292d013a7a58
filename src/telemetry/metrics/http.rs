//! Request metrics by route, method and status. Handles are resolved when the routes are built. A
//! request takes no lock, and allocates only for the first occurrence of its combination.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::telemetry::metrics::definitions::{
    HTTP_ABORTED, HTTP_CONNECTIONS, HTTP_DURATION, HTTP_IN_FLIGHT, HTTP_REQUESTS,
};
use crate::telemetry::metrics::histogram::{Histogram, REQUEST_BOUNDS};
use crate::telemetry::metrics::writer::{Source, Writer};

/// The label value for unknown methods, paths and codes.
pub const OTHER: &str = "other";

/// The methods that have their own label value.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", OTHER];

/// The statuses that have their own label value.
const CODES: [(u16, &str); 26] = [
    (200, "200"),
    (201, "201"),
    (202, "202"),
    (204, "204"),
    (206, "206"),
    (207, "207"),
    (302, "302"),
    (303, "303"),
    (304, "304"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (408, "408"),
    (409, "409"),
    (412, "412"),
    (413, "413"),
    (415, "415"),
    (422, "422"),
    (428, "428"),
    (429, "429"),
    (431, "431"),
    (500, "500"),
    (503, "503"),
    (0, OTHER),
];

/// Requests of one route. Their histograms also provide the counts.
#[derive(Debug)]
pub struct Route {
    label: String,
    by_method_and_code: Box<[OnceLock<Box<Histogram>>]>,
}

impl Route {
    fn new(label: &str) -> Self {
        let series = METHODS.len() * CODES.len();
        let by_method_and_code = (0..series).map(|_| OnceLock::new()).collect();
        Self { label: label.to_owned(), by_method_and_code }
    }

    /// Returns the path pattern of the route.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Records an answered request.
    pub fn observe(&self, method: &str, code: u16, took: Duration) {
        let last = METHODS.len() - 1;
        let method = METHODS.iter().position(|known| *known == method).unwrap_or(last);
        let last = CODES.len() - 1;
        let code = CODES.iter().position(|(known, _)| *known == code).unwrap_or(last);
        if let Some(series) = self.by_method_and_code.get(method * CODES.len() + code) {
            series.get_or_init(|| Box::new(Histogram::new(REQUEST_BOUNDS))).observe(took);
        }
    }

    /// Returns the labels and values of the combinations that have occurred.
    fn series(&self) -> impl Iterator<Item = ([(&str, &str); 3], &Histogram)> {
        self.by_method_and_code.iter().enumerate().filter_map(|(place, series)| {
            let (_, code) = CODES.get(place % CODES.len())?;
            let method = METHODS.get(place / CODES.len())?;
            let labels = [("method", *method), ("route", self.label.as_str()), ("code", *code)];
            Some((labels, &**series.get()?))
        })
    }
}

/// Listener of the server, as a metrics label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerName {
    /// Listener for tokens, metadata and keys.
    Public,
    /// Listener for the admin API and the console.
    Management,
}

impl ListenerName {
    const ALL: [Self; 2] = [Self::Public, Self::Management];

    fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Management => "management",
        }
    }
}

#[derive(Debug, Default)]
struct Occupancy {
    in_flight: AtomicI64,
    connections: AtomicI64,
    aborted: AtomicU64,
}

/// Metrics of all requests.
#[derive(Debug)]
pub struct HttpMetrics {
    routes: Mutex<BTreeMap<String, Arc<Route>>>,
    other: Arc<Route>,
    listeners: [Occupancy; 2],
}

impl Default for HttpMetrics {
    fn default() -> Self {
        let other = Arc::new(Route::new(OTHER));
        let routes = BTreeMap::from([(OTHER.to_owned(), other.clone())]);
        Self { routes: Mutex::new(routes), other, listeners: Default::default() }
    }
}

impl HttpMetrics {
    /// Returns the route with this label, which must be a pattern of the program and never the path
    /// of a request.
    pub fn route(&self, label: &str) -> Arc<Route> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = routes.get(label) {
            return route.clone();
        }
        let route = Arc::new(Route::new(label));
        routes.insert(label.to_owned(), route.clone());
        route
    }

    /// Returns the metrics of requests without a route.
    pub fn other(&self) -> &Route {
        &self.other
    }

    fn occupancy(&self, listener: ListenerName) -> &Occupancy {
        let [public, management] = &self.listeners;
        match listener {
            ListenerName::Public => public,
            ListenerName::Management => management,
        }
    }

    /// Counts a request as in flight until the guard is dropped.
    pub fn begin(&self, listener: ListenerName) -> InFlight<'_> {
        let occupancy = self.occupancy(listener);
        occupancy.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight { occupancy, is_answered: false }
    }

    /// Counts an open connection until the guard is dropped.
    pub fn connect(self: &Arc<Self>, listener: ListenerName) -> OpenConnection {
        self.occupancy(listener).connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection { http: self.clone(), listener }
    }
}

/// Guard of a request that is being answered.
#[derive(Debug)]
pub struct InFlight<'a> {
    occupancy: &'a Occupancy,
    is_answered: bool,
}

impl InFlight<'_> {
    /// Marks the request as answered, so that it is not counted as aborted.
    pub fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.occupancy.in_flight.fetch_sub(1, Ordering::Relaxed);
        if !self.is_answered {
            self.occupancy.aborted.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Guard of an open connection.
#[derive(Debug)]
pub struct OpenConnection {
    http: Arc<HttpMetrics>,
    listener: ListenerName,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.http.occupancy(self.listener).connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[expect(clippy::cast_precision_loss, reason = "the number stays below 2^53")]
fn to_f64(value: i64) -> f64 {
    value as f64
}

impl Source for Arc<HttpMetrics> {
    fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let routes: Vec<_> = {
            let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
            routes.values().cloned().collect()
        };
        let mut family = writer.family(&HTTP_REQUESTS)?;
        for (labels, histogram) in routes.iter().flat_map(|route| route.series()) {
            family.counter(&labels, histogram.count())?;
        }
        let mut family = writer.family(&HTTP_DURATION)?;
        for (labels, histogram) in routes.iter().flat_map(|route| route.series()) {
            family.histogram(&labels, histogram)?;
        }
        let listeners = ListenerName::ALL.map(|name| (name.as_str(), self.occupancy(name)));
        let mut family = writer.family(&HTTP_IN_FLIGHT)?;
        for (name, occupancy) in listeners {
            let value = occupancy.in_flight.load(Ordering::Relaxed);
            family.gauge(&[("listener", name)], to_f64(value))?;
        }
        let mut family = writer.family(&HTTP_ABORTED)?;
        for (name, occupancy) in listeners {
            family.counter(&[("listener", name)], occupancy.aborted.load(Ordering::Relaxed))?;
        }
        let mut family = writer.family(&HTTP_CONNECTIONS)?;
        for (name, occupancy) in listeners {
            let value = occupancy.connections.load(Ordering::Relaxed);
            family.gauge(&[("listener", name)], to_f64(value))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_methods_and_codes_share_the_label_other() {
        let route = Route::new("/a");
        let took = Duration::from_millis(3);
        for number in 0..1_000_u16 {
            route.observe(&format!("METHOD{number}"), 600 + number, took);
        }
        route.observe("GET", 200, took);
        let series: Vec<_> =
            route.series().map(|(labels, found)| (labels, found.count())).collect();
        let labels = |method, code| [("method", method), ("route", "/a"), ("code", code)];
        assert_eq!(series, [(labels("GET", "200"), 1), (labels(OTHER, OTHER), 1_000)]);
    }

    #[test]
    fn a_request_that_is_dropped_was_aborted() {
        let http = HttpMetrics::default();
        http.begin(ListenerName::Public).answered();
        drop(http.begin(ListenerName::Public));
        let occupancy = http.occupancy(ListenerName::Public);
        assert_eq!(occupancy.in_flight.load(Ordering::Relaxed), 0);
        assert_eq!(occupancy.aborted.load(Ordering::Relaxed), 1);
    }
}
