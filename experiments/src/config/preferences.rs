//! The keys of feedback and of the reward learned from it.

use serde::{Deserialize, Serialize};
use telos_agents::PriorPenaltyConfig;
use telos_rewards::{
    intrinsic::StateEntropyConfig, query::QueryConfig, reward_model::RewardModelConfig,
    teacher::TeacherConfig,
};

/// `[preferences]`: the schedule of PEBBLE (Lee et al. 2021, arXiv 2106.05091). Defaults are those
/// of the B-Pref benchmark for `walker_walk` (Lee et al. 2021, arXiv 2111.03026).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PreferencesConfig {
    /// Questions of the whole run. Default 500.
    pub budget: usize,
    /// Questions asked at a time. Default 50.
    pub queries_per_session: usize,
    /// Environment steps between sessions, all environments together. Default 20,000.
    pub session_interval: u64,
    /// Environment steps of exploration by state entropy, before the first session. Default 9000.
    pub unsupervised_steps: u64,
    /// What all answers together may cost, in the teacher's unit; when it is spent, nothing more is
    /// asked. Default none.
    pub cost_budget: Option<f64>,
    /// Directory with the feedback ledger of an earlier run, or of labelling offline. The reward models
    /// then learn from it before the first step; nothing is asked, and nothing is explored without a
    /// reward. Default none.
    pub ledger: Option<String>,
    /// Pairs, labelled by the gold reward, that never train a model and measure its accuracy. They
    /// are beside the budget. Default 200.
    pub held_out_pairs: usize,
    /// What is asked about.
    pub query: QueryConfig,
    /// Who answers; the key `kind` says who, `"scripted"` where it is missing.
    pub teacher: TeacherConfig,
    /// The learned reward.
    pub reward_model: RewardModelConfig,
    /// The reward of the exploration before the first session.
    pub state_entropy: StateEntropyConfig,
    /// A policy that it costs to leave; for learner = "ppo". Default none.
    pub prior: Option<PriorConfig>,
}

/// `[preferences.prior]`: the KL penalty of Ziegler et al. 2019 (arXiv 1909.08593).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PriorConfig {
    /// `"unsupervised"` (default): the policy as it is when the exploration without a reward ends; or the
    /// directory of a run of the same task with the same `[ppo]`, with whose policy training begins.
    pub policy: String,
    /// The divergence that is sought, in nats per step. Default 0.1.
    pub kl_target: f64,
    /// The price of a nat to begin with, in units of reward. Default 0.1.
    pub coefficient: f64,
    /// How fast the price follows the divergence, per update. Default 0.1 (section 2.2).
    pub gain: f64,
}

/// The word for the policy at the end of exploration.
const UNSUPERVISED: &str = "unsupervised";

impl Default for PriorConfig {
    fn default() -> Self {
        let PriorPenaltyConfig { kl_target, coefficient, gain } = PriorPenaltyConfig::default();
        Self { policy: UNSUPERVISED.to_owned(), kl_target, coefficient, gain }
    }
}

impl PriorConfig {
    /// The penalty without its policy.
    pub fn penalty(&self) -> PriorPenaltyConfig {
        let Self { kl_target, coefficient, gain, .. } = *self;
        PriorPenaltyConfig { kl_target, coefficient, gain }
    }
}

impl PreferencesConfig {
    /// The run whose policy is the prior, where it is that of a run.
    pub fn prior_run(&self) -> Option<&str> {
        self.prior.as_ref().map(|prior| prior.policy.as_str()).filter(|policy| *policy != UNSUPERVISED)
    }
}

impl Default for PreferencesConfig {
    fn default() -> Self {
        Self {
            budget: 500,
            queries_per_session: 50,
            session_interval: 20_000,
            unsupervised_steps: 9000,
            cost_budget: None,
            ledger: None,
            held_out_pairs: 200,
            query: QueryConfig::default(),
            teacher: TeacherConfig::default(),
            reward_model: RewardModelConfig::default(),
            state_entropy: StateEntropyConfig::default(),
            prior: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    fn error(env: &str, teacher: &str) -> String {
        let text = format!(
            "loop = 'preferences'\n[env]\nid = '{env}'\n[preferences.teacher]\nkind = 'judge'\n{teacher}\n"
        );
        Config::parse("c.toml", &text, &[]).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_about_a_judge_name_their_key() {
        let endpoint = "endpoint = { url = 'http://127.0.0.1:8080/v1', model = 'm' }";
        for (env, teacher, expected) in [
            (
                "reacher",
                "mod = 'pair'".to_owned(),
                "unknown key `mod` in [preferences.teacher]; did you mean `mode`?",
            ),
            ("reacher", "mode = 'pairs'".to_owned(), "there is no \"pairs\"; did you mean \"pair\"?"),
            (
                "reacher",
                "endpoint = { ulr = 'x' }".to_owned(),
                "unknown key `ulr` in [preferences.teacher.endpoint]; did you mean `url`?",
            ),
            ("reacher", String::new(), "`preferences.teacher.endpoint.url`: is "),
            ("reacher", format!("{endpoint}\nframes = 0"), "`preferences.teacher.frames`: is 0"),
            ("pendulum-classic", endpoint.to_owned(), "`preferences.teacher.show`: is \"pictures\""),
            (
                "reacher",
                format!("{endpoint}\n[preferences.query]\nask = 'rating'"),
                "`preferences.query.ask`: asks for a rating",
            ),
        ] {
            let found = error(env, &teacher);
            assert!(found.contains(expected), "{found}");
        }
        let text = format!(
            "loop = 'preferences'\n[env]\nid = 'reacher'\n[preferences.teacher]\nkind = 'judge'\nmode = 'critique'\n\
             {endpoint}\n"
        );
        let config = Config::parse("c.toml", &text, &[]).unwrap();
        let again = Config::parse("c.toml", &config.to_toml(), &[]).unwrap();
        assert_eq!(again, config);
    }
}
