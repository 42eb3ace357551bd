"""Our server beside MLflow's own, on this machine, at the same time of day: the same requests, one client, one after
another. What is measured is the CPU time of the server (all its processes) and the time on the clock, a request each.

Both keep their store in SQLite on the same disk. MLflow is started as its documentation says, with its defaults. Ours
flushes each commit to the disk (`synchronous = FULL`); so does SQLite under MLflow.

Run: just bench tracking [RUNS]
"""
import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

START = 1_795_420_000_000
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
CLIENTS, EACH = 64, 500


def processes(root):
    """A process and all below it."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


class Running:
    """A server, and how to ask it."""

    def __init__(self, name, command, port, environment=None):
        self.name, self.port = name, port
        begun = time.monotonic()
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while not self.answers():
            if self.process.poll() is not None:
                raise SystemExit(f"{name} ended by itself")
            time.sleep(0.005)
        self.start_wall, self.start_cpu = time.monotonic() - begun, self.cpu()
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)

    def answers(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def cpu(self):
        total = 0
        for pid in processes(self.process.pid):
            try:
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            total += sum(int(field) for field in fields[11:15])
        return total / TICKS

    def megabytes(self):
        """Memory that is this server's own or its share of what its processes have in common."""
        total = 0
        for pid in processes(self.process.pid):
            try:
                lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total / 1000

    def ask(self, method, path, body=None, connection=None):
        connection = connection or self.connection
        text = None if body is None else json.dumps(body)
        connection.request(method, f"/api/2.0/mlflow/{path}", text, {"content-type": "application/json"})
        answer = connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{self.name}: {path}: {answer.status} {data[:300]!r}")
        return data

    def run(self, experiment, name):
        body = {"experiment_id": experiment, "run_name": name, "start_time": START}
        return json.loads(self.ask("POST", "runs/create", body))["run"]["info"]["run_id"]

    def each(self, count, action):
        """CPU and wall seconds for one of `count` actions, and the last one's answer, which is read to its end but not yet parsed."""
        cpu, wall, answer = self.cpu(), time.monotonic(), b""
        for index in range(count):
            answer = action(index)
        return ((self.cpu() - cpu) / count, (time.monotonic() - wall) / count), answer

    def stop(self):
        self.process.terminate()
        self.process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def points(key, first, count):
    return [{"key": key, "value": (s * 7919) % 1009 / 1009, "timestamp": START + s, "step": s} for s in range(first, first + count)]


def measure(server, counts):
    """Seconds (CPU, wall) a request by name of the work."""
    create = {"name": "bench"}
    experiment = json.loads(server.ask("POST", "experiments/create", create))["experiment_id"]
    run = server.run(experiment, "curves")
    found = {}

    def log_metric(index):
        return server.ask("POST", "runs/log-metric", {"run_id": run, **points("one", index, 1)[0]})

    def log_batch(index):
        return server.ask("POST", "runs/log-batch", {"run_id": run, "metrics": points("many", index * 1000, 1000)})

    found["log_metric"], _ = server.each(counts["log_metric"], log_metric)
    found["log_batch of 1000"], _ = server.each(100, log_batch)
    history = f"metrics/get-history?run_id={run}&metric_key=many"
    found["history of 100,000"], answer = server.each(counts["reads"], lambda _: server.ask("GET", history))
    if len(json.loads(answer)["metrics"]) != 100_000:
        sys.exit("points are missing")

    def fill(index):
        one = server.run(experiment, f"run-{index}")
        params = [{"key": f"p{k}", "value": str(index % (k + 2))} for k in range(10)]
        metrics = [{"key": f"m{k}", "value": index / (k + 1), "timestamp": START, "step": 0} for k in range(20)]
        server.ask("POST", "runs/log-batch", {"run_id": one, "params": params, "metrics": metrics})

    for index in range(counts["runs"] - 1):
        fill(index)
    search = {"experiment_ids": [experiment], "max_results": counts["runs"], "order_by": ["metrics.m3 DESC"]}
    found[f"search of {counts['runs']} runs"], answer = server.each(counts["reads"], lambda _: server.ask("POST", "runs/search", search))
    if len(json.loads(answer)["runs"]) != counts["runs"]:
        sys.exit("runs are missing")
    return found


def crowd(server):
    """Many clients at a time; how many requests failed, and how many a second went through."""
    experiment = json.loads(server.ask("POST", "experiments/create", {"name": "crowd"}))["experiment_id"]
    failed = []

    def client(index):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
        try:
            run = server.run(experiment, f"client-{index}")
            for step in range(EACH):
                server.ask("POST", "runs/log-metric", {"run_id": run, **points("one", step, 1)[0]}, connection)
        except (SystemExit, OSError, http.client.HTTPException) as error:
            failed.append(str(error))

    # The shared connection is for one thread at a time: runs are made before the crowd is let in.
    lock = threading.Lock()
    plain = server.run
    server.run = lambda *arguments: [lock.acquire(), plain(*arguments), lock.release()][1]
    threads = [threading.Thread(target=client, args=(index,)) for index in range(CLIENTS)]
    begun = time.monotonic()
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return failed, CLIENTS * EACH / (time.monotonic() - begun)


def ours(binary, folder):
    port = free_port()
    command = [binary, "--port", str(port), "--db", f"{folder}/idiom.db", "--artifacts", f"{folder}/artifacts"]
    return Running("idiom", command, port)


def theirs(library, folder):
    port = free_port()
    store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/mlartifacts"]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), *store]
    environment = {**os.environ, "PYTHONPATH": library, "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment["PATH"] = f"{library}/bin:{environment['PATH']}"
    return Running("mlflow", command, port, environment)


def milliseconds(seconds):
    return f"{seconds * 1000:,.2f}"


def report(rows, our, their):
    print(f"{'milliseconds a request':24}{'idiom CPU':>12}{'MLflow CPU':>12}{'ratio':>8}{'idiom wall':>12}{'MLflow wall':>13}{'ratio':>8}")
    for name in our:
        (a, b), (c, d) = our[name], their[name]
        cells = [milliseconds(a), milliseconds(c), f"{c / max(a, 1e-6):,.0f}x", milliseconds(b), milliseconds(d), f"{d / b:,.0f}x"]
        print(f"{name:24}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, (12, 12, 8, 12, 13, 8))))
    for line in rows:
        print(line)


def main():
    binary, library = sys.argv[1], sys.argv[2]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    with tempfile.TemporaryDirectory() as folder:
        their = theirs(library, folder)
        first = their.start_wall, their.start_cpu
        their.stop()
        their = theirs(library, folder)
        slow = measure(their, {"log_metric": 200, "reads": 3, "runs": runs})
        their_memory = their.megabytes()
        their.stop()
        our = ours(binary, folder)
        fast = measure(our, {"log_metric": 2000, "reads": 20, "runs": runs})
        our_memory = our.megabytes()
        failed, rate = crowd(our)
        rows = [
            f"start: idiom {our.start_wall:.2f} s ({our.start_cpu:.2f} CPU-s); MLflow {their.start_wall:.1f} s "
            f"({their.start_cpu:.1f} CPU-s), the first time {first[0]:.1f} s ({first[1]:.1f} CPU-s)",
            f"memory with {runs} runs: idiom {our_memory:.0f} MB, MLflow {their_memory:.0f} MB",
            f"{CLIENTS} clients x {EACH} log_metric at idiom: {len(failed)} clients failed, {rate:,.0f} requests/s",
        ]
        our.stop()
    report(rows, fast, slow)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
