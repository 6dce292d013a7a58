//! Wakes followers immediately after a change, if the engine supports it.
//!
//! A notification only wakes the follower, which then reads the events. Followers also poll, so a
//! lost notification only delays a change.

use sqlx::postgres::PgListener;

use crate::store::write_transaction::CHANNEL;
use crate::store::{Pool, Store, StoreError, instances, with_timeout};

/// A subscription to change notifications.
pub struct ChangeListener(Option<PgListener>);

impl Store {
    /// Connects a listener. With SQLite it never receives a notification.
    pub async fn change_listener(&self) -> Result<ChangeListener, StoreError> {
        self.require_open()?;
        match &self.pool {
            Pool::Postgres(pool) => {
                let listen = async {
                    let mut listener = PgListener::connect_with(pool).await?;
                    listener.listen(CHANNEL).await?;
                    instances::register(&mut listener).await?;
                    Ok(ChangeListener(Some(listener)))
                };
                with_timeout(self.timeout, listen).await
            }
            Pool::Sqlite(_) => Ok(ChangeListener(None)),
        }
    }
}

impl ChangeListener {
    /// Waits for a notification. Returns an error if the connection is lost.
    pub async fn notified(&mut self) -> Result<(), StoreError> {
        match &mut self.0 {
            Some(listener) => match listener.try_recv().await? {
                Some(_) => Ok(()),
                None => Err(StoreError::Failed(sqlx::Error::WorkerCrashed)),
            },
            None => std::future::pending().await,
        }
    }
}
