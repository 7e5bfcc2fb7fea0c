//! Tree-structured Parzen estimators: Bergstra, Bardenet, Bengio and Kegl 2011, "Algorithms for
//! Hyper-Parameter Optimization".
//!
//! Every parameter has an estimator of its own, on its unit interval, or over its choices. The
//! batch of a generation is drawn from the same estimators, so its settings differ by chance only.

use rand_xoshiro::Xoshiro256PlusPlus;
use tpe::{TpeOptimizer, TpeOptimizerBuilder};

use super::{Proposal, Search};
use crate::sweep::space::Parameter;

/// The largest number below 1, since the crate's ranges exclude their end.
const BELOW_ONE: f64 = 1.0 - f64::EPSILON / 2.0;

pub(super) fn propose(search: &Search<'_>) -> Vec<Proposal> {
    let mut estimators: Vec<TpeOptimizer> =
        search.space.parameters.iter().map(|parameter| estimator(search, parameter)).collect();
    for (_, evaluated) in search.evaluated() {
        // The crate minimises; a setting that was given up is worse than any that was not.
        let loss = evaluated.score.map_or(f64::INFINITY, |score| -score);
        let units = search.space.units(&evaluated.setting);
        for ((estimator, parameter), unit) in estimators.iter_mut().zip(&search.space.parameters).zip(units) {
            // Not a number means that the parameter did not exist in this setting.
            let place = unit.map_or(f64::NAN, |unit| scale(parameter, unit));
            estimator.tell(place, loss).expect("places lie in the range and scores are numbers");
        }
    }
    let mut rng = search.rng();
    (0..search.config.settings)
        .map(|_| {
            let units: Vec<f64> = estimators
                .iter_mut()
                .zip(&search.space.parameters)
                .map(|(estimator, parameter)| ask(estimator, parameter, &mut rng))
                .collect();
            search.point(&units)
        })
        .collect()
}

fn estimator(search: &Search<'_>, parameter: &Parameter) -> TpeOptimizer {
    let (kind, range) = match parameter.domain.choices() {
        Some(count) => (tpe::histogram_estimator(), tpe::categorical_range(count)),
        None => (tpe::parzen_estimator(), tpe::range(0.0, 1.0)),
    };
    let range = range.expect("a domain is not empty");
    TpeOptimizerBuilder::new()
        .gamma(search.config.gamma)
        .build(kind, range)
        .expect("gamma was checked with the file")
}

fn ask(estimator: &mut TpeOptimizer, parameter: &Parameter, rng: &mut Xoshiro256PlusPlus) -> f64 {
    let place = estimator.ask(rng).expect("estimators over a checked range can be built");
    match parameter.domain.choices() {
        // The middle of the choice's share of the unit interval.
        Some(count) => (place.floor() + 0.5) / count as f64,
        None => place,
    }
}

/// From the unit interval to the estimator's range.
fn scale(parameter: &Parameter, unit: f64) -> f64 {
    let width = parameter.domain.choices().map_or(1.0, |count| count as f64);
    unit.min(BELOW_ONE) * width
}
