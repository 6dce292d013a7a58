//! The caller of every verb in this process: the actor that was named, or the user of the operating
//! system.

use std::sync::OnceLock;

use crate::admin::{Actor, Principal};
use crate::cli::error::CliError;
use crate::config::{ACTOR_VARIABLE, environment};

static CALLER: OnceLock<Principal> = OnceLock::new();

/// The caller of every verb.
pub(super) fn principal() -> Principal {
    CALLER.get().cloned().unwrap_or_else(|| Principal::operator(user()))
}

/// Names the caller: by `--actor`, by the environment, or else by the user. `is_forced` is the
/// option `--force`.
///
/// # Errors
/// A usage error if the name is not a name of an actor.
pub(super) fn name(option: Option<&str>, is_forced: bool) -> Result<(), CliError> {
    let principal = Principal::operator(named_actor(option)?);
    let principal = if is_forced { principal.forced() } else { principal };
    // A process executes one command, so that nothing has been set before.
    let _ = CALLER.set(principal);
    Ok(())
}

/// The actor of an option or of the environment. In a container or a scheduled job the user of the
/// operating system says nothing.
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
