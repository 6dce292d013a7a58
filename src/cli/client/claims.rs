//! Options for static claims of `tokend client create`, `update` and `grant`.

use clap::Args;
use serde_json::{Map, Value};

use crate::admin::{AdminError, ObjectKind};
use crate::cli::error::CliError;
use crate::cli::remedies::command::ArgumentRemedy;
use crate::model::static_claims::StaticClaims;

#[derive(Debug, Args)]
pub(in crate::cli) struct NewClaimsArgs {
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
    /// Parses the claims of a new client.
    pub(in crate::cli) fn claims(&self) -> Result<StaticClaims, CliError> {
        parse(&self.claims)
    }
}

impl ClaimsArgs {
    /// True if an option changes claims.
    pub(in crate::cli) fn is_given(&self) -> bool {
        !self.claims.is_empty() || !self.removed.is_empty()
    }

    /// Returns the merge patch of the options, in which `null` removes a claim; `None` if no option
    /// is given. `present` are the current claims; `None` if they are unknown.
    ///
    /// # Errors
    /// Not found, if a claim to remove does not exist.
    pub(in crate::cli) fn patch(
        &self,
        present: Option<&Map<String, Value>>,
    ) -> Result<Option<Value>, CliError> {
        if !self.is_given() {
            return Ok(None);
        }
        let mut patch = Map::new();
        for (name, value) in parse(&self.claims)?.iter() {
            if self.removed.iter().any(|gone| gone == name) {
                return Err(CliError::usage(format!("claim '{name}' is set and removed"))
                    .with_remedy(ArgumentRemedy::LeaveOneOut));
            }
            let was = present.and_then(|claims| claims.get(name));
            patch.insert(name.to_owned(), replacement(was, value));
        }
        for name in &self.removed {
            if present.is_some_and(|claims| !claims.contains_key(name)) {
                return Err(AdminError::not_found(ObjectKind::Claim, name).into());
            }
            patch.insert(name.clone(), Value::Null);
        }
        Ok(Some(Value::Object(patch)))
    }
}

/// Returns the merge patch (RFC 7396) that replaces a value. A plain patch would merge objects
/// instead.
fn replacement(was: Option<&Value>, is: &Value) -> Value {
    let (Some(Value::Object(was)), Value::Object(is)) = (was, is) else { return is.clone() };
    let gone = was.keys().filter(|name| !is.contains_key(*name));
    let gone = gone.map(|name| (name.clone(), Value::Null));
    let new = is.iter().map(|(name, value)| (name.clone(), replacement(was.get(name), value)));
    Value::Object(gone.chain(new).collect())
}

fn parse(pairs: &[String]) -> Result<StaticClaims, CliError> {
    let claims = StaticClaims::parse_pairs(pairs.iter().map(String::as_str));
    Ok(claims.map_err(AdminError::from)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_replaced_and_not_merged() {
        for (was, is, patch) in [
            (json!(1), json!({ "a": 1 }), json!({ "a": 1 })),
            (json!({ "a": 1 }), json!([1]), json!([1])),
            (json!({ "a": 1, "b": 2 }), json!({ "b": 3 }), json!({ "a": null, "b": 3 })),
            (
                json!({ "a": { "b": 1, "c": 2 } }),
                json!({ "a": { "c": 3 } }),
                json!({ "a": { "b": null, "c": 3 } }),
            ),
        ] {
            assert_eq!(replacement(Some(&was), &is), patch, "{was} {is}");
        }
        assert_eq!(replacement(None, &json!({ "a": 1 })), json!({ "a": 1 }));
    }
}
