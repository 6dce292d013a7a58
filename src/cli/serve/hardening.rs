//! What the process asks of the operating system at its start.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// How many descriptors are needed besides those of connections to the public listener: the
/// management listener (128), the database, files, and what is fetched.
const OTHER_DESCRIPTORS: u64 = 256;

/// Turns core dumps off, and lets no other process of this user read the memory: it holds secrets
/// and signing keys. A system that refuses is not a reason to stop, as nothing gets worse by it.
pub(crate) fn forbid_core_dumps() {
    let hard = getrlimit(Resource::Core).maximum;
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: hard });
    // The limit does not concern a core_pattern that is a program; this does.
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Raises the limit of open descriptors to what the settings need, as far as the system allows.
/// Warns if that is not enough.
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
