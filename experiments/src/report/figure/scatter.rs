//! Pairs of numbers as dots.

use super::{
    Figure, SERIES,
    panel::{Labels, Panel, Size},
};
use crate::number::number;

/// Clouds of dots over two axes.
#[derive(Clone, Debug)]
pub(in crate::report) struct Scatter<'a> {
    /// File name without extension, and id in the page.
    pub(in crate::report) name: &'a str,
    pub(in crate::report) title: &'a str,
    /// What it shows, in words.
    pub(in crate::report) description: &'a str,
    pub(in crate::report) x: &'a str,
    pub(in crate::report) y: &'a str,
    pub(in crate::report) clouds: &'a [Cloud],
}

/// Dots of one look.
#[derive(Clone, Debug)]
pub(in crate::report) struct Cloud {
    pub(in crate::report) label: String,
    /// Which of the looks it has.
    pub(in crate::report) series: usize,
    pub(in crate::report) dots: Vec<(f64, f64)>,
}

impl Scatter<'_> {
    pub(in crate::report) fn draw(&self) -> Figure {
        let Self { name, title, description, x, y, clouds } = *self;
        let labels = Labels { name, title, description, x, y };
        let dots = || clouds.iter().flat_map(|cloud| &cloud.dots);
        let (horizontal, vertical) = (dots().map(|dot| dot.0), dots().map(|dot| dot.1));
        let mut panel = Panel::new(Size::Half, &labels, &[], horizontal, (vertical, false));
        for cloud in clouds {
            for (x, y) in &cloud.dots {
                let tip = format!("{}: {}, {}", cloud.label, number(*x), number(*y));
                let place = panel.place(*x, *y);
                panel.drawing.dot(&format!("dot s{}", cloud.series % SERIES), place, 3.0, &tip);
            }
        }
        panel.finish(&labels)
    }
}
