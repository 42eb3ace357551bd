//! The three pages: shells in the reader's language and theme; scripts fill them.
//!
//! Language and theme are remembered in two cookies that the server reads, so that a page comes out
//! right at once instead of flashing; everything else about a view stands in its address.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::response::{Html, IntoResponse, Response};

use super::Ui;
use super::first::{self, Asked, Compared, Rows};
use super::words::Language;
use crate::extension::Page;
use crate::store::Store;

/// What every page has: language, theme, and where its files are.
struct Shell<'a> {
    ui: &'a Ui,
    language: Language,
    /// `dark`, `light`, or `auto` to follow the system.
    theme: &'static str,
    /// The address of the section the reader is in.
    current: &'a str,
}

/// An entry of the navigation, as a template shows it.
struct Link {
    address: &'static str,
    words: String,
    is_current: bool,
}

impl<'a> Shell<'a> {
    fn of(ui: &'a Ui, headers: &HeaderMap) -> Self {
        let theme = match cookie(headers, "idiom_theme") {
            Some("dark") => "dark",
            Some("light") => "light",
            _ => "auto",
        };
        Self {
            ui,
            language: language(headers),
            theme,
            current: "/",
        }
    }

    fn tag(&self) -> &'static str {
        self.language.tag()
    }

    fn say(&self, key: &str) -> String {
        self.ui.words.say(self.language, key)
    }

    fn files(&self) -> &str {
        &self.ui.assets.address
    }

    /// The files that a script of ours loads after it, by name.
    fn modules(&self, entry: &str) -> Vec<&'static str> {
        self.ui.assets.modules(entry)
    }

    fn plotly(&self) -> &str {
        &self.ui.assets.plotly
    }

    /// The navigation; empty while there is only one place to go.
    fn sections(&self) -> Vec<Link> {
        let sections = &self.ui.sections;
        let shown = if sections.len() > 1 {
            sections
        } else {
            &[][..]
        };
        let link = |section: &super::Section| Link {
            address: section.address,
            words: self.say(section.words),
            is_current: section.address == self.current,
        };
        shown.iter().map(link).collect()
    }
}

fn language(headers: &HeaderMap) -> Language {
    let asked = headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok());
    Language::choose(cookie(headers, "idiom_language"), asked)
}

/// The words of a key in the language of a request.
pub(crate) fn say(ui: &Ui, headers: &HeaderMap, key: &str) -> String {
    ui.words.say(language(headers), key)
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage<'a> {
    shell: Shell<'a>,
    /// The first rows as JSON; empty where the scripts should ask.
    first: String,
}

#[derive(Template)]
#[template(path = "compare.html")]
struct ComparePage<'a> {
    shell: Shell<'a>,
    /// The runs as JSON; empty where the scripts should ask.
    first: String,
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage<'a> {
    shell: Shell<'a>,
    run_id: String,
}

#[derive(Template)]
#[template(path = "extension.html")]
struct ExtensionPage<'a> {
    shell: Shell<'a>,
    page: &'a Page<'a>,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    shell: Shell<'a>,
    next: &'a str,
    failed: bool,
}

/// Where a reader signs in, to go on to `next`.
pub(crate) fn login_page(ui: &Ui, headers: &HeaderMap, next: &str, failed: bool) -> Response {
    page(&LoginPage {
        shell: Shell::of(ui, headers),
        next,
        failed,
    })
}

#[derive(Template)]
#[template(path = "missing.html")]
struct MissingPage<'a> {
    shell: Shell<'a>,
}

/// What a reader sees at an address where nothing is.
pub(crate) fn missing_page(ui: &Ui, headers: &HeaderMap) -> Response {
    page(&MissingPage {
        shell: Shell::of(ui, headers),
    })
}

/// The table of runs.
pub(super) async fn runs(
    State(ui): State<Arc<Ui>>,
    State(store): State<Store>,
    State(rows): State<Rows>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    page(&RunsPage {
        shell: Shell::of(&ui, &headers),
        first: match rows {
            Rows::Ours => first::rows(&store, &asked).await.unwrap_or_default(),
            Rows::Elsewhere => String::new(),
        },
    })
}

/// Some runs side by side.
pub(super) async fn compare(
    State(ui): State<Arc<Ui>>,
    State(store): State<Store>,
    State(rows): State<Rows>,
    asked: Result<Query<Compared>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    page(&ComparePage {
        shell: Shell::of(&ui, &headers),
        first: match rows {
            Rows::Ours => first::runs(&store, &asked).await.unwrap_or_default(),
            Rows::Elsewhere => String::new(),
        },
    })
}

/// One run.
pub(super) async fn run(
    State(ui): State<Arc<Ui>>,
    Path(run_id): Path<String>,
    headers: HeaderMap,
) -> Response {
    page(&RunPage {
        shell: Shell::of(&ui, &headers),
        run_id,
    })
}

/// A page of an extension.
pub(crate) fn extension_page(ui: &Ui, headers: &HeaderMap, content: &Page<'_>) -> Response {
    page(&ExtensionPage {
        shell: Shell {
            current: content.current,
            ..Shell::of(ui, headers)
        },
        page: content,
    })
}

fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (
            [
                ("cache-control", "no-cache"),
                ("vary", "cookie, accept-language"),
            ],
            Html(html),
        )
            .into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, cookies.parse().unwrap())])
    }

    #[test]
    fn a_page_comes_out_in_the_theme_and_language_of_its_cookies() {
        let ui = Ui::new(&[]).unwrap();
        let shell = Shell::of(&ui, &headers("a=b; idiom_theme=dark; idiom_language=zh"));
        let html = RunsPage {
            shell,
            first: String::new(),
        }
        .render()
        .unwrap();
        assert!(
            html.contains(r#"<html lang="zh" data-theme="dark""#),
            "{html}"
        );
    }

    #[test]
    fn a_run_id_from_the_address_is_text() {
        let ui = Ui::new(&[]).unwrap();
        let shell = Shell::of(&ui, &headers("idiom_theme=\"><script>"));
        let html = RunPage {
            shell,
            run_id: "\"><script>alert(1)</script>".to_owned(),
        }
        .render()
        .unwrap();
        assert!(!html.contains("<script>alert"), "{html}");
    }

    #[test]
    fn no_page_has_an_inline_script_or_handler() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        for entry in std::fs::read_dir(root).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            for tag in text.split("<script").skip(1) {
                let (open, rest) = tag.split_once('>').unwrap();
                if open.starts_with(" type=\"application/json\"") {
                    continue; // Data, which no browser runs.
                }
                assert!(
                    open.starts_with(" type=\"module\" src=\"{{ shell.files() }}/"),
                    "{open}"
                );
                assert!(
                    rest.starts_with("</script>"),
                    "{}: inline script",
                    path.display()
                );
            }
            assert!(
                !text.contains(" onclick="),
                "{}: inline handler",
                path.display()
            );
        }
    }
}
