//! The caller of all operations in this process: the named actor, or the user of the operating
//! system.

use std::sync::OnceLock;

use crate::admin::{Actor, Principal};
use crate::cli::error::CliError;
use crate::config::{ACTOR_VARIABLE, environment};

static CALLER: OnceLock<Principal> = OnceLock::new();

/// Returns the caller of all operations.
pub(super) fn principal() -> Principal {
    CALLER.get().cloned().unwrap_or_else(|| Principal::operator(user()))
}

/// Sets the caller from `--actor`, the environment, or else the user. `is_forced` is the option
/// `--force`.
///
/// # Errors
/// A usage error if the name is not a valid actor name.
pub(super) fn name(option: Option<&str>, is_forced: bool) -> Result<(), CliError> {
    let principal = Principal::operator(named_actor(option)?);
    let principal = if is_forced { principal.forced() } else { principal };
    // A process executes only one command, so the caller is not set yet.
    let _ = CALLER.set(principal);
    Ok(())
}

/// Returns the actor of the option or the environment. In a container or a scheduled job, the user
/// of the operating system is meaningless.
fn named_actor(option: Option<&str>) -> Result<Actor, CliError> {
    let variable = environment().into_iter().find(|(name, _)| name == ACTOR_VARIABLE);
    let (name, origin) = match (option, &variable) {
        (Some(name), _) => (name, "--actor"),
        (None, Some((_, name))) if !name.is_empty() => (name.as_str(), ACTOR_VARIABLE),
        (None, _) => return Ok(user()),
    };
    Actor::named("cli", name)
        .map_err(|problem| CliError::usage(format!("{origin} {name:?}: {problem}")))
}

fn user() -> Actor {
    let names = ["SUDO_USER", "USER", "LOGNAME"];
    let environment = environment();
    let name = names.iter().find_map(|wanted| {
        environment.iter().find(|(name, value)| name == wanted && !value.is_empty())
    });
    Actor::new("cli", name.map_or("unknown", |(_, value)| value))
}
