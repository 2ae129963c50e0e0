"""``python docs``: the site in build/docs; any warning is an error."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.cmd.build import main

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"

if __name__ == "__main__":
    options = ["--fail-on-warning", "--keep-going", "--quiet", *sys.argv[1:]]
    sys.exit(main([*options, "-c", str(ROOT / "docs"), "-d", str(BUILD / "doctrees"), str(ROOT), str(BUILD / "docs")]))
