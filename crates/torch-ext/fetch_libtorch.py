#!/usr/bin/env python3
"""Puts libtorch 2.11.0 into the user's cache: python3 fetch_libtorch.py FOLDER [--cuda]

FOLDER then has `include/`, `lib/` and `build-version`, which is what torch-sys (LIBTORCH=FOLDER) reads. The files
come out of PyPI's own wheels, fetched by pip and checked by sha256; nothing is installed into any Python.

Without a GPU the wheel of torch and two small CUDA runtime wheels hold all that is needed (libtorch_cpu links
against cudart and cupti). With `--cuda` torch is fetched together with the wheels it depends on (about 5 GB).

The folder is made under a temporary name and renamed at the end, so a broken download leaves nothing behind.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

VERSION = "2.11.0"
TORCH = f"torch=={VERSION}"
WHEELS = {  # requirement -> sha256 of the wheel for Linux x86-64
    TORCH: "0f68f4ac6d95d12e896c3b7a912b5871619542ec54d3649cf48cc1edd4dd2756",
    "nvidia-cuda-runtime==13.0.96": "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
    "nvidia-cuda-cupti==13.0.85": "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
}
CPU_LIBRARIES = {
    "libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libshm.so", "libcudart.so.13", "libcupti.so.13",
}
# Each tag is named, so that the user's own Python version and platform do not matter.
PLATFORM = ["--only-binary=:all:", "--python-version", "3.12", "--platform", "manylinux_2_28_x86_64",
            "--platform", "manylinux_2_27_x86_64", "--platform", "manylinux_2_25_x86_64",
            "--platform", "manylinux_2_17_x86_64", "--platform", "manylinux2014_x86_64"]


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    if len(arguments) != 1 or "--help" in sys.argv:
        sys.exit(__doc__)
    target, cuda = Path(arguments[0]), "--cuda" in sys.argv
    if (target / "build-version").is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    need(6 if not cuda else 20, target.parent)
    print(f"libtorch {VERSION} ({'CUDA' if cuda else 'CPU'}) -> {target}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="libtorch-") as work:
        wheels, made = Path(work) / "wheels", Path(work) / "made"
        download(wheels, cuda)
        (take_all if cuda else take_cpu)(wheels, made)
        (made / "build-version").write_text(f"{VERSION}+{'cu130' if cuda else 'cpu'}\n")
        shutil.rmtree(target, ignore_errors=True)
        made.rename(target)


def need(gigabytes, folder):
    free = shutil.disk_usage(folder).free / 1e9
    if free < gigabytes:
        sys.exit(f"error: {folder} has {free:.1f} GB free, but setting up libtorch needs {gigabytes} GB\n"
                 "  hint: free some space, or set IDIOM_CACHE to a folder on a larger disk")


def download(wheels, cuda):
    """Downloads the wheels into the folder `wheels` and checks those whose hash is known."""
    for requirement, expected in WHEELS.items():
        pip(["download", "--no-deps", *PLATFORM, "-d", str(wheels), requirement])
        name = requirement.split("==")[0].replace("-", "_")
        wheel = next(wheels.glob(f"{name}-*.whl"))
        found = sha256(wheel)
        if found != expected:
            sys.exit(f"error: {wheel.name} has sha256 {found}, but {expected} was expected\n"
                     "  hint: run again; if it stays so, the package index serves a different file")
    if cuda:
        pip(["download", *PLATFORM, "-d", str(wheels), TORCH])


def pip(arguments):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    if subprocess.run(command, stdout=sys.stderr).returncode != 0:
        sys.exit(f"error: `pip {' '.join(arguments[:1] + arguments[-1:])}` failed (its reason stands above)\n"
                 "  hint: check the network and pip's index settings, or set LIBTORCH to a libtorch 2.11.0 folder")


def sha256(path):
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def take_cpu(wheels, made):
    """Unpacks the headers and the six libraries that a build without CUDA needs."""
    unpack(wheels, made, lambda name: name in CPU_LIBRARIES)
    # torch-sys links -ltorch; the real libtorch.so would pull CUDA in, this linker script does not.
    (made / "lib" / "libtorch.so").write_text("INPUT(-ltorch_cpu -lc10)\n")


def take_all(wheels, made):
    """Unpacks the headers and every shared library, in one folder, so that they find one another."""
    unpack(wheels, made, lambda name: ".so" in name and "libtorch_python" not in name)


def unpack(wheels, made, wanted):
    (made / "lib").mkdir(parents=True)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                path = Path(member.filename)
                if path.parts[:2] == ("torch", "include") and not member.is_dir():
                    copy(archive, member, made / Path(*path.parts[1:]))
                elif "lib" in path.parts and wanted(path.name):
                    copy(archive, member, made / "lib" / path.name)


def copy(archive, member, to):
    to.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, to.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    if ".so" in to.name:
        os.chmod(to, 0o755)


if __name__ == "__main__":
    main()
