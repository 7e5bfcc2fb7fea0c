//! Rules about `[env]`.

use telos_envs::{EnvError, registry};

use super::{
    Config, pixels,
    suggestion::nearest,
    validation::{Invalid, between, invalid, wrapper},
};

/// Checks the environment and everything that is put around it.
pub(super) fn check(config: &Config) -> Result<(), Invalid> {
    let ids: Vec<&str> = registry::ids().collect();
    let id = config.env.id.as_str();
    if !ids.contains(&id) {
        let known = ids.join(", ");
        return invalid(
            "env.id",
            match nearest(id, &ids) {
                _ if id.is_empty() => format!("is missing; choose from {known}"),
                Some(similar) => format!("there is no environment \"{id}\"; did you mean \"{similar}\"?"),
                None => format!("there is no environment \"{id}\"; choose from {known}"),
            },
        );
    }
    between("env.count", config.env.count as u64, 1, 65_536)?;
    between("env.action_repeat", config.env.action_repeat as u64, 1, 1000)?;
    if let Some(randomization) = &config.env.randomization {
        wrapper("env.randomization", randomization.validate())?;
    }
    if let Some(goal) = &config.env.goal {
        wrapper("env.goal", goal.validate())?;
    }
    if let Some(reset_free) = &config.env.reset_free {
        wrapper("env.reset_free", reset_free.validate())?;
    }
    if config.env.fact.is_some() && (config.env.goal.is_some() || config.env.reset_free.is_some()) {
        let reason = "cannot be given beside `env.goal` or `env.reset_free`, whose goal is what success is";
        return invalid("env.fact", reason.into());
    }
    pixels::check(config)?;
    match config.env.make() {
        Ok(_) => Ok(()),
        // What is left is a wrapper that does not fit the environment.
        Err(error @ EnvError::Config { key: "forward" | "backward", .. }) => {
            wrapper("env.reset_free", Err(error))
        }
        Err(error @ EnvError::Config { key: "fact", .. }) => wrapper("env", Err(error)),
        Err(error @ EnvError::Config { .. }) => wrapper("env.goal", Err(error)),
        Err(error) => invalid("env.randomization", error.to_string()),
    }
}
