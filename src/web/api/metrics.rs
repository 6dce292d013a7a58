//! `/metrics` in the Prometheus text format, or in `OpenMetrics` if the caller asks for it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HOST, VARY};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};

use crate::admin::{AdminError, Principal};
use crate::app::App;
use crate::config::Config;
use crate::model::admin_scope::AdminScope;
use crate::telemetry::metrics::{Format, definitions};
use crate::web::api::Problem;
use crate::web::api::openapi::{Answer, Description};
use crate::web::api::router::ApiRouter;
use crate::web::health::{self, HealthState};

const PATH: &str = "/metrics";

/// The example of a response in the `OpenAPI` document.
const EXAMPLE: &str = "\
# HELP tokend_tokens_issued_total Issued tokens.
# TYPE tokend_tokens_issued_total counter
tokend_tokens_issued_total{grant_type=\"client_credentials\",resource=\"https://orders.example.com\",alg=\"ES256\"} 40213
";

/// Adds the route with the scope `stats:read`, unless the settings make it public.
pub(super) fn add(app: &App, api: &mut ApiRouter) {
    if app.services.config.metrics.is_open {
        api.list_without_token(PATH, describe);
    } else {
        api.get(PATH, AdminScope::StatsRead, show_to_administrator);
    }
}

fn describe() -> Description {
    let mut description = Description::default();
    MetricsText::describe(&mut description);
    description.fails_with([421]);
    description
}

struct MetricsText(Response);

impl IntoResponse for MetricsText {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answer for MetricsText {
    fn describe(description: &mut Description) {
        for format in ["text/plain", "application/openmetrics-text"] {
            description.answers_text(format, EXAMPLE);
        }
    }
}

/// Adds the route without a token, if the settings make it public. Public routes are added outside
/// of the authentication layer.
pub(super) fn open(app: &App, router: Router<Arc<App>>) -> Router<Arc<App>> {
    if !app.services.config.metrics.is_open {
        return router;
    }
    router.route(PATH, get(show_openly).fallback(async || Problem::method_not_allowed("GET, HEAD")))
}

/// Shows metrics to an administrator. They cover the whole server, so an administrator of some
/// owners is rejected.
async fn show_to_administrator(
    app: State<Arc<App>>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
) -> Result<MetricsText, Problem> {
    if principal.owners().is_some() {
        return Err(AdminError::Limited { what: "reading metrics" }.into());
    }
    show(&app, &headers)
}

/// Shows metrics without a token. On a loopback listener, `Host` is checked to prevent DNS
/// rebinding. A page in a browser can resolve its own name to loopback, but cannot forge `Host`.
async fn show_openly(app: State<Arc<App>>, headers: HeaderMap) -> Result<MetricsText, Problem> {
    let config = &app.services.config;
    if config.management_listen.ip().is_loopback() && !is_own_host(config, &headers) {
        return Err(Problem::unknown_host());
    }
    show(&app, &headers)
}

/// True if `Host` is a loopback address, `localhost` or the host of `management.url`. A missing
/// header is accepted, because browsers always send it.
fn is_own_host(config: &Config, headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(HOST).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return true,
        (Some(value), None) => value,
        (Some(_), Some(_)) => return false,
    };
    let Ok(authority) = Authority::try_from(value.as_bytes()) else { return false };
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        || host.eq_ignore_ascii_case("localhost")
        || config.configured_management_host().is_some_and(|own| host.eq_ignore_ascii_case(own))
}

fn show(app: &Arc<App>, headers: &HeaderMap) -> Result<MetricsText, Problem> {
    let accepted: Vec<_> =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let format = Format::accepted(&accepted.join(","));
    let mut scrape = app.scrape();
    let (_, report) = health::report(app);
    for state in HealthState::ALL {
        let is_it = usize::from(state == report.state());
        scrape.figures.add_by(&definitions::HEALTH, &[state.as_str()], is_it);
    }
    let text = app.metrics.render(scrape, format);
    let text = text.map_err(|_| Problem::internal("a metric cannot be written"))?;
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("accept"));
    Ok(MetricsText(response))
}
