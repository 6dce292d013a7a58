//! Notifies a follower of changes immediately, where the engine can.
//!
//! It only ever wakes; what has changed is read from the events. So a lost bell costs time, never
//! a change: the follower also looks by itself.

use sqlx::postgres::PgListener;

use crate::store::write_transaction::CHANNEL;
use crate::store::{Pool, Store, StoreError, instances, with_timeout};

/// A wait for the next change.
pub struct ChangeListener(Option<PgListener>);

impl Store {
    /// Hangs up a bell. On SQLite it never rings.
    pub async fn change_listener(&self) -> Result<ChangeListener, StoreError> {
        match &self.pool {
            Pool::Postgres(pool) => {
                let listen = async {
                    let mut listener = PgListener::connect_with(pool).await?;
                    listener.listen(CHANNEL).await?;
                    instances::sign_in(&mut listener).await?;
                    Ok(ChangeListener(Some(listener)))
                };
                with_timeout(self.timeout, listen).await
            }
            Pool::Sqlite(_) => Ok(ChangeListener(None)),
        }
    }
}

impl ChangeListener {
    /// Waits until the bell rings, or until its connection is lost (`Err`).
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
