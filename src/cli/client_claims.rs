//! Static claims as options of `tokend client create`, `update` and `grant`.

use clap::Args;

use crate::admin::AdminError;
use crate::admin::claims::ClaimsChange;
use crate::cli::error::CliError;
use crate::cli::remedies::command::ArgumentRemedy;
use crate::model::static_claims::StaticClaims;

#[derive(Debug, Args)]
pub(super) struct NewClaimsArgs {
    /// A claim of each of its tokens, such as tenant=acme or limit=5; a value that is
    /// JSON has its JSON type, any other value is a string; may be repeated
    #[arg(long = "claim", value_name = "NAME=VALUE")]
    claims: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct ClaimsArgs {
    /// Add or replace a claim of its tokens, such as tenant=acme or limit=5; a value
    /// that is JSON has its JSON type, any other value is a string; may be repeated
    #[arg(long = "claim", value_name = "NAME=VALUE")]
    claims: Vec<String>,
    /// Remove a claim of its tokens; may be repeated
    #[arg(long = "remove-claim", visible_alias = "no-claim", value_name = "NAME")]
    removed: Vec<String>,
}

impl NewClaimsArgs {
    /// The claims of a new client.
    pub(super) fn claims(&self) -> Result<StaticClaims, CliError> {
        parse(&self.claims)
    }
}

impl ClaimsArgs {
    /// The change that the options ask for, if there is one.
    pub(super) fn change(&self) -> Result<Option<ClaimsChange>, CliError> {
        if self.claims.is_empty() && self.removed.is_empty() {
            return Ok(None);
        }
        let set = parse(&self.claims)?;
        if let Some((name, _)) =
            set.iter().find(|(name, _)| self.removed.iter().any(|gone| gone == name))
        {
            return Err(CliError::usage(format!("claim '{name}' is set and removed"))
                .with_remedy(ArgumentRemedy::LeaveOneOut));
        }
        Ok(Some(ClaimsChange::Edit { set, remove: self.removed.clone() }))
    }
}

fn parse(pairs: &[String]) -> Result<StaticClaims, CliError> {
    let claims = StaticClaims::parse_pairs(pairs.iter().map(String::as_str));
    Ok(claims.map_err(AdminError::from)?)
}
