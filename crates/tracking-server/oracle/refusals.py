"""Asks MLflow's own tracking server for things it refuses, and writes down with which status, code and words it does.

The server is Flask's test client over MLflow's application and a SQLite store: no port, no workers. `refusals.json` is what
came back; the Rust test `refusals.rs` asks ours the same. `$RUN`, `$EXPERIMENT` and so on stand for what `prepare` makes, in
requests and in answers.

Run: PYTHONPATH=(a folder with mlflow 3.17.2 and its server's packages) python3 refusals.py > refusals.json
"""

import json
import os
import sys
import tempfile

FOLDER = tempfile.mkdtemp()
os.environ.update({
    "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{FOLDER}/mlflow.db",
    "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
    "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    "_MLFLOW_SERVER_ARTIFACT_DESTINATION": f"{FOLDER}/artifacts",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
})

METRIC = {"key": "m", "value": 1.0, "timestamp": 1, "step": 0}
LONG = "k" * 251


def times(count, item):
    """A list of so many items, `$I` in them being their place; written down short."""
    return {"$times": count, "$item": item}


def spread(value):
    """A message with such lists at full length."""
    if isinstance(value, list):
        return [spread(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$times" in value:
        return [json.loads(json.dumps(value["$item"]).replace("$I", str(i))) for i in range(value["$times"])]
    return {key: spread(item) for key, item in value.items()}


# Method, route, and the query or the body.
CASES = [
    ("POST", "experiments/create", {}),
    ("POST", "experiments/create", {"name": ""}),
    ("POST", "experiments/create", {"name": 5}),
    ("POST", "experiments/create", {"name": "taken"}),
    ("POST", "experiments/create", {"name": "n" * 501}),
    ("GET", "experiments/get", {}),
    ("GET", "experiments/get", {"experiment_id": "4242"}),
    ("GET", "experiments/get", {"experiment_id": "words"}),
    ("GET", "experiments/get-by-name", {}),
    ("GET", "experiments/get-by-name", {"experiment_name": "nobody"}),
    ("POST", "experiments/update", {"experiment_id": "$EXPERIMENT"}),
    ("POST", "experiments/update", {"experiment_id": "4242", "new_name": "x"}),
    ("POST", "experiments/update", {"experiment_id": "$GONE_EXPERIMENT", "new_name": "x"}),
    ("POST", "experiments/delete", {"experiment_id": "4242"}),
    ("POST", "experiments/delete", {}),
    ("POST", "experiments/restore", {"experiment_id": "4242"}),
    ("POST", "experiments/set-experiment-tag", {"experiment_id": "$EXPERIMENT", "value": "v"}),
    ("POST", "experiments/set-experiment-tag", {"experiment_id": "4242", "key": "k", "value": "v"}),
    ("POST", "experiments/set-experiment-tag", {"experiment_id": "$GONE_EXPERIMENT", "key": "k", "value": "v"}),
    ("POST", "experiments/delete-experiment-tag", {"experiment_id": "$EXPERIMENT", "key": "nobody"}),
    ("POST", "experiments/search", {"max_results": 0}),
    ("POST", "experiments/search", {"max_results": 50_001}),
    ("POST", "experiments/search", {"max_results": 1, "filter": "nobody = 'x'"}),
    ("POST", "runs/create", {"experiment_id": "4242"}),
    ("POST", "runs/create", {"experiment_id": "$GONE_EXPERIMENT"}),
    ("POST", "runs/create", {"experiment_id": "$EXPERIMENT", "start_time": "soon"}),
    ("GET", "runs/get", {}),
    ("GET", "runs/get", {"run_id": "nobody"}),
    ("POST", "runs/update", {"run_id": "nobody", "status": "FINISHED"}),
    ("POST", "runs/update", {"run_id": "$GONE_RUN", "status": "FINISHED"}),
    ("POST", "runs/delete", {"run_id": "nobody"}),
    ("POST", "runs/delete", {}),
    ("POST", "runs/restore", {"run_id": "nobody"}),
    ("POST", "runs/log-metric", {"run_id": "$RUN"}),
    ("POST", "runs/log-metric", {"run_id": "$RUN", "key": "m", "timestamp": 1}),
    ("POST", "runs/log-metric", {"run_id": "$RUN", **METRIC, "value": "much"}),
    ("POST", "runs/log-metric", {"run_id": "$RUN", **METRIC, "timestamp": "now"}),
    ("POST", "runs/log-metric", {"run_id": "$RUN", **METRIC, "step": "one"}),
    ("POST", "runs/log-metric", {"run_id": "$RUN", **METRIC, "key": "a;b"}),
    ("POST", "runs/log-metric", {"run_id": "$RUN", **METRIC, "key": "../b"}),
    ("POST", "runs/log-metric", {"run_id": "$RUN", **METRIC, "key": "/b"}),
    ("POST", "runs/log-metric", {"run_id": "$RUN", **METRIC, "key": LONG}),
    ("POST", "runs/log-metric", {"run_id": "nobody", **METRIC}),
    ("POST", "runs/log-metric", {"run_id": "$GONE_RUN", **METRIC}),
    ("POST", "runs/log-metric", METRIC),
    ("POST", "runs/log-parameter", {"run_id": "$RUN", "value": "1"}),
    ("POST", "runs/log-parameter", {"run_id": "$RUN", "key": "seed", "value": "2"}),
    ("POST", "runs/log-parameter", {"run_id": "$RUN", "key": "a;b", "value": "2"}),
    ("POST", "runs/log-parameter", {"run_id": "$RUN", "key": LONG, "value": "2"}),
    ("POST", "runs/log-parameter", {"run_id": "nobody", "key": "a", "value": "2"}),
    ("POST", "runs/log-parameter", {"run_id": "$GONE_RUN", "key": "a", "value": "2"}),
    ("POST", "runs/set-tag", {"run_id": "$RUN", "value": "1"}),
    ("POST", "runs/set-tag", {"run_id": "$RUN", "key": "a;b", "value": "1"}),
    ("POST", "runs/set-tag", {"run_id": "nobody", "key": "a", "value": "1"}),
    ("POST", "runs/set-tag", {"run_id": "$GONE_RUN", "key": "a", "value": "1"}),
    ("POST", "runs/delete-tag", {"run_id": "$RUN", "key": "nobody"}),
    ("POST", "runs/delete-tag", {"run_id": "nobody", "key": "a"}),
    ("POST", "runs/log-batch", {"metrics": [METRIC]}),
    ("POST", "runs/log-batch", {"run_id": "nobody", "metrics": [METRIC]}),
    ("POST", "runs/log-batch", {"run_id": "$GONE_RUN", "metrics": [METRIC]}),
    ("POST", "runs/log-batch", {"run_id": "$RUN", "metrics": times(1001, METRIC)}),
    ("POST", "runs/log-batch", {"run_id": "$RUN", "params": times(101, {"key": "p$I", "value": "1"})}),
    ("POST", "runs/log-batch", {"run_id": "$RUN", "tags": times(101, {"key": "t$I", "value": "1"})}),
    ("POST", "runs/log-batch", {"run_id": "$RUN", "metrics": times(950, METRIC), "params": times(60, {"key": "p$I", "value": "1"})}),
    ("POST", "runs/log-batch", {"run_id": "$RUN", "metrics": [METRIC, {**METRIC, "value": "x"}]}),
    ("POST", "runs/log-batch", {"run_id": "$RUN", "metrics": [METRIC, {"value": 1, "timestamp": 1}]}),
    ("POST", "runs/log-batch", {"run_id": "$RUN", "metrics": [{"key": "m", "value": 1}]}),
    ("POST", "runs/log-batch", {"run_id": "$RUN", "metrics": [{**METRIC, "key": "a;b"}]}),
    ("POST", "runs/log-batch", {"run_id": "$RUN", "params": [{"key": "seed", "value": "2"}]}),
    ("POST", "runs/log-batch", {"run_id": "$RUN", "params": [{"key": "p", "value": "1"}, {"key": "p", "value": "2"}]}),
    ("POST", "runs/log-batch", {"run_id": "$RUN", "params": [{"key": "a;b", "value": "1"}]}),
    ("POST", "runs/log-batch", {"run_id": "$RUN", "params": [{"key": LONG, "value": "1"}]}),
    ("POST", "runs/log-batch", {"run_id": "$RUN", "tags": [{"key": LONG, "value": "1"}]}),
    ("POST", "runs/log-batch", {"run_id": "$RUN", "metrics": "many"}),
    ("POST", "runs/log-inputs", {"run_id": "nobody", "datasets": []}),
    ("POST", "runs/log-inputs", {"datasets": []}),
    ("GET", "metrics/get-history", {"metric_key": "m"}),
    ("GET", "metrics/get-history", {"run_id": "$RUN"}),
    ("GET", "metrics/get-history", {"run_id": "nobody", "metric_key": "m"}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "max_results": 50_001}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "max_results": -1}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "filter": "metrics.a >"}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "filter": "metrics.a = 'x'"}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "filter": "params.a = 1"}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "filter": "params.a > '1'"}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "filter": "metrics.a LIKE 'x'"}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "filter": "nonsense.a = 'x'"}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "filter": "attributes.nonsense = 'x'"}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "filter": "metrics.a > 1 OR metrics.a < 0"}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "filter": "run_id IN ('a', 5)"}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "filter": "start_time > 'x'"}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "filter": "hello"}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "order_by": ["nonsense.a"]}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "order_by": ["metrics.a SIDEWAYS"]}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "page_token": "nonsense"}),
    ("POST", "runs/search", {"experiment_ids": ["$EXPERIMENT"], "run_view_type": "SOME"}),
    ("GET", "artifacts/list", {}),
    ("GET", "artifacts/list", {"run_id": "nobody"}),
    ("GET", "artifacts/list", {"run_id": "$RUN", "path": "../up"}),
    ("GET", "logged-models/m-nobody", {}),
    ("POST", "logged-models", {"name": "x"}),
    ("POST", "logged-models", {"experiment_id": "4242", "name": "x"}),
    ("PATCH", "logged-models/m-nobody", {"model_id": "m-nobody", "status": "LOGGED_MODEL_READY"}),
    ("DELETE", "logged-models/m-nobody", {}),
]


def prepare(ask) -> dict[str, str]:
    """What the cases are about: `ask(method, route, message)` gives a JSON answer."""
    experiment = lambda name: ask("POST", "experiments/create", {"name": name})["experiment_id"]  # noqa: E731
    kept, gone, _ = experiment("kept"), experiment("gone"), experiment("taken")
    run = lambda: ask("POST", "runs/create", {"experiment_id": kept})["run"]["info"]["run_id"]  # noqa: E731
    there, away = run(), run()
    ask("POST", "runs/log-parameter", {"run_id": there, "key": "seed", "value": "1"})
    ask("POST", "runs/delete", {"run_id": away})
    ask("POST", "experiments/delete", {"experiment_id": gone})
    return {"$RUN": there, "$GONE_RUN": away, "$EXPERIMENT": kept, "$GONE_EXPERIMENT": gone}


def replaced(value, names: dict[str, str]):
    """A message with the names' things in their places."""
    text = json.dumps(value)
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(json.dumps(name), json.dumps(names[name]))
    return json.loads(text)


def main() -> None:
    from mlflow.server import app

    client = app.test_client()

    def send(method, route, message):
        path = f"/api/2.0/mlflow/{route}"
        return client.get(path, query_string=message) if method == "GET" else client.open(path, method=method, json=message)

    names = prepare(lambda *case: send(*case).json)
    lines = []
    for method, route, message in CASES:
        answer = send(method, route, replaced(spread(message), names))
        body = answer.json or {}
        words = body.get("message")
        for name, thing in names.items():
            if words and len(thing) > 8:
                words = words.replace(thing, name)
        case = {"method": method, "route": route, "message": message}
        lines.append({**case, "status": answer.status_code, "code": body.get("error_code"), "words": words})
    json.dump(lines, sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
