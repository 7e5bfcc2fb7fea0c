//! Tables and figures of an audit against the gold reward.

use std::{fmt::Write as _, fs, path::Path};

use telos_checkpoint::atomic_write;

use super::{
    gold::{Curve, Optimiser},
    over_optimisation::Optimised,
    proxy::Kind,
};
use crate::{
    TelosError,
    number::number,
    report::{
        figure::{Line, LineChart, Point},
        table::Table,
    },
    statistics::{Bootstrap, Scores, mean},
};

/// Writes `gold.csv` and one figure of gold and one of the proxy for each share of flips and optimiser,
/// and returns the table as text.
pub(super) fn write(out: &Path, env: &str, flips: &[f64], curves: &[Curve]) -> Result<String, TelosError> {
    fs::create_dir_all(out).map_err(|source| TelosError::io(out, source))?;
    atomic_write(&out.join("gold.csv"), csv(curves).as_bytes())?;
    let mut text = String::new();
    for &flips in flips {
        for optimiser in Optimiser::ALL {
            if curves.iter().all(|curve| curve.optimiser != optimiser) {
                continue;
            }
            let of = |kind: Kind| -> Vec<&Curve> {
                let same = |curve: &&Curve| {
                    curve.flips == flips && curve.optimiser == optimiser && curve.kind == kind
                };
                curves.iter().filter(same).collect()
            };
            for (what, score) in [("gold", gold as fn(&Optimised) -> f64), ("proxy", proxy)] {
                let lines: Vec<Line> = Kind::ALL
                    .into_iter()
                    .enumerate()
                    .map(|(at, kind)| line(at, kind, &of(kind), score))
                    .collect();
                let optimised = optimiser.label();
                let figure = LineChart {
                    name: &format!("{what}-{}-{:.0}", optimised.replace(' ', "-").to_lowercase(), 100.0 * flips),
                    title: &format!("{what} score, {optimised}, {:.0}% flipped answers", 100.0 * flips),
                    description: &format!(
                        "Mean {what} score over reward models on {env}, with bootstrapped 95% intervals, against the square root of the divergence from the prior"
                    ),
                    x: "square root of the KL divergence",
                    y: "deviations above the prior",
                    wide: false,
                    zero: true,
                    lines: &lines,
                    marks: &[],
                }
                .draw();
                atomic_write(&out.join(format!("{}.svg", figure.name)), figure.file().as_bytes())?;
            }
            let table = table(flips, optimiser, of);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}\n{}", table.caption, table.text());
        }
    }
    Ok(text)
}

fn gold(point: &Optimised) -> f64 {
    point.gold
}

fn proxy(point: &Optimised) -> f64 {
    point.proxy
}

/// Mean and interval over seeds at each strength of the optimisation.
fn line(series: usize, kind: Kind, curves: &[&Curve], score: fn(&Optimised) -> f64) -> Line {
    let strengths = curves.first().map_or(0, |curve| curve.points.len());
    let points = (0..strengths).map(|at| {
        let reached = || curves.iter().map(|curve| &curve.points[at]);
        let x = reached().map(|point| point.kl.sqrt()).sum::<f64>() / curves.len() as f64;
        let scores = Scores::of_one_task(reached().map(score).collect())
            .expect("there is a curve, and its numbers are finite");
        let interval = (scores.count() > 1).then(|| Bootstrap::default().interval(&scores, mean));
        Point { x, y: mean(&scores), interval }
    });
    Line { label: kind.label().into(), series, points: points.collect(), runs: Vec::new() }
}

fn table<'a>(flips: f64, optimiser: Optimiser, of: impl Fn(Kind) -> Vec<&'a Curve>) -> Table {
    let row = |kind: Kind| {
        let curves = of(kind);
        let promised = line_end(&line(0, kind, &curves, proxy));
        let line = line(0, kind, &curves, gold);
        let peak = line.points.iter().map(|point| point.y).fold(f64::NEG_INFINITY, f64::max);
        let last = line_end(&line);
        let points: Vec<(f64, f64)> = line.points.iter().map(|point| (point.x, point.y)).collect();
        let fit = optimiser.law().fit(&points);
        let constants = fit.map_or(["–".to_owned(), "–".to_owned(), "–".to_owned()], |fit| {
            [fit.alpha, fit.beta, fit.r_squared].map(number)
        });
        let mut cells = [peak, last, 100.0 * (peak - last) / peak, promised].map(number).to_vec();
        cells.extend(constants);
        (kind.label().to_owned(), cells)
    };
    let head = ["reward model", "peak", "end", "fall, %", "promised", "alpha", "beta", "R squared"];
    let (share, law) = (100.0 * flips, optimiser.label());
    Table {
        caption: format!("Gold by {law}, {share:.0}% flipped answers, in deviations of the prior"),
        head: head.map(str::to_owned).to_vec(),
        rows: Kind::ALL.into_iter().map(row).collect(),
        numeric: true,
    }
}

fn line_end(line: &Line) -> f64 {
    line.points.last().map_or(f64::NAN, |point| point.y)
}

fn csv(curves: &[Curve]) -> String {
    let mut csv = "flips,model,optimiser,seed,strength,kl,sqrt_kl,proxy,gold\n".to_owned();
    for Curve { flips, kind, optimiser, seed, points } in curves {
        for (strength, Optimised { kl, proxy, gold }) in points.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(
                csv,
                "{flips},{},{},{seed},{strength},{kl},{},{proxy},{gold}",
                kind.label(),
                optimiser.label(),
                kl.sqrt()
            );
        }
    }
    csv
}
