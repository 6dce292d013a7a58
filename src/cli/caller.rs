//! The caller of every verb: the actor that an operator names, or the user of the machine.

use std::sync::OnceLock;

use crate::admin::{Actor, Principal};
use crate::cli::error::CliError;
use crate::config::{ACTOR_VARIABLE, environment};

/// The caller of every verb in this process.
static CALLER: OnceLock<Principal> = OnceLock::new();

/// Sets the caller of every verb in this process: the actor of the option or of the environment.
///
/// # Errors
/// A name that is not one of an actor.
pub(super) fn set(actor: Option<&str>, is_forced: bool) -> Result<(), CliError> {
    // A process executes one command, so that nothing has been set before.
    let _ = CALLER.set(caller(named_actor(actor)?, is_forced));
    Ok(())
}

/// The caller of every verb: the actor that was named, or the user of the operating system.
pub(super) fn principal() -> Principal {
    CALLER.get().cloned().unwrap_or_else(|| Principal::operator(user()))
}

fn caller(actor: Actor, is_forced: bool) -> Principal {
    let principal = Principal::operator(actor);
    if is_forced { principal.forced() } else { principal }
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
