//! The web UI: pages (`/`, `/compare`, `/runs/ID`, `/login`) and the files they load.
//!
//! Pages are small HTML shells (askama) in the reader's language and theme; ES modules under `assets/`
//! fill them from the same REST routes every other client uses and from our own reading routes under
//! `/api/idiom`. No framework, no build step, nothing fetched from elsewhere, and no inline script, so
//! that `script-src 'self'` holds.
//!
//! The table of runs brings its first rows along (`first`), so that it is drawn without asking again, and each page names
//! all modules it will need, so that a browser does not learn of them one after another.
//!
//! What the scripts expect of our own routes (read in one place, `assets/server.js`):
//! - `GET metrics?run_ids=A,B[&keys=K,L][&max_points=500]` ->
//!   `{"curves":[{"run_id","key","n_points","points":[[step,timestamp_ms,value],...]}]}`, points in order of
//!   step; downsampled to min, max and last of each bucket; no `keys` means all; NaN and the infinities as
//!   the strings `"NaN"`, `"Infinity"`, `"-Infinity"`.
//! - `GET summaries?run_ids=A,B` -> `{"summaries":[{"run_id","key","least":{"value","step"},"greatest"}]}`.
//! - `GET ledger?run_id=A` -> `{"curves":[{"key","received","repeated"}]}`; what the client says of itself stands in the
//!   run's tag `idiom.ledger`: `{"produced","delivered","dead","dropped","at"}`; when it stood still in
//!   `idiom.pauses`: `[[from_ms,to_ms],...]`.
//! - `GET images?run_ids=A,B` -> `{"images":[{"run_id","key","step","timestamp","path"}]}`, whose bytes are
//!   at `/get-artifact?run_id=A&path=PATH`.
//! - `GET events[?run_ids=A,B]`: server-sent events named `run` with data `{"run_id","kind"}`, the kind
//!   `created`, `metrics`, `params`, `tags`, `images`, `artifacts` or `status`; `missed` after a gap.
//! - `POST runs/search`: as MLflow's, with OR and parentheses in filters.
//!
//! Not here: the routes that carry data, and security headers (they are set for all answers at once).

mod assets;
mod first;
mod pages;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;

use crate::extension::Extension;
use crate::store::Store;
use assets::Assets;
pub(crate) use first::Rows;
pub(crate) use pages::{extension_page, login_page, missing_page, say};
use words::Words;

/// What pages are made of: files, words, and where the navigation leads.
pub(crate) struct Ui {
    assets: Assets,
    words: Words,
    sections: Vec<Section>,
}

/// An entry of the navigation.
struct Section {
    address: &'static str,
    /// The key of what it says.
    words: &'static str,
}

impl Ui {
    /// The UI with what extensions add to it; otherwise the prefix of the one that does not fit, and why.
    pub(crate) fn new(extensions: &[Box<dyn Extension>]) -> Result<Self, (&'static str, String)> {
        let mut words = Words::own();
        let mut files = Vec::new();
        let mut assets = Assets::gather(&words, []).map_err(|reason| ("/", reason))?;
        let mut sections = vec![Section {
            address: "/",
            words: "runs.title",
        }];
        for extension in extensions {
            let unfit = |reason| (extension.prefix(), reason);
            words.add(extension.words()).map_err(unfit)?;
            files.extend_from_slice(extension.files());
            assets = Assets::gather(&words, files.clone()).map_err(unfit)?;
            sections.extend(extension.entry().map(|words| Section {
                address: extension.prefix(),
                words,
            }));
        }
        Ok(Self {
            assets,
            words,
            sections,
        })
    }
}

/// Pages and assets, to be merged into the server's router.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S>
where
    Arc<Ui>: FromRef<S>,
    Store: FromRef<S>,
    Rows: FromRef<S>,
{
    Router::new()
        .route("/", get(pages::runs))
        .route("/compare", get(pages::compare))
        .route("/runs/{run_id}", get(pages::run))
        .route("/favicon.ico", get(assets::icon))
        .route("/assets/{version}/{file}", get(assets::file))
}
