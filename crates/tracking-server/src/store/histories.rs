//! One curve of several runs, whole or thinned out alike, as MLflow's own pages ask for it.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use idiom_tracking_api::{GetMetricHistoryBulk, Metric, limits};

use super::points::value_of;
use super::{Store, StoreError};

type Row = (i64, i64, f64, bool);

impl Store {
    /// Points of a curve of several runs, run by run in the order of their ids, up to a limit for all together.
    pub(crate) async fn history_of_runs(
        &self,
        request: &GetMetricHistoryBulk,
    ) -> Result<Vec<Metric>, StoreError> {
        let most = limits::MAX_HISTORY_RESULTS;
        let limit = request.max_results.unwrap_or(most).clamp(0, most);
        let mut left = usize::try_from(limit).unwrap_or_default();
        let mut runs = request.run_id.clone();
        runs.sort();
        let mut all = Vec::new();
        for run_id in runs {
            let rows = self
                .points_of(&run_id, &request.metric_key, i64::MIN..=i64::MAX, left)
                .await?;
            left -= rows.len();
            all.extend(
                rows.into_iter()
                    .map(|row| metric(&run_id, &request.metric_key, row)),
            );
        }
        Ok(all)
    }

    /// Points of a curve of several runs at about `size` steps, the same for all of them; of each run the first and the
    /// last step are there, too.
    pub(crate) async fn interval_of_runs(
        &self,
        run_ids: &[String],
        key: &str,
        steps: RangeInclusive<i64>,
        size: usize,
    ) -> Result<Vec<Metric>, StoreError> {
        let mut curves = Vec::new();
        for run_id in run_ids {
            curves.push((
                run_id,
                self.points_of(run_id, key, steps.clone(), usize::MAX)
                    .await?,
            ));
        }
        let all: BTreeSet<i64> = curves
            .iter()
            .flat_map(|(_, rows)| rows.iter().map(|row| row.0))
            .collect();
        let mut kept = sampled(&all.into_iter().collect::<Vec<_>>(), size);
        for (_, rows) in &curves {
            kept.extend(
                [rows.first(), rows.last()]
                    .into_iter()
                    .flatten()
                    .map(|row| row.0),
            );
        }
        let points = curves.into_iter().flat_map(|(run_id, rows)| {
            let rows = rows.into_iter().filter(|row| kept.contains(&row.0));
            rows.map(|row| metric(run_id, key, row)).collect::<Vec<_>>()
        });
        Ok(points.collect())
    }

    async fn points_of(
        &self,
        run_id: &str,
        key: &str,
        steps: RangeInclusive<i64>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let run = self.run_number(run_id).await?;
        let query = sqlx::query_as(
            "SELECT step, timestamp, value, is_nan FROM metrics WHERE run = $1 AND key = (SELECT id FROM metric_keys \
             WHERE key = $2) AND step BETWEEN $3 AND $4 ORDER BY step, timestamp, value LIMIT $5",
        );
        let query = query
            .bind(run)
            .bind(key)
            .bind(*steps.start())
            .bind(*steps.end());
        Ok(query
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.readers)
            .await?)
    }
}

fn metric(run_id: &str, key: &str, (step, timestamp, value, is_nan): Row) -> Metric {
    Metric {
        key: key.to_owned(),
        value: value_of(value, is_nan),
        timestamp,
        step,
        run_id: Some(run_id.to_owned()),
        ..Metric::default()
    }
}

/// Steps at even distances, the last among them.
fn sampled(steps: &[i64], size: usize) -> BTreeSet<i64> {
    if steps.len() <= size {
        return steps.iter().copied().collect();
    }
    let even = (0..size).map(|index| steps[index * steps.len() / size]);
    even.chain(steps.last().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::sampled;

    #[test]
    fn steps_are_drawn_at_even_distances_with_the_last() {
        let steps: Vec<i64> = (0..10).collect();
        assert_eq!(Vec::from_iter(sampled(&steps, 4)), [0, 2, 5, 7, 9]);
        assert_eq!(Vec::from_iter(sampled(&steps, 10)), steps);
    }
}
