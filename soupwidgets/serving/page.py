"""What a visitor's page shows."""

from __future__ import annotations

from functools import partial
from typing import Any

import marimo as mo

from soupwidgets.serving.visits import Visit


def tabs(visit: Visit | None, most: int) -> Any:
    """Every explorer as a tab, made when it is first looked at; a sentence when the room is full.

    Parameters
    ----------
    visit
        None when the room is full.
    most
        How many visitors it has room for.
    """
    if visit is None:
        return mo.callout(f"The room is full ({most} visitors). Load this page again in a minute.", kind="warn")
    return mo.ui.tabs({words: mo.lazy(partial(_explorer, visit, name)) for words, name in visit.names.items()})


def _explorer(visit: Visit, name: str) -> Any:
    panel = visit.panel(name)
    if isinstance(panel, str):
        return mo.callout(mo.plain_text(panel), kind="warn")
    note, widget = visit.note(name), mo.ui.anywidget(panel)
    return mo.vstack([mo.plain_text(note), widget]) if note else widget
