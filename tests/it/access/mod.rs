//! Access: owners, teams, grants, resources and requirements of clients.

mod approved_claims;
mod attacks_of_teams;
mod grant_requests;
mod grants;
mod handovers;
mod networks;
mod owner_policies;
mod owners;
mod resources_and_scopes;
mod similar_resources;
mod static_claims;
mod team_matrix;
mod teams;
mod weaker_credentials;
