//! The size of the database and the use of its connections.

use crate::store::{Pool, Store, StoreError, on_pool};

/// Numbers of connections in a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolFigures {
    /// The number of connections in use.
    pub busy: usize,
    /// The number of open connections that are not in use.
    pub idle: usize,
    /// The maximum number of connections.
    pub limit: usize,
}

impl Store {
    /// Returns the size of the database in bytes.
    pub async fn size(&self) -> Result<i64, StoreError> {
        const POSTGRES: &str = "SELECT pg_database_size(current_database())";
        const SQLITE: &str =
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        let sql = match self.pool {
            Pool::Postgres(_) => POSTGRES,
            Pool::Sqlite(_) => SQLITE,
        };
        on_pool!(self, |pool| { Ok(sqlx::query_scalar(sql).fetch_one(pool).await?) })
    }

    /// Returns the current use of the connections.
    pub fn pool_figures(&self) -> PoolFigures {
        let (open, idle, limit) = match &self.pool {
            Pool::Postgres(pool) => {
                (pool.size(), pool.num_idle(), pool.options().get_max_connections())
            }
            Pool::Sqlite(pool) => {
                (pool.size(), pool.num_idle(), pool.options().get_max_connections())
            }
        };
        let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
        PoolFigures { busy: count(open).saturating_sub(idle), idle, limit: count(limit) }
    }
}
