//! One row per group: its runs as dots, its statistic as a bar within an interval.

use super::{
    Figure, SERIES,
    axis::Axis,
    svg::{Anchor, Drawing},
};
use crate::number::{number, with_interval};

/// Rows of numbers over one horizontal axis.
#[derive(Clone, Debug)]
pub(in crate::report) struct IntervalChart<'a> {
    /// File name without extension, and id in the page.
    pub(in crate::report) name: &'a str,
    pub(in crate::report) title: &'a str,
    /// What it shows, in words.
    pub(in crate::report) description: &'a str,
    pub(in crate::report) x: &'a str,
    pub(in crate::report) rows: &'a [IntervalRow],
}

/// The numbers of one group.
#[derive(Clone, Debug)]
pub(in crate::report) struct IntervalRow {
    pub(in crate::report) label: String,
    /// Which of the looks it has.
    pub(in crate::report) series: usize,
    /// The statistic.
    pub(in crate::report) value: f64,
    pub(in crate::report) interval: Option<[f64; 2]>,
    /// Single runs, each with its name.
    pub(in crate::report) runs: Vec<(String, f64)>,
}

const WIDTH: f64 = 720.0;
const MARGIN: f64 = 18.0;
const TOP: f64 = 38.0;
const ROW: f64 = 52.0;
const BOTTOM: f64 = 46.0;

impl IntervalChart<'_> {
    pub(in crate::report) fn draw(&self) -> Figure {
        let bottom = TOP + ROW * self.rows.len() as f64;
        let numbers = self.rows.iter().flat_map(|row| {
            let interval = row.interval.into_iter().flatten();
            interval.chain([row.value]).chain(row.runs.iter().map(|run| run.1))
        });
        let axis = Axis::over(numbers, false, MARGIN + 8.0, WIDTH - MARGIN - 8.0).rounded();
        let mut drawing = Drawing::default();
        drawing.text("title", (MARGIN, 20.0), Anchor::Start, self.title);
        for (value, text) in axis.ticks() {
            let x = axis.at(value);
            drawing.line("grid", (x, TOP), (x, bottom));
            drawing.text("tick", (x, bottom + 18.0), Anchor::Middle, &text);
        }
        drawing.line("axis", (MARGIN, bottom), (WIDTH - MARGIN, bottom));
        drawing.text("label", (WIDTH / 2.0, bottom + 38.0), Anchor::Middle, self.x);
        for (index, row) in self.rows.iter().enumerate() {
            draw_row(&mut drawing, &axis, row, TOP + ROW * index as f64);
        }
        Figure {
            name: self.name.to_owned(),
            title: self.title.to_owned(),
            description: self.description.to_owned(),
            width: WIDTH,
            height: bottom + BOTTOM,
            body: drawing.into_body(),
        }
    }
}

fn draw_row(drawing: &mut Drawing, axis: &Axis, row: &IntervalRow, top: f64) {
    let (series, middle) = (row.series % SERIES, top + 32.0);
    drawing.text("legend", (MARGIN, top + 14.0), Anchor::Start, &row.label);
    if let Some([low, high]) = row.interval {
        let corners = [(low, -7.0), (high, -7.0), (high, 7.0), (low, 7.0)];
        let corners = corners.map(|(value, offset)| (axis.at(value), middle + offset));
        drawing.polygon(&format!("band s{series}"), corners);
    }
    let x = axis.at(row.value);
    drawing.line(&format!("bar s{series}"), (x, middle - 9.0), (x, middle + 9.0));
    for (name, value) in &row.runs {
        let tip = format!("{name}: {}", number(*value));
        drawing.dot(&format!("dot s{series}"), (axis.at(*value), middle), 3.5, &tip);
    }
    let text = row.interval.map_or_else(|| number(row.value), |interval| with_interval(row.value, interval));
    drawing.text("tick", (WIDTH - MARGIN, top + 14.0), Anchor::End, &text);
}
