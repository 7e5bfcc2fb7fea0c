//! The learner of a configuration, for loops with recorded data.

use telos_agents::{
    AgentError,
    offline::{Awac, Bc, Cql, DecisionTransformer, Iql, Mopo, OfflineLearner, Rebrac, Rlpd, Td3Bc},
};
use telos_envs::EnvSpec;
use telos_nn::Device;

use crate::{
    TelosError,
    config::{Config, LearnerKind},
};

/// Builds the learner that `config` names.
pub(super) fn offline_learner(
    config: &Config,
    spec: &EnvSpec,
    device: &Device,
) -> Result<Box<dyn OfflineLearner>, TelosError> {
    fn boxed<L: OfflineLearner + 'static>(
        learner: Result<L, AgentError>,
    ) -> Result<Box<dyn OfflineLearner>, TelosError> {
        Ok(Box::new(learner?))
    }
    let seed = config.seed;
    match config.learner {
        LearnerKind::Bc => boxed(Bc::new(&config.bc, spec, seed, device)),
        LearnerKind::DecisionTransformer => {
            boxed(DecisionTransformer::new(&config.decision_transformer, spec, seed, device))
        }
        LearnerKind::Awac => boxed(Awac::new(&config.awac, spec, seed, device)),
        LearnerKind::Td3Bc => boxed(Td3Bc::new(&config.td3_bc, spec, seed, device)),
        LearnerKind::Iql => boxed(Iql::new(&config.iql, spec, seed, device)),
        LearnerKind::Cql => boxed(Cql::new(&config.cql, spec, seed, device)),
        LearnerKind::Rebrac => boxed(Rebrac::new(&config.rebrac, spec, seed, device)),
        LearnerKind::Mopo => boxed(Mopo::new(&config.mopo, spec, seed, device)),
        LearnerKind::Rlpd => boxed(Rlpd::new(&config.rlpd, spec, seed, device)),
        LearnerKind::Sac | LearnerKind::Ppo | LearnerKind::Generative => Err(TelosError::Usage(format!(
            "learner = \"{}\" does not learn from recorded transitions",
            config.learner.name()
        ))),
    }
}
