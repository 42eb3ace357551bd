//! The UI's files, built into the binary and served so that a browser fetches each version once.
//!
//! All of our files share one version, a hash of them together, which stands in their path: modules
//! import each other by relative path and so stay within one version. An address with the current
//! version may be kept for a year; any other version still works, but is asked for again each time.
//! plotly.js is the copy the `plotly` crate carries (SVG traces only: its WebGL ones need `unsafe-eval`).

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::words;

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
    "elements.js",
    "export.js",
    "format.js",
    "history.js",
    "icon.svg",
    "keys.js",
    "live.js",
    "loupe.css",
    "loupe.js",
    "matrix.js",
    "page.css",
    "part.js",
    "pictures.css",
    "pictures.js",
    "run.js",
    "runs.js",
    "server.js",
    "shell.js",
    "smoothing.js",
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

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let own: Vec<(&str, Bytes)> = FILES
        .iter()
        .map(|(name, bytes)| (*name, Bytes::from_static(bytes)))
        .chain([("words.js", Bytes::from(words::module()))])
        .collect();
    let version = hash(own.iter().map(|(_, bytes)| bytes.as_ref()));
    own.into_iter()
        .map(|(name, bytes)| Asset {
            name,
            version: version.clone(),
            bytes,
        })
        .collect()
});

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

static ADDRESS: LazyLock<String> = LazyLock::new(|| format!("/assets/{}", ASSETS[0].version));
static PLOTLY_ADDRESS: LazyLock<String> =
    LazyLock::new(|| format!("/assets/{}/{PLOTLY}", PLOTLY_ASSET.version));

/// The folder our own files are under, their version included.
pub(super) fn address() -> &'static str {
    &ADDRESS
}

/// Where plotly.js is.
pub(super) fn plotly_address() -> &'static str {
    &PLOTLY_ADDRESS
}

/// One file.
pub(super) async fn file(
    Path((version, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match find(&name) {
        Some(asset) => send(asset, &version, &headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The icon at the address every browser tries.
pub(super) async fn icon(headers: HeaderMap) -> Response {
    file(Path((String::new(), "icon.svg".to_owned())), headers).await
}

fn find(name: &str) -> Option<&'static Asset> {
    if name == PLOTLY {
        return Some(&PLOTLY_ASSET);
    }
    ASSETS.iter().find(|asset| asset.name == name)
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
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(
                name == "words.json" || find(&name).is_some(),
                "`{name}` is not in FILES"
            );
        }
    }

    #[tokio::test]
    async fn a_current_address_is_kept_for_a_year_and_an_old_one_is_asked_again() {
        for (version, expected) in [
            (
                ASSETS[0].version.as_str(),
                "public, max-age=31536000, immutable",
            ),
            ("old", "no-cache"),
        ] {
            let answer = file(
                Path((version.to_owned(), "runs.js".to_owned())),
                HeaderMap::new(),
            )
            .await;
            assert_eq!(answer.headers()[CACHE_CONTROL], expected);
        }
    }

    #[tokio::test]
    async fn a_browser_that_has_the_file_is_sent_no_bytes() {
        let etag = format!("\"{}\"", PLOTLY_ASSET.version);
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, etag.parse().unwrap())]);
        let answer = file(Path(("old".to_owned(), PLOTLY.to_owned())), headers).await;
        assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
    }
}
