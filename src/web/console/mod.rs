//! The console: pages for people on the management listener. A handler reads the request, calls the
//! verbs of [`crate::admin`] with the signed-in principal, and fills a template. No rule is here.
//!
//! `gate` lets a request through: its session, its rights, and that its form is one of the console.

mod audit;
mod audit_export;
mod client;
mod client_access;
mod client_activity;
mod client_changes;
mod client_credentials;
mod client_deletion;
mod client_edit;
mod client_grants;
mod client_keys;
mod client_trusts;
mod client_try;
mod clients;
mod create_client;
mod edited;
mod grant_requests;
mod new_secret;
mod overview;
mod page_parts;
mod rejections;
mod resource;
mod resource_deletion;
mod resource_edit;
mod resources;
mod security;
mod settings;
mod sign_in;
mod signing_key_changes;
mod signing_keys;
mod snippets;
mod traffic;
mod trust_kinds;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::{any, get, post};

use crate::app::App;
use crate::web::management;

/// The routes of the console.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let signed_in = signed_in().layer(from_fn_with_state(app.clone(), sign_in::gate::signed_in));
    Router::new()
        .route("/console", any(async || Redirect::to("/console/")))
        .route("/console/sign-in", get(sign_in::form::page))
        .route("/console/sign-in/link", post(sign_in::form::by_link))
        .route("/console/sign-in/client", post(sign_in::form::by_client))
        .route("/console/sign-in/oidc", get(sign_in::oidc::begin))
        .route(sign_in::oidc::CALLBACK_PATH, get(sign_in::oidc::callback))
        .method_not_allowed_fallback(page_parts::answer::other_method)
        .merge(signed_in)
        .layer(from_fn_with_state(app.clone(), sign_in::gate::guard))
        .layer(management::timeout())
        .merge(page_parts::assets::routes())
}

/// The pages of a session. Lists are compressed. Another site learns nothing from their length:
/// it cannot load them with a session, whose cookie is `SameSite=Strict`.
fn signed_in() -> Router<Arc<App>> {
    Router::new()
        .route("/console/", get(overview::page))
        .merge(clients())
        .route("/console/resources", get(resources::page).layer(management::compression()))
        .route("/console/resources/new", get(resources::form).post(resources::create))
        .route("/console/resources/{id}", get(resource::one))
        .route("/console/resources/{id}/edit", get(resource_edit::page).post(resource_edit::save))
        .route(
            "/console/resources/{id}/delete",
            get(resource_deletion::page).post(resource_deletion::delete),
        )
        .route("/console/grant-requests", get(grant_requests::page))
        .route("/console/grant-requests/{id}/decision", post(grant_requests::decide))
        .route("/console/signing-keys", get(signing_keys::page))
        .route("/console/signing-keys/rotate", post(signing_key_changes::rotate))
        .route("/console/signing-keys/{kid}/retire", post(signing_key_changes::retire))
        .route("/console/signing-keys/{kid}/revoke", post(signing_key_changes::revoke))
        .route("/console/rejections", get(rejections::page).layer(management::compression()))
        .route("/console/rejections/{id}", get(rejections::one))
        .route("/console/audit", get(audit::page).layer(management::compression()))
        .route("/console/audit/export", get(audit_export::file))
        .route("/console/settings", get(settings::page))
        .route("/console/sessions", get(sign_in::sessions::page))
        .route("/console/sessions/{id}/end", post(sign_in::sessions::end))
        .route("/console/theme", post(sign_in::sessions::set_theme))
        .route("/console/sign-out", post(sign_in::sessions::sign_out))
        .route("/console/{*rest}", any(page_parts::answer::not_found))
        .method_not_allowed_fallback(page_parts::answer::other_method)
}

/// The pages of clients.
fn clients() -> Router<Arc<App>> {
    let one = Router::new()
        .route("/", get(client::overview))
        .route("/edit", get(client_edit::page).post(client_edit::save))
        .route("/delete", get(client_deletion::page).post(client_deletion::delete))
        .route("/state", post(client_changes::set_state))
        .route("/tokens/revoke", post(client_deletion::revoke_tokens))
        .route("/credentials", get(client_credentials::page))
        .route("/rotate", post(client_changes::rotate))
        .route("/secrets", post(client_changes::add_secret))
        .route("/secrets/{secret}/end", post(client_changes::end_secret))
        .route("/secrets/{secret}/use", get(new_secret::usage))
        .route("/keys/new", get(client_keys::page).post(client_keys::add))
        .route("/keys/remove", post(client_keys::remove))
        .route("/certificate", post(client_keys::set_certificate))
        .route("/trusts/new", get(client_trusts::page).post(client_trusts::add))
        .route("/trusts/{trust}/remove", post(client_trusts::remove))
        .route("/access", get(client_access::page))
        .route("/access/grant", post(client_grants::put))
        .route("/access/remove", post(client_grants::remove))
        .route("/access/request", post(client_grants::request))
        .route("/try", get(client_try::page))
        .route("/test-token", post(client_try::issue))
        .route("/activity", get(client_activity::rejections))
        .route("/audit", get(client_activity::changes).layer(management::compression()));
    Router::new()
        .route("/console/clients", get(clients::page).layer(management::compression()))
        .route("/console/clients/new", get(create_client::page).post(create_client::create))
        .nest("/console/clients/{id}", one)
}
