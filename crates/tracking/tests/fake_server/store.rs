//! What the server keeps, and its answers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Request;

/// A point as a row: key, timestamp, step, value as JSON text.
pub type Row = (String, i64, i64, String);

#[derive(Clone, Debug, Default)]
pub struct StoredRun {
    pub name: String,
    pub tags: BTreeMap<String, String>,
    pub params: BTreeMap<String, String>,
    pub rows: BTreeSet<Row>,
    /// How often each row was sent.
    pub arrivals: u64,
    pub status: String,
    pub end_time: Option<i64>,
    pub deleted: bool,
}

#[derive(Debug, Default)]
pub struct Store {
    pub experiments: Vec<String>,
    pub runs: BTreeMap<String, StoredRun>,
    pub files: BTreeMap<String, Vec<u8>>,
    /// Keys that this server does not like.
    pub disliked: BTreeSet<String>,
    made: usize,
}

type Answer = (u16, String);

fn invalid(message: &str) -> Answer {
    (
        400,
        json!({"error_code": "INVALID_PARAMETER_VALUE", "message": message}).to_string(),
    )
}

fn missing() -> Answer {
    (
        404,
        json!({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such thing"}).to_string(),
    )
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn items(message: &Value, field: &str) -> Vec<Value> {
    message[field].as_array().cloned().unwrap_or_default()
}

impl Store {
    pub fn handle(&mut self, request: &Request) -> Answer {
        if let Some(path) = request
            .route
            .strip_prefix("/api/2.0/mlflow-artifacts/artifacts/")
        {
            self.files.insert(path.to_owned(), request.body.clone());
            return (200, "{}".to_owned());
        }
        let message: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match request.route.as_str() {
            "/version" => (200, "3.17.2".to_owned()),
            "experiments/get-by-name" => self.experiment(&request.query),
            "experiments/create" => self.create_experiment(&message),
            "runs/search" => self.search(&message),
            "runs/create" => self.create_run(&message),
            "runs/get" => self.run(request.query.strip_prefix("run_id=").unwrap_or_default()),
            "runs/update" => self.update(&message),
            "runs/log-batch" if request.body.len() > 1_000_000 => invalid("too many bytes"),
            "runs/log-batch" => self.log_batch(&message),
            _ => (404, "no such route".to_owned()),
        }
    }

    fn experiment(&self, query: &str) -> Answer {
        let name = query.strip_prefix("experiment_name=").unwrap_or_default();
        match self.experiments.iter().position(|known| known == name) {
            Some(id) => (
                200,
                json!({"experiment": {"experiment_id": id.to_string(), "name": name}}).to_string(),
            ),
            None => missing(),
        }
    }

    fn create_experiment(&mut self, message: &Value) -> Answer {
        self.experiments.push(text(&message["name"]));
        (
            200,
            json!({"experiment_id": (self.experiments.len() - 1).to_string()}).to_string(),
        )
    }

    fn search(&self, message: &Value) -> Answer {
        let filter = text(&message["filter"]);
        let wanted = |run: &&String| {
            self.runs[*run]
                .tags
                .get("idiom.uid")
                .is_some_and(|uid| filter == format!("tags.`idiom.uid` = '{uid}'"))
        };
        let found: Vec<Value> = self
            .runs
            .keys()
            .filter(wanted)
            .map(|run_id| self.info(run_id))
            .collect();
        (200, json!({"runs": found}).to_string())
    }

    fn create_run(&mut self, message: &Value) -> Answer {
        let tags = items(message, "tags");
        let run = StoredRun {
            name: text(&message["run_name"]),
            tags: tags
                .iter()
                .map(|tag| (text(&tag["key"]), text(&tag["value"])))
                .collect(),
            status: "RUNNING".to_owned(),
            ..StoredRun::default()
        };
        self.made += 1;
        let run_id = format!("run{}", self.made);
        self.runs.insert(run_id.clone(), run);
        self.run(&run_id)
    }

    fn info(&self, run_id: &str) -> Value {
        let stage = if self.runs[run_id].deleted {
            "deleted"
        } else {
            "active"
        };
        json!({"info": {
            "run_id": run_id, "lifecycle_stage": stage,
            "artifact_uri": format!("mlflow-artifacts:/0/{run_id}/artifacts"),
        }})
    }

    fn run(&self, run_id: &str) -> Answer {
        match self.runs.contains_key(run_id) {
            true => (200, json!({"run": self.info(run_id)}).to_string()),
            false => missing(),
        }
    }

    fn update(&mut self, message: &Value) -> Answer {
        let Some(run) = self.runs.get_mut(&text(&message["run_id"])) else {
            return missing();
        };
        run.status = text(&message["status"]);
        run.end_time = message["end_time"].as_i64().or(run.end_time);
        (
            200,
            json!({"run_info": {"run_id": message["run_id"]}}).to_string(),
        )
    }

    fn log_batch(&mut self, message: &Value) -> Answer {
        let Some(run) = self.runs.get_mut(&text(&message["run_id"])) else {
            return missing();
        };
        let (metrics, params, tags) = (
            items(message, "metrics"),
            items(message, "params"),
            items(message, "tags"),
        );
        let total = metrics.len() + params.len() + tags.len();
        if run.deleted
            || metrics.len() > 1000
            || params.len() > 100
            || tags.len() > 100
            || total > 1000
        {
            return invalid("the run is deleted or the batch too large");
        }
        let mut keys = metrics
            .iter()
            .chain(&params)
            .chain(&tags)
            .map(|item| text(&item["key"]));
        if let Some(key) = keys.find(|key| self.disliked.contains(key)) {
            return invalid(&format!("`{key}` is disliked"));
        }
        let mut changed = run.params.clone();
        for param in &params {
            let (key, value) = (text(&param["key"]), text(&param["value"]));
            if changed
                .insert(key, value.clone())
                .is_some_and(|known| known != value)
            {
                return invalid("params are fixed");
            }
        }
        run.params = changed;
        run.tags.extend(
            tags.iter()
                .map(|tag| (text(&tag["key"]), text(&tag["value"]))),
        );
        for metric in &metrics {
            let (Some(at), Some(step)) = (metric["timestamp"].as_i64(), metric["step"].as_i64())
            else {
                return invalid("not integers");
            };
            run.rows
                .insert((text(&metric["key"]), at, step, metric["value"].to_string()));
        }
        run.arrivals += metrics.len() as u64;
        (200, "{}".to_owned())
    }
}
