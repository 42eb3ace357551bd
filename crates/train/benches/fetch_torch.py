#!/usr/bin/env python3
"""Puts PyTorch 2.11.0 into the user's cache, to set our training step beside its own: about 5 GB, by hand only, never in CI.

The packages go to IDIOM_CACHE/python/torch-2.11.0 (else the XDG cache folder's idiom/python/...), whole or not at all.
IDIOM_TORCH_PYTHON names a Python that has torch 2.11 already; then nothing is fetched. Prints the Python to run, and its path for packages.

Run: python3 crates/train/benches/fetch_torch.py
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

VERSION = "2.11.0"


def cache() -> pathlib.Path:
    if folder := os.environ.get("IDIOM_CACHE"):
        return pathlib.Path(folder)
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "idiom"


def main() -> int:
    if os.environ.get("IDIOM_TORCH_PYTHON"):
        return 0
    target = cache() / "python" / f"torch-{VERSION}"
    if target.exists():
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(target.parent).free / 1e9
    if free < 12:
        print(f"error: {target.parent} has {free:.1f} GB free, but PyTorch needs 12 GB\n"
              "hint: set IDIOM_TORCH_PYTHON to a Python that has torch 2.11", file=sys.stderr)
        return 2
    partial = pathlib.Path(tempfile.mkdtemp(prefix="torch-", dir=target.parent))
    try:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
        subprocess.run([*pip, "--target", str(partial), f"torch=={VERSION}", "numpy"], check=True)
        partial.chmod(0o755)
        partial.rename(target)
    except (subprocess.CalledProcessError, OSError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        print(f"error: {error}\nhint: these come from the Python package index; is pip able to reach it?", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
