//! Points of a curve of one run or of several, whole or thinned out alike, as MLflow's protocol asks for them.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use idiom_tracking_api::{
    ApiError, GetMetricHistory, GetMetricHistoryBulk, Metric, limits, number, page_token,
};
use serde::Serialize;

use super::database::query;
use super::thinner::Point;
use super::{Store, StoreError, blocks};

/// Points in one part of an answer.
const PART: usize = 4096;

/// The answer of `metrics/get-history`, written straight from the points and in parts: neither is the key copied for each
/// point, nor does the text of a long curve stand in memory as a whole.
pub(crate) struct History {
    key: String,
    points: Vec<Point>,
    next_page_token: Option<String>,
}

/// A point as MLflow writes it.
#[derive(Serialize)]
struct Written<'a> {
    key: &'a str,
    #[serde(with = "number::double")]
    value: f64,
    timestamp: i64,
    step: i64,
}

impl History {
    /// The answer as JSON, part by part. Lists that are empty and tokens that are none are left out, as protobuf does.
    pub(crate) fn json(self) -> impl Iterator<Item = String> + Send {
        let parts = self.points.len().div_ceil(PART);
        (0..=parts).map(move |part| {
            if part == parts {
                return self.end();
            }
            let points = self.points.chunks(PART).nth(part).unwrap_or_default();
            let written: Vec<Written<'_>> =
                points.iter().map(|point| self.written(point)).collect();
            let list = serde_json::to_string(&written).unwrap_or_default();
            let inside = list.trim_start_matches('[').trim_end_matches(']');
            let before = if part == 0 { "{\"metrics\":[" } else { "," };
            format!("{before}{inside}")
        })
    }

    fn written(&self, point: &Point) -> Written<'_> {
        Written {
            key: &self.key,
            value: point.value,
            timestamp: point.timestamp,
            step: point.step,
        }
    }

    fn end(&self) -> String {
        let before = if self.points.is_empty() { "{" } else { "]" };
        let token = self.next_page_token.as_deref().map(|token| {
            let comma = if self.points.is_empty() { "" } else { "," };
            format!("{comma}\"next_page_token\":\"{token}\"")
        });
        format!("{before}{}}}", token.unwrap_or_default())
    }
}

impl Store {
    /// Points of one curve, by time, step and value; all of them unless a page is asked for.
    pub(crate) async fn metric_history(
        &self,
        request: GetMetricHistory,
    ) -> Result<History, StoreError> {
        let offset = page_token::decode(request.page_token.as_deref())?;
        let limit = history_limit(request.max_results)?;
        let mut points = self.points_of(&request.run_id, &request.metric_key).await?;
        let by_time = |a: &Point, b: &Point| a.timestamp.cmp(&b.timestamp).then(a.order(b));
        if !points.is_sorted_by(|a, b| by_time(a, b).is_le()) {
            points.sort_by(by_time);
        }
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        points.drain(..offset.min(points.len()));
        let next_page_token =
            (points.len() > limit).then(|| page_token::encode((offset + limit) as u64));
        points.truncate(limit);
        Ok(History {
            key: request.metric_key,
            points,
            next_page_token,
        })
    }

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
            let mut points = self.points_of(&run_id, &request.metric_key).await?;
            points.truncate(left);
            left -= points.len();
            let key = &request.metric_key;
            all.extend(points.into_iter().map(|point| metric(&run_id, key, point)));
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
            let mut points = self.points_of(run_id, key).await?;
            points.retain(|point| steps.contains(&point.step));
            curves.push((run_id, points));
        }
        let all: BTreeSet<i64> = curves
            .iter()
            .flat_map(|(_, points)| points.iter().map(|point| point.step))
            .collect();
        let mut kept = sampled(&all.into_iter().collect::<Vec<_>>(), size);
        for (_, points) in &curves {
            let ends = [points.first(), points.last()].into_iter().flatten();
            kept.extend(ends.map(|point| point.step));
        }
        let of_run = |(run_id, points): (&String, Vec<Point>)| -> Vec<Metric> {
            let shown = points
                .into_iter()
                .filter(|point| kept.contains(&point.step));
            shown.map(|point| metric(run_id, key, point)).collect()
        };
        Ok(curves.into_iter().flat_map(of_run).collect())
    }

    /// All points of a curve of a run, by step, time and value.
    async fn points_of(&self, run_id: &str, key: &str) -> Result<Vec<Point>, StoreError> {
        let run = self.run_number(run_id).await?;
        let mut connection = self.reading().await?;
        let number = query("SELECT id FROM metric_keys WHERE key = $1");
        let number: Option<i64> = number.bind(key).fetch_optional(&mut connection).await?;
        let Some(number) = number else {
            return Ok(Vec::new());
        };
        Ok(blocks::points_after(&mut connection, (run, number), None, usize::MAX).await?)
    }
}

fn history_limit(asked: Option<i64>) -> Result<usize, ApiError> {
    match asked {
        Some(count) if count < 1 => Err(ApiError::invalid(format!(
            "Invalid value {count} for parameter 'max_results' supplied. It must be a positive integer."
        ))),
        Some(count) => {
            Ok(usize::try_from(count.min(limits::MAX_HISTORY_RESULTS)).unwrap_or(usize::MAX))
        }
        None => Ok(usize::MAX),
    }
}

fn metric(run_id: &str, key: &str, point: Point) -> Metric {
    Metric {
        key: key.to_owned(),
        value: point.value,
        timestamp: point.timestamp,
        step: point.step,
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
    use super::*;

    fn text(count: usize, token: Option<&str>) -> String {
        let point = |step| Point {
            step,
            timestamp: 7,
            value: if step == 1 { f64::NAN } else { 0.5 },
        };
        let history = History {
            key: "a\"]b".to_owned(),
            points: (0..count as i64).map(point).collect(),
            next_page_token: token.map(str::to_owned),
        };
        history.json().collect()
    }

    #[test]
    fn the_parts_of_a_history_make_up_mlflows_answer() {
        assert_eq!(text(0, None), "{}");
        assert_eq!(text(0, Some("t")), r#"{"next_page_token":"t"}"#);
        for count in [1, PART - 1, PART, PART + 1, 3 * PART] {
            let answer: idiom_tracking_api::MetricHistory =
                serde_json::from_str(&text(count, Some("t"))).unwrap();
            assert_eq!(answer.metrics.len(), count);
            assert_eq!(answer.next_page_token.as_deref(), Some("t"));
            let last = answer.metrics.last().unwrap();
            assert_eq!((last.key.as_str(), last.step), ("a\"]b", count as i64 - 1));
        }
        assert!(text(2, None).contains(r#""value":"NaN""#));
    }

    #[test]
    fn steps_are_drawn_at_even_distances_with_the_last() {
        let steps: Vec<i64> = (0..10).collect();
        assert_eq!(Vec::from_iter(sampled(&steps, 4)), [0, 2, 5, 7, 9]);
        assert_eq!(Vec::from_iter(sampled(&steps, 10)), steps);
    }
}
