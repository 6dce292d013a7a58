//! Notifies a follower of changes immediately, where the engine can.
//!
//! A notification only wakes the follower, which reads the events. A lost one delays a change and
//! never loses it: the follower also polls.

use sqlx::postgres::PgListener;

use crate::store::write_transaction::CHANNEL;
use crate::store::{Pool, Store, StoreError, instances, with_timeout};

/// A wait for the next change.
pub struct ChangeListener(Option<PgListener>);

impl Store {
    /// Connects a listener. With SQLite it never reports.
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
    /// Waits for a notification; `Err` if the connection is lost.
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
