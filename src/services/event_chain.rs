//! The hash chain of events, which detects changed, removed and reordered rows.

use crate::crypto::digest;
use crate::model::event::Event;

/// Returns the hash of an event: SHA-256 over all its other fields, in base64url. The fields are
/// encoded as a JSON array, so that two different events never have the same encoding. An event
/// without owners has the shorter array that was used before schema 10.
pub fn hash(event: &Event) -> String {
    let mut fields = serde_json::json!([
        event.sequence,
        event.at.0,
        event.actor,
        event.action,
        event.subject,
        event.detail,
        event.previous_hash,
    ]);
    if let Some(fields) = fields.as_array_mut().filter(|_| !event.owners.is_empty()) {
        fields.push(serde_json::json!(event.owners.owner));
        fields.push(serde_json::json!(event.owners.other_owner));
    }
    digest::of_bytes(fields.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::EventOwners;
    use crate::model::owner::Owner;
    use crate::model::time::Timestamp;

    #[test]
    fn every_field_changes_the_hash() {
        let event = Event {
            sequence: 1,
            at: Timestamp(10),
            actor: "cli:ana".into(),
            action: "client.created".into(),
            subject: "client/a".into(),
            detail: "{}".into(),
            owners: EventOwners::default(),
            previous_hash: String::new(),
            hash: String::new(),
        };
        let changes: [fn(&mut Event); 9] = [
            |event| event.sequence = 2,
            |event| event.at = Timestamp(11),
            |event| event.actor.push('x'),
            |event| event.action.push('x'),
            |event| event.subject.push('x'),
            |event| event.detail.push('x'),
            |event| event.previous_hash.push('x'),
            |event| event.owners.owner = Some(Owner::stored("a")),
            |event| event.owners.other_owner = Some(Owner::stored("a")),
        ];
        for change in changes {
            let mut other = event.clone();
            change(&mut other);
            assert_ne!(hash(&other), hash(&event), "{other:?}");
        }
        let with = |owner: Option<&str>, other_owner: Option<&str>| {
            let [owner, other_owner] = [owner, other_owner].map(|name| name.map(Owner::stored));
            hash(&Event { owners: EventOwners { owner, other_owner }, ..event.clone() })
        };
        assert_ne!(with(Some("a"), None), with(None, Some("a")));
        assert_ne!(with(Some("a"), None), with(Some("b"), None));
    }
}
