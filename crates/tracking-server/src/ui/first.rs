//! The first rows of the table of runs, brought along by its page as JSON: what the scripts would ask for first.
//!
//! A page with a filter asks by itself: its filter may be refused, and the reader should be told why.

use idiom_tracking_api::search::Dialect;
use idiom_tracking_api::{SearchExperiments, SearchRuns};
use serde::Deserialize;

use crate::store::{Store, StoreError};

/// Rows that are brought along: more than a screen shows.
const ROWS: i64 = 60;
/// Experiments in the list to choose from, as the scripts ask for them.
const EXPERIMENTS: i64 = 1000;

/// What the address of the table says of the rows in it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    experiment: String,
    #[serde(default)]
    filter: String,
    #[serde(default)]
    view: String,
}

/// Whose the rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Our own store's.
    Ours,
    /// Another server's: the scripts ask.
    Elsewhere,
}

/// The rows as JSON that may stand in a `<script>`; none where the scripts should ask.
pub(super) async fn rows(store: &Store, asked: &Asked) -> Option<String> {
    if !asked.filter.is_empty() || !asked.view.is_empty() {
        return None;
    }
    let first = read(store, &asked.experiment)
        .await
        .inspect_err(|error| tracing::debug!(%error, "a page goes out without its first rows"));
    // In JSON these stand inside of texts only; escaped, no text can end the element it is in.
    Some(first.ok()?.replace('<', "\\u003c").replace('>', "\\u003e"))
}

/// Two answers, as the REST routes give them.
async fn read(store: &Store, experiment: &str) -> Result<String, StoreError> {
    let all = SearchExperiments {
        max_results: Some(EXPERIMENTS),
        ..SearchExperiments::default()
    };
    let experiments = store.search_experiments(&all).await?;
    let ids = experiments
        .experiments
        .iter()
        .map(|found| found.experiment_id.clone())
        .filter(|id| experiment.is_empty() || id == experiment);
    let search = SearchRuns {
        experiment_ids: ids.collect(),
        max_results: Some(ROWS),
        ..SearchRuns::default()
    };
    let runs = store.search_runs(&search, Dialect::Idiom).await?;
    let experiments = serde_json::to_string(&experiments).unwrap_or_default();
    let runs = runs.json();
    Ok(format!(r#"{{"experiments":{experiments},"runs":{runs}}}"#))
}
