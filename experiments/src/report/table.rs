//! Tables: in the page with headers that a screen reader can follow, and on the terminal.

use std::fmt::Write as _;

use super::markup::escape;

/// What stands where there is no number.
pub(super) const NOTHING: &str = "\u{2013}";

/// A table whose first column names the rows.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// What it shows.
    pub(crate) caption: String,
    /// Heads of all columns, that of the row names first.
    pub(crate) head: Vec<String>,
    /// The name of each row, and its cells.
    pub(crate) rows: Vec<(String, Vec<String>)>,
    /// Whether cells are numbers, which are aligned at the right.
    pub(crate) numeric: bool,
}

impl Table {
    /// The table as HTML.
    pub(super) fn html(&self) -> String {
        let mut html = String::new();
        let class = if self.numeric { " class=\"numeric\"" } else { "" };
        let caption = escape(&self.caption);
        // Writing to a string cannot fail.
        let _ = write!(
            html,
            "<div class=\"scroll\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\">\n<table{class}>\n\
             <caption>{caption}</caption>\n<thead><tr>"
        );
        for head in &self.head {
            let _ = write!(html, "<th scope=\"col\">{}</th>", escape(head));
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for (name, cells) in &self.rows {
            let _ = write!(html, "<tr><th scope=\"row\">{}</th>", escape(name));
            for cell in cells {
                let _ = write!(html, "<td>{}</td>", escape(cell));
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody>\n</table>\n</div>\n");
        html
    }

    /// The table as lines of text, columns aligned.
    pub(crate) fn text(&self) -> String {
        let rows = self.rows.iter().map(|(name, cells)| {
            std::iter::once(name.as_str()).chain(cells.iter().map(String::as_str)).collect::<Vec<_>>()
        });
        let head = self.head.iter().map(String::as_str).collect();
        let lines: Vec<Vec<&str>> = std::iter::once(head).chain(rows).collect();
        let width =
            |column: usize| lines.iter().filter_map(|line| Some(line.get(column)?.chars().count())).max();
        let widths: Vec<usize> = (0..self.head.len()).map(|column| width(column).unwrap_or(0)).collect();
        let mut text = String::new();
        for line in lines {
            let mut row = String::new();
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                let _ = match column {
                    0 => write!(row, "{cell:<width$}"),
                    _ => write!(row, "  {cell:>width$}"),
                };
            }
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_aligned_and_html_escaped() {
        let table = Table {
            caption: "a < b".into(),
            head: vec!["group".into(), "mean".into()],
            rows: vec![("é".into(), vec!["1.0".into()]), ("longer".into(), vec!["<100>".into()])],
            numeric: true,
        };
        assert_eq!(table.text(), "group    mean\né         1.0\nlonger  <100>\n");
        assert!(table.html().contains("<th scope=\"row\">longer</th><td>&lt;100&gt;</td>"));
        assert!(table.html().contains("<caption>a &lt; b</caption>"));
    }
}
