//! Curves and what tables show of them, as pages ask for them.

use serde::Serialize;

use super::database::query;
use super::points::value_of;
use super::thinner::Point;
use super::{Store, StoreError};
use idiom_tracking_api::number;

/// A curve of one run, thinned out.
#[derive(Debug, Serialize)]
pub(crate) struct Curve {
    pub(crate) run_id: String,
    pub(crate) key: String,
    /// How many points there are in the store.
    pub(crate) n_points: u64,
    /// By step, time and value.
    pub(crate) points: Vec<Point>,
}

/// What tables show of a curve: its latest, least and greatest value, each with its step.
#[derive(Debug, Serialize)]
pub(crate) struct CurveSummary {
    pub(crate) run_id: String,
    pub(crate) key: String,
    pub(crate) last: At,
    /// Absent while every value is NaN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) least: Option<At>,
    /// Absent while every value is NaN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) greatest: Option<At>,
}

/// How many points of a run's curves came.
#[derive(Debug, Serialize)]
pub(crate) struct Received {
    pub(crate) key: String,
    /// Points that are stored.
    pub(crate) received: i64,
    /// Points that came again and were known already.
    pub(crate) repeated: i64,
}

from_row!(Received {
    key,
    received,
    repeated
});

/// A value at a step.
#[derive(Debug, Serialize)]
pub(crate) struct At {
    #[serde(with = "number::double")]
    pub(crate) value: f64,
    pub(crate) step: i64,
}

type SummaryRow = (
    String,
    String,
    f64,
    bool,
    i64,
    Option<f64>,
    Option<i64>,
    Option<f64>,
    Option<i64>,
);

impl Store {
    /// What tables show of the curves of runs.
    pub(crate) async fn summaries(
        &self,
        run_ids: &[String],
    ) -> Result<Vec<CurveSummary>, StoreError> {
        let rows: Vec<SummaryRow> = query(
            "SELECT run_id, metric_keys.key, last_value, last_is_nan, last_step, least_value, least_step, \
             greatest_value, greatest_step FROM runs JOIN metric_summaries ON run = number JOIN metric_keys \
             ON metric_keys.id = metric_summaries.key WHERE run_id IN {texts $1} \
             ORDER BY run_id, metric_keys.key",
        )
        .bind(serde_json::to_string(run_ids).unwrap_or_default())
        .fetch_all(&mut self.reading().await?)
        .await?;
        let at = |value: Option<f64>, step: Option<i64>| {
            Some(At {
                value: value?,
                step: step?,
            })
        };
        let summary = |(
            run_id,
            key,
            last,
            is_nan,
            step,
            least,
            least_step,
            greatest,
            greatest_step,
        ): SummaryRow| {
            let last = At {
                value: value_of(last, is_nan),
                step,
            };
            let (least, greatest) = (at(least, least_step), at(greatest, greatest_step));
            CurveSummary {
                run_id,
                key,
                last,
                least,
                greatest,
            }
        };
        Ok(rows.into_iter().map(summary).collect())
    }

    /// How many points of each curve of a run came, by name.
    pub(crate) async fn received(&self, run_id: &str) -> Result<Vec<Received>, StoreError> {
        let run = self.run_number(run_id).await?;
        let rows = query(
            "SELECT metric_keys.key, n_points AS received, n_repeated AS repeated FROM metric_summaries JOIN metric_keys \
             ON metric_keys.id = metric_summaries.key WHERE run = $1 ORDER BY metric_keys.key",
        );
        Ok(rows.bind(run).fetch_all(&mut self.reading().await?).await?)
    }

    /// The curves of runs, each thinned out to about `max_points`; all curves when no keys are given.
    pub(crate) async fn curves(
        &self,
        run_ids: &[String],
        keys: &[String],
        max_points: usize,
    ) -> Result<Vec<Curve>, StoreError> {
        let mut curves = Vec::new();
        for run_id in run_ids {
            let run = self.run_number(run_id).await?;
            for (number, n_points, key) in self.curve_keys(run, keys).await? {
                let n_points = u64::try_from(n_points).unwrap_or_default();
                let points = self
                    .thinned_curve((run, number), n_points, max_points)
                    .await?;
                curves.push(Curve {
                    run_id: run_id.clone(),
                    key,
                    n_points,
                    points,
                });
            }
        }
        Ok(curves)
    }

    async fn curve_keys(
        &self,
        run: i64,
        wanted: &[String],
    ) -> Result<Vec<(i64, i64, String)>, StoreError> {
        let mut keys: Vec<(i64, i64, String)> = query(
            "SELECT metric_keys.id, n_points, metric_keys.key FROM metric_summaries JOIN metric_keys \
             ON metric_keys.id = metric_summaries.key WHERE run = $1 ORDER BY metric_keys.key",
        )
        .bind(run)
        .fetch_all(&mut self.reading().await?)
        .await?;
        keys.retain(|(_, _, key)| wanted.is_empty() || wanted.contains(key));
        Ok(keys)
    }
}
