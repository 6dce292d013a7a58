//! The caller of all operations in this process: the named actor, or the user of the operating
//! system.

use crate::admin::{Actor, Principal};
use crate::cli::Global;
use crate::cli::error::CliError;
use crate::config::{ACTOR_VARIABLE, environment};

impl Global {
    /// Returns the caller: the actor of `--actor` or of the environment, or else the user.
    ///
    /// # Errors
    /// A usage error if the name is not a valid actor name.
    pub(super) fn principal(&self) -> Result<Principal, CliError> {
        let principal = Principal::operator(named_actor(self.actor.as_deref())?);
        Ok(if self.force { principal.forced() } else { principal })
    }
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
