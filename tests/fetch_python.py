#!/usr/bin/env python3
"""Installs the Python programs that tests and benches run beside ours into the cache, by the name of a set.

Nothing is installed into the system: a set goes to IDIOM_CACHE/python/FOLDER (else the XDG cache folder's idiom/python/...), whole or
not at all, and what is there already is left alone. Sizes are those in the cache.

Run: python3 tests/fetch_python.py SET...
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

MLFLOW, MOTO, TORCH = "3.17.2", "5.1.22", "2.11.0"


class Set(NamedTuple):
    """What is installed together; another version is another folder."""

    folder: str
    why: str
    size_gb: float
    packages: list[str]


SETS = {
    "readers": Set("readers-1", "reads our data sets in tests", 0.5,
                   ["pyarrow==22.0.0", "polars==1.35.2", "duckdb==1.4.2", "datasets==4.4.1", "pillow==12.0.0", "numpy"]),
    "peers": Set("peers-1", "just bench ingest", 0.7,
                 ["img2dataset==1.47.0", "webdataset==0.2.111", "simplejpeg==1.9.0", "opencv-python-headless<5", "pyarrow==22.0.0"]),
    # The client without its server and UI; numpy and Pillow are for log_image, matplotlib for log_figure, pandas and scikit-learn for models
    # and autologging.
    "mlflow-client": Set(f"mlflow-client-{MLFLOW}-2", "talks to our server in tests", 0.6,
                         [f"mlflow-skinny=={MLFLOW}", "numpy", "pillow", "matplotlib==3.10.7", "pandas", "scikit-learn"]),
    "mlflow-server": Set(f"mlflow-server-{MLFLOW}", "just bench tracking", 0.9, [f"mlflow=={MLFLOW}"]),
    # Of moto's many parts only S3 is wanted, so its server's extras are left out.
    "s3": Set(f"moto-{MOTO}", "speaks S3's protocol in tests", 0.1, [f"moto=={MOTO}", "flask", "flask-cors", "py-partiql-parser", "pyyaml"]),
    "torch": Set(f"torch-{TORCH}", "just bench train, unless IDIOM_TORCH_PYTHON names a Python that has it", 5.0,
                 [f"torch=={TORCH}", "numpy"]),
}


def cache() -> pathlib.Path:
    if folder := os.environ.get("IDIOM_CACHE"):
        return pathlib.Path(folder)
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "idiom"


def install(name: str) -> None:
    wanted = SETS[name]
    target = cache() / "python" / wanted.folder
    if target.exists() or (name == "torch" and os.environ.get("IDIOM_TORCH_PYTHON")):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    free_gb = shutil.disk_usage(target.parent).free / 1e9
    # Twice: what pip fetches and unpacks lies beside it for a while.
    if free_gb < 2 * wanted.size_gb:
        raise OSError(f"{target.parent} has {free_gb:.1f} GB free, but `{name}` needs {2 * wanted.size_gb:.1f} GB for a while")
    print(f"fetching `{name}` ({wanted.size_gb} GB in the cache): {wanted.why}", file=sys.stderr)
    partial = pathlib.Path(tempfile.mkdtemp(prefix=f"{wanted.folder}-", dir=target.parent))
    try:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--target", str(partial), *wanted.packages], check=True)
        # img2dataset asks for a package that stands before Python's own module of this name, and is too old for it.
        (partial / "dataclasses.py").unlink(missing_ok=True)
        partial.chmod(0o755)
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def main(names: list[str]) -> int:
    if not names or not set(names) <= set(SETS):
        sets = "\n".join(f"  {name:14} {wanted.why}, {wanted.size_gb} GB" for name, wanted in SETS.items())
        print(f"usage: python3 tests/fetch_python.py SET...\nsets:\n{sets}", file=sys.stderr)
        return 2
    for name in names:
        try:
            install(name)
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"error: {error}\nhint: `{name}` comes from the Python package index; is pip able to reach it?", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
