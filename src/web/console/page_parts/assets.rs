//! The stylesheet, the script and the icons. File names contain a digest of the content, so
//! browsers may cache them forever.

use std::sync::{Arc, LazyLock};

use askama::Template;
use askama::filters::HtmlSafe;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;

use crate::app::App;
use crate::crypto::digest;
use crate::web::api;

/// The number of digest characters in a name.
const DIGEST_CHARS: usize = 16;

struct Asset {
    path: String,
    kind: &'static str,
    text: &'static str,
}

static ASSETS: LazyLock<[Asset; 4]> = LazyLock::new(|| {
    [
        asset(
            "console",
            "css",
            "text/css",
            include_str!("../../../../templates/console/assets/console.css"),
        ),
        asset(
            "console",
            "js",
            "text/javascript",
            include_str!("../../../../templates/console/assets/console.js"),
        ),
        asset(
            "icons",
            "svg",
            "image/svg+xml",
            include_str!("../../../../templates/console/assets/icons.svg"),
        ),
        asset(
            "mark",
            "svg",
            "image/svg+xml",
            include_str!("../../../../templates/console/assets/mark.svg"),
        ),
    ]
});

fn asset(name: &str, extension: &str, kind: &'static str, text: &'static str) -> Asset {
    let digest: String = digest::of_bytes(text.as_bytes()).chars().take(DIGEST_CHARS).collect();
    Asset { path: format!("/console/assets/{name}-{digest}.{extension}"), kind, text }
}

pub(in crate::web::console) fn stylesheet() -> &'static str {
    &ASSETS[0].path
}

pub(in crate::web::console) fn script() -> &'static str {
    &ASSETS[1].path
}

/// Returns the path of the tokend logo.
pub(in crate::web::console) fn mark() -> &'static str {
    &ASSETS[3].path
}

/// An icon of the sprite. It is decorative, because the text next to it has the same meaning.
#[derive(Template)]
#[template(path = "console/page_parts/icon.html")]
pub(in crate::web::console) struct Icon {
    sprite: &'static str,
    name: &'static str,
}

// The template escapes each value.
impl HtmlSafe for Icon {}

impl Icon {
    pub(in crate::web::console) fn new(name: &'static str) -> Self {
        Self { sprite: &ASSETS[2].path, name }
    }
}

pub(in crate::web::console) fn routes() -> Router<Arc<App>> {
    let route = get(show).layer(api::compression());
    Router::new().route("/console/assets/{name}", route)
}

/// Serves a file of the list by its full name. A request path never reaches the file system.
async fn show(Path(name): Path<String>) -> Response {
    const HEADERS: [(HeaderName, &str); 4] = [
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (axum::http::header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ];
    let found = ASSETS.iter().find(|asset| asset.path.rsplit('/').next() == Some(&name));
    let Some(found) = found else {
        let mut response = Response::new(Body::from("not found\n"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let mut response = Response::new(Body::from(found.text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(found.kind));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asset_paths_are_unique_and_assets_refer_to_no_other_host() {
        let paths: std::collections::BTreeSet<_> = ASSETS.iter().map(|asset| &asset.path).collect();
        assert_eq!(paths.len(), ASSETS.len());
        for asset in ASSETS.iter() {
            assert!(!asset.text.contains("http://") || asset.kind == "image/svg+xml");
            assert!(!asset.text.contains("https://"), "{}", asset.path);
        }
    }
}
