//! Several Postgres servers in `database.url`: a primary, which accepts writes, and its standbys.
//! All connections go to the primary, which changes after a failover.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::store::{Pool, Store, StoreError, with_timeout};

/// The servers of a URL, in its order.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Hosts(Arc<[PgConnectOptions]>);

/// The replication role of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Accepts writes.
    Primary,
    /// Follows the primary and is read-only.
    Standby,
}

impl Hosts {
    pub(super) fn new(options: Vec<PgConnectOptions>) -> Self {
        Self(options.into())
    }

    pub(super) fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// Returns the first server of the URL.
    pub(in crate::store) fn first(&self) -> Option<PgConnectOptions> {
        self.0.first().cloned()
    }

    /// Returns the primary, or else the first standby that responds.
    ///
    /// # Errors
    /// The error of the last server, if none responds.
    pub(super) async fn first_choice(
        &self,
        limit: Duration,
    ) -> Result<PgConnectOptions, StoreError> {
        let (mut standby, mut failure) = (None, None);
        for options in &*self.0 {
            match role(options, limit).await {
                Ok(Role::Primary) => return Ok(options.clone()),
                Ok(Role::Standby) => standby = standby.or(Some(options)),
                Err(error) => failure = Some(error),
            }
        }
        standby.cloned().ok_or_else(|| failure.unwrap_or(StoreError::Absent))
    }

    /// Returns the primary, if it responds.
    async fn primary(&self, limit: Duration) -> Option<&PgConnectOptions> {
        for options in &*self.0 {
            if matches!(role(options, limit).await, Ok(Role::Primary)) {
                return Some(options);
            }
        }
        None
    }
}

/// Returns the pool options. With several servers, a connection is reused only while its server is
/// the primary. This check replaces the usual ping.
pub(in crate::store) fn pool_options(hosts: &Hosts) -> PgPoolOptions {
    let options = PgPoolOptions::new();
    if !hosts.are_several() {
        return options;
    }
    options.test_before_acquire(false).before_acquire(|connection, _| {
        Box::pin(async move { Ok(role_of(connection).await? == Role::Primary) })
    })
}

impl Store {
    /// Directs new connections to the primary, if the URL has several servers and another one is
    /// now the primary. Returns the name of the new primary in that case.
    pub async fn follow_primary(&self, limit: Duration) -> Option<String> {
        let Pool::Postgres(pool) = &self.pool else { return None };
        if !self.hosts.are_several() {
            return None;
        }
        let primary = self.hosts.primary(limit).await?;
        let server = server(primary);
        if server == self::server(&pool.connect_options()) {
            return None;
        }
        pool.set_connect_options(primary.clone());
        Some(server)
    }

    pub(super) fn has_several_hosts(&self) -> bool {
        self.hosts.are_several()
    }
}

/// Returns the host and port of a server.
fn server(options: &PgConnectOptions) -> String {
    format!("{}:{}", options.get_host(), options.get_port())
}

/// Queries the role of a server over a single connection. A pool would retry until its timeout and
/// hide the actual error.
async fn role(options: &PgConnectOptions, limit: Duration) -> Result<Role, StoreError> {
    let asking = async {
        let options = options.clone().disable_statement_logging();
        let connected = PgConnection::connect_with(&options).await;
        let mut connection = connected.map_err(|error| match error {
            sqlx::Error::Io(problem) => {
                StoreError::Unreachable { server: server(&options), problem }
            }
            other => other.into(),
        })?;
        let role = role_of(&mut connection).await;
        Ok((connection, role?))
    };
    let (connection, role) = with_timeout(limit, asking).await?;
    // The role is known, so an error while closing does not matter.
    let _ = with_timeout(limit, async { Ok(connection.close().await?) }).await;
    Ok(role)
}

async fn role_of(connection: &mut PgConnection) -> Result<Role, sqlx::Error> {
    let query = sqlx::query_scalar("SELECT pg_is_in_recovery()");
    let is_standby: bool = query.fetch_one(connection).await?;
    Ok(if is_standby { Role::Standby } else { Role::Primary })
}

/// Creates the connection pool of a store for these servers.
pub(in crate::store) fn pool(
    hosts: &Hosts,
    first: PgConnectOptions,
    connections: u32,
    timeout: Duration,
) -> PgPool {
    pool_options(hosts)
        .max_connections(connections)
        .acquire_timeout(timeout)
        .idle_timeout(Duration::from_mins(5))
        .connect_lazy_with(first)
}
