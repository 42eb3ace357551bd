#!/usr/bin/env python3
"""Makes the two stores that `import` is tested on, with the real MLflow (3.17.2), and writes down what MLflow itself reads
from them: `mlruns/` (its file store), `mlflow.sql` (its SQLite database as text, with `mlartifacts/`), `expected.json`.

Run: PYTHONPATH=<a folder with mlflow==3.17.2> python3 crates/tracking-server/oracle/mlflow_stores.py
"""
import json
import math
import os
import pathlib
import re
import shutil
import sqlite3
import tempfile

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
START = 1_795_420_000_000
VALUES = [2.5, math.nan, math.inf, -math.inf, 0.1 + 0.2, -1 / 3]


def artifact(folder, name, text):
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def fill(client, artifacts_of):
    """The same content for either store."""
    drawing = client.create_experiment("drawing", artifact_location=artifacts_of("drawing"), tags={"team": "Ä 畫"})
    gone = client.create_experiment("gone", artifact_location=artifacts_of("gone"))
    run = client.create_run(drawing, start_time=START, run_name="first", tags={"mlflow.user": "ada"})
    one = run.info.run_id
    metrics = [Metric("loss/generator", value, START + step, step - 2) for step, value in enumerate(VALUES)]
    metrics += [Metric("score", step / 7, START, step) for step in range(600)]
    for at in range(0, len(metrics), 500):
        client.log_batch(one, metrics=metrics[at : at + 500])
    client.log_batch(one, params=[Param("lr", "1e-4"), Param("model/width", "64"), Param("text", "two\nlines: 好")])
    client.log_batch(one, tags=[RunTag("mlflow.note.content", "a note,\nof two lines")])
    dataset = Dataset("emoji", "abc123", "local", '{"uri": "data"}', '{"columns": []}', '{"rows": 3}')
    client.log_inputs(one, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
    client.set_terminated(one, "FINISHED", START + 60_000)
    child = client.create_run(drawing, start_time=START + 5, run_name="child", tags={"mlflow.parentRunId": one})
    client.set_terminated(child.info.run_id, "FAILED", START + 70_000)
    thrown = client.create_run(drawing, start_time=START + 9, run_name="thrown away")
    client.log_metric(thrown.info.run_id, "loss/generator", 1.0, START, 0)
    client.set_terminated(thrown.info.run_id, "KILLED", START + 80_000)
    client.delete_run(thrown.info.run_id)
    client.delete_experiment(gone)
    return drawing, one


def shown(value):
    return value if math.isfinite(value) else {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}[str(value)]


def described(client):
    """What MLflow reads from its own store, without what differs from one making to the next."""
    experiments = client.search_experiments(view_type=ViewType.ALL)
    found = []
    for experiment in sorted(experiments, key=lambda one: one.name):
        runs = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL)
        listed = []
        for run in sorted(runs, key=lambda one: one.info.run_name):
            history = {
                key: [[p.step, p.timestamp, shown(p.value)] for p in client.get_metric_history(run.info.run_id, key)]
                for key in sorted(run.data.metrics)
            }
            inputs = [
                {"name": i.dataset.name, "digest": i.dataset.digest, "tags": {t.key: t.value for t in i.tags}}
                for i in run.inputs.dataset_inputs
            ]
            tags = {k: v for k, v in run.data.tags.items() if k != "mlflow.parentRunId"}
            listed.append({
                "name": run.info.run_name, "status": run.info.status, "stage": run.info.lifecycle_stage,
                "start": run.info.start_time, "end": run.info.end_time, "params": run.data.params, "tags": tags,
                "has_parent": "mlflow.parentRunId" in run.data.tags, "history": history, "inputs": inputs,
            })
        found.append({"name": experiment.name, "stage": experiment.lifecycle_stage, "tags": experiment.tags, "runs": listed})
    return [one for one in found if one["name"] != "Default"]


def main():
    for name in ["mlruns", "mlartifacts"]:
        shutil.rmtree(HERE / name, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        os.chdir(folder)
        files = MlflowClient(f"file://{folder}/mlruns")
        drawing, run = fill(files, lambda name: None)
        artifact(folder / "mlruns" / drawing / run / "artifacts", "samples/sheet 畫.txt", "a picture\n")
        database = MlflowClient(f"sqlite:///{folder}/mlflow.db")
        drawing, run = fill(database, lambda name: f"mlflow-artifacts:/{name}")
        artifact(folder / "mlartifacts" / "drawing" / run / "artifacts", "samples/sheet 畫.txt", "a picture\n")
        both = described(files), described(database)
        files, database = (json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) for found in both)
        # The one difference: the database's infinities are read as the largest double.
        database = re.sub(r"(-?)1.7976931348623157e\+308", r'"\1Infinity"', database)
        assert files == database, "MLflow's two stores tell different things"
        files = re.sub(r"\[\s+(-?\d+),\s+(\d+),\s+(.+?)\s+\]", r"[\1, \2, \3]", files)
        (HERE / "expected.json").write_text(files + "\n")
        with sqlite3.connect(folder / "mlflow.db") as connection:
            lines = [line for line in connection.iterdump() if not line.startswith(("BEGIN", "COMMIT"))]
        (HERE / "mlflow.sql").write_text("\n".join(lines) + "\n")
        for name in ["mlruns", "mlartifacts"]:
            shutil.copytree(folder / name, HERE / name)
        os.chdir(HERE)


if __name__ == "__main__":
    main()
