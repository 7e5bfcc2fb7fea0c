//! The frame of a chart: title, axes, grid and legend.

use super::{
    Figure, SERIES,
    axis::Axis,
    svg::{Anchor, Drawing},
};

const TOP: f64 = 34.0;
const BOTTOM: f64 = 46.0;
const LEFT: f64 = 68.0;
const RIGHT: f64 = 30.0;
const LEGEND_LINE: f64 = 18.0;

/// How large a chart is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Size {
    /// As wide as the text.
    Wide,
    /// Two fit side by side.
    Half,
}

/// What stands around a chart.
#[derive(Clone, Debug)]
pub(super) struct Labels<'a> {
    pub(super) name: &'a str,
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    pub(super) x: &'a str,
    pub(super) y: &'a str,
}

/// Axes on paper; whatever is drawn goes into `drawing`.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) drawing: Drawing,
    pub(super) x: Axis,
    pub(super) y: Axis,
    width: f64,
    height: f64,
}

impl Panel {
    /// Axes over the given numbers, with a grid; the vertical one with 0 when the flag beside its
    /// numbers is set.
    pub(super) fn new(
        size: Size,
        labels: &Labels<'_>,
        legend: &[(String, usize)],
        x: impl IntoIterator<Item = f64>,
        y: (impl IntoIterator<Item = f64>, bool),
    ) -> Self {
        let (width, plot) = match size {
            Size::Wide => (720.0, 300.0),
            Size::Half => (420.0, 210.0),
        };
        let top = TOP + LEGEND_LINE * legend.len() as f64;
        let height = top + plot + BOTTOM;
        let x = Axis::over(x, false, LEFT, width - RIGHT);
        let y = Axis::over(y.0, y.1, top + plot, top).rounded();
        let mut panel = Self { drawing: Drawing::default(), x, y, width, height };
        panel.draw_frame(labels, top, top + plot);
        for (row, (label, series)) in legend.iter().enumerate() {
            panel.draw_legend_line(label, *series, TOP + LEGEND_LINE * row as f64);
        }
        panel
    }

    fn draw_frame(&mut self, labels: &Labels<'_>, top: f64, bottom: f64) {
        let (right, drawing) = (self.width - RIGHT, &mut self.drawing);
        drawing.text("title", (LEFT, 20.0), Anchor::Start, labels.title);
        for (value, text) in self.y.ticks() {
            let y = self.y.at(value);
            drawing.line("grid", (LEFT, y), (right, y));
            drawing.text("tick", (LEFT - 8.0, y + 4.0), Anchor::End, &text);
        }
        for (value, text) in self.x.ticks() {
            let x = self.x.at(value);
            drawing.line("axis", (x, bottom), (x, bottom + 4.0));
            drawing.text("tick", (x, bottom + 18.0), Anchor::Middle, &text);
        }
        drawing.line("axis", (LEFT, bottom), (right, bottom));
        drawing.text("label", ((LEFT + right) / 2.0, bottom + 38.0), Anchor::Middle, labels.x);
        drawing.text_upwards("label", (14.0, (top + bottom) / 2.0), labels.y);
    }

    fn draw_legend_line(&mut self, label: &str, series: usize, y: f64) {
        let class = format!("line s{}", series % SERIES);
        self.drawing.line(&class, (LEFT, y), (LEFT + 28.0, y));
        self.drawing.text("legend", (LEFT + 36.0, y + 4.0), Anchor::Start, label);
    }

    /// Pixels of a point.
    pub(super) fn place(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x.at(x), self.y.at(y))
    }

    pub(super) fn finish(self, labels: &Labels<'_>) -> Figure {
        Figure {
            name: labels.name.to_owned(),
            title: labels.title.to_owned(),
            description: labels.description.to_owned(),
            width: self.width,
            height: self.height,
            body: self.drawing.into_body(),
        }
    }
}
