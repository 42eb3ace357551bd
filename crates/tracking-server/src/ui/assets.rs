//! The UI's files, built into the binary and served so that a browser fetches each version once.
//!
//! All of our files share one version, a hash of them together, which stands in their path: modules
//! import each other by relative path and so stay within one version. An address with the current
//! version may be kept for a year; any other version still works, but is asked for again each time.
//! plotly.js is the copy the `plotly` crate carries (SVG traces only: its WebGL ones need `unsafe-eval`).

use std::sync::{Arc, LazyLock};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::Ui;
use super::words::Words;

const PLOTLY: &str = "plotly.js";

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../assets/", $name)))),+]
    };
}

const FILES: &[(&str, &[u8])] = embedded![
    "artifacts.js",
    "charts.css",
    "charts.js",
    "chooser.js",
    "colours.js",
    "columns.js",
    "compare.js",
    "controls.css",
    "cursor.js",
    "curves.js",
    "edit.js",
    "elements.js",
    "export.js",
    "format.js",
    "grouping.js",
    "history.js",
    "icon.svg",
    "keys.js",
    "ledger.js",
    "live.js",
    "loupe.css",
    "loupe.js",
    "matrix.js",
    "mlflow_links.js",
    "names.js",
    "page.css",
    "parallel.js",
    "parquet.js",
    "part.js",
    "pictures.css",
    "pictures.js",
    "report.js",
    "run.js",
    "runs.js",
    "seeds.js",
    "server.js",
    "shell.js",
    "smoothing.js",
    "stats.js",
    "status.js",
    "table.css",
    "table.js",
    "theme.css",
    "versus.js",
    "view.js",
];

struct Asset {
    name: &'static str,
    version: String,
    bytes: Bytes,
}

/// All files that pages load, those of extensions among them.
pub(super) struct Assets {
    files: Vec<Asset>,
    /// The folder our own files are under, their version included.
    pub(super) address: String,
    /// Where plotly.js is.
    pub(super) plotly: String,
}

static PLOTLY_ASSET: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = Bytes::from(
        first_script(&plotly::Plot::offline_js_sources())
            .as_bytes()
            .to_vec(),
    );
    Asset {
        name: PLOTLY,
        version: hash([bytes.as_ref()].into_iter()),
        bytes,
    }
});

impl Assets {
    /// Our files, the table of words and what extensions bring; why not, where two have one name.
    pub(super) fn gather(
        words: &Words,
        more: impl IntoIterator<Item = (&'static str, &'static [u8])>,
    ) -> Result<Self, String> {
        let own = FILES.iter().copied().chain(more);
        let mut all: Vec<(&str, Bytes)> = own
            .map(|(name, bytes)| (name, Bytes::from_static(bytes)))
            .chain([("words.js", Bytes::from(words.module()))])
            .collect();
        all.sort_by_key(|(name, _)| *name);
        if let Some(twice) = all.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(format!("its files: there is a `{}` already", twice[0].0));
        }
        let version = hash(all.iter().map(|(_, bytes)| bytes.as_ref()));
        let files = all.into_iter().map(|(name, bytes)| Asset {
            name,
            version: version.clone(),
            bytes,
        });
        Ok(Self {
            files: files.collect(),
            address: format!("/assets/{version}"),
            plotly: format!("/assets/{}/{PLOTLY}", PLOTLY_ASSET.version),
        })
    }

    /// The modules that a script of ours imports, and those that they import, the nearest first.
    pub(super) fn modules(&self, entry: &str) -> Vec<&'static str> {
        let mut found: Vec<&'static str> = Vec::new();
        let mut open = vec![entry];
        while let Some(name) = open.pop() {
            let text = self.find(name).map(|asset| asset.bytes.as_ref());
            for import in imports(text.unwrap_or_default()) {
                let Some(asset) = self.find(import) else {
                    continue;
                };
                if !found.contains(&asset.name) {
                    found.push(asset.name);
                    open.push(asset.name);
                }
            }
        }
        found
    }

    fn find(&self, name: &str) -> Option<&Asset> {
        if name == PLOTLY {
            return Some(&PLOTLY_ASSET);
        }
        self.files.iter().find(|asset| asset.name == name)
    }

    /// One file, as a browser that may have it already asks for it.
    pub(super) fn answer(&self, version: &str, name: &str, headers: &HeaderMap) -> Response {
        match self.find(name) {
            Some(asset) => send(asset, version, headers),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

/// One file.
pub(super) async fn file(
    State(ui): State<Arc<Ui>>,
    Path((version, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    ui.assets.answer(&version, &name, &headers)
}

/// The icon at the address every browser tries.
pub(super) async fn icon(State(ui): State<Arc<Ui>>, headers: HeaderMap) -> Response {
    ui.assets.answer("", "icon.svg", &headers)
}

/// What stands in `from "./NAME"` at the ends of a module's import lines.
fn imports(module: &[u8]) -> impl Iterator<Item = &str> {
    let text = std::str::from_utf8(module).unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| line.starts_with("import ") || line.starts_with("} from "));
    lines.filter_map(|line| line.split_once("\"./")?.1.split('"').next())
}

fn send(asset: &Asset, version: &str, headers: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", asset.version);
    let caching = if version == asset.version {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let known = headers
        .get(IF_NONE_MATCH)
        .is_some_and(|value| value.as_bytes() == etag.as_bytes());
    let about = [(ETAG, etag), (CACHE_CONTROL, caching.to_owned())];
    if known {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (
        about,
        [(CONTENT_TYPE, media_type(asset.name))],
        asset.bytes.clone(),
    )
        .into_response()
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// The text inside the first `<script>` of the plotly crate's ready-made tags; the second is MathJax,
/// which we leave out.
fn first_script(tags: &str) -> &str {
    let body = tags.split_once('>').map_or("", |(_, rest)| rest);
    body.split_once("</script>")
        .map_or("", |(script, _)| script)
}

fn hash<'a>(parts: impl Iterator<Item = &'a [u8]>) -> String {
    let mut digest = Sha256::new();
    parts.for_each(|part| digest.update(part));
    digest
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plotly_is_cut_out_of_the_tags_whole() {
        let script = std::str::from_utf8(&PLOTLY_ASSET.bytes).unwrap();
        assert!(
            script.starts_with("/**\n* plotly.js v3"),
            "{}",
            &script[..40]
        );
        assert!(script.len() > 4_000_000 && !script.contains("</script"));
    }

    #[test]
    fn every_file_in_the_folder_is_built_in() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
        let assets = own();
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(
                name == "words.json" || assets.find(&name).is_some(),
                "`{name}` is not in FILES"
            );
        }
    }

    fn own() -> Assets {
        Assets::gather(&Words::own(), []).unwrap()
    }

    #[test]
    fn an_extensions_file_stands_beside_ours_and_never_in_place_of_one() {
        let with: &'static [u8] = b"1";
        let assets = Assets::gather(&Words::own(), [("hello.js", with)]).unwrap();
        assert!(assets.find("hello.js").is_some());
        assert_ne!(assets.address, own().address, "new files, a new version");
        assert!(Assets::gather(&Words::own(), [("runs.js", with)]).is_err());
        assert!(Assets::gather(&Words::own(), [("words.js", with)]).is_err());
    }

    #[test]
    fn a_page_names_every_module_it_will_load() {
        let assets = own();
        let modules = assets.modules("runs.js");
        for name in ["table.js", "words.js", "elements.js", "colours.js"] {
            assert!(modules.contains(&name), "{name} is not in {modules:?}");
        }
        assert!(
            !modules.contains(&"plotly.js"),
            "only pages with curves load it"
        );
    }

    #[test]
    fn a_current_address_is_kept_for_a_year_and_an_old_one_is_asked_again() {
        let assets = own();
        let current = assets.files[0].version.as_str();
        for (version, expected) in [
            (current, "public, max-age=31536000, immutable"),
            ("old", "no-cache"),
        ] {
            let answer = assets.answer(version, "runs.js", &HeaderMap::new());
            assert_eq!(answer.headers()[CACHE_CONTROL], expected);
        }
    }

    #[test]
    fn a_browser_that_has_the_file_is_sent_no_bytes() {
        let etag = format!("\"{}\"", PLOTLY_ASSET.version);
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, etag.parse().unwrap())]);
        let answer = own().answer("old", PLOTLY, &headers);
        assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
    }
}
