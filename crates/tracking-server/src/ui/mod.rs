//! The web UI: three pages (`/`, `/compare`, `/runs/ID`) and the files they load.
//!
//! Pages are small HTML shells (askama) in the reader's language and theme; ES modules under `assets/`
//! fill them from the same REST routes every other client uses and from our own reading routes under
//! `/api/idiom`. No framework, no build step, nothing fetched from elsewhere, and no inline script, so
//! that `script-src 'self'` holds.
//!
//! What the scripts expect of our own routes (read in one place, `assets/server.js`):
//! - `GET metrics?run_ids=A,B[&keys=K,L][&max_points=500]` ->
//!   `{"curves":[{"run_id","key","n_points","points":[[step,timestamp_ms,value],...]}]}`, points in order of
//!   step; downsampled to min, max and last of each bucket; no `keys` means all; NaN and the infinities as
//!   the strings `"NaN"`, `"Infinity"`, `"-Infinity"`.
//! - `GET summaries?run_ids=A,B` -> `{"summaries":[{"run_id","key","least":{"value","step"},"greatest"}]}`.
//! - `GET images?run_ids=A,B` -> `{"images":[{"run_id","key","step","timestamp","path"}]}`, whose bytes are
//!   at `/get-artifact?run_id=A&path=PATH`.
//! - `GET events[?run_ids=A,B]`: server-sent events named `run` with data `{"run_id","kind"}`, the kind
//!   `created`, `metrics`, `params`, `tags`, `images`, `artifacts` or `status`; `missed` after a gap.
//! - `POST runs/search`: as MLflow's, with OR and parentheses in filters.
//!
//! Not here: the routes that carry data, and security headers (they are set for all answers at once).

mod assets;
mod pages;
mod words;

use axum::Router;
use axum::routing::get;

/// Pages and assets, to be merged into the server's router.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(pages::runs))
        .route("/compare", get(pages::compare))
        .route("/runs/{run_id}", get(pages::run))
        .route("/favicon.ico", get(assets::icon))
        .route("/assets/{version}/{file}", get(assets::file))
}
