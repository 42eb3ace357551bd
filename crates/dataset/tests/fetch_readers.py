#!/usr/bin/env python3
"""Installs the programs that other people read data sets with into the cache: pyarrow, polars, DuckDB, Hugging Face datasets.

They are for the test that lets each of them read what we write, and for the bench that compares rates in the same run.
With `peers`, what only the bench needs comes too: img2dataset, webdataset, simplejpeg, OpenCV (about 700 MB; no test asks for it).
Nothing is installed into the system: the packages go to IDIOM_CACHE/python/readers-VERSION (else the XDG cache folder's
idiom/python/...), whole or not at all; about 500 MB there, 130 MB fetched.

Run: python3 crates/dataset/tests/fetch_readers.py [peers]
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

# Folder -> packages; another version is another folder.
SETS = {
    "readers-1": ["pyarrow==22.0.0", "polars==1.35.2", "duckdb==1.4.2", "datasets==4.4.1", "pillow==12.0.0", "numpy"],
    "peers-1": ["img2dataset==1.47.0", "webdataset==0.2.111", "simplejpeg==1.9.0", "opencv-python-headless<5", "pyarrow==22.0.0"],
}


def cache() -> pathlib.Path:
    if folder := os.environ.get("IDIOM_CACHE"):
        return pathlib.Path(folder)
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "idiom"


def main(wanted: list[str]) -> int:
    names = [name for name in SETS if name.startswith("readers") or "peers" in wanted]
    return max(install(cache() / "python" / name, SETS[name]) for name in names)


def install(target: pathlib.Path, packages: list[str]) -> int:
    if target.exists():
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = pathlib.Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=target.parent))
    try:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
        subprocess.run([*pip, "--target", str(partial), *packages], check=True)
        # img2dataset asks for a package that stands before Python's own module of this name, and is too old for it.
        (partial / "dataclasses.py").unlink(missing_ok=True)
        partial.chmod(0o755)
        partial.rename(target)
    except (subprocess.CalledProcessError, OSError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        print(f"error: {error}\nhint: these come from the Python package index; is pip able to reach it?", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
