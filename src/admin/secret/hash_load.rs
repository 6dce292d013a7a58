//! How many secrets are hashed at once: for an apply or an import, which may have thousands of them.

use crate::admin::AdminError;
use crate::crypto::CryptoError;
use crate::secrets::hash_queue::in_turn;
use crate::services::Services;

/// How the hashes of many new secrets share the processor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HashLoad {
    /// On all cores: for a command, which does nothing else.
    #[default]
    AllCores,
    /// In the lanes of new secrets: for a server, which issues tokens at the same time.
    Lanes,
}

impl HashLoad {
    /// How many computations should run or wait at once.
    pub(in crate::admin) fn width(self, services: &Services) -> usize {
        match self {
            Self::AllCores => std::thread::available_parallelism().map_or(1, usize::from),
            Self::Lanes => services.hasher.lanes(),
        }
    }

    /// Runs a computation off the async threads: in a lane, when its turn has come.
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
