"""How soon the pages stand before a reader, in headless Chromium, over the runs that `fixture.py` makes: the table of a
thousand runs until its first rows are painted, the comparison of the ten runs with a million points each until all its
curves are drawn. Milliseconds since the navigation began, the median of several, cold (nothing kept) and warm.

Run: just bench pages. Needs Debian's chromium and chromium-driver.
"""
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import fixture
import versus_mlflow

DRIVER, TIMES = "http://127.0.0.1:9633", 5
TABLE = "document.querySelectorAll('tbody tr[data-run]').length >= 20"
LINES = "document.querySelectorAll('[data-key=\"loss/generator\"] .scatterlayer .trace path.js-line')"
# Looks at every frame, and notes when the frame that shows it has been handed over.
WATCH = """
(() => {
  const look = () => {
    if (document.body && (%s)) requestAnimationFrame(() => { window.shownAt = performance.now(); });
    else requestAnimationFrame(look);
  };
  look();
})();
"""
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync", "--window-size=1366,768"]


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(DRIVER + path, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)["value"]


class Browser:
    def __enter__(self):
        self.driver = subprocess.Popen(["chromedriver", "--port=9633"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.profile = tempfile.TemporaryDirectory()
        for _ in range(100):
            try:
                call("GET", "/status")
                break
            except OSError:
                time.sleep(0.1)
        arguments = [*OPTIONS, f"--user-data-dir={self.profile.name}"]
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"binary": "/usr/bin/chromium", "args": arguments}}
        self.session = "/session/" + call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        return self

    def __exit__(self, *_):
        call("DELETE", self.session)
        self.driver.terminate()
        self.driver.wait()

    def tell(self, command, **params):
        return call("POST", self.session + "/goog/cdp/execute", {"cmd": command, "params": params})

    def evaluate(self, expression):
        return call("POST", self.session + "/execute/sync", {"script": f"return {expression}", "args": []})

    def shown(self, url, condition):
        """Milliseconds until it is shown."""
        script = self.tell("Page.addScriptToEvaluateOnNewDocument", source=WATCH % condition)["identifier"]
        call("POST", self.session + "/url", {"url": url})
        deadline = time.monotonic() + 60
        while (at := self.evaluate("window.shownAt ?? null")) is None:
            if time.monotonic() > deadline:
                raise SystemExit(f"{url}: never shown")
            time.sleep(0.05)
        self.tell("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
        return at

    def measure(self, name, url, condition):
        cold, warm, painted = [], [], []
        for _ in range(TIMES):
            self.tell("Network.clearBrowserCache")
            cold.append(self.shown(url, condition))
            warm.append(self.shown(url, condition))
            painted.append(self.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"))
        figures = " ".join(f"{word} {statistics.median(times):.0f} ms" for word, times in [("cold", cold), ("warm", warm), ("first paint", painted)])
        print(f"{name}: {figures}")


def main():
    for program in ("chromedriver", "chromium"):
        if not shutil.which(program):
            raise SystemExit(f"{program} is not installed; on Debian: apt-get install chromium chromium-driver")
    with tempfile.TemporaryDirectory() as folder:
        server = versus_mlflow.ours(sys.argv[1], folder)
        try:
            uri, begun = f"http://127.0.0.1:{server.port}", time.monotonic()
            long = fixture.fill(uri)
            print(f"1,000 runs x 20 metrics x 500 points and {len(long)} runs x 1,000,000 points logged in {time.monotonic() - begun:.0f} s")
            with Browser() as browser:
                browser.measure("table of runs", f"{uri}/", TABLE)
                compared = f"{uri}/compare?runs={','.join(long)}"
                browser.measure(f"comparison of {len(long)} runs", compared, f"{LINES}.length === {len(long)}")
            print(f"memory of the server {server.megabytes():.0f} MB")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
