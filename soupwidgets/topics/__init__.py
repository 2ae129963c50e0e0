"""Topics: one folder for each question, with its numbers, its figures, its panel and its command."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType


def on_demand(topic: str) -> Callable[[str], ModuleType]:
    """Make the ``__getattr__`` of a topic: its figures need plotly, and are imported on first use."""

    def get(name: str) -> ModuleType:
        if name == "figures":
            return importlib.import_module(f"{topic}.figures")
        raise AttributeError(f"module {topic!r} has no attribute {name!r}", name=name)

    return get
