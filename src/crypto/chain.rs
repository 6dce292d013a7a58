//! The hash chain of events: a changed, removed or reordered row no longer fits.

use crate::crypto::digest;
use crate::model::event::Event;

/// The hash of an event: SHA-256 over all its other fields, in base64url. The fields are joined
/// as a JSON array, so that no two different events read the same.
pub fn hash(event: &Event) -> String {
    let fields = serde_json::json!([
        event.sequence,
        event.at.0,
        event.actor,
        event.action,
        event.subject,
        event.detail,
        event.previous_hash,
    ]);
    digest::of_bytes(fields.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    #[test]
    fn every_field_counts() {
        let event = Event {
            sequence: 1,
            at: Timestamp(10),
            actor: "cli:ana".into(),
            action: "client.created".into(),
            subject: "client/a".into(),
            detail: "{}".into(),
            previous_hash: String::new(),
            hash: String::new(),
        };
        let changes: [fn(&mut Event); 7] = [
            |event| event.sequence = 2,
            |event| event.at = Timestamp(11),
            |event| event.actor.push('x'),
            |event| event.action.push('x'),
            |event| event.subject.push('x'),
            |event| event.detail.push('x'),
            |event| event.previous_hash.push('x'),
        ];
        for change in changes {
            let mut other = event.clone();
            change(&mut other);
            assert_ne!(hash(&other), hash(&event), "{other:?}");
        }
    }
}
