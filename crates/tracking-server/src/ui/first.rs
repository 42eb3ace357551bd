//! What the scripts of a page would ask for first, brought along by the page as JSON: rows of the table of runs, the runs
//! of a comparison.
//!
//! A page with a filter asks by itself: its filter may be refused, and the reader should be told why.

use idiom_tracking_api::search::Dialect;
use idiom_tracking_api::{SearchExperiments, SearchRuns};
use serde::Deserialize;

use crate::store::{Store, StoreError};

/// Rows that are brought along: more than a screen shows.
const ROWS: i64 = 60;
/// Runs of a comparison that are brought along, at most.
const RUNS: usize = 32;
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
    Some(inert(&first.ok()?))
}

/// In JSON these stand inside of texts only; escaped, no text can end the element it is in.
fn inert(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e")
}

/// What the address of a comparison says of the runs in it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Compared {
    #[serde(default)]
    runs: String,
}

/// The runs of a comparison as JSON that may stand in a `<script>`; none where one is missing, which the scripts find out,
/// or where there are many.
pub(super) async fn runs(store: &Store, compared: &Compared) -> Option<String> {
    let ids: Vec<&str> = compared
        .runs
        .split(',')
        .filter(|id| !id.is_empty())
        .collect();
    if ids.len() > RUNS {
        return None;
    }
    let mut runs = Vec::with_capacity(ids.len());
    for id in ids {
        runs.push(store.run(id).await.ok()?);
    }
    let runs = serde_json::to_string(&runs).unwrap_or_default();
    Some(inert(&format!(r#"{{"runs":{runs}}}"#)))
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
