//! The console: pages for people on the management listener. A handler parses the request, calls
//! the operations of [`crate::admin`] with the signed-in principal, and renders a template. The
//! console itself has no authorization or business rules.
//!
//! `sign_in::gate` checks each request: the session, its current rights, and the origin of forms.

mod audit;
mod clients;
mod grant_requests;
mod overview;
mod page_parts;
mod rejections;
mod resources;
mod security;
mod settings;
mod sign_in;
mod signing_keys;
mod snippets;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::any;

use crate::app::App;
use crate::web::api;
use crate::web::erased_handler::{get, post};

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
        .layer(api::timeout())
        .merge(page_parts::assets::routes())
}

/// The pages that need a session. Lists are compressed. The length of a page tells other sites
/// nothing: the session cookie is `SameSite=Strict`, so their requests have no session.
fn signed_in() -> Router<Arc<App>> {
    Router::new()
        .route("/console/", get(overview::page::page))
        .merge(clients())
        .route("/console/resources", get(resources::list::page).layer(api::compression()))
        .route(
            "/console/resources/new",
            get(resources::list::form).merge(post(resources::list::create)),
        )
        .route("/console/resources/{id}", get(resources::detail::one))
        .route(
            "/console/resources/{id}/edit",
            get(resources::edit::page).merge(post(resources::edit::save)),
        )
        .route(
            "/console/resources/{id}/delete",
            get(resources::deletion::page).merge(post(resources::deletion::delete)),
        )
        .route("/console/grant-requests", get(grant_requests::page))
        .route("/console/grant-requests/{id}/decision", post(grant_requests::decide))
        .route("/console/signing-keys", get(signing_keys::list::page))
        .route("/console/signing-keys/rotate", post(signing_keys::changes::rotate))
        .route("/console/signing-keys/{kid}/retire", post(signing_keys::changes::retire))
        .route("/console/signing-keys/{kid}/revoke", post(signing_keys::changes::revoke))
        .route("/console/rejections", get(rejections::page).layer(api::compression()))
        .route("/console/rejections/{id}", get(rejections::one))
        .route("/console/audit", get(audit::list::page).layer(api::compression()))
        .route("/console/audit/export", get(audit::export::file))
        .route("/console/settings", get(settings::page))
        .route("/console/sessions", get(sign_in::sessions::page))
        .route("/console/sessions/{id}/end", post(sign_in::sessions::end))
        .route("/console/theme", post(sign_in::sessions::set_theme))
        .route("/console/sign-out", post(sign_in::sessions::sign_out))
        .route("/console/{*rest}", any(page_parts::answer::not_found))
        .method_not_allowed_fallback(page_parts::answer::other_method)
}

fn clients() -> Router<Arc<App>> {
    let one = Router::new()
        .route("/", get(clients::detail::overview))
        .route("/edit", get(clients::edit::page).merge(post(clients::edit::save)))
        .route("/delete", get(clients::deletion::page).merge(post(clients::deletion::delete)))
        .route("/state", post(clients::changes::set_state))
        .route("/tokens/revoke", post(clients::deletion::revoke_tokens))
        .route("/credentials", get(clients::credentials::page))
        .route("/rotate", post(clients::changes::rotate))
        .route("/secrets", post(clients::changes::add_secret))
        .route("/secrets/{secret}/end", post(clients::changes::end_secret))
        .route("/secrets/{secret}/use", get(clients::new_secret::usage))
        .route("/keys/new", get(clients::keys::page).merge(post(clients::keys::add)))
        .route("/keys/remove", post(clients::keys::remove))
        .route("/certificate", post(clients::keys::set_certificate))
        .route("/trusts/new", get(clients::trusts::page).merge(post(clients::trusts::add)))
        .route("/trusts/{trust}/remove", post(clients::trusts::remove))
        .route("/access", get(clients::access::page))
        .route("/access/grant", post(clients::grants::put))
        .route("/access/remove", post(clients::grants::remove))
        .route("/access/request", post(clients::grants::request))
        .route("/try", get(clients::try_it::page))
        .route("/test-token", post(clients::try_it::issue))
        .route("/activity", get(clients::activity::rejections))
        .route("/audit", get(clients::activity::changes).layer(api::compression()));
    Router::new()
        .route("/console/clients", get(clients::list::page).layer(api::compression()))
        .route(
            "/console/clients/new",
            get(clients::create::page).merge(post(clients::create::create)),
        )
        .nest("/console/clients/{id}", one)
}
