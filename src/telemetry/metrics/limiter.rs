//! The limits that a request can exceed: the label `limiter`.

use crate::model::reason_code::ReasonCode;
use crate::telemetry::metrics::label::label;

label! {
    /// A limit that a request can exceed.
    pub enum Limiter {
        /// The token rate of a client.
        TokensPerClient = "tokens_per_client",
        /// The rate of assertions of a client.
        AssertionsPerClient = "assertions_per_client",
        /// The rate of revocations of a client.
        RevocationsPerClient = "revocations_per_client",
        /// The number of revoked tokens of a client that have not expired.
        LiveRevocationsPerClient = "live_revocations_per_client",
        /// The guesses of imported secrets.
        Guesses = "guesses",
        /// The share of a client of the replay cache.
        ProofsPerClient = "proofs_per_client",
        /// The share of a client of the assertions that are accepted while the database is
        /// unavailable.
        AssertionsOfOutage = "assertions_of_outage",
        /// The limits of the admin API.
        AdminApi = "admin_api",
    }
}

impl Limiter {
    /// Returns the limit that a rejection with this reason has exceeded, if any.
    pub fn of(reason: ReasonCode) -> Option<Self> {
        match reason {
            ReasonCode::TokenRate => Some(Self::TokensPerClient),
            ReasonCode::AssertionRate => Some(Self::AssertionsPerClient),
            ReasonCode::RevocationRate => Some(Self::RevocationsPerClient),
            ReasonCode::RevocationLimit => Some(Self::LiveRevocationsPerClient),
            ReasonCode::GuessLimit => Some(Self::Guesses),
            ReasonCode::ProofLimit => Some(Self::ProofsPerClient),
            ReasonCode::AssertionShareUsed => Some(Self::AssertionsOfOutage),
            _ => None,
        }
    }
}
