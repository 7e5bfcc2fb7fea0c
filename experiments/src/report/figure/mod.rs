//! Figures: drawings with a title, a description for those who do not see them, and a file name.

mod axis;
mod interval_chart;
mod line_chart;
mod panel;
mod scatter;
mod svg;

use crate::report::markup::escape;

pub(super) use interval_chart::{IntervalChart, IntervalRow};
pub(crate) use line_chart::{Line, LineChart, Point};
pub(super) use scatter::{Cloud, Scatter};
pub(super) use svg::STYLE;

/// Number of series that have a look of their own; further ones begin anew.
pub(super) const SERIES: usize = 8;

/// A finished drawing.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// File name without extension, and id in the page.
    pub(crate) name: String,
    title: String,
    /// What it shows, in words.
    pub(super) description: String,
    width: f64,
    height: f64,
    body: String,
}

impl Figure {
    /// The drawing as part of a page that holds [`STYLE`].
    pub(super) fn inline(&self) -> String {
        self.element("")
    }

    /// The drawing as a file of its own.
    pub(crate) fn file(&self) -> String {
        self.element(&format!(
            "<style>{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n"
        ))
    }

    fn element(&self, head: &str) -> String {
        let Self { name, width, height, body, .. } = self;
        let (title, description) = (escape(&self.title), escape(&self.description));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"figure\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-labelledby=\"{name}-title {name}-description\">\n<title id=\"{name}-title\">{title}</title>\n\
             <desc id=\"{name}-description\">{description}</desc>\n{head}{body}</svg>\n"
        )
    }
}
