//! Metrics: values that are counted when an event occurs, and values that are read when the metrics
//! are scraped.
//!
//! The token path only increments numbers. Every handle is resolved beforehand, so that a token
//! takes no lock, no hash and no allocation. No label has a value that a caller can choose.

mod counters;
pub mod definitions;
pub mod figures;
pub mod histogram;
pub mod http;
pub mod issued;
mod label;
pub mod limiter;
pub mod per_client;
pub mod rejections;
pub mod store;
mod writer;

pub use counters::Counters;
pub use writer::Format;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::signing_key::Algorithm;
use crate::telemetry::metrics::definitions as names;
use crate::telemetry::metrics::figures::Figures;
use crate::telemetry::metrics::histogram::{Histogram, STAGE_BOUNDS};
use crate::telemetry::metrics::http::HttpMetrics;
use crate::telemetry::metrics::issued::IssuedTokens;
use crate::telemetry::metrics::label::{Label, PerVariant, label};
use crate::telemetry::metrics::limiter::Limiter;
use crate::telemetry::metrics::per_client::BusiestClients;
use crate::telemetry::metrics::rejections::Rejections;
use crate::telemetry::metrics::store::StoreMetrics;
use crate::telemetry::metrics::writer::{Source, Writer};
use crate::telemetry::stage_times::Stage;

label! {
    /// Method by which a client presents itself.
    pub enum PresentedMethod {
        /// A secret in the header.
        SecretBasic = "client_secret_basic",
        /// A secret in the body.
        SecretPost = "client_secret_post",
        /// An assertion of the client's own key or of a trusted issuer.
        Assertion = "client_assertion",
        /// A JWT-SVID.
        SpiffeJwt = "spiffe_jwt",
        /// A certificate.
        Certificate = "certificate",
        /// No credentials.
        Nothing = "none",
    }
}

label! {
    /// Result of an authentication.
    pub enum AuthenticationResult {
        /// The client is authenticated.
        Succeeded = "succeeded",
        /// The client is not authenticated, or may not be used.
        Rejected = "rejected",
        /// Unknown, because the server could not check the credentials.
        NotChecked = "not_checked",
    }
}

/// Stages of a token request, with their durations.
#[derive(Debug)]
pub struct Stages([Histogram; Stage::ALL.len()]);

impl Stages {
    /// Returns the durations of a stage.
    pub fn of(&self, stage: Stage) -> &Histogram {
        let Self([authenticate, authorize, mint]) = self;
        match stage {
            Stage::Authenticate => authenticate,
            Stage::Authorize => authorize,
            Stage::Mint => mint,
        }
    }
}

/// Metrics that are counted when an event occurs.
#[derive(Debug)]
pub struct Metrics {
    /// The requests.
    pub http: Arc<HttpMetrics>,
    /// The rejected token requests.
    pub token_rejections: Rejections,
    /// The rejected requests at other paths.
    pub other_rejections: Rejections,
    /// The durations of the stages of token requests.
    pub stages: Stages,
    signatures: [Histogram; Algorithm::ALL.len()],
    authentications: PerVariant<PresentedMethod, PerVariant<AuthenticationResult, AtomicU64>>,
    rate_limited: PerVariant<Limiter, AtomicU64>,
    introspections: Counters<2>,
    /// The written usage statistics: succeeded, failed.
    pub usage_flushes: Counters<2>,
    /// The fetched key sets: succeeded, failed.
    pub key_set_fetches: Counters<2>,
}

impl Default for Metrics {
    fn default() -> Self {
        let stage = || Histogram::new(STAGE_BOUNDS);
        let results = ["succeeded", "failed"];
        Self {
            http: Arc::default(),
            token_rejections: Rejections::default(),
            other_rejections: Rejections::default(),
            stages: Stages(std::array::from_fn(|_| stage())),
            signatures: std::array::from_fn(|_| stage()),
            authentications: PerVariant::default(),
            rate_limited: PerVariant::default(),
            introspections: Counters::new(["true", "false"]),
            usage_flushes: Counters::new(results),
            key_set_fetches: Counters::new(results),
        }
    }
}

impl Metrics {
    /// Returns the durations of signatures with an algorithm.
    pub fn signature(&self, algorithm: Algorithm) -> &Histogram {
        let [es256, rs256, ps256, eddsa] = &self.signatures;
        match algorithm {
            Algorithm::Es256 => es256,
            Algorithm::Rs256 => rs256,
            Algorithm::Ps256 => ps256,
            Algorithm::EdDsa => eddsa,
        }
    }

    /// Counts an authentication attempt.
    pub fn count_authentication(&self, method: PresentedMethod, result: AuthenticationResult) {
        self.authentications[method][result].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that exceeded a limit.
    pub fn count_rate_limited(&self, limiter: Limiter) {
        self.rate_limited[limiter].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an answered introspection.
    pub fn count_introspection(&self, is_active: bool) {
        self.introspections.count(usize::from(!is_active));
    }

    /// Returns the text of all metrics.
    ///
    /// # Errors
    /// If a value cannot be written, which never happens.
    pub fn render(self: &Arc<Self>, scrape: Scrape, format: Format) -> Result<String, fmt::Error> {
        writer::text(Exposition { metrics: self.clone(), scrape }, format)
    }
}

/// Metrics of other modules, which are written together with [`Metrics`].
#[derive(Debug)]
pub struct Scrape {
    /// The issued tokens by resource.
    pub issued: Arc<IssuedTokens>,
    /// The busiest clients.
    pub busiest: Arc<BusiestClients>,
    /// The metrics of the database.
    pub store: Arc<StoreMetrics>,
    /// The values that were read for this scrape.
    pub figures: Figures,
}

#[derive(Debug)]
struct Exposition {
    metrics: Arc<Metrics>,
    scrape: Scrape,
}

impl Source for Exposition {
    fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let (metrics, scrape) = (&self.metrics, &self.scrape);
        metrics.http.write(writer)?;
        scrape.issued.write(writer)?;
        metrics.token_rejections.write(writer, &names::TOKENS_REJECTED)?;
        metrics.other_rejections.write(writer, &names::OTHERS_REJECTED)?;
        write_durations(metrics, writer)?;
        write_authentications(metrics, writer)?;
        write_rate_limited(metrics, writer)?;
        metrics.introspections.write(writer, &names::INTROSPECTIONS)?;
        scrape.busiest.write(writer)?;
        metrics.usage_flushes.write(writer, &names::USAGE_FLUSHES)?;
        metrics.key_set_fetches.write(writer, &names::REMOTE_FETCHES)?;
        scrape.store.write(writer)?;
        scrape.figures.write(writer)
    }
}

fn write_durations(metrics: &Metrics, writer: &mut Writer<'_>) -> fmt::Result {
    let mut family = writer.family(&names::TOKEN_STAGES)?;
    for stage in Stage::ALL {
        family.histogram(&[("stage", stage.as_str())], metrics.stages.of(stage))?;
    }
    let mut family = writer.family(&names::SIGN_DURATION)?;
    for algorithm in Algorithm::ALL {
        let histogram = metrics.signature(algorithm);
        if histogram.count() > 0 {
            family.histogram(&[("alg", algorithm.as_str())], histogram)?;
        }
    }
    Ok(())
}

fn write_authentications(metrics: &Metrics, writer: &mut Writer<'_>) -> fmt::Result {
    let mut family = writer.family(&names::AUTHENTICATIONS)?;
    for (method, counters) in metrics.authentications.iter() {
        for (result, count) in counters.iter() {
            let labels = [("method", method.text()), ("result", result.text())];
            family.counter(&labels, count.load(Ordering::Relaxed))?;
        }
    }
    Ok(())
}

fn write_rate_limited(metrics: &Metrics, writer: &mut Writer<'_>) -> fmt::Result {
    let mut family = writer.family(&names::RATE_LIMITED)?;
    for (limiter, count) in metrics.rate_limited.iter() {
        family.counter(&[("limiter", limiter.text())], count.load(Ordering::Relaxed))?;
    }
    Ok(())
}
