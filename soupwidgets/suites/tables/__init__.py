"""Class names, prompt templates and class maps of published data sets, as data."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def load_table(name: str) -> Any:
    """The content of a ``.json`` table, or the lines of a ``.txt`` table.

    Examples
    --------
    >>> len(load_table("objectnet.json")), len(load_table("fmow.txt"))
    (113, 62)
    """
    text = (files("soupwidgets.suites.tables") / name).read_text("utf-8")
    return json.loads(text) if name.endswith(".json") else text.splitlines()
