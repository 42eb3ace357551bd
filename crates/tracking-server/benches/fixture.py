"""Fills a tracking server with what the pages must stay fluent with: 1,000 runs x 20 metrics x 500 points, and ten runs
with a curve of a million points each. `pages.py` calls it.
"""
import http.client
import json
import math
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from urllib.parse import urlsplit

METRICS, POINTS, LONG_POINTS, BATCH, CLIENTS = 20, 500, 1_000_000, 1000, 8
START = 1_795_420_000_000


class Server:
    """One connection that is kept."""

    def __init__(self, uri):
        self.connection = http.client.HTTPConnection(urlsplit(uri).netloc, timeout=300)

    def ask(self, method, path, body=None):
        text = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
        self.connection.request(method, path, text, {"content-type": "application/json"})
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {data[:300]!r}")
        return data

    def post(self, route, body):
        return json.loads(self.ask("POST", f"/api/2.0/mlflow/{route}", body) or b"{}")

    def experiment(self, name):
        return self.post("experiments/create", {"name": name})["experiment_id"]

    def run(self, experiment, name, index, params):
        info = {"experiment_id": experiment, "run_name": name, "start_time": START + index * 1000}
        run = self.post("runs/create", info)["run"]["info"]["run_id"]
        pairs = [{"key": key, "value": str(value)} for key, value in params.items()]
        self.post("runs/log-batch", {"run_id": run, "params": pairs})
        return run

    def log(self, run, points):
        """Points as JSON texts."""
        for at in range(0, len(points), BATCH):
            batch = ",".join(points[at : at + BATCH])
            self.ask("POST", "/api/2.0/mlflow/runs/log-batch", f'{{"run_id":"{run}","metrics":[{batch}]}}')


def point(key, value, step):
    return f'{{"key":"{key}","value":{value},"timestamp":{START + step},"step":{step}}}'


def curve(index, metric, step):
    return round(1.5 * math.exp(-step / 200) + 0.2 * math.sin(step * 0.3 + index) + metric * 0.01, 5)


def usual_run(uri, experiment, index):
    server = Server(uri)
    params = {f"p{k}": (index * (k + 7)) % (3 + k) for k in range(10)}
    run = server.run(experiment, f"run-{index:04}", index, params)
    keys = [f"{'loss' if k < 5 else 'score'}/m{k}" for k in range(METRICS)]
    server.log(run, [point(key, curve(index, k, step), step) for k, key in enumerate(keys) for step in range(POINTS)])
    return run


def long_run(uri, experiment, index):
    server = Server(uri)
    run = server.run(experiment, f"long-{index}", index, {"seed": index})
    for at in range(0, LONG_POINTS, 100_000):
        steps = range(at, min(at + 100_000, LONG_POINTS))
        server.log(run, [point("loss/generator", (step * 7919 + index) % 1009 / 1009, step) for step in steps])
    return run


def fill(uri, runs=1000, long_runs=10):
    """The ids of the long runs. Several log at a time, as a lab does: commits are shared, one client would wait for each."""
    server = Server(uri)
    many, long = server.experiment("many"), server.experiment("long")
    with ProcessPoolExecutor(CLIENTS) as pool:
        ids = list(pool.map(long_run, repeat(uri), repeat(long), range(long_runs)))
        list(pool.map(usual_run, repeat(uri), repeat(many), range(runs)))
    return ids
