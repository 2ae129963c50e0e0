"""``python docs``: the site in build/docs; any warning is an error."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import main

ROOT = Path(__file__).resolve().parent.parent
READ, BUILT = ROOT / "build" / "doctrees", ROOT / "build" / "docs"


def build(*options: str) -> int:
    """Build what has changed since the last time, and return the exit status."""
    strict = ["--fail-on-warning", "--keep-going", "--quiet"]
    status = main([*strict, *options, "-c", str(ROOT / "docs"), "-d", str(READ), str(ROOT), str(BUILT)])
    if status:
        # Pages that were read are not read again, so the next build would not repeat their warnings.
        shutil.rmtree(READ, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(build(*sys.argv[1:]))
