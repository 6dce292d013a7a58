//! The admin API: all routes, with the scopes of `urn:tokend` that they require. Handlers parse the
//! request, call an operation of [`crate::admin`] and write the response.

mod apply;
mod audit;
mod audit_checkpoints;
mod audit_stream;
mod authentication;
mod challenge;
mod client_document;
mod client_json;
mod clients;
mod conditions;
mod delivery;
mod duplicate_member;
mod facts_json;
mod grant_json;
mod grant_requests;
mod grants;
mod guard;
mod idempotency;
mod import_stream;
mod imports;
mod in_process;
mod json;
mod keys;
mod layers;
mod leaks;
mod member;
mod metrics;
mod openapi;
mod owner_policies;
mod page;
mod problem;
#[cfg(test)]
mod problem_codes;
mod problem_places;
mod problem_status;
mod read_only;
mod rejections;
mod resource_json;
mod resource_metadata;
mod resources;
mod router;
mod secrets;
mod security_json;
mod serde_texts;
mod server;
mod signing_keys;
mod tokens;
mod trusts;
mod work_slot;

pub use crate::web::api::delivery::Delivery;
pub(super) use crate::web::api::guard::Access;
pub use crate::web::api::guard::FORCE_HEADER;
pub use crate::web::api::in_process::{InProcessAnswer, InProcessApi};
pub(super) use crate::web::api::keys::KeysInput;
pub(super) use crate::web::api::layers::{compression, timeout, with_layers};
pub(super) use crate::web::api::problem::Problem;
pub(super) use crate::web::api::tokens::issue_for;
pub(super) use crate::web::api::trusts::TrustInput;

use std::sync::Arc;

use axum::Router;

use crate::app::App;
use crate::model::admin_scope::AdminScope;
use crate::web::api::router::ApiRouter;

/// The scopes for an apply. One is enough, because every plan shows clients or resources.
const APPLY_SCOPES: [AdminScope; 4] = [
    AdminScope::ClientsRead,
    AdminScope::ResourcesRead,
    AdminScope::ResourcesWrite,
    AdminScope::ClientsWrite,
];

/// The scopes for an export, which shows clients and resources.
const EXPORT_SCOPES: [AdminScope; 2] = [AdminScope::ClientsRead, AdminScope::ResourcesRead];

/// Builds the routes of the admin API, metrics and health.
pub(super) fn routes(app: &Arc<App>, access: Access) -> Router<Arc<App>> {
    use AdminScope::{
        AdminsWrite, AuditRead, ClientsRead, GrantsWrite, Introspect, KeysRead, KeysWrite,
        ResourcesRead, ResourcesWrite, SecretsWrite, ServerRead, TokensIssue, TokensRevoke,
    };
    let mut api = ApiRouter::new(app, access);
    add_clients(&mut api);
    api.get_with_query("/v1/grant-requests", ClientsRead, grant_requests::list);
    api.post("/v1/grant-requests", GrantsWrite, grant_requests::create);
    api.get("/v1/grant-requests/{id}", ClientsRead, grant_requests::show);
    api.post("/v1/grant-requests/{id}/approve", GrantsWrite, grant_requests::approve);
    api.post("/v1/grant-requests/{id}/reject", GrantsWrite, grant_requests::reject);
    api.post("/v1/grant-requests/{id}/cancel", GrantsWrite, grant_requests::cancel);
    api.post_unstored("/v1/leaks", SecretsWrite, leaks::report);
    api.get_with_query("/v1/resources", ResourcesRead, resources::list);
    api.post("/v1/resources", ResourcesWrite, resources::create);
    api.get("/v1/resources/{id}", ResourcesRead, resources::show);
    api.put("/v1/resources/{id}", ResourcesWrite, resources::put);
    api.patch("/v1/resources/{id}", ResourcesWrite, resources::update);
    api.delete("/v1/resources/{id}", ResourcesWrite, resources::delete);
    api.get_with_query("/v1/owner-policies", ClientsRead, owner_policies::list);
    api.get("/v1/owner-policies/{owner}", ClientsRead, owner_policies::show);
    api.put("/v1/owner-policies/{owner}", AdminsWrite, owner_policies::put);
    api.delete("/v1/owner-policies/{owner}", AdminsWrite, owner_policies::delete);
    api.post_unstored("/v1/tokens", TokensIssue, tokens::issue);
    api.post_unstored("/v1/tokens/inspect", Introspect, tokens::inspect);
    api.post_unstored("/v1/tokens/verify", Introspect, tokens::verify);
    api.post("/v1/tokens/revoke", TokensRevoke, tokens::revoke);
    api.get("/v1/signing-keys", KeysRead, signing_keys::list);
    api.get("/v1/signing-keys/{kid}", KeysRead, signing_keys::show);
    api.post("/v1/signing-keys/rotate", KeysWrite, signing_keys::rotate);
    api.post("/v1/signing-keys/{kid}/retire", KeysWrite, signing_keys::retire);
    api.post("/v1/signing-keys/{kid}/revoke", KeysWrite, signing_keys::revoke);
    api.get_with_query("/v1/rejections", ClientsRead, rejections::list);
    api.get("/v1/rejections/{request_id}", ClientsRead, rejections::show);
    api.get_with_query("/v1/audit-events", AuditRead, audit::list);
    api.get_with_query("/v1/audit-events/verify", AuditRead, audit::verify);
    api.get_with_query("/v1/audit-checkpoints", AuditRead, audit_checkpoints::list);
    api.post_unstored("/v1/audit-checkpoints", KeysWrite, audit_checkpoints::create);
    api.get("/v1/audit-keys", AuditRead, audit_checkpoints::keys);
    api.get("/v1/server", ServerRead, server::show);
    api.post_apply(apply::APPLY_PATH, &APPLY_SCOPES, apply::apply);
    api.get_export("/v1/export", &EXPORT_SCOPES, apply::export);
    metrics::add(app, &mut api);
    api.list_open();
    metrics::open(app, api.into_router())
}

/// Adds the routes of clients and of their credentials and grants.
fn add_clients(api: &mut ApiRouter) {
    use AdminScope::{ClientsRead, ClientsWrite, GrantsWrite, SecretsWrite, TokensRevoke};
    api.get_with_query("/v1/clients", ClientsRead, clients::list);
    api.post("/v1/clients", ClientsWrite, clients::create);
    api.post_import("/v1/clients/import", ClientsWrite, imports::run);
    api.get("/v1/clients/{id}", ClientsRead, clients::show);
    api.put("/v1/clients/{id}", ClientsWrite, clients::put);
    api.patch("/v1/clients/{id}", ClientsWrite, clients::update);
    api.delete("/v1/clients/{id}", ClientsWrite, clients::delete);
    api.post("/v1/clients/{id}/disable", ClientsWrite, clients::disable);
    api.post("/v1/clients/{id}/enable", ClientsWrite, clients::enable);
    api.get_with_query("/v1/clients/{id}/secrets", ClientsRead, secrets::list);
    api.post("/v1/clients/{id}/secrets", SecretsWrite, secrets::create);
    api.post("/v1/clients/{id}/secrets/rotate", SecretsWrite, secrets::rotate);
    api.patch("/v1/clients/{id}/secrets/{secret}", SecretsWrite, secrets::update);
    api.delete("/v1/clients/{id}/secrets/{secret}", SecretsWrite, secrets::delete);
    api.get("/v1/clients/{id}/keys", ClientsRead, keys::list);
    api.post("/v1/clients/{id}/keys", SecretsWrite, keys::add);
    api.delete("/v1/clients/{id}/keys", SecretsWrite, keys::clear);
    api.delete("/v1/clients/{id}/keys/{key}", SecretsWrite, keys::delete);
    api.get("/v1/clients/{id}/trusts", ClientsRead, trusts::list);
    api.post("/v1/clients/{id}/trusts", SecretsWrite, trusts::create);
    api.post_unstored("/v1/clients/{id}/trusts/test", SecretsWrite, trusts::test);
    api.delete("/v1/clients/{id}/trusts/{trust}", SecretsWrite, trusts::delete);
    api.get("/v1/clients/{id}/grants", ClientsRead, grants::list);
    api.put("/v1/clients/{id}/grants/{resource}", GrantsWrite, grants::put);
    api.patch("/v1/clients/{id}/grants/{resource}", GrantsWrite, grants::update);
    api.delete("/v1/clients/{id}/grants/{resource}", GrantsWrite, grants::delete);
    api.post("/v1/clients/{id}/tokens/revoke", TokensRevoke, tokens::revoke_all);
    api.post_unstored("/v1/clients/{id}/token-preview", ClientsRead, tokens::preview);
}
