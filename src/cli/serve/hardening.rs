//! Process settings of the operating system, applied at the start.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// The file descriptors in addition to those of public connections: the management listener (128),
/// the database, files, and outgoing requests.
const OTHER_DESCRIPTORS: u64 = 256;

/// Disables core dumps, and prevents other processes of this user from reading the memory, which
/// contains secrets and signing keys. Failures are ignored, because the process is not less safe
/// than before.
pub(crate) fn forbid_core_dumps() {
    let hard = getrlimit(Resource::Core).maximum;
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: hard });
    // The limit does not apply if core_pattern is a program; this setting does.
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Raises the limit of open descriptors to the number that the settings need, if the system allows
/// it. Warns otherwise.
pub(crate) fn raise_descriptor_limit(config: &Config) {
    let needed = config.limits.connections as u64 + OTHER_DESCRIPTORS;
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    if limit.current.is_none_or(|current| current >= needed) {
        return;
    }
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    let is_raised = setrlimit(Resource::Nofile, raised).is_ok();
    let current = if is_raised { Some(wanted) } else { limit.current };
    if current.is_some_and(|current| current < needed) {
        tracing::warn!(
            limit = current,
            needed,
            "limits.connections needs more open files than the system allows: raise the hard limit (LimitNOFILE of systemd, ulimits of Docker), or set limits.connections lower"
        );
    }
}
