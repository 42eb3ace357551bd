//! The three pages: shells in the reader's language and theme; scripts fill them.
//!
//! Language and theme are remembered in two cookies that the server reads, so that a page comes out
//! right at once instead of flashing; everything else about a view stands in its address.

use askama::Template;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::response::{Html, IntoResponse, Response};

use super::assets;
use super::words::Language;

/// What every page has: language, theme, and where its files are.
struct Shell {
    language: Language,
    /// `dark`, `light`, or `auto` to follow the system.
    theme: &'static str,
    files: &'static str,
    plotly: &'static str,
}

impl Shell {
    fn of(headers: &HeaderMap) -> Self {
        let asked = headers
            .get(ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        let theme = match cookie(headers, "idiom_theme") {
            Some("dark") => "dark",
            Some("light") => "light",
            _ => "auto",
        };
        Self {
            language: Language::choose(cookie(headers, "idiom_language"), asked),
            theme,
            files: assets::address(),
            plotly: assets::plotly_address(),
        }
    }

    fn tag(&self) -> &'static str {
        self.language.tag()
    }

    fn say(&self, key: &str) -> String {
        self.language.say(key)
    }
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
struct RunsPage {
    shell: Shell,
}

#[derive(Template)]
#[template(path = "compare.html")]
struct ComparePage {
    shell: Shell,
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    shell: Shell,
    run_id: String,
}

/// The table of runs.
pub(super) async fn runs(headers: HeaderMap) -> Response {
    page(&RunsPage {
        shell: Shell::of(&headers),
    })
}

/// Some runs side by side.
pub(super) async fn compare(headers: HeaderMap) -> Response {
    page(&ComparePage {
        shell: Shell::of(&headers),
    })
}

/// One run.
pub(super) async fn run(Path(run_id): Path<String>, headers: HeaderMap) -> Response {
    page(&RunPage {
        shell: Shell::of(&headers),
        run_id,
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
        let shell = Shell::of(&headers("a=b; idiom_theme=dark; idiom_language=zh"));
        let html = RunsPage { shell }.render().unwrap();
        assert!(
            html.contains(r#"<html lang="zh" data-theme="dark""#),
            "{html}"
        );
    }

    #[test]
    fn a_run_id_from_the_address_is_text() {
        let shell = Shell::of(&headers("idiom_theme=\"><script>"));
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
                assert!(
                    open.starts_with(" type=\"module\" src=\"{{ shell.files }}/"),
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
