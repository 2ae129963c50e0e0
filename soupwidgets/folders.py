"""Where things are kept that can be made again."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The folder ``SOUPWIDGETS_CACHE``, or else the user's cache folder; it may not exist yet."""
    return Path(os.environ.get("SOUPWIDGETS_CACHE") or platformdirs.user_cache_path("soupwidgets"))
