//! `/v1/server`: version, settings and health of this instance.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::model::signing_key::Algorithm;
use crate::model::time::Timestamp;
use crate::store::schema;
use crate::web::api::Problem;
use crate::web::api::json::{Output, ok};
use crate::web::health::{self, Report};

/// Information about this server.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Server)]
pub(super) struct ServerJson {
    /// The version of the program.
    #[schema(examples("1.0.0"))]
    version: &'static str,
    /// The issuer of tokens.
    #[schema(examples("https://auth.example.com"))]
    issuer: String,
    /// The id of this instance, new at each start.
    #[schema(examples("ins_4nbfJZ1C0eGJ3Yc2"))]
    instance: String,
    /// `sqlite` or `postgres`.
    #[schema(examples("postgres"))]
    database: &'static str,
    /// The version of the schema that this program writes.
    #[schema(examples(21))]
    schema: i64,
    /// The sequence of the last event that this instance has applied.
    #[schema(examples(41))]
    sequence: i64,
    /// The time of this instance.
    now: Timestamp,
    /// The result of the readiness check.
    health: Report,
    /// The settings that limit a change.
    settings: SettingsJson,
}

/// The settings that limit a change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServerSettings)]
struct SettingsJson {
    /// The lifetime of tokens if neither the client nor the resource sets it.
    #[schema(examples(3600))]
    token_ttl_seconds: i64,
    /// The maximum lifetime of a token.
    #[schema(examples(86400))]
    token_ttl_max_seconds: i64,
    /// The algorithm of tokens, if the resource has none.
    signing_alg: Algorithm,
    /// The maximum number of valid secrets of a client.
    #[schema(examples(5))]
    secrets_max_per_client: usize,
    /// How long tokens are issued from memory while the database is unavailable.
    #[schema(examples(86400))]
    directory_max_staleness_seconds: i64,
}

pub(super) async fn show(State(app): State<Arc<App>>) -> Result<Output<ServerJson>, Problem> {
    let config = &app.services.config;
    let (_, health) = health::report(&app);
    Ok(ok(ServerJson {
        version: env!("CARGO_PKG_VERSION"),
        issuer: app.issuer.as_str().to_owned(),
        instance: app.services.instance.clone(),
        database: config.database.location.engine(),
        schema: schema::NEWEST,
        sequence: app.directory.published_sequence(),
        now: app.services.clock.now(),
        health,
        settings: SettingsJson {
            token_ttl_seconds: config.token.lifetime.seconds(),
            token_ttl_max_seconds: config.token.lifetime_max.seconds(),
            signing_alg: config.token.algorithm,
            secrets_max_per_client: config.secrets.max_per_client,
            directory_max_staleness_seconds: config.directory.max_staleness.seconds(),
        },
    }))
}
