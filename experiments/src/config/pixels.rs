//! Rules about pictures in place of observations.

use telos_agents::generative::DenoiserKind;
use telos_envs::registry;

use super::{
    Config, LearnerKind, LoopKind,
    validation::{Invalid, invalid, learner, wrapper},
};

/// Whether `env.pixels` and `[encoder]` fit each other and the rest.
pub(super) fn check(config: &Config) -> Result<(), Invalid> {
    let Some(pixels) = &config.env.pixels else { return Ok(()) };
    let sees = match config.loop_kind {
        LoopKind::Online => config.learner == LearnerKind::Sac,
        LoopKind::Imitation => config.generative.denoiser != DenoiserKind::Energy,
        _ => false,
    };
    if !sees {
        let reason = "needs loop = \"online\" with learner = \"sac\", or loop = \"imitation\" with any denoiser but \
                      \"energy\": nothing else learns from pictures";
        return invalid("env.pixels", reason.into());
    }
    if config.generative.residual {
        let reason = "regresses actions on what the environment observes, which `env.pixels` replaces";
        return invalid("generative.residual", reason.into());
    }
    wrapper("env.pixels", pixels.validate())?;
    if config.env.reset_free.is_some() {
        return invalid("env.pixels", "does not show which goal of `env.reset_free` has its turn".into());
    }
    let id = &config.env.id;
    if registry::make(id).is_ok_and(|env| env.scene().is_none()) {
        return invalid(
            "env.pixels",
            format!("cannot be taken of \"{id}\", which has no bodies to be drawn"),
        );
    }
    learner(config.encoder.validate())?;
    let (size, least) = (pixels.size, config.encoder.network().least_side());
    if size < least {
        let reason = format!("is {size}, but the convolutions of `encoder.channels` need at least {least}");
        return invalid("env.pixels.size", reason);
    }
    Ok(())
}
