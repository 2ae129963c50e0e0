"""Visitors: each has explorers of their own, which go when they leave."""

from __future__ import annotations

import inspect
import re
import threading
import weakref
from collections.abc import Mapping
from typing import Any

from soupwidgets.panel import Panel
from soupwidgets.serving.engine import Engine
from soupwidgets.widgets import all_explorers

# It shows a study that was made before, which a pool and a suite do not have.
_NEEDS_MORE = ("AugmentationExplorer",)


class Room:
    """The engine, and who is there.

    Parameters
    ----------
    engine
        What the visitors share.
    most
        How many may be there at once.
    """

    def __init__(self, engine: Engine, most: int) -> None:
        self.engine = engine
        self.most = most
        self.visitors = 0
        self._lock = threading.Lock()

    def enter(self) -> Visit | None:
        """A visit that lasts as long as somebody holds it; None while the room is full."""
        with self._lock:
            if self.visitors >= self.most:
                return None
            self.visitors += 1
        return Visit(self)

    def leave(self) -> None:
        """Count a visitor less."""
        with self._lock:
            self.visitors -= 1


class Visit:
    """One visitor's explorers, made when they are first looked at and closed when the visit is dropped.

    Parameters
    ----------
    room
        Where.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._panels: dict[str, Panel] = {}
        weakref.finalize(self, _leave, room, self._panels)

    @property
    def names(self) -> dict[str, str]:
        """The explorers: the name of the class by what it is called on its tab."""
        names = [one.__name__ for one in all_explorers() if one.__name__ not in _NEEDS_MORE and _takes_one(one)]
        return {_words(name): name for name in sorted(names, key=lambda name: _ORDER.get(name, len(_ORDER)))}

    def panel(self, name: str) -> Panel | str:
        """The explorer of that name, or why there is none."""
        if name not in self._panels:
            try:
                self._panels[name] = self._room.engine.panel(name)
            except Exception as error:
                # What a panel says of a pool that it cannot show is for the visitor; nobody else is disturbed.
                return f"{_words(name)} cannot be shown: {error}"
        return self._panels[name]

    def note(self, name: str) -> str:
        """A sentence above an explorer; empty for most."""
        panel = self._panels.get(name)
        code = getattr(getattr(panel, "session", None), "code", None)
        return f"Keep your code, to come back or to take things back: {code}" if code else ""


def _leave(room: Room, panels: Mapping[str, Panel]) -> None:
    room.leave()
    for panel in list(panels.values()):
        panel.close()


def _takes_one(panel: Any) -> bool:
    """Whether an explorer can be made from what every visitor has."""
    needed = [
        one for one in list(inspect.signature(panel.__init__).parameters.values())[1:] if one.default is one.empty
    ]
    return len([one for one in needed if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]) <= 1


def _words(name: str) -> str:
    """Words of a class's name.

    Examples
    --------
    >>> _words("MistakeReviewer")
    'Mistake reviewer'
    """
    return re.sub(r"(?<=[a-z])([A-Z])", lambda match: f" {match[1].lower()}", name)


_ORDER = {name: place for place, name in enumerate((
    "AlphaExplorer", "SoupMixer", "FrontierExplorer", "LandscapeExplorer", "DiversityExplorer", "MistakeReviewer",
    "SpectrumExplorer",
))}  # fmt: skip
