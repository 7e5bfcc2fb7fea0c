//! The space that a sweep searches: parameters in the order of the file, some only under conditions.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::{Map, Value};

use super::domain::Domain;

/// One dimension of the search.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Dotted key of the configuration, such as `ppo.lr`; or a name, where it has variants.
    pub key: String,
    /// What it can be.
    pub domain: Domain,
    /// Points that a grid takes from a range.
    pub points: Option<usize>,
    /// When it exists at all: each key, a parameter before this one, has one of the values.
    pub when: Vec<(String, Vec<Value>)>,
    /// What each value, a name, stands for, `key=value` once or more; `None` where values are those of the
    /// key itself.
    pub variants: Option<Vec<Vec<String>>>,
}

/// All parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Space {
    /// In the order of the file; a condition refers to earlier ones only.
    pub parameters: Vec<Parameter>,
}

/// One point of a [`Space`]: a value for each parameter whose condition holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Setting(pub Map<String, Value>);

impl Parameter {
    /// Whether the parameter exists beside the values of those before it.
    fn is_active(&self, before: &Setting) -> bool {
        self.when
            .iter()
            .all(|(key, accepted)| before.0.get(key).is_some_and(|value| accepted.contains(value)))
    }

    /// The keys of the configuration that it changes; some may occur twice.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let own = self.variants.is_none().then_some(self.key.as_str());
        own.into_iter().chain(self.variants.iter().flatten().flatten().map(|flag| key_of(flag)))
    }

    /// The configuration overrides that a value of it stands for.
    fn overrides(&self, value: &Value) -> Vec<String> {
        match (&self.variants, &self.domain) {
            (Some(variants), Domain::Values(names)) => {
                let place = names.iter().position(|name| name == value);
                variants[place.expect("a domain holds its values")].clone()
            }
            _ => vec![format!("{}={value}", self.key)],
        }
    }
}

impl Setting {
    /// The configuration overrides that make it so, `key=value` in the order of the space.
    pub fn overrides(&self, space: &Space) -> Vec<String> {
        let present = |parameter: &Parameter| Some(parameter.overrides(self.0.get(&parameter.key)?));
        space.parameters.iter().filter_map(present).flatten().collect()
    }
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the base configuration");
        }
        for (index, (key, value)) in self.0.iter().enumerate() {
            write!(f, "{}{key}={value}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl Space {
    /// The setting whose parameters lie at `units`, one per parameter; those whose condition does
    /// not hold are left out.
    pub fn at(&self, units: impl Fn(usize) -> f64) -> Setting {
        let mut setting = Setting::default();
        for (index, parameter) in self.parameters.iter().enumerate() {
            if parameter.is_active(&setting) {
                setting.0.insert(parameter.key.clone(), parameter.domain.at(units(index)));
            }
        }
        setting
    }

    /// Where the values of `setting` lie; `None` for parameters that it does not have.
    pub fn units(&self, setting: &Setting) -> Vec<Option<f64>> {
        let unit = |parameter: &Parameter| {
            setting.0.get(&parameter.key).and_then(|value| parameter.domain.unit(value))
        };
        self.parameters.iter().map(unit).collect()
    }

    /// A setting near `setting`: each number moves by a normal step of standard deviation `sigma`
    /// on the unit interval (reflected at its ends), each choice is drawn anew with probability
    /// `sigma`, and parameters that come into being are drawn uniformly.
    pub fn mutate(&self, setting: &Setting, sigma: f64, rng: &mut Xoshiro256PlusPlus) -> Setting {
        let old = self.units(setting);
        let mut moved = |index: usize| match (old[index], self.parameters[index].domain.choices()) {
            (None, _) => rng.random(),
            (Some(unit), Some(_)) if rng.random::<f64>() >= sigma => unit,
            (Some(_), Some(_)) => rng.random(),
            (Some(unit), None) => reflect(unit + sigma * standard_normal(rng)),
        };
        let units: Vec<f64> = (0..self.parameters.len()).map(&mut moved).collect();
        self.at(|index| units[index])
    }

    /// For every parameter its choices, or its two ends, with the others at their first values, or
    /// where they must be for it to exist: the settings that tell whether all values are allowed.
    pub fn extremes(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        for (index, parameter) in self.parameters.iter().enumerate() {
            let mut units = vec![0.0; self.parameters.len()];
            self.enable(index, &mut units);
            for value in parameter.domain.grid(2) {
                units[index] = parameter.domain.unit(&value).expect("a domain holds its grid");
                settings.push(self.at(|index| units[index]));
            }
        }
        settings
    }

    /// Moves the parameters before `index` to where it exists.
    fn enable(&self, index: usize, units: &mut [f64]) {
        for (key, accepted) in &self.parameters[index].when {
            let place = self.parameters.iter().position(|parameter| parameter.key == *key);
            let place = place.expect("conditions name parameters");
            units[place] = self.parameters[place].domain.unit(&accepted[0]).expect("checked with the file");
            self.enable(place, units);
        }
    }

    /// Every combination of the grids of all parameters, the last parameter varying fastest, or
    /// `None` when there are more than `most`.
    pub fn grid(&self, most: usize) -> Option<Vec<Setting>> {
        let mut settings = vec![Setting::default()];
        for parameter in &self.parameters {
            let grid = parameter.domain.grid(parameter.points.unwrap_or(1));
            let mut extended = Vec::new();
            for setting in settings {
                if parameter.is_active(&setting) {
                    extended.extend(grid.iter().map(|value| {
                        let mut one = setting.clone();
                        one.0.insert(parameter.key.clone(), value.clone());
                        one
                    }));
                } else {
                    extended.push(setting);
                }
                if extended.len() > most {
                    return None;
                }
            }
            settings = extended;
        }
        Some(settings)
    }
}

/// The key of an override `key=value`.
pub(super) fn key_of(flag: &str) -> &str {
    flag.split('=').next().unwrap_or_default().trim()
}

/// Brings a point that left the unit interval back, as a ball off a wall.
pub(super) fn reflect(x: f64) -> f64 {
    let folded = x.rem_euclid(2.0);
    if folded > 1.0 { 2.0 - folded } else { folded }
}

/// By the method of Box and Muller.
pub(super) fn standard_normal(rng: &mut Xoshiro256PlusPlus) -> f64 {
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn parameter(key: &str, domain: Domain, when: &[(&str, Value)]) -> Parameter {
        let when = when.iter().map(|(key, value)| ((*key).to_owned(), vec![value.clone()])).collect();
        Parameter { key: key.into(), domain, points: Some(2), when, variants: None }
    }

    fn conditional() -> Space {
        let learner = Domain::Values(vec!["sac".into(), "ppo".into()]);
        Space {
            parameters: vec![
                parameter("learner", learner, &[]),
                parameter("sac.tau", Domain::Linear(0.0, 1.0), &[("learner", "sac".into())]),
                parameter("ppo.epochs", Domain::Int(1, 9), &[("learner", "ppo".into())]),
                parameter("steps", Domain::Values(vec![10.into()]), &[]),
            ],
        }
    }

    #[test]
    fn a_grid_has_no_combination_whose_condition_fails() {
        let shown: Vec<String> = conditional().grid(100).unwrap().iter().map(Setting::to_string).collect();
        assert_eq!(
            shown,
            [
                "learner=\"sac\" sac.tau=0.0 steps=10",
                "learner=\"sac\" sac.tau=1.0 steps=10",
                "learner=\"ppo\" ppo.epochs=1 steps=10",
                "learner=\"ppo\" ppo.epochs=9 steps=10",
            ]
        );
        assert_eq!(conditional().grid(3), None);
    }

    #[test]
    fn extremes_show_every_end_of_every_parameter() {
        let shown: Vec<String> = conditional().extremes().iter().map(Setting::to_string).collect();
        assert_eq!(shown.len(), 2 + 2 + 2 + 1);
        for part in ["sac.tau=0.0", "sac.tau=1.0", "ppo.epochs=1 ", "ppo.epochs=9"] {
            assert!(shown.iter().any(|setting| setting.contains(part)), "{part} is not in {shown:?}");
        }
    }

    #[test]
    fn overrides_follow_the_file() {
        let setting = conditional().at(|_| 0.0);
        assert_eq!(setting.overrides(&conditional()), ["learner=\"sac\"", "sac.tau=0.0", "steps=10"]);
    }

    #[test]
    fn a_variant_stands_for_its_overrides() {
        let names = Domain::Values(vec!["plain".into(), "noisy".into()]);
        let noisy = vec!["preferences.teacher.mistake=0.1".to_owned(), "label=\"noisy\"".to_owned()];
        let method =
            Parameter { variants: Some(vec![Vec::new(), noisy.clone()]), ..parameter("method", names, &[]) };
        assert_eq!(method.keys().collect::<Vec<_>>(), ["preferences.teacher.mistake", "label"]);
        let space = Space { parameters: vec![method] };
        assert_eq!(space.at(|_| 0.0).overrides(&space), Vec::<String>::new());
        assert_eq!(space.at(|_| 1.0).overrides(&space), noisy);
    }

    #[test]
    fn mutation_stays_inside_and_moves() {
        let space = conditional();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let first = space.at(|_| 0.1);
        let children: Vec<Setting> = (0..200).map(|_| space.mutate(&first, 0.3, &mut rng)).collect();
        for child in &children {
            let units = space.units(child);
            assert_eq!(units[1].is_some(), units[2].is_none(), "{child}");
            assert!(units.iter().flatten().all(|unit| (0.0..=1.0).contains(unit)));
        }
        assert!(children.iter().any(|child| child.0["learner"] == "ppo"));
        assert_eq!(space.mutate(&first, 0.0, &mut rng), first);
    }
}
