#!/usr/bin/env python3
"""Puts axe-core, which checks pages for contrast, names and roles, into the user's cache for the browser test.

It comes from npm by `npm pack` and is checked by sha256 (Mozilla Public License 2.0; it is injected into pages under test
and is no part of what we give away). Run: python3 crates/tracking-server/tests/fetch_axe.py FOLDER
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "axe-core@4.14.1"
MEMBER = "package/axe.min.js"
SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    script = Path(sys.argv[1]) / "axe.min.js"
    if script.is_file():
        return
    script.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=script.parent) as work:
        packed = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=work, stdout=subprocess.PIPE, text=True)
        if packed.returncode != 0:
            sys.exit(f"error: `npm pack {PACKAGE}` failed (its reason stands above)\n"
                     "  hint: check the network and npm's registry setting; one browser test needs it")
        with tarfile.open(next(Path(work).glob("*.tgz"))) as archive:
            data = archive.extractfile(MEMBER).read()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        sys.exit(f"error: {MEMBER} of {PACKAGE} has sha256 {found}, but {SHA256} was expected")
    part = script.with_suffix(".part")
    part.write_bytes(data)
    os.replace(part, script)


if __name__ == "__main__":
    main()
