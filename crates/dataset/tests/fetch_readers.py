#!/usr/bin/env python3
"""Installs the programs that other people read data sets with into the cache: pyarrow, polars, DuckDB, Hugging Face datasets.

They are for the test that lets each of them read what we write, and for the bench that compares rates in the same run.
Nothing is installed into the system: the packages go to IDIOM_CACHE/python/readers-VERSION (else the XDG cache folder's
idiom/python/...), whole or not at all; about 500 MB there, 130 MB fetched.

Run: python3 crates/dataset/tests/fetch_readers.py
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

VERSION = "1"
PACKAGES = ["pyarrow==22.0.0", "polars==1.35.2", "duckdb==1.4.2", "datasets==4.4.1", "pillow==12.0.0", "numpy"]


def cache() -> pathlib.Path:
    if folder := os.environ.get("IDIOM_CACHE"):
        return pathlib.Path(folder)
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "idiom"


def main() -> int:
    target = cache() / "python" / f"readers-{VERSION}"
    if target.exists():
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = pathlib.Path(tempfile.mkdtemp(prefix="readers-", dir=target.parent))
    try:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
        subprocess.run([*pip, "--target", str(partial), *PACKAGES], check=True)
        partial.chmod(0o755)
        partial.rename(target)
    except (subprocess.CalledProcessError, OSError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        print(f"error: {error}\nhint: these come from the Python package index; is pip able to reach it?", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
