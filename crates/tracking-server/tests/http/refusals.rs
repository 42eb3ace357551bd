//! What is refused, and in which words: `oracle/refusals.json` is what MLflow's own server said to each request
//! (`oracle/refusals.py` asked it), and ours must say the same, but where `OTHERWISE` gives a reason.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::served::{Reply, Served};

/// Route, what the request holds, our status and the beginning of our words, and why they are other ones.
const OTHERWISE: &[(&str, &str, u16, &str)] = &[
    // No SQL in messages.
    (
        "experiments/create",
        "taken",
        400,
        "Experiment(name=taken) already exists.",
    ),
    // A client would send a request again that was answered 500.
    (
        "experiments/update",
        "$GONE",
        400,
        "Cannot rename a non-active experiment.",
    ),
    // Sets without an order are printed in one.
    (
        "experiments/search",
        "nobody",
        400,
        "Invalid attribute key 'nobody' specified. Valid keys are",
    ),
    (
        "runs/search",
        "params.a >",
        400,
        "Invalid comparator '>' not one of",
    ),
    (
        "runs/search",
        "attributes.nonsense",
        400,
        "Invalid attribute key 'nonsense' specified. Valid keys are",
    ),
    // The item that is wrong is named, not the run, which is right.
    (
        "runs/log-batch",
        "\"x\"",
        400,
        "Invalid value \"x\" for parameter 'metrics[1].value' supplied",
    ),
    // One wording for a param that comes alone and one in a batch: MLflow's for the former.
    (
        "runs/log-batch",
        "seed",
        400,
        "Changing param values is not allowed. Param with key='seed' was already logged with value='1'",
    ),
    // A run that is not there has no curve, rather than an empty one; an unknown word is not taken for a known one.
    (
        "metrics/get-history",
        "nobody",
        404,
        "Run with id=nobody not found",
    ),
    (
        "runs/search",
        "SOME",
        400,
        "Invalid value \"SOME\" for parameter 'run_view_type' supplied",
    ),
    // Ours say what was expected.
    (
        "runs/search",
        "50001",
        400,
        "Invalid value 50001 for parameter 'max_results' supplied. It must be at most 50000",
    ),
    (
        "runs/search",
        "metrics.a >\"",
        400,
        "Expected numeric value type for metric.",
    ),
    (
        "runs/search",
        "LIKE",
        400,
        "Invalid comparator 'LIKE' not one of",
    ),
    (
        "runs/search",
        "run_id IN",
        400,
        "Expected a quoted string value for attributes",
    ),
    (
        "runs/search",
        "hello",
        400,
        "Invalid attribute key 'hello' specified.",
    ),
    ("runs/search", "page_token", 400, "Invalid page token"),
];

async fn send(served: &Served, method: &str, route: &str, message: &Value) -> Reply {
    let url = served.url(&format!("/api/2.0/mlflow/{route}"));
    let request = served
        .client
        .request(method.parse::<Method>().unwrap(), url);
    Reply::of(match method {
        "GET" => request.query(&message),
        _ => request.json(&message),
    })
    .await
}

/// What `refusals.py` prepares, by name.
async fn prepare(served: &Served) -> Vec<(&'static str, String)> {
    let mut made = Vec::new();
    for name in ["kept", "gone", "taken"] {
        let experiment = served
            .post("experiments/create", json!({"name": name}))
            .await;
        made.push(text(&experiment.ok()["experiment_id"]));
    }
    let (kept, gone) = (made[0].clone(), made[1].clone());
    let mut runs = Vec::new();
    for _ in 0..2 {
        let run = served
            .post("runs/create", json!({"experiment_id": kept}))
            .await;
        runs.push(text(&run.ok()["run"]["info"]["run_id"]));
    }
    let seed = json!({"run_id": runs[0], "key": "seed", "value": "1"});
    served.post("runs/log-parameter", seed).await.ok();
    served
        .post("runs/delete", json!({"run_id": runs[1]}))
        .await
        .ok();
    served
        .post("experiments/delete", json!({"experiment_id": gone}))
        .await
        .ok();
    vec![
        ("$RUN", runs[0].clone()),
        ("$GONE_RUN", runs[1].clone()),
        ("$EXPERIMENT", kept),
        ("$GONE_EXPERIMENT", gone),
    ]
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A message at full length: `$times` lists spread out, names replaced.
fn filled(message: &Value, names: &[(&'static str, String)]) -> Value {
    match message {
        Value::Object(fields) if fields.contains_key("$times") => {
            let item = fields["$item"].to_string();
            let count = fields["$times"].as_u64().unwrap();
            let items = (0..count).map(|i| item.replace("$I", &i.to_string()));
            items
                .map(|item| serde_json::from_str::<Value>(&item).unwrap())
                .collect()
        }
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| (key.clone(), filled(value, names)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(|item| filled(item, names)).collect(),
        Value::String(word) => {
            let thing = names.iter().find(|(name, _)| name == word);
            Value::String(thing.map_or_else(|| word.clone(), |(_, thing)| thing.clone()))
        }
        other => other.clone(),
    }
}

#[tokio::test]
async fn refusals_are_those_of_mlflows_server_word_for_word() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../oracle/refusals.json")).unwrap();
    assert!(cases.len() > 100, "{}", cases.len());
    let served = Served::start().await;
    let names = prepare(&served).await;
    let (mut faults, mut unused) = (Vec::new(), OTHERWISE.to_vec());
    for case in &cases {
        let (method, route) = (text(&case["method"]), text(&case["route"]));
        let reply = send(&served, &method, &route, &filled(&case["message"], &names)).await;
        let runs = names.iter().filter(|(_, thing)| thing.len() > 8);
        let words = runs.fold(
            reply.body["message"].as_str().map(str::to_owned),
            |words, (name, thing)| words.map(|words| words.replace(thing.as_str(), name)),
        );
        let status = reply.status.as_u16();
        if json!([status, reply.body["error_code"], words])
            == json!([case["status"], case["code"], case["words"]])
        {
            continue;
        }
        let holds = case["message"].to_string();
        let known = OTHERWISE.iter().find(|(at, part, wanted, begin)| {
            *at == route
                && holds.contains(part)
                && status == *wanted
                && words.as_deref().unwrap_or_default().starts_with(begin)
        });
        match known {
            Some(known) => unused.retain(|other| other != known),
            None => faults.push(format!("{case}\n  ours: {status} {}", reply.body)),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(unused.is_empty(), "MLflow's own by now: {unused:?}");
}
