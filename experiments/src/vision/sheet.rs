//! The page of a preview.

use std::fmt::Write as _;

use super::Preview;
use crate::{
    number::number,
    report::{data_uri, escape},
};

/// Light, dark and narrow screens.
const STYLE: &str = "
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
body { max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
ol { list-style: none; padding: 0; display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); }
li { border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: .5rem; padding: .6rem; }
img { width: 100%; image-rendering: pixelated; border-radius: .3rem; }
table { width: 100%; border-collapse: collapse; }
td { text-align: right; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: normal; }
.best { font-weight: bold; }
";

pub(super) fn html(preview: &Preview) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Pictures and sentences</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>Pictures and sentences</h1>\n<p>The task: {}</p>\n",
        escape(&preview.task)
    );
    page.push_str("<table>\n<caption>Rank correlation with the gold reward</caption>\n");
    for scorer in &preview.scorers {
        let with_gold = scorer.with_gold.map_or("none: one of them does not vary".into(), number);
        // Writing to a string cannot fail.
        let _ =
            writeln!(page, "<tr><th scope=\"row\">{}</th><td>{with_gold}</td></tr>", escape(&scorer.name));
    }
    page.push_str("</table>\n<ol>\n");
    for at in 0..preview.steps.len() {
        let (step, caption) = (preview.steps[at], escape(&preview.captions[at]));
        let picture = data_uri("image/png", &preview.pictures[at]);
        let _ = writeln!(
            page,
            "<li><img src=\"{picture}\" alt=\"{caption}\">\n<p>Step {step}: {caption}</p>\n<table>"
        );
        for scorer in &preview.scorers {
            let score = scorer.scores[at];
            let best = scorer.scores.iter().all(|other| *other <= score);
            let class = if best { " class=\"best\"" } else { "" };
            let (name, score) = (escape(&scorer.name), number(score.into()));
            let _ = writeln!(page, "<tr{class}><th scope=\"row\">{name}</th><td>{score}</td></tr>");
        }
        let gold = number(preview.gold[at].into());
        let _ = writeln!(page, "<tr><th scope=\"row\">gold reward</th><td>{gold}</td></tr>\n</table></li>");
    }
    page.push_str("</ol>\n</body>\n</html>\n");
    page
}
