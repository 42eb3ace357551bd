#!/usr/bin/env python3
"""Installs moto, which speaks S3's protocol for tests, into the cache (about 25 MB to fetch, 110 MB there).

Nothing is installed into the system: the packages go to IDIOM_CACHE/python/moto-VERSION (else the XDG cache folder's
idiom/python/...), whole or not at all. Of moto's many parts only S3 is wanted, so its server's extras are left out.

Run: python3 crates/tracking-server/tests/fetch_s3.py
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

from fetch_mlflow import cache, size_mb

VERSION = "5.1.22"
PACKAGES = [f"moto=={VERSION}", "flask", "flask-cors", "py-partiql-parser", "pyyaml"]


def main() -> int:
    target = cache() / "python" / f"moto-{VERSION}"
    if target.exists():
        print(f"{target}: there already, {size_mb(target)} MB")
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = pathlib.Path(tempfile.mkdtemp(prefix="moto-", dir=target.parent))
    try:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--target", str(partial), *PACKAGES], check=True)
        partial.chmod(0o755)
        partial.rename(target)
    except (subprocess.CalledProcessError, OSError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        print(f"error: {error}\nhint: moto comes from the Python package index; is pip able to reach it?", file=sys.stderr)
        return 2
    print(f"{target}: {size_mb(target)} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
