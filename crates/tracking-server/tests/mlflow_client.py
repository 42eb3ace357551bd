"""MLflow's own Python client at work against a tracking server: what a training script and a notebook do with it.

Run by the Rust test `mlflow_client.rs`, which starts the server and sets MLFLOW_TRACKING_URI. Each function is one claim;
all run, then the failures are told. Needs the packages of `tests/fetch_python.py mlflow-client`, nothing else.
"""

import json
import math
import os
import pathlib
import sys
import tempfile
import traceback
import uuid

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"

import mlflow  # noqa: E402
import numpy  # noqa: E402
import PIL.Image  # noqa: E402
import requests  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, Metric, Param, RunTag, ViewType  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

client = MlflowClient()
URI = os.environ["MLFLOW_TRACKING_URI"]


def fresh_experiment() -> str:
    return client.create_experiment(f"experiment-{uuid.uuid4().hex}")


def fresh_run(experiment_id: str | None = None, **more) -> str:
    return client.create_run(experiment_id or fresh_experiment(), **more).info.run_id


def refused(code: str, call, *arguments, **named) -> str:
    try:
        call(*arguments, **named)
    except MlflowException as error:
        assert error.error_code == code, f"{error.error_code}: {error}"
        return str(error)
    raise AssertionError(f"{call.__name__} was not refused")


def experiments_live_and_die():
    name = f"life-{uuid.uuid4().hex}"
    experiment_id = client.create_experiment(name, tags={"owner": "me"})
    experiment = client.get_experiment_by_name(name)
    assert experiment.experiment_id == experiment_id and experiment.tags == {"owner": "me"}
    assert experiment.creation_time > 1_600_000_000_000
    client.set_experiment_tag(experiment_id, "owner", "you")
    client.rename_experiment(experiment_id, name + "-2")
    assert client.get_experiment(experiment_id).tags["owner"] == "you"
    client.delete_experiment_tag(experiment_id, "owner")
    client.delete_experiment(experiment_id)
    assert client.get_experiment(experiment_id).lifecycle_stage == "deleted"
    client.restore_experiment(experiment_id)
    assert client.get_experiment(experiment_id).lifecycle_stage == "active"
    assert client.get_experiment_by_name("nobody") is None
    refused("RESOURCE_ALREADY_EXISTS", client.create_experiment, name + "-2")
    refused("RESOURCE_DOES_NOT_EXIST", client.get_experiment, "424242")


def experiments_are_searched_in_pages():
    prefix = uuid.uuid4().hex
    for i in range(5):
        client.create_experiment(f"{prefix}-{i}", tags={"n": str(i)})
    found = client.search_experiments(filter_string=f"name LIKE '{prefix}%'", order_by=["name"], max_results=3)
    assert [e.name[-1] for e in found] == ["0", "1", "2"]
    rest = client.search_experiments(
        filter_string=f"name LIKE '{prefix}%'", order_by=["name"], max_results=3, page_token=found.token
    )
    assert [e.name[-1] for e in rest] == ["3", "4"] and not rest.token
    assert len(client.search_experiments(filter_string=f"name LIKE '{prefix}%' AND tags.n = '3'")) == 1


def a_run_says_what_it_said():
    run_id = fresh_run(run_name="first", tags={"a": "b"}, start_time=1234)
    client.log_param(run_id, "lr", 0.1)
    client.log_metric(run_id, "loss", 0.5, step=1)
    client.log_metric(run_id, "loss", 0.25, step=2)
    client.set_tag(run_id, "note", "看起来不错 🙂")
    run = client.get_run(run_id)
    assert run.info.run_name == "first" and run.info.status == "RUNNING" and run.info.start_time == 1234
    assert run.data.params == {"lr": "0.1"} and run.data.metrics == {"loss": 0.25}
    assert run.data.tags["note"] == "看起来不错 🙂" and run.data.tags["a"] == "b"
    client.delete_tag(run_id, "note")
    assert "note" not in client.get_run(run_id).data.tags
    client.update_run(run_id, name="renamed")
    client.set_terminated(run_id)
    run = client.get_run(run_id)
    assert (run.info.run_name, run.info.status) == ("renamed", "FINISHED") and run.info.end_time


def metrics_of_every_kind_survive():
    run_id = fresh_run()
    values = [math.nan, math.inf, -math.inf, 1.7976931348623157e308, 5e-324, 0.1, -3]
    for step, value in enumerate(values):
        client.log_metric(run_id, "m", value, timestamp=step, step=step - 3)
    history = client.get_metric_history(run_id, "m")
    assert [m.step for m in history] == list(range(-3, 4))
    assert all(a.value == b or (math.isnan(a.value) and math.isnan(b)) for a, b in zip(history, values))
    assert client.get_run(run_id).data.metrics["m"] == -3


def a_batch_at_the_limit_arrives_whole():
    run_id = fresh_run()
    metrics = [Metric("m", float(i), 1000 + i, i) for i in range(900)]
    client.log_batch(run_id, metrics, [Param(f"p{i}", "v") for i in range(50)], [RunTag(f"t{i}", "v") for i in range(50)])
    client.log_batch(run_id, metrics)
    assert len(client.get_metric_history(run_id, "m")) == 900
    run = client.get_run(run_id)
    assert len(run.data.params) == 50 and run.data.metrics["m"] == 899.0


def a_long_history_is_read_in_pages():
    run_id = fresh_run()
    for start in range(0, 3000, 1000):
        client.log_batch(run_id, [Metric("m", i / 7, i, i) for i in range(start, start + 1000)])
    assert [m.step for m in client.get_metric_history(run_id, "m")] == list(range(3000))


def refusals_carry_mlflows_codes():
    run_id = fresh_run()
    client.log_param(run_id, "seed", 1)
    client.log_param(run_id, "seed", 1)
    # The client words this one itself, from the code and message it got.
    assert "already" in refused("INVALID_PARAMETER_VALUE", client.log_param, run_id, "seed", 2)
    refused("INVALID_PARAMETER_VALUE", client.log_metric, run_id, "bad;key", 1.0)
    refused("RESOURCE_DOES_NOT_EXIST", client.get_run, uuid.uuid4().hex)
    refused("RESOURCE_DOES_NOT_EXIST", client.delete_tag, run_id, "nobody")
    refused("INVALID_PARAMETER_VALUE", client.search_runs, ["0"], "nonsense = 'x'")
    refused("INVALID_PARAMETER_VALUE", client.search_runs, ["0"], "metrics.a > 'x'")
    client.delete_run(run_id)
    refused("INVALID_PARAMETER_VALUE", client.log_metric, run_id, "m", 1.0)
    client.restore_run(run_id)
    client.log_metric(run_id, "m", 1.0)


def runs_are_searched_with_the_whole_grammar():
    experiment_id = fresh_experiment()
    for i in range(6):
        run_id = fresh_run(experiment_id, run_name=f"run-{i}", start_time=i + 1)
        client.log_param(run_id, "seed", i % 3)
        client.log_metric(run_id, "score/real", i / 10)
        client.set_tag(run_id, "kind", "Even" if i % 2 == 0 else "odd")
    names = lambda text, **more: [  # noqa: E731
        run.info.run_name[-1] for run in client.search_runs([experiment_id], text, **more)
    ]
    assert names("") == list("543210")
    assert names("metrics.`score/real` > 0.25") == list("543")
    assert names("metrics.\"score/real\" >= 0.1 AND metrics.`score/real` < 0.4 and params.seed = '1'") == ["1"]
    assert names("params.seed != '0'") == list("5421")
    assert names("tags.kind LIKE 'E%'") == list("420")
    assert names("tags.kind ILIKE 'e%'") == list("420")
    assert names("attributes.run_name = 'run-2'") == ["2"]
    assert names("start_time <= 2") == list("10")
    assert names("tags.nobody IS NULL AND params.seed IS NOT NULL AND status = 'RUNNING'") == list("543210")
    assert names("", order_by=["metrics.`score/real` ASC"]) == list("012345")
    assert names("", order_by=["params.seed DESC", "attributes.start_time ASC"]) == list("251403")
    one = client.search_runs([experiment_id], "run_name = 'run-0'")[0].info.run_id
    assert names(f"run_id IN ('{one}')") == ["0"]
    seen, token = [], None
    while True:
        page = client.search_runs([experiment_id], max_results=4, page_token=token)
        seen += [run.info.run_name[-1] for run in page]
        token = page.token
        if not token:
            break
    assert seen == list("543210")
    client.delete_run(one)
    assert names("") == list("54321") and names("", run_view_type=ViewType.DELETED_ONLY) == ["0"]
    assert len(names("", run_view_type=ViewType.ALL)) == 6


def artifacts_go_up_and_come_down():
    run_id = fresh_run()
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "deep" / "er").mkdir(parents=True)
        (root / "a b.txt").write_text("odd name")
        (root / "deep" / "er" / "圖.bin").write_bytes(bytes(range(256)) * 4096)
        client.log_artifacts(run_id, folder, "model")
        client.log_artifact(run_id, str(root / "a b.txt"))
    client.log_text(run_id, "hello", "notes/hello.txt")
    client.log_dict(run_id, {"a": [1, 2]}, "config.json")
    listing = {file.path: (file.is_dir, file.file_size) for file in client.list_artifacts(run_id)}
    assert listing["model"] == (True, None) and listing["a b.txt"] == (False, 8), listing
    assert [file.path for file in client.list_artifacts(run_id, "model/deep")] == ["model/deep/er"]
    with tempfile.TemporaryDirectory() as folder:
        down = pathlib.Path(client.download_artifacts(run_id, "model", folder))
        assert (down / "deep" / "er" / "圖.bin").read_bytes() == bytes(range(256)) * 4096
        assert (down / "a b.txt").read_text() == "odd name"
        one = pathlib.Path(client.download_artifacts(run_id, "config.json", folder))
        assert json.loads(one.read_text()) == {"a": [1, 2]}
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/notes/hello.txt") == "hello"
    refused_or_os_error(client.download_artifacts, run_id, "nobody.txt")


def refused_or_os_error(call, *arguments):
    try:
        call(*arguments)
    except (MlflowException, OSError, requests.HTTPError):
        return
    raise AssertionError(f"{call.__name__} was not refused")


def a_part_of_an_artifact_can_be_asked_for():
    run_id = fresh_run()
    client.log_text(run_id, "0123456789", "ten.txt")
    uri = client.get_run(run_id).info.artifact_uri
    place = uri.removeprefix("mlflow-artifacts:/")
    answer = requests.get(
        f"{URI}/api/2.0/mlflow-artifacts/artifacts/{place}/ten.txt", headers={"Range": "bytes=3-5"}, timeout=10
    )
    assert (answer.status_code, answer.text) == (206, "345")


def a_large_artifact_goes_up_in_parts():
    run_id = fresh_run()
    wanted = {
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
        "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "1000",
        "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": "100000",
    }
    os.environ.update(wanted)
    asked = []
    before, requests.put = requests.put, lambda url, **more: asked.append(url) or before(url, **more)
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "model.bin"
            file.write_bytes(bytes(range(251)) * 1000)
            client.log_artifact(run_id, str(file), "deep")
            down = pathlib.Path(client.download_artifacts(run_id, "deep/model.bin", folder))
            assert down.read_bytes() == bytes(range(251)) * 1000
    finally:
        requests.put = before
        for name in wanted:
            del os.environ[name]
    assert len(asked) == 3 and all("/mpu/part/" in url for url in asked), asked


def pictures_are_logged_by_step():
    run_id = fresh_run()
    for step in (0, 100):
        picture = numpy.full((16, 24, 3), step, dtype=numpy.uint8)
        client.log_image(run_id, picture, key="samples/fixed", step=step, synchronous=True)
    client.log_image(run_id, numpy.zeros((8, 8), dtype=numpy.uint8), artifact_file="grid.png")
    assert client.get_run(run_id).data.tags["mlflow.loggedImages"] == "True"
    files = [file.path for file in client.list_artifacts(run_id, "images")]
    assert len(files) == 4, files
    found = requests.get(f"{URI}/api/idiom/images", params={"run_id": run_id}, timeout=10).json()["images"]
    assert [(image["key"], image["step"]) for image in found] == [("samples/fixed", 0), ("samples/fixed", 100)], found
    bytes_ = requests.get(f"{URI}/get-artifact", params={"run_id": run_id, "path": found[1]["path"]}, timeout=10)
    assert bytes_.headers["content-type"] == "image/png" and bytes_.content[:4] == b"\x89PNG"


def figures_are_logged_as_files():
    figure = Figure(figsize=(2, 1), dpi=50)
    figure.subplots().plot([1, 2, 3])
    run_id = fresh_run()
    client.log_figure(run_id, figure, "figures/line.png")
    client.log_figure(run_id, figure, "figures/line.svg")
    assert [file.path for file in client.list_artifacts(run_id, "figures")] == ["figures/line.png", "figures/line.svg"]
    with tempfile.TemporaryDirectory() as folder:
        picture = PIL.Image.open(client.download_artifacts(run_id, "figures/line.png", folder))
        assert picture.size == (100, 50), picture.size
    # A drawing can hold scripts: a browser is given it as a file, not as a page of ours.
    drawing = requests.get(f"{URI}/get-artifact", params={"run_id": run_id, "path": "figures/line.svg"}, timeout=10)
    assert drawing.status_code == 200 and "sandbox" in drawing.headers["content-security-policy"], drawing.headers


def inputs_come_back():
    run_id = fresh_run()
    dataset = Dataset(name="emoji", digest="abc123", source_type="local", source="{}", schema="{}", profile='{"rows": 3}')
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
    stored = client.get_run(run_id).inputs.dataset_inputs
    assert len(stored) == 1 and stored[0].dataset.name == "emoji" and stored[0].tags[0].value == "training"
    experiment_id = client.get_run(run_id).info.experiment_id
    assert len(client.search_runs([experiment_id], "dataset.name = 'emoji' AND dataset.context = 'training'")) == 1


def models_are_logged_measured_and_found():
    experiment_id = fresh_experiment()
    run_id = fresh_run(experiment_id)
    dataset = Dataset(name="test", digest="d1", source_type="local", source="{}")
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "testing")])])
    models = []
    for i, name in enumerate(["plain", "fancy"]):
        model = client.create_logged_model(
            experiment_id, name=name, source_run_id=run_id, tags={"n": str(i)}, params={"depth": str(i)}, model_type="gan"
        )
        assert model.status == "PENDING" and model.model_id.startswith("m-"), model
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "MLmodel").write_text(f"flavors: {i}")
            client.log_model_artifacts(model.model_id, folder)
        client.log_metric(run_id, "score", i / 2, step=1, model_id=model.model_id, dataset_name="test", dataset_digest="d1")
        client.log_metric(run_id, "score", float(i), step=2, model_id=model.model_id, dataset_name="test", dataset_digest="d1")
        assert client.finalize_logged_model(model.model_id, "READY").status == "READY"
        models.append(model.model_id)
    client.log_outputs(run_id, [LoggedModelOutput(models[1], step=2)])
    assert [(out.model_id, out.step) for out in client.get_run(run_id).outputs.model_outputs] == [(models[1], 2)]
    found = client.get_logged_model(models[1])
    assert (found.name, found.params, found.tags, found.model_type) == ("fancy", {"depth": "1"}, {"n": "1"}, "gan"), found
    assert [(m.key, m.value, m.step, m.dataset_name, m.run_id) for m in found.metrics] == [("score", 1.0, 2, "test", run_id)]
    client.set_logged_model_tags(models[0], {"note": "看"})
    client.delete_logged_model_tag(models[0], "n")
    assert client.get_logged_model(models[0]).tags == {"note": "看"}
    refused("RESOURCE_DOES_NOT_EXIST", client.delete_logged_model_tag, models[0], "nobody")
    search = lambda text=None, **more: [  # noqa: E731
        m.name for m in client.search_logged_models([experiment_id], filter_string=text, **more)
    ]
    assert search() == ["fancy", "plain"], search()
    assert search("metrics.score > 0.5") == ["fancy"] and search("params.depth = '0'") == ["plain"]
    assert search("name ILIKE 'FAN%' AND tags.n = '1'") == ["fancy"] and search("metrics.score > 0.5 AND name = 'plain'") == []
    assert search(order_by=[{"field_name": "metrics.score", "ascending": True}]) == ["plain", "fancy"]
    assert search("metrics.score >= 0", datasets=[{"dataset_name": "other"}]) == []
    page = client.search_logged_models([experiment_id], max_results=1)
    rest = client.search_logged_models([experiment_id], max_results=1, page_token=page.token)
    assert [m.name for m in [*page, *rest]] == ["fancy", "plain"] and not rest.token
    files = requests.get(
        f"{URI}/api/2.0/mlflow/logged-models/{models[1]}/artifacts/directories", timeout=10
    ).json()
    assert [file["path"] for file in files["files"]] == ["MLmodel"], files
    text = requests.get(
        f"{URI}/ajax-api/2.0/mlflow/logged-models/{models[1]}/artifacts/files",
        params={"artifact_file_path": "MLmodel"}, timeout=10,
    ).text
    assert text == "flavors: 1"
    client.delete_logged_model(models[0])
    refused("RESOURCE_DOES_NOT_EXIST", client.get_logged_model, models[0])
    assert search() == ["fancy"]


def a_model_is_logged_and_loaded_by_the_fluent_api():
    mlflow.set_experiment(f"pyfunc-{uuid.uuid4().hex}")

    class Twice(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return [2 * x for x in model_input]

    with mlflow.start_run() as run:
        logged = mlflow.pyfunc.log_model(name="twice", python_model=Twice(), pip_requirements=[])
    assert client.get_logged_model(logged.model_id).status == "READY"
    assert [out.model_id for out in client.get_run(run.info.run_id).outputs.model_outputs] == [logged.model_id]
    loaded = mlflow.pyfunc.load_model(logged.model_uri)
    assert loaded.predict([1, 2]) == [2, 4]


def autolog_writes_down_what_a_small_model_does():
    from sklearn.linear_model import LogisticRegression

    mlflow.set_experiment(f"autolog-{uuid.uuid4().hex}")
    mlflow.sklearn.autolog(log_input_examples=False, log_model_signatures=False)
    try:
        x = numpy.arange(40, dtype=float).reshape(20, 2)
        with mlflow.start_run() as run:
            LogisticRegression(C=0.5).fit(x, (x[:, 0] > 20).astype(int))
    finally:
        mlflow.sklearn.autolog(disable=True)
    data = client.get_run(run.info.run_id).data
    assert data.params["C"] == "0.5" and data.metrics["training_accuracy_score"] == 1.0, data
    found = client.search_logged_models([run.info.experiment_id])
    assert [m.source_run_id for m in found] == [run.info.run_id] and found[0].status == "READY", found


def curves_of_several_runs_come_at_once():
    experiment_id = fresh_experiment()
    runs = [fresh_run(experiment_id) for _ in range(2)]
    for i, run_id in enumerate(runs):
        client.log_batch(run_id, [Metric("m", float(step), step, step * (i + 1)) for step in range(900)])
    ask = lambda route, query: requests.get(  # noqa: E731
        f"{URI}/ajax-api/2.0/mlflow/metrics/{route}", params=query, timeout=10
    )
    both = ask("get-history-bulk", [("run_id", runs[0]), ("run_id", runs[1]), ("metric_key", "m")]).json()["metrics"]
    assert len(both) == 1800 and {m["run_id"] for m in both} == set(runs)
    thin = ask("get-history-bulk-interval", [("run_ids", runs[0]), ("run_ids", runs[1]), ("metric_key", "m"), ("max_results", 10)])
    steps = {run_id: [m["step"] for m in thin.json()["metrics"] if m["run_id"] == run_id] for run_id in runs}
    assert all(2 <= len(s) <= 15 for s in steps.values()), steps
    assert (steps[runs[0]][0], steps[runs[0]][-1], steps[runs[1]][-1]) == (0, 899, 1798), steps
    refusal = ask("get-history-bulk-interval", [("run_ids", runs[0]), ("metric_key", "m"), ("max_results", 2501)])
    assert refusal.status_code == 400 and refusal.json()["message"] == "max_results must be between 1 and 2500."
    dataset = Dataset(name="emoji", digest="abc", source_type="local", source="{}")
    client.log_inputs(runs[0], [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
    body = {"experiment_ids": [experiment_id]}
    found = requests.post(f"{URI}/ajax-api/2.0/mlflow/experiments/search-datasets", json=body, timeout=10).json()
    expected = {"experiment_id": experiment_id, "name": "emoji", "digest": "abc", "context": "training"}
    assert found == {"dataset_summaries": [expected]}, found


def the_fluent_api_works_with_parent_and_child():
    mlflow.set_experiment(f"fluent-{uuid.uuid4().hex}")
    with mlflow.start_run(run_name="parent") as parent:
        mlflow.log_params({"lr": 0.1, "layers": 3})
        mlflow.log_metrics({"loss": 1.0, "score/real": 2.0}, step=3)
        mlflow.set_tags({"a": 1})
        mlflow.log_text("x", "x.txt")
        with mlflow.start_run(run_name="child", nested=True) as child:
            mlflow.log_metric("loss", 0.5)
    assert client.get_run(parent.info.run_id).info.status == "FINISHED"
    assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == parent.info.run_id
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    )
    assert [run.info.run_id for run in children] == [child.info.run_id]
    failed = None
    try:
        with mlflow.start_run() as failed:
            raise ValueError("on purpose")
    except ValueError:
        pass
    assert client.get_run(failed.info.run_id).info.status == "FAILED"


def async_logging_loses_nothing():
    run_id = fresh_run()
    pending = [client.log_metric(run_id, "m", float(i), step=i, synchronous=False) for i in range(50)]
    for operation in pending:
        operation.wait()
    assert len(client.get_metric_history(run_id, "m")) == 50


CLAIMS = [
    experiments_live_and_die,
    experiments_are_searched_in_pages,
    a_run_says_what_it_said,
    metrics_of_every_kind_survive,
    a_batch_at_the_limit_arrives_whole,
    a_long_history_is_read_in_pages,
    refusals_carry_mlflows_codes,
    runs_are_searched_with_the_whole_grammar,
    artifacts_go_up_and_come_down,
    a_part_of_an_artifact_can_be_asked_for,
    a_large_artifact_goes_up_in_parts,
    pictures_are_logged_by_step,
    figures_are_logged_as_files,
    inputs_come_back,
    models_are_logged_measured_and_found,
    a_model_is_logged_and_loaded_by_the_fluent_api,
    autolog_writes_down_what_a_small_model_does,
    curves_of_several_runs_come_at_once,
    the_fluent_api_works_with_parent_and_child,
    async_logging_loses_nothing,
]


def main() -> int:
    failures = 0
    for claim in CLAIMS:
        try:
            claim()
            print(f"ok {claim.__name__}")
        except (Exception, AssertionError):
            failures += 1
            print(f"FAILED {claim.__name__}\n{traceback.format_exc()}")
    return 1 if failures else 0


if __name__ == "__main__":
    assert mlflow.__version__ == "3.17.2", mlflow.__version__
    sys.exit(main())
