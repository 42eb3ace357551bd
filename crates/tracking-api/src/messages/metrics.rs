//! Metrics: points of a curve, one at a time, in batches, and read back.

use serde::{Deserialize, Serialize};

use super::KeyValue;
use crate::number;

/// One point. NaN and infinities travel as the strings `NaN`, `Infinity` and `-Infinity`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Which curve.
    pub key: String,
    /// The value.
    #[serde(with = "number::double")]
    pub value: f64,
    /// When, in milliseconds since 1970.
    #[serde(deserialize_with = "number::int64")]
    pub timestamp: i64,
    /// Where on the x axis; may be negative. Idiom's runs count images.
    #[serde(default, deserialize_with = "number::int64")]
    pub step: i64,
    /// The logged model it was measured of, if of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// The name of the data set it was measured on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_name: Option<String>,
    /// The digest of that data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_digest: Option<String>,
    /// The run it belongs to, in answers that are about several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

/// `POST runs/log-metric`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LogMetric {
    /// The run.
    #[serde(default)]
    pub run_id: String,
    /// The run, by its old name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_uuid: Option<String>,
    /// Which curve.
    pub key: String,
    /// The value.
    #[serde(with = "number::double")]
    pub value: f64,
    /// When, in milliseconds since 1970.
    #[serde(deserialize_with = "number::int64")]
    pub timestamp: i64,
    /// Where on the x axis.
    #[serde(default, deserialize_with = "number::int64")]
    pub step: i64,
    /// The logged model it was measured of, if of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// The name of the data set it was measured on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_name: Option<String>,
    /// The digest of that data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_digest: Option<String>,
}

impl LogMetric {
    /// The point, without its run.
    pub fn metric(self) -> Metric {
        Metric {
            key: self.key,
            value: self.value,
            timestamp: self.timestamp,
            step: self.step,
            model_id: self.model_id,
            dataset_name: self.dataset_name,
            dataset_digest: self.dataset_digest,
            run_id: None,
        }
    }
}

/// `POST runs/log-batch`: all of it is stored, or none.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LogBatch {
    /// The run.
    #[serde(default)]
    pub run_id: String,
    /// At most 1000 points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// At most 100 params.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<KeyValue>,
    /// At most 100 tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<KeyValue>,
}

/// `GET metrics/get-history`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GetMetricHistory {
    /// The run.
    #[serde(default)]
    pub run_id: String,
    /// The run, by its old name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_uuid: Option<String>,
    /// Which curve.
    #[serde(default)]
    pub metric_key: String,
    /// All points when absent.
    #[serde(
        default,
        deserialize_with = "number::optional_int64",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_results: Option<i64>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
}

/// The answer of `metrics/get-history`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MetricHistory {
    /// In order of timestamp, step, value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// Asks for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// `GET metrics/get-history-bulk`: one curve of several runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GetMetricHistoryBulk {
    /// At most 100 runs; the key is repeated in a query.
    #[serde(default)]
    pub run_id: Vec<String>,
    /// Which curve.
    #[serde(default)]
    pub metric_key: String,
    /// At most 25,000 points of all runs together, which is also meant when absent.
    #[serde(
        default,
        deserialize_with = "number::optional_int64",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_results: Option<i64>,
}

/// `GET metrics/get-history-bulk-interval`: one curve of several runs, thinned out alike.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GetMetricHistoryBulkInterval {
    /// At most 100 runs.
    #[serde(default)]
    pub run_ids: Vec<String>,
    /// Which curve.
    #[serde(default)]
    pub metric_key: String,
    /// From this step on; only together with `end_step`.
    #[serde(
        default,
        deserialize_with = "number::optional_int64",
        skip_serializing_if = "Option::is_none"
    )]
    pub start_step: Option<i64>,
    /// Up to this step.
    #[serde(
        default,
        deserialize_with = "number::optional_int64",
        skip_serializing_if = "Option::is_none"
    )]
    pub end_step: Option<i64>,
    /// About so many points a run, 1 to 2500; 2500 when absent.
    #[serde(
        default,
        deserialize_with = "number::optional_int64",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_results: Option<i64>,
}

/// The answer of both: each point names its run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MetricsOfRuns {
    /// Run by run.
    pub metrics: Vec<Metric>,
}
