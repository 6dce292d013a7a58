//! Members that only the server writes. A body may repeat their current values, so a response can
//! be sent back as a request.

use serde_json::Value;

use crate::web::api::Problem;
use crate::web::api::member::Member;

#[derive(Debug, Default)]
pub(super) struct ReadOnlyMembers(Vec<(&'static str, Value)>);

impl ReadOnlyMembers {
    /// Adds a member, unless it is absent.
    pub(super) fn add(&mut self, name: &'static str, member: Member<Value>) {
        match member {
            Member::Absent => {}
            Member::Null => self.0.push((name, Value::Null)),
            Member::Value(value) => self.0.push((name, value)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Rejects a member that differs from the object; `null` matches an absent value.
    ///
    /// # Errors
    /// 422 with the JSON pointer of the member.
    pub(super) fn check(&self, present: &Value) -> Result<(), Problem> {
        let value_of = |name: &str| present.get(name).unwrap_or(&Value::Null);
        let Some((name, given)) = self.0.iter().find(|(name, given)| given != value_of(name))
        else {
            return Ok(());
        };
        let text = match value_of(name) {
            Value::Null => format!("{name} is read-only: {given} is given; leave it out"),
            is => format!("{name} is read-only: {given} is given, and it is {is}; leave it out"),
        };
        Err(Problem::member(format!("/{name}"), text))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_read_only_member_may_repeat_its_current_value() {
        let present = json!({ "created_at": "2026-01-01T00:00:00Z", "jwks": { "keys": [] } });
        for (name, member, is_accepted) in [
            ("created_at", Member::Value(json!("2026-01-01T00:00:00Z")), true),
            ("created_at", Member::Value(json!("2027-01-01T00:00:00Z")), false),
            ("created_at", Member::Null, false),
            ("jwks", Member::Value(json!({ "keys": [] })), true),
            ("jwks_uri", Member::Null, true),
            ("jwks_uri", Member::Value(json!("https://a.example")), false),
            ("jwks_uri", Member::Absent, true),
        ] {
            let mut members = ReadOnlyMembers::default();
            members.add(name, member);
            assert_eq!(members.check(&present).is_ok(), is_accepted, "{members:?}");
        }
    }
}
