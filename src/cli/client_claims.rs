//! Static claims as options of `tokend client create`, `update` and `grant`.

use clap::Args;
use serde_json::{Map, Value};

use crate::admin::AdminError;
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
    /// The merge patch that the options ask for, if there is one: `null` removes a claim.
    pub(super) fn patch(&self) -> Result<Option<Value>, CliError> {
        if self.claims.is_empty() && self.removed.is_empty() {
            return Ok(None);
        }
        let mut patch = Map::new();
        for (name, value) in parse(&self.claims)?.iter() {
            if self.removed.iter().any(|gone| gone == name) {
                return Err(CliError::usage(format!("claim '{name}' is set and removed"))
                    .with_remedy(ArgumentRemedy::LeaveOneOut));
            }
            patch.insert(name.to_owned(), value.clone());
        }
        patch.extend(self.removed.iter().map(|name| (name.clone(), Value::Null)));
        Ok(Some(Value::Object(patch)))
    }
}

fn parse(pairs: &[String]) -> Result<StaticClaims, CliError> {
    let claims = StaticClaims::parse_pairs(pairs.iter().map(String::as_str));
    Ok(claims.map_err(AdminError::from)?)
}
