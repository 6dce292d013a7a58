//! Merge patches of static claims (RFC 7396), which change only the named claims.

use serde_json::{Map, Value};

use crate::model::static_claims::{ClaimsError, Nulls, StaticClaims, shown, value};
use crate::text::raw_members::RawMembers;

/// Claims to set, and `null` for claims to remove. An object is merged into the existing object;
/// any other value replaces the existing one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimsPatch(Map<String, Value>);

impl ClaimsPatch {
    /// Parses a patch.
    ///
    /// # Errors
    /// A [`ClaimsError`] for the first violated rule. Names are checked when the patch is applied.
    pub fn parse(json: &str) -> Result<Self, ClaimsError> {
        if json.len() > StaticClaims::MAX_TEXT_BYTES {
            return Err(ClaimsError::Bytes(json.len()));
        }
        let members = serde_json::from_str::<RawMembers<'_>>(json)
            .map_err(|error| ClaimsError::NotAnObject(error.to_string()))?;
        let mut patch = Map::new();
        for (name, raw) in members.0 {
            let new = value(&shown(&name), raw.get(), 0, Nulls::Remove)?;
            if patch.insert(name.clone(), new).is_some() {
                let name = shown(&name);
                return Err(ClaimsError::Duplicate { claim: name.clone(), member: name });
            }
        }
        Ok(Self(patch))
    }
}

impl StaticClaims {
    /// Applies a patch and returns the resulting claims.
    ///
    /// # Errors
    /// [`ClaimsError::Name`] or [`ClaimsError::Reserved`] for a name that the patch sets.
    pub fn patched(&self, patch: &ClaimsPatch) -> Result<Self, ClaimsError> {
        let mut claims = self.clone();
        for (name, change) in &patch.0 {
            let was = claims.0.remove(name.as_str());
            if !change.is_null() {
                claims.insert(name, merged(was.unwrap_or_default(), change))?;
            }
        }
        Ok(claims)
    }
}

/// Implements the algorithm of RFC 7396, section 2. The depth of a patch is limited.
fn merged(target: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut object = match target {
        Value::Object(object) => object,
        _ => Map::new(),
    };
    for (name, change) in patch {
        let was = object.remove(name);
        if !change.is_null() {
            object.insert(name.clone(), merged(was.unwrap_or_default(), change));
        }
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(was: &str, patch: &str) -> Result<String, ClaimsError> {
        let was = StaticClaims::parse(was).expect("claims");
        Ok(was.patched(&ClaimsPatch::parse(patch)?)?.json())
    }

    /// The test cases of RFC 7396, appendix A, that apply to claims.
    #[test]
    fn a_patch_changes_what_it_names() {
        for (was, patch, is) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"e":"x"}"#, r#"{"absent":null}"#, r#"{"e":"x"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            assert_eq!(patched(was, patch).as_deref(), Ok(is), "{was} {patch}");
        }
    }

    #[test]
    fn a_patch_keeps_the_rules_of_claims() {
        for patch in [
            r#"{"sub":"x"}"#,
            r#"{"a b":"x"}"#,
            r#"{"a":1.5}"#,
            r#"{"a":[null]}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1,"b":null}}"#,
            r#"["a"]"#,
            r#"{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}"#,
        ] {
            assert!(patched("{}", patch).is_err(), "{patch} was accepted");
        }
    }
}
