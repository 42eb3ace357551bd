#!/usr/bin/env python3
"""Installs MLflow's own Python client into the cache, for the test that lets it talk to our server.

`mlflow-skinny` is the same client as `mlflow` without its server and its UI; numpy and Pillow are what `log_image` needs,
pandas and scikit-learn what models and autologging need (about 480 MB in all). Nothing is installed into the system: the packages go to IDIOM_CACHE/python/mlflow-client-VERSION (else the XDG
cache folder's idiom/python/...), whole or not at all.

With `--server` it is the whole of MLflow, for `just bench tracking`, in IDIOM_CACHE/python/mlflow-server-VERSION.

Run: python3 crates/tracking-server/tests/fetch_mlflow.py [--server]
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

VERSION = "3.17.2"
PACKAGES = [f"mlflow-skinny=={VERSION}", "numpy", "pillow", "pandas", "scikit-learn"]


def cache() -> pathlib.Path:
    if folder := os.environ.get("IDIOM_CACHE"):
        return pathlib.Path(folder)
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "idiom"


def size_mb(folder: pathlib.Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) // 1_000_000


def main() -> int:
    whole = "--server" in sys.argv
    packages = [f"mlflow=={VERSION}"] if whole else PACKAGES
    target = cache() / "python" / (f"mlflow-server-{VERSION}" if whole else f"mlflow-client-{VERSION}")
    if target.exists():
        print(f"{target}: there already, {size_mb(target)} MB")
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = pathlib.Path(tempfile.mkdtemp(prefix="mlflow-", dir=target.parent))
    try:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--target", str(partial), *packages], check=True)
        partial.chmod(0o755)
        partial.rename(target)
    except (subprocess.CalledProcessError, OSError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        print(f"error: {error}\nhint: MLflow's client comes from the Python package index; is pip able to reach it?", file=sys.stderr)
        return 2
    print(f"{target}: {size_mb(target)} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
