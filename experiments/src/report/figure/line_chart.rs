//! Lines with bands: learning curves, profiles, diagnostics.

use super::{
    Figure, SERIES,
    panel::{Labels, Panel, Size},
    svg::Anchor,
};
use crate::number::{number, with_interval};

/// A chart of lines over one horizontal axis.
#[derive(Clone, Debug)]
pub(crate) struct LineChart<'a> {
    /// File name without extension, and id in the page.
    pub(crate) name: &'a str,
    pub(crate) title: &'a str,
    /// What it shows, in words.
    pub(crate) description: &'a str,
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
    /// As wide as the text, or half of it.
    pub(crate) wide: bool,
    /// Whether the vertical axis holds 0 in any case.
    pub(crate) zero: bool,
    pub(crate) lines: &'a [Line],
    /// Heights to compare with, each with what it is.
    pub(crate) marks: &'a [(String, f64)],
}

/// One line, its band and the single runs behind it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    pub(crate) label: String,
    /// Which of the looks it has.
    pub(crate) series: usize,
    pub(crate) points: Vec<Point>,
    /// Thin lines: one per run.
    pub(crate) runs: Vec<Vec<(f64, f64)>>,
}

/// A point of a line, with the interval that the band shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) interval: Option<[f64; 2]>,
}

/// More dots than this hide a line.
const MOST_DOTS: usize = 60;

impl LineChart<'_> {
    pub(crate) fn draw(&self) -> Figure {
        let Self { name, title, description, x, y, lines, .. } = *self;
        let labels = Labels { name, title, description, x, y };
        let legend: Vec<(String, usize)> =
            lines.iter().map(|line| (line.label.clone(), line.series)).collect();
        // One line needs no legend: the title says what it is.
        let legend = if lines.len() > 1 { legend.as_slice() } else { &[] };
        let points = || lines.iter().flat_map(|line| &line.points);
        let runs = || lines.iter().flat_map(|line| line.runs.iter().flatten());
        let horizontal = points().map(|point| point.x).chain(runs().map(|run| run.0));
        let intervals = points().filter_map(|point| point.interval).flatten();
        let marks = self.marks.iter().map(|mark| mark.1);
        let vertical =
            points().map(|point| point.y).chain(runs().map(|run| run.1)).chain(intervals).chain(marks);
        let size = if self.wide { Size::Wide } else { Size::Half };
        let mut panel = Panel::new(size, &labels, legend, horizontal, (vertical, self.zero));
        for (text, height) in self.marks {
            let (left, right) = panel.x.ends();
            let y = panel.y.at(*height);
            panel.drawing.line("mark", (left, y), (right, y));
            panel.drawing.text("tick", (right, y - 4.0), Anchor::End, text);
        }
        for line in lines {
            draw_band(&mut panel, line);
        }
        for line in lines {
            draw_line(&mut panel, line);
        }
        panel.finish(&labels)
    }
}

fn draw_band(panel: &mut Panel, line: &Line) {
    let band: Vec<(f64, [f64; 2])> =
        line.points.iter().filter_map(|point| Some((point.x, point.interval?))).collect();
    let upper = band.iter().map(|(x, [_, high])| panel.place(*x, *high));
    let lower = band.iter().rev().map(|(x, [low, _])| panel.place(*x, *low));
    let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
    if band.len() > 1 {
        panel.drawing.polygon(&format!("band s{}", line.series % SERIES), outline);
    }
}

fn draw_line(panel: &mut Panel, line: &Line) {
    let series = line.series % SERIES;
    for run in &line.runs {
        let places: Vec<(f64, f64)> = run.iter().map(|(x, y)| panel.place(*x, *y)).collect();
        panel.drawing.polyline(&format!("run s{series}"), places);
    }
    let places: Vec<(f64, f64)> = line.points.iter().map(|point| panel.place(point.x, point.y)).collect();
    panel.drawing.polyline(&format!("line s{series}"), places.iter().copied());
    if places.len() > MOST_DOTS {
        return;
    }
    for (point, place) in line.points.iter().zip(places) {
        let value = match point.interval {
            Some(interval) => with_interval(point.y, interval),
            None => number(point.y),
        };
        let tip = format!("{}, {}: {value}", line.label, number(point.x));
        panel.drawing.dot(&format!("dot s{series}"), place, 3.0, &tip);
    }
}
