"""What a visitor's page shows."""

from __future__ import annotations

from functools import partial
from typing import Any

import marimo as mo

from soupwidgets.serving.visits import Room, Visit
from soupwidgets.translation import gettext as _


class Door:
    """One page's way into the room.

    Parameters
    ----------
    room
        Which the page enters when there is a place.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._visit: Visit | None = None

    def shown(self, again: Any) -> Any:
        """Every explorer as a tab, made when it is first looked at; while the room is full, a sentence.

        Parameters
        ----------
        again
            What is shown beside the sentence, to try again.
        """
        self._visit = visit = self._visit or self._room.enter()
        if visit is None:
            words = _("The room is full ({most} visitors). This page opens as soon as somebody leaves.")
            return mo.vstack([mo.callout(words.format(most=self._room.most), kind="warn"), again])
        return mo.ui.tabs({words: mo.lazy(partial(_explorer, visit, name)) for words, name in visit.names.items()})


def _explorer(visit: Visit, name: str) -> Any:
    panel = visit.panel(name)
    if isinstance(panel, str):
        return mo.callout(mo.plain_text(panel), kind="warn")
    note, widget = visit.note(name), mo.ui.anywidget(panel)
    return mo.vstack([mo.plain_text(note), widget]) if note else widget
