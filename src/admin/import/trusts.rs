//! The member `trusts` of an import line.

use std::collections::BTreeMap;

use crate::admin::import::keys::keys;
use crate::admin::import::object::{Given, Object};
use crate::admin::import::problems::Problems;
use crate::admin::trust::NewTrust;
use crate::model::Malformed;
use crate::model::claim_pattern::Pattern;
use crate::model::trust::{ExternalIssuer, FederatedCredential};

/// Parses the member and reports every problem. Returns `None` if the line does not have it.
pub(super) fn parse(object: &Object<'_>, problems: &mut Problems) -> Option<Vec<NewTrust>> {
    let trusts =
        object.objects("trusts", FederatedCredential::MAX_PER_CLIENT, problems)?.into_iter();
    let trusts = trusts.filter_map(|trust| {
        let issuer = trust.parsed("issuer", ExternalIssuer::parse, problems);
        let keys = keys(&trust, problems).and_then(Given::into_value);
        let audience = trust.parsed("audience", audience, problems);
        let mut conditions = BTreeMap::new();
        for (claim, text) in trust.texts("conditions", problems).unwrap_or_default() {
            let place = format!("conditions.{claim}");
            if let Some(pattern) = trust.noted(&place, Pattern::parse(&claim, &text), problems) {
                conditions.insert(claim, pattern);
            }
        }
        Some(NewTrust { issuer: issuer?, keys, audience, conditions })
    });
    Some(trusts.collect())
}

/// Parses the audience of a trust: 1 to 500 characters, without control characters.
fn audience(text: &str) -> Result<String, Malformed> {
    if text.is_empty() || text.chars().count() > 500 || text.chars().any(char::is_control) {
        return Err(Malformed::because(
            "an audience has 1 to 500 characters, none of them a control character",
        ));
    }
    Ok(text.to_owned())
}
