//! The kinds of loop and of learner that an experiment combines.

use serde::{Deserialize, Serialize};

/// How experience and rewards come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoopKind {
    /// The learner is trained on the environment's own reward.
    Online,
    /// The reward is learned from preferences: PEBBLE (Lee et al. 2021, arXiv 2106.05091) around soft
    /// actor-critic, PrefPPO (Lee et al. 2021, arXiv 2111.03026) around proximal policy optimisation.
    Preferences,
    /// The learner is trained on recorded data alone. A step is one gradient update.
    Offline,
    /// The learner is trained on recorded data, then goes on in the environment.
    OfflineToOnline,
    /// The reward is how likely an expert's next observation is: VIPER (Escontrela et al. 2023, arXiv
    /// 2305.14343).
    Likelihood,
    /// A generative policy learns to draw the chunks of actions that recorded data holds. A step is one
    /// gradient update.
    Imitation,
    /// A generative policy that another run trained is improved by a reward.
    FineTune,
}

/// Which algorithm turns rewards into a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LearnerKind {
    /// Soft actor-critic; reads `[sac]` and `[training]`.
    Sac,
    /// Proximal policy optimisation; reads `[ppo]`.
    Ppo,
    /// Behaviour cloning; reads `[bc]`. This and all below learn from recorded data.
    Bc,
    /// Decision Transformer; reads `[decision_transformer]`. For `loop = "offline"`.
    DecisionTransformer,
    /// Advantage-weighted actor-critic; reads `[awac]`.
    Awac,
    /// TD3 with behaviour cloning; reads `[td3_bc]`.
    Td3Bc,
    /// Implicit Q-learning; reads `[iql]`.
    Iql,
    /// Conservative Q-learning, or Cal-QL with `cql.calibrated = true`; reads `[cql]`.
    Cql,
    /// ReBRAC; reads `[rebrac]`.
    Rebrac,
    /// MOPO, with MOREC's filter as an option; reads `[mopo]`.
    Mopo,
    /// RLPD; reads `[rlpd]`.
    Rlpd,
    /// A policy that draws chunks of actions by denoising; reads `[generative]`.
    Generative,
}

impl LearnerKind {
    /// Every learner with the table of its settings.
    pub(super) const TABLES: [(Self, &'static str); 12] = [
        (Self::Sac, "sac"),
        (Self::Ppo, "ppo"),
        (Self::Bc, "bc"),
        (Self::DecisionTransformer, "decision_transformer"),
        (Self::Awac, "awac"),
        (Self::Td3Bc, "td3_bc"),
        (Self::Iql, "iql"),
        (Self::Cql, "cql"),
        (Self::Rebrac, "rebrac"),
        (Self::Mopo, "mopo"),
        (Self::Rlpd, "rlpd"),
        (Self::Generative, "generative"),
    ];

    /// How configurations name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Td3Bc => "td3-bc",
            Self::DecisionTransformer => "decision-transformer",
            _ => self.table(),
        }
    }

    /// The table of its settings.
    pub(super) fn table(self) -> &'static str {
        Self::TABLES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, table)| table)
    }

    /// Whether it is one of `loop = "offline"` and `"offline-to-online"`.
    pub fn learns_from_recorded_data(self) -> bool {
        !matches!(self, Self::Sac | Self::Ppo | Self::Generative)
    }
}
