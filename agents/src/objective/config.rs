//! An objective by name, as configurations write it.

use serde::{Deserialize, Serialize};

use super::{
    Apa, Awr, Cpo, Dpo, GroupRelative, InfoNca, Ipo, Kto, Nca, Odpo, PolicyObjective, RelativeReward, SimPo,
};

/// `{ kind = "dpo", beta = 0.1 }`: the kind, and the constants of that objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ObjectiveConfig {
    /// Pairs, relative to a reference.
    Dpo(Dpo),
    /// Pairs, with a squared loss.
    Ipo(Ipo),
    /// Pairs, with an offset by their scores.
    Odpo(Odpo),
    /// Pairs, by the mean log-probability of a step; SimPO and AlphaPO.
    Simpo(SimPo),
    /// Pairs, held by cloning.
    Cpo(Cpo),
    /// Single candidates, good or bad.
    Kto(Kto),
    /// K candidates, relative to each other.
    InfoNca(InfoNca),
    /// K candidates, each by itself.
    Nca(Nca),
    /// REBEL, CoPG and PRDP.
    RelativeReward(RelativeReward),
    /// A squared loss on advantages.
    Apa(Apa),
    /// Cloning weighted by advantages.
    Awr(Awr),
    /// Advantages within a group, ratios clipped.
    GroupRelative(GroupRelative),
}

impl ObjectiveConfig {
    /// The objective.
    pub fn objective(&self) -> &dyn PolicyObjective {
        match self {
            Self::Dpo(objective) => objective,
            Self::Ipo(objective) => objective,
            Self::Odpo(objective) => objective,
            Self::Simpo(objective) => objective,
            Self::Cpo(objective) => objective,
            Self::Kto(objective) => objective,
            Self::InfoNca(objective) => objective,
            Self::Nca(objective) => objective,
            Self::RelativeReward(objective) => objective,
            Self::Apa(objective) => objective,
            Self::Awr(objective) => objective,
            Self::GroupRelative(objective) => objective,
        }
    }
}
