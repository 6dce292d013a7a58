//! The number of secrets that are hashed in parallel by an apply or an import, which may have
//! thousands.

use crate::admin::AdminError;
use crate::crypto::CryptoError;
use crate::secrets::hash_queue::in_turn;
use crate::services::Services;

/// The way in which hashing many secrets shares the processor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HashLoad {
    /// On all cores, for a command that does nothing else.
    #[default]
    AllCores,
    /// In the lanes for new secrets, for a server that also issues tokens.
    Lanes,
}

impl HashLoad {
    /// Returns the number of computations that should run or wait at the same time.
    pub(in crate::admin) fn width(self, services: &Services) -> usize {
        match self {
            Self::AllCores => std::thread::available_parallelism().map_or(1, usize::from),
            Self::Lanes => services.hasher.lanes(),
        }
    }

    /// Runs a computation off the async threads. In a lane it waits for its turn.
    pub(in crate::admin) async fn compute<T: Send + 'static>(
        self,
        services: &Services,
        hashing: impl FnOnce() -> Result<T, CryptoError> + Send + 'static,
    ) -> Result<T, AdminError> {
        let turn = match self {
            Self::AllCores => None,
            Self::Lanes => Some(services.hasher.turn_in_batch().await?),
        };
        Ok(in_turn(turn, hashing).await?)
    }
}
