//! The page itself: plain HTML with its style inside, pictures as data, bars as boxes. Whatever comes from the data is
//! escaped, so that a caption can hold any text.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use idiom_dataset::{Dataset, Record, Reject, Split};

use super::figures::{Figures, LENGTH_STEP, LENGTH_STEPS, Tally};

/// Lines of a table that are shown.
const LINES: usize = 40;
/// Groups of pictures that are alike that are shown.
const GROUPS: usize = 12;

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1d1d1f;--dim:#6b6b70;--line:#dcdce0;--bar:#4a7bd0;--paper:#fff;--card:#f6f6f8}
@media(prefers-color-scheme:dark){:root{--ink:#ececf0;--dim:#9a9aa2;--line:#3a3a40;--bar:#6f9bea;--paper:#17171a;--card:#202024}}
*{box-sizing:border-box}body{margin:0 auto;max-width:1200px;padding:2rem;font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{margin:0 0 .2rem}h2{margin:2.2rem 0 .6rem;font-size:1.15rem}p.dim,td.dim{color:var(--dim)}
.sums{display:flex;flex-wrap:wrap;gap:.8rem}.sums div{background:var(--card);border-radius:8px;padding:.7rem 1.1rem}
.sums b{display:block;font-size:1.5rem}.cols{display:grid;grid-template-columns:repeat(auto-fit,minmax(320px,1fr));gap:0 2.5rem}
table{border-collapse:collapse;width:100%}td,th{padding:.22rem .6rem .22rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;width:5rem}td.bar{width:38%}
td.bar i{display:block;height:.75rem;margin-top:.35rem;border-radius:3px;background:var(--bar)}
.sheet{display:grid;grid-template-columns:repeat(auto-fill,minmax(112px,1fr));gap:14px 10px}
figure{margin:0}figure img{width:100%;aspect-ratio:1;object-fit:contain;background:#fff;border:1px solid var(--line);border-radius:6px}
figcaption{font-size:12px;line-height:1.3;overflow-wrap:anywhere;display:-webkit-box;-webkit-line-clamp:3;-webkit-box-orient:vertical;overflow:hidden}
figcaption span{color:var(--dim);white-space:nowrap}code{font-size:.9em}
.refused{display:flex;flex-wrap:wrap;gap:0 2.2rem}.refused section>div{display:flex;flex-wrap:wrap;gap:12px}.refused figure{width:150px}
h3{margin:1.2rem 0 .5rem;font-size:.95rem}h3 span{display:block;color:var(--dim);font-weight:normal}
.refused figcaption{-webkit-line-clamp:6}.refused figcaption span{white-space:normal}
.refused figure div{display:grid;place-content:center;aspect-ratio:1;padding:.8rem;border:1px dashed var(--line);border-radius:6px;color:var(--dim);font-size:12px;text-align:center}
";

/// The whole page.
pub(super) fn page(dataset: &Dataset, figures: &Figures, sheet: &[Record]) -> String {
    let name = escaped(&dataset.manifest().name);
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{name}</title><style>{STYLE}</style><h1>{name}</h1>"
    );
    let _ = write!(html, "<p class=dim>data {}</p>", &dataset.sha256()[..16]);
    sums(&mut html, dataset, figures);
    contact_sheet(&mut html, sheet);
    html.push_str("<div class=cols>");
    splits(&mut html, dataset);
    styles(&mut html, figures);
    coverage(&mut html, figures);
    tally(&mut html, "Licences", &figures.licenses);
    captions(&mut html, figures);
    lengths(&mut html, figures);
    let sides = figures.source_sides.iter();
    let sides: Tally = sides
        .map(|(side, n)| (format!("up to {side:>5} px"), *n))
        .collect();
    tally(&mut html, "Longer side of the sources", &sides);
    tally(&mut html, "Formats of the sources", &figures.formats);
    tally(&mut html, "Stored sizes", &figures.stored_sizes);
    tally(&mut html, "What was done to pictures", &figures.transforms);
    classes(&mut html, dataset, figures);
    html.push_str("</div>");
    rejects(&mut html, figures);
    alike(&mut html, "Equal source bytes", &figures.same_bytes);
    alike(&mut html, "Equal perceptual hashes", &figures.same_look);
    html.push_str("</html>\n");
    html
}

fn sums(html: &mut String, dataset: &Dataset, figures: &Figures) {
    let counts = dataset.manifest().counts;
    html.push_str("<div class=sums>");
    for (n, what) in [
        (counts.rows_in, "pictures offered"),
        (counts.rows_out, "rows"),
        (counts.rejects, "rejects"),
        (counts.duplicates, "duplicates"),
        (figures.subjects.len() as u64, "subjects"),
        (figures.styles.len() as u64, "styles"),
        (figures.distinct_captions as u64, "distinct captions"),
    ] {
        let _ = write!(html, "<div><b>{n}</b>{what}</div>");
    }
    let _ = write!(
        html,
        "</div><p class=dim>{} offered = {} rows + {} rejects + {} duplicates</p>",
        counts.rows_in, counts.rows_out, counts.rejects, counts.duplicates
    );
}

fn contact_sheet(html: &mut String, sheet: &[Record]) {
    html.push_str("<h2>Some of its pictures</h2><div class=sheet>");
    for row in sheet {
        let kind = match row.image.get(..4) {
            Some([0xff, 0xd8, ..]) => "jpeg",
            Some(b"RIFF") => "webp",
            _ => "png",
        };
        let _ = write!(
            html,
            "<figure><img loading=lazy alt=\"\" src=\"data:image/{kind};base64,{}\"><figcaption title=\"{}\">{} <span>{}</span></figcaption></figure>",
            STANDARD.encode(&row.image),
            escaped(&row.key),
            escaped(&row.caption),
            escaped(row.style.as_deref().unwrap_or_default()),
        );
    }
    html.push_str("</div>");
}

fn splits(html: &mut String, dataset: &Dataset) {
    let rows = Split::ALL.map(|split| (split.name().to_owned(), dataset.rows(split)));
    bars(html, "Splits", &rows);
}

fn styles(html: &mut String, figures: &Figures) {
    let rows: Vec<(String, u64)> = figures
        .styles
        .iter()
        .map(|(style, splits)| (style.clone(), splits.values().sum()))
        .collect();
    bars(html, "Rows of each style", &rows);
}

fn coverage(html: &mut String, figures: &Figures) {
    let rows: Vec<(String, u64)> = figures
        .coverage()
        .into_iter()
        .map(|(styles, subjects)| (format!("subjects in {styles} styles"), subjects))
        .collect();
    bars(html, "Style x subject", &rows);
}

fn captions(html: &mut String, figures: &Figures) {
    let rows: Vec<(String, u64)> = figures
        .captions
        .iter()
        .flat_map(|(lang, kinds)| {
            kinds
                .iter()
                .map(move |(kind, n)| (format!("{lang} · {kind}"), *n))
        })
        .collect();
    bars(html, "Captions by language and kind", &rows);
}

fn lengths(html: &mut String, figures: &Figures) {
    for (lang, steps) in &figures.lengths {
        let last = steps.iter().rposition(|n| *n > 0).unwrap_or(0);
        let label = |i: usize| match i {
            i if i == LENGTH_STEPS - 1 => format!("{} and more", i * LENGTH_STEP),
            i => format!("{:>3} to {}", i * LENGTH_STEP, (i + 1) * LENGTH_STEP - 1),
        };
        let rows: Vec<(String, u64)> = (0..=last).map(|i| (label(i), steps[i])).collect();
        bars(html, &format!("Characters of captions: {lang}"), &rows);
    }
}

fn classes(html: &mut String, dataset: &Dataset, figures: &Figures) {
    let names = &dataset.manifest().classes;
    let named = |(label, n): (&String, &u64)| {
        let name = label.parse().ok().and_then(|label: usize| names.get(label));
        (name.unwrap_or(label).clone(), *n)
    };
    let rows: Vec<(String, u64)> = figures.classes.iter().map(named).collect();
    bars(html, "Classes", &rows);
}

fn rejects(html: &mut String, figures: &Figures) {
    html.push_str("<h2>Rejects</h2>");
    if figures.rejects.is_empty() {
        html.push_str("<p class=dim>none</p>");
        return;
    }
    html.push_str("<div class=refused>");
    let mut codes: Vec<_> = figures.rejects.iter().collect();
    codes.sort_by(|a, b| b.1.n_rows.cmp(&a.1.n_rows).then_with(|| a.0.cmp(b.0)));
    for (code, refused) in codes {
        let (n, shown) = (refused.n_rows, refused.examples.len() as u64);
        let plural = if n == 1 { "" } else { "s" };
        let some = if n > shown {
            format!(", {shown} of them here")
        } else {
            String::new()
        };
        let _ = write!(
            html,
            "<section><h3><code>{}</code> <span>{n} row{plural}{some}</span></h3><div>",
            escaped(code)
        );
        for (reject, image) in &refused.examples {
            refused_row(html, reject, image.as_deref());
        }
        html.push_str("</div></section>");
    }
    html.push_str("</div>");
}

fn refused_row(html: &mut String, reject: &Reject, image: Option<&[u8]>) {
    let _ = match image {
        Some(image) => write!(
            html,
            "<figure><img loading=lazy alt=\"\" src=\"data:image/jpeg;base64,{}\">",
            STANDARD.encode(image)
        ),
        None => write!(html, "<figure><div>{}</div>", why_unseen(reject)),
    };
    let line = reject.line.map(|line| format!(":{line}"));
    let place = escaped(&format!("{}{}", reject.member, line.unwrap_or_default()));
    let message = escaped(&reject.message);
    let _ = write!(
        html,
        "<figcaption title=\"{place}: {message}\">{place}<br><span>{message}</span></figcaption></figure>"
    );
}

/// Why there is no picture of a refused row.
fn why_unseen(reject: &Reject) -> &'static str {
    match (&*reject.stage, &*reject.code) {
        (_, "opt_out" | "license") => "not shown, since it must not be used",
        ("list", _) => "refused by its name or its line; no picture was read",
        ("read", _) => "its bytes could not be had, or must not be",
        ("caption", _) => "refused by its words; no picture was read",
        ("decode", _) => "its bytes cannot be drawn",
        _ => "no small picture was kept",
    }
}

fn alike(html: &mut String, title: &str, groups: &[Vec<String>]) {
    let rows: usize = groups.iter().map(Vec::len).sum();
    let _ = write!(
        html,
        "<h2>{title}</h2><p class=dim>{rows} rows in {} groups</p>",
        groups.len()
    );
    if groups.is_empty() {
        return;
    }
    html.push_str("<table>");
    for keys in groups.iter().take(GROUPS) {
        let shown: Vec<String> = keys.iter().take(GROUPS).map(|key| escaped(key)).collect();
        let more = if keys.len() > GROUPS { ", …" } else { "" };
        let _ = write!(
            html,
            "<tr><td class=n>{}<td>{}{more}",
            keys.len(),
            shown.join(", ")
        );
    }
    html.push_str("</table>");
}

fn tally(html: &mut String, title: &str, tally: &Tally) {
    let rows: Vec<(String, u64)> = tally.iter().map(|(name, n)| (name.clone(), *n)).collect();
    bars(html, title, &rows);
}

/// A table with a bar for each number; nothing at all where there are no lines.
fn bars(html: &mut String, title: &str, rows: &[(String, u64)]) {
    if rows.is_empty() {
        return;
    }
    let most = rows.iter().map(|(_, n)| *n).max().unwrap_or(1).max(1);
    let _ = write!(html, "<section><h2>{}</h2><table>", escaped(title));
    for (name, n) in rows.iter().take(LINES) {
        let width = 100.0 * *n as f64 / most as f64;
        let _ = write!(
            html,
            "<tr><td>{}<td class=n>{n}<td class=bar><i style=\"width:{width:.1}%\"></i>",
            escaped(name)
        );
    }
    if rows.len() > LINES {
        let _ = write!(html, "<tr><td class=dim>and {} more", rows.len() - LINES);
    }
    html.push_str("</table></section>");
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
