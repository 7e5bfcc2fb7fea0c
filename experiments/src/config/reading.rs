//! From TOML text and `--set` flags to a checked [`Config`].

use std::{
    fs,
    path::{Path, PathBuf},
};

use telos_agents::generative::TuningMethod;

use super::{
    Config, ConfigError, LabelKind, LearnerKind, LoopKind,
    deserialize::from_tree,
    tree::{Node, apply_override, parse_file},
    validation,
};

impl Config {
    /// Reads and checks a file, with `--set` overrides applied in order.
    ///
    /// # Errors
    /// When the file cannot be read, and as [`Config::parse`].
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self, ConfigError> {
        let text =
            fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(path, &text, overrides)
    }

    /// Reads and checks a text; `path` is its name in messages.
    ///
    /// # Errors
    /// When the text is not TOML, a key is unknown, or a value has the wrong type or range.
    pub fn parse(path: impl Into<PathBuf>, text: &str, overrides: &[String]) -> Result<Self, ConfigError> {
        let mut root = parse_file(path.into(), text)?;
        for flag in overrides {
            apply_override(&mut root, flag)?;
        }
        let config: Self = from_tree(&root)?;
        config.check_tables(&root)?;
        validation::check(&config).map_err(|invalid| ConfigError::Value {
            place: root.place_of(&invalid.key).clone(),
            key: invalid.key,
            reason: invalid.reason,
        })?;
        Ok(config)
    }

    /// The tables that this loop and learner do not read, with the reason.
    pub(super) fn unread_tables(&self) -> Vec<(&'static str, String)> {
        let mut unread = Vec::new();
        let learner = self.learner;
        for (kind, table) in LearnerKind::TABLES {
            if kind != learner {
                let reason =
                    format!("the learner is \"{}\", which reads [{}]", learner.name(), learner.table());
                unread.push((table, reason));
            }
        }
        if learner != LearnerKind::Sac {
            let reason = format!("the learner is \"{}\"; only \"sac\" reads it", learner.name());
            unread.push(("training", reason));
        }
        if self.env.pixels.is_none() {
            unread.push(("encoder", "only a learner that sees `env.pixels` reads it".to_owned()));
        }
        if self.loop_kind == LoopKind::Preferences && learner == LearnerKind::Ppo {
            let reason = "the loop is \"preferences\", which one process goes through";
            unread.push(("parallel", reason.to_owned()));
        }
        if learner != LearnerKind::Ppo {
            let reason =
                format!("the learner is \"{}\"; only \"ppo\" is trained by several ranks", learner.name());
            unread.push(("parallel", reason));
        }
        let mut unread_by_loop = |table, kinds: &[LoopKind], reason: &str| {
            if !kinds.contains(&self.loop_kind) {
                unread.push((table, reason.to_owned()));
            }
        };
        unread_by_loop(
            "reward",
            &[LoopKind::Online, LoopKind::FineTune],
            "only loop = \"online\" and \"fine-tune\" read it",
        );
        if self.data.labels != LabelKind::Preferences {
            let reason = "only loop = \"preferences\" and data.labels = \"preferences\" read it";
            unread_by_loop("preferences", &[LoopKind::Preferences], reason);
        }
        unread_by_loop(
            "data",
            &[LoopKind::Offline, LoopKind::OfflineToOnline, LoopKind::Imitation, LoopKind::FineTune],
            "only loops that learn from recorded data read it",
        );
        unread_by_loop("base", &[LoopKind::FineTune], "only loop = \"fine-tune\" reads it");
        unread_by_loop("tuning", &[LoopKind::FineTune], "only loop = \"fine-tune\" reads it");
        unread_by_loop("cloning", &[LoopKind::Imitation], "only loop = \"imitation\" reads it");
        unread_by_loop(
            "fine_tuning",
            &[LoopKind::OfflineToOnline],
            "only loop = \"offline-to-online\" reads it",
        );
        unread_by_loop("likelihood", &[LoopKind::Likelihood], "only loop = \"likelihood\" reads it");
        if self.data.labels != LabelKind::Success {
            unread.push(("success", "only data.labels = \"success\" reads it".to_owned()));
        }
        if self.loop_kind == LoopKind::FineTune && self.tuning.method != TuningMethod::Spin {
            let reason = "only loops that learn from recorded data read it, and tuning.method = \"spin\"";
            unread.push(("data", reason.to_owned()));
        }
        unread
    }

    fn check_tables(&self, root: &Node) -> Result<(), ConfigError> {
        match self.unread_tables().into_iter().find(|(table, _)| root.has(table)) {
            None => Ok(()),
            Some((table, reason)) => Err(ConfigError::Value {
                place: root.place_of(table).clone(),
                key: table.to_owned(),
                reason: format!("nothing reads this table: {reason}"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use telos_rewards::teacher::{ScriptedTeacherConfig, TeacherConfig};

    use super::*;

    fn parse(text: &str, overrides: &[&str]) -> Result<Config, ConfigError> {
        let overrides: Vec<String> = overrides.iter().map(|flag| (*flag).to_owned()).collect();
        Config::parse("c.toml", text, &overrides)
    }

    fn message(text: &str, overrides: &[&str]) -> String {
        parse(text, overrides).unwrap_err().to_string()
    }

    const PENDULUM: &str = "[env]\nid = 'pendulum-classic'\n";

    #[test]
    fn every_mistake_names_its_place_and_key() {
        let cases = [
            ("stesp = 3\n", "c.toml:1: unknown key `stesp` at the top level; did you mean `steps`?"),
            (
                "[env]\nid = 'pendulum-classic'\n\n[sac]\n  critc_lr = 1e-3\n",
                "c.toml:5: unknown key `critc_lr` in [sac]; did you mean `critic_lr`?",
            ),
            (
                "[preferences.teacher]\nbetta = 1\n",
                "c.toml:2: unknown key `betta` in [preferences.teacher]; did you mean `beta`?",
            ),
            (
                "[preferences.teacher]\nkind = 'scripted'\nbetta = 1\n",
                "c.toml:3: unknown key `betta` in [preferences.teacher]; did you mean `beta`?",
            ),
            (
                "[preferences]\nteacher = { kind = 'scriptd', beta = 1 }\n",
                "c.toml:2: `preferences.teacher.kind`: there is no \"scriptd\"; did you mean \"scripted\"?",
            ),
            (
                "[preferences]\nteacher = { preset = 'myopc' }\n",
                "c.toml:2: `preferences.teacher.preset`: there is no \"myopc\"; did you mean \"myopic\"?",
            ),
            ("steps = 'many'\n", "c.toml:1: `steps`: found \"many\", expected a whole number"),
            ("steps = -5\n", "c.toml:1: `steps`: -5 is negative, expected zero or more"),
            ("steps = 1.5\n", "c.toml:1: `steps`: found 1.5, expected a whole number"),
            ("seeds = [1, 'two']\n", "c.toml:1: `seeds`: found \"two\", expected a whole number"),
            ("seeds = [4, 4]\n", "c.toml:1: `seeds`: names 4 twice"),
            ("learner = 'sca'\n", "c.toml:1: `learner`: there is no \"sca\"; did you mean \"sac\"?"),
            (
                "learner = 'dreamer'\n",
                "c.toml:1: `learner`: there is no \"dreamer\"; choose from sac, ppo, bc",
            ),
            (
                "[env]\nid = 'pendulum-clasic'\n",
                "c.toml:2: `env.id`: there is no environment \"pendulum-clasic\"; did you mean \"pendulum-classic\"?",
            ),
            ("[env]\ncount = 2\n", "c.toml:1: `env.id`: is missing; choose from "),
            ("", "c.toml: `env.id`: is missing"),
            ("seed = 1\nseed = 2\n", "c.toml:2: duplicate key"),
            ("steps = \n", "c.toml:1: "),
            (
                "[env]\nid = 'pendulum-classic'\n[training]\nupdates_per_step = nan\n",
                "c.toml:4: `training.updates_per_step`: must be a finite number",
            ),
            (
                "[env]\nid = 'pendulum-classic'\ncount = 0\n",
                "c.toml:3: `env.count`: is 0, but must be from 1",
            ),
            (
                "[env]\nid = 'reacher'\naction_repeat = 0\n",
                "c.toml:3: `env.action_repeat`: is 0, but must be from 1",
            ),
            (
                "[env]\nid = 'reacher'\nfact = 'upright'\n",
                "c.toml:3: `env.fact`: is \"upright\", but must be one of at-target, away-from-target, bent",
            ),
            (
                "[env]\nid = 'reacher'\n[env.randomization]\nmas = [1, 2]\n",
                "c.toml:4: unknown key `mas` in [env.randomization]; did you mean `mass`?",
            ),
            (
                "[env]\nid = 'reacher'\nrandomization = { mass = [2, 1] }\n",
                "c.toml:3: `env.randomization.mass`: is [2, 1], but must be",
            ),
            (
                "[env]\nid = 'pendulum-classic'\nrandomization = { mass = [1, 2] }\n",
                "c.toml:3: `env.randomization`: `pendulum-classic` has no simulated robot",
            ),
            (
                "[env]\nid = 'reacher'\ngoal = { first = 9, low = [0], high = [1], tolerance = 0.1 }\n",
                "c.toml:3: `env.goal.first`: is 9, but leaves no 1 components of the 7 that `reacher` observes",
            ),
            (
                "[env]\nid = 'reacher'\npixels = { size = 300 }\n",
                "c.toml:3: `env.pixels.size`: is 300, but it must be from 8 to 256",
            ),
            (
                "[env]\nid = 'reacher'\npixels = { size = 14 }\n",
                "c.toml:3: `env.pixels.size`: is 14, but the convolutions of `encoder.channels` need at least 15",
            ),
            (
                "[env]\nid = 'pendulum-classic'\npixels = {}\n",
                "c.toml:3: `env.pixels`: cannot be taken of \"pendulum-classic\", which has no bodies",
            ),
            (
                "loop = 'preferences'\n[env]\nid = 'reacher'\npixels = {}\n",
                "c.toml:4: `env.pixels`: needs loop = \"online\" with learner = \"sac\", or loop = \"imitation\"",
            ),
            (
                "learner = 'ppo'\n[env]\nid = 'reacher'\npixels = {}\n",
                "c.toml:4: `env.pixels`: needs loop = \"online\" with learner = \"sac\", or loop = \"imitation\"",
            ),
            (
                "[env]\nid = 'reacher'\npixels = {}\n[encoder]\nchannels = []\n",
                "c.toml:5: `encoder.channels`: is []; name at least one convolution",
            ),
            (
                "[env]\nid = 'reacher'\n[encoder]\nfeatures = 8\n",
                "c.toml:3: `encoder`: nothing reads this table: only a learner that sees `env.pixels`",
            ),
            ("[env]\nid = 'pendulum-classic'\n[ppo]\n", "c.toml:3: `ppo`: nothing reads this table"),
            (
                "[env]\nid = 'pendulum-classic'\n[preferences]\n",
                "c.toml:3: `preferences`: nothing reads this table",
            ),
            (
                "[env]\nid = 'pendulum-swingup'\n[reward.factors]\nupright = 1\nslwo = 2\n",
                "c.toml:5: `reward.factors.slwo`: `pendulum-swingup` has no such factor; it has upright, slow, gentle",
            ),
            (
                "learner = 'ppo'\n[env]\nid = 'pendulum-classic'\ncount = 6\n[parallel]\nranks = 4\n",
                "c.toml:6: `parallel.ranks`: is 4, but must divide `env.count`, which is 6",
            ),
            (
                "loop = 'preferences'\nlearner = 'ppo'\n[env]\nid = 'pendulum-classic'\n[parallel]\nranks = 2\n",
                "c.toml:5: `parallel`: nothing reads this table: the loop is \"preferences\"",
            ),
            (
                "[env]\nid = 'pendulum-classic'\n[parallel]\nranks = 1\n",
                "c.toml:3: `parallel`: nothing reads this table: the learner is \"sac\"",
            ),
            (
                "loop = 'preferences'\n[env]\nid = 'pendulum-classic'\n[preferences.teacher]\nmistake = 1.5\n",
                "c.toml:5: `preferences.teacher.mistake`: is 1.5, but must be in [0, 1]",
            ),
            (
                "loop = 'preferences'\n[env]\nid = 'pendulum-classic'\n[preferences]\nteacher = { kind = 'factors', ranking = ['slo'] }\n",
                "c.toml:5: `preferences.teacher`: `pendulum-classic` has no factor `slo`; it has: upright, slow, gentle",
            ),
            (
                "loop = 'preferences'\n[env]\nid = 'pendulum-classic'\n[preferences]\nteacher = { kind = 'factors', ranking = ['slow'] }\nquery = { ask = 'ranking' }\n",
                "c.toml:6: `preferences.query.ask`: asks for a ranking, which this kind of teacher cannot give",
            ),
            (
                "loop = 'preferences'\n[env]\nid = 'pendulum-classic'\n[preferences]\nprior = { kl_target = 1 }\n",
                "c.toml:5: `preferences.prior`: needs learner = \"ppo\"",
            ),
            (
                "loop = 'preferences'\nlearner = 'ppo'\n[env]\nid = 'pendulum-classic'\n[preferences]\nprior = { gain = 0 }\n",
                "c.toml:6: `preferences.prior.gain`: is 0.0; must be in (0, 1]",
            ),
        ];
        for (text, expected) in cases {
            let found = message(text, &[]);
            assert!(found.starts_with(expected), "{text:?}\n   found {found}\nexpected {expected}");
        }
    }

    #[test]
    fn overrides_win_and_their_mistakes_name_the_flag() {
        let flags = ["steps=5000", "env.id=pendulum-classic", "sac.hidden = [8, 8]"];
        let config = parse("[env]\nid = 'none'\n", &flags).unwrap();
        assert_eq!((config.steps, config.env.id.as_str()), (5000, "pendulum-classic"));
        assert_eq!(config.sac.hidden, [8, 8]);
        let cases = [
            ("stesp=3", "--set stesp=3: unknown key `stesp`"),
            ("sac.gama=0.9", "--set sac.gama=0.9: unknown key `gama` in [sac]; did you mean `gamma`?"),
            ("steps=-1", "--set steps=-1: `steps`: -1 is negative"),
            ("steps", "--set steps: expected key=value"),
            ("steps.x=1", "--set steps.x=1: `steps`: found a table, expected a whole number"),
            ("=1", "--set =1: the key before `=` has an empty part"),
        ];
        for (flag, expected) in cases {
            let found = message(PENDULUM, &[flag]);
            assert!(found.starts_with(expected), "   found {found}\nexpected {expected}");
        }
        assert!(message("steps = 3\n", &["steps.x=1"]).contains("`steps` is not a table"));
    }

    #[test]
    fn the_resolved_form_reads_back_identical() {
        let texts = [
            PENDULUM.to_owned(),
            format!("learner = 'ppo'\nseeds = [3, 1]\n{PENDULUM}threads = 2\n[ppo]\nvalue_clip = 'none'\n"),
            format!(
                "loop = 'preferences'\n{PENDULUM}[preferences.teacher]\nmistake = 0.1\n[sac]\ngamma = 0.97\n"
            ),
            format!(
                "loop = 'preferences'\nlearner = 'ppo'\n{PENDULUM}[preferences]\nprior = {{}}\n\
                 teacher = {{ kind = 'mixture', dear = {{ kind = 'annotators', members = [{{ name = 'ann', \
                 weights = {{ slow = 0.95 }} }}] }}, cheap = {{ kind = 'regret' }} }}\n"
            ),
        ];
        for text in texts {
            let config = parse(&text, &[]).unwrap();
            let resolved = config.to_toml();
            let again = parse(&resolved, &[]).unwrap_or_else(|error| panic!("{error}\n{resolved}"));
            assert_eq!(again, config, "{resolved}");
            assert_eq!(again.to_toml(), resolved);
            assert!(resolved.contains("gamma = 0.9"), "{resolved}");
            assert!(!resolved.contains("0.99000"), "{resolved}");
        }
    }

    #[test]
    fn a_teacher_without_kind_is_the_scripted_one_and_presets_can_be_changed() {
        let teacher = |written: &str| {
            let text = format!("loop = 'preferences'\n{PENDULUM}[preferences]\nteacher = {written}\n");
            parse(&text, &[]).unwrap().preferences.teacher
        };
        assert_eq!(teacher("{ gamma = 0.9 }"), teacher("{ kind = 'scripted', preset = 'myopic' }"));
        assert_eq!(teacher("'scripted'"), teacher("{}"));
        let mixed = ScriptedTeacherConfig { mistake: 0.1, equal: 0.3, ..Default::default() };
        assert_eq!(teacher("{ preset = 'mistake', equal = 0.3 }"), TeacherConfig::Scripted(mixed));
    }

    #[test]
    fn an_optional_value_can_be_switched_off() {
        let config = parse(&format!("learner = 'ppo'\n{PENDULUM}"), &["ppo.value_clip=none"]).unwrap();
        assert_eq!(config.ppo.value_clip, None);
        assert!(Config::default().ppo.value_clip.is_some());
    }

    #[test]
    fn differences_name_the_key_and_ignore_threads() {
        let config = parse(PENDULUM, &[]).unwrap();
        let threads = parse(PENDULUM, &["env.threads=3"]).unwrap();
        assert_eq!(config.difference(&threads), None);
        assert_eq!(config.digest(), threads.digest());
        let other = parse(PENDULUM, &["sac.gamma=0.5"]).unwrap();
        let difference = config.difference(&other).unwrap();
        assert_eq!((difference.key.as_str(), difference.second.as_str()), ("sac.gamma", "0.5"));
        assert_ne!(config.digest(), other.digest());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,200}", flag in "[a-z.=\\[\\]'0-9-]{0,40}") {
            let _ = parse(&text, &[&flag]);
        }

        #[test]
        fn damaged_configurations_never_panic(at in 0usize..400, with in "[ -~\n]{0,4}", cut in 0usize..5) {
            let text = parse(&format!("loop = 'preferences'\n{PENDULUM}"), &[]).unwrap().to_toml();
            let at = at * text.len() / 400;
            let end = (at + cut).min(text.len());
            let damaged = format!("{}{with}{}", &text[..at], &text[end..]);
            if let Err(error) = parse(&damaged, &[]) {
                prop_assert!(error.to_string().starts_with("c.toml"), "{error}");
            }
        }
    }
}
