//! Conflicts that prevent a rotation of the master key.

use std::fmt;

use crate::admin::AdminErrorCode;
use crate::model::time::Timestamp;
use crate::store::instances::heartbeat::LiveInstance;

/// Why a rotation would make keys or instances unusable.
#[derive(Debug, thiserror::Error)]
pub enum RotationConflict {
    /// Keys were sealed under a master key that the settings do not have.
    #[error("no master key of the settings opens {}", names.join(", "))]
    KeysNotOpened {
        /// The names of the keys.
        names: Vec<String>,
    },
    /// Running instances could not open keys that are sealed under the new master key.
    #[error("{0}")]
    InstancesLackKey(LackingInstances),
}

impl RotationConflict {
    pub(in crate::admin) fn code(&self) -> AdminErrorCode {
        match self {
            Self::KeysNotOpened { .. } => AdminErrorCode::SealedKeysNotOpened,
            Self::InstancesLackKey(_) => AdminErrorCode::InstancesLackMasterKey,
        }
    }
}

/// Running instances that do not have a master key.
#[derive(Debug)]
pub struct LackingInstances {
    /// The fingerprint of the missing master key.
    pub master_key: String,
    /// The instances.
    pub instances: Vec<LiveInstance>,
    /// The current time of the database.
    pub now: Timestamp,
}

impl fmt::Display for LackingInstances {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { master_key, instances, now } = self;
        write!(formatter, "these instances do not have the master key {master_key}: ")?;
        for (position, instance) in instances.iter().enumerate() {
            let LiveInstance { instance, host, master_keys, last_heartbeat_at, expires_at } =
                instance;
            let separator = if position == 0 { "" } else { "; " };
            let host = host.as_deref().unwrap_or("an earlier version of tokend");
            let keys = match &master_keys[..] {
                [] => "does not name its keys".to_owned(),
                keys => format!("has {}", keys.join(", ")),
            };
            write!(
                formatter,
                "{separator}{instance} ({host}) {keys}, last heartbeat {} s ago, expires in {} s \
                 if it has ended",
                now.seconds_since(*last_heartbeat_at).max(0),
                expires_at.seconds_since(*now).max(0)
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instance_is_named_with_what_it_has_and_when_it_expires() {
        let instance = |id: &str, host: Option<&str>, keys: &[&str]| LiveInstance {
            instance: id.to_owned(),
            host: host.map(str::to_owned),
            master_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            last_heartbeat_at: Timestamp(990),
            expires_at: Timestamp(4590),
        };
        let lacking = LackingInstances {
            master_key: "aa".to_owned(),
            instances: vec![
                instance("ins_1", Some("host-a, process 7"), &["bb"]),
                instance("ins_2", None, &[]),
            ],
            now: Timestamp(1000),
        };
        assert_eq!(
            lacking.to_string(),
            "these instances do not have the master key aa: ins_1 (host-a, process 7) has bb, \
             last heartbeat 10 s ago, expires in 3590 s if it has ended; ins_2 (an earlier version \
             of tokend) does not name its keys, last heartbeat 10 s ago, expires in 3590 s if \
             it has ended"
        );
    }
}
