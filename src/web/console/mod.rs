//! The console: pages for people on the management listener. A handler reads the request, calls the
//! verbs of [`crate::admin`] with the signed-in principal, and fills a template. No rule is here.
//!
//! `gate` lets a request through: its session, its rights, and that its form is one of ours.

mod answer;
mod assets;
mod audit;
mod chart;
mod client;
mod client_access;
mod client_activity;
mod client_changes;
mod client_credentials;
mod clients;
mod cookie;
mod create_client;
mod form;
mod frame;
mod gate;
mod grant_requests;
mod headers;
mod new_secret;
mod origin;
mod overview;
mod overview_rejections;
mod problems;
mod rejections;
mod remedies;
mod resources;
mod sessions;
mod settings;
mod shown;
mod sign_in;
mod signing_keys;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::{any, get, post};

use crate::app::App;
use crate::web::management;

/// The routes of the console.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let signed_in = signed_in().layer(from_fn_with_state(app.clone(), gate::signed_in));
    Router::new()
        .route("/console", any(async || Redirect::to("/console/")))
        .route("/console/sign-in", get(sign_in::page))
        .route("/console/sign-in/link", post(sign_in::by_link))
        .route("/console/sign-in/client", post(sign_in::by_client))
        .merge(signed_in)
        .layer(from_fn_with_state(app.clone(), gate::guard))
        .layer(management::timeout())
        .merge(assets::routes())
}

/// The pages of a session.
fn signed_in() -> Router<Arc<App>> {
    Router::new()
        .route("/console/", get(overview::page))
        .route("/console/clients", get(clients::page))
        .route("/console/clients/new", get(create_client::page).post(create_client::create))
        .route("/console/clients/{id}", get(client::overview))
        .route("/console/clients/{id}/credentials", get(client_credentials::page))
        .route("/console/clients/{id}/access", get(client_access::page))
        .route("/console/clients/{id}/activity", get(client_activity::rejections))
        .route("/console/clients/{id}/audit", get(client_activity::changes))
        .route("/console/clients/{id}/state", post(client_changes::set_state))
        .route("/console/clients/{id}/rotate", post(client_changes::rotate))
        .route("/console/clients/{id}/secrets/{secret}/end", post(client_changes::end_secret))
        .route("/console/clients/{id}/secrets/{secret}/use", get(new_secret::usage))
        .route("/console/resources", get(resources::page))
        .route("/console/resources/new", get(resources::form).post(resources::create))
        .route("/console/resources/{id}", get(resources::one))
        .route("/console/grant-requests", get(grant_requests::page))
        .route("/console/grant-requests/{id}/decision", post(grant_requests::decide))
        .route("/console/signing-keys", get(signing_keys::page))
        .route("/console/rejections", get(rejections::page))
        .route("/console/rejections/{id}", get(rejections::one))
        .route("/console/audit", get(audit::page))
        .route("/console/settings", get(settings::page))
        .route("/console/sessions", get(sessions::page))
        .route("/console/sessions/{id}/end", post(sessions::end))
        .route("/console/theme", post(sessions::set_theme))
        .route("/console/sign-out", post(sessions::sign_out))
        .route("/console/{*rest}", any(answer::not_found))
}
