//! The results as one page of HTML that needs nothing beside it but its pictures: no script, nothing from elsewhere.

use crate::report::{HEAD, Report};
use std::fmt::Write as _;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;\
color:#1c1c1c;background:#fff}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #ddd;vertical-align:top}\
td:nth-child(3),td:nth-child(6){text-align:right}img{max-width:100%;border:1px solid #ddd}code{overflow-wrap:anywhere}\
@media(prefers-color-scheme:dark){body{color:#e8e8e8;background:#161616}th,td,img{border-color:#3a3a3a}}";

/// The whole page.
pub(crate) fn page(report: &Report) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{run}: results</title>\
         <style>{STYLE}</style></head><body>\n<h1>{run}</h1>\n",
        run = escaped(&report.run)
    );
    let figures = report.figures.iter().map(|figure| figure.cells().into());
    html.push_str(&table(
        &HEAD.map(str::to_owned),
        &figures.collect::<Vec<_>>(),
    ));
    for side_by_side in &report.tables {
        let _ = writeln!(html, "<h2>{}</h2>", escaped(&side_by_side.title));
        html.push_str(&table(&side_by_side.head, &side_by_side.rows));
    }
    for remark in &report.remarks {
        let _ = writeln!(html, "<p>{}</p>", escaped(remark));
    }
    for (file, caption) in &report.pictures {
        let (file, caption) = (escaped(file), escaped(caption));
        let _ = writeln!(
            html,
            "<figure><img src=\"{file}\" alt=\"{caption}\"><figcaption>{caption}</figcaption></figure>"
        );
    }
    html.push_str("<h2>Where it comes from</h2>\n<table><tbody>\n");
    for (key, value) in &report.facts {
        let (key, value) = (escaped(key), escaped(value));
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{key}</th><td><code>{value}</code></td></tr>"
        );
    }
    html.push_str("</tbody></table>\n</body></html>\n");
    html
}

fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let mut html = String::from("<div style=\"overflow-x:auto\"><table><thead><tr>");
    for cell in head {
        let _ = write!(html, "<th scope=\"col\">{}</th>", escaped(cell));
    }
    html.push_str("</tr></thead><tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for cell in row {
            let _ = write!(html, "<td>{}</td>", escaped(cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
