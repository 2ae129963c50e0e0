"""Visitors: each has explorers of their own, which go when they leave."""

from __future__ import annotations

import gc
import inspect
import re
import threading
import time
from typing import Any

from soupwidgets.panel import Panel
from soupwidgets.serving.engine import Engine
from soupwidgets.translation import N_
from soupwidgets.translation import gettext as _
from soupwidgets.widgets import all_explorers

# Seconds between two looks at who has left.
_LOOKS = 1.0
# They show a study that was made before, and the questions of a teacher, which a pool and a suite do not have.
_NEEDS_MORE = ("AugmentationExplorer", "Predict")


class Room:
    """The engine, and who is there.

    A visit ends with the thread that began it: a page's session is a thread of its own, and what a session leaves
    behind refers to itself in circles, which Python collects when it likes.

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
        self._visits: dict[Visit, threading.Thread] = {}
        self._lock = threading.Lock()
        self._porter: threading.Thread | None = None

    @property
    def visitors(self) -> int:
        """How many are there."""
        return len(self._visits)

    def enter(self) -> Visit | None:
        """A visit that lasts as long as this thread; None while the room is full."""
        with self._lock:
            if len(self._visits) >= self.most:
                return None
            visit = Visit(self)
            self._visits[visit] = threading.current_thread()
            if self._porter is None:
                self._porter = threading.Thread(target=self._see_off, name="soupwidgets-porter", daemon=True)
                self._porter.start()
            return visit

    def _see_off(self) -> None:
        """Look now and then who has left."""
        while True:
            time.sleep(_LOOKS)
            with self._lock:
                left = [visit for visit, thread in self._visits.items() if not thread.is_alive()]
                for visit in left:
                    del self._visits[visit]
            for visit in left:
                visit.close()
            if left:
                gc.collect()


class Visit:
    """One visitor's explorers, made when they are first looked at.

    Parameters
    ----------
    room
        Where.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._panels: dict[str, Panel] = {}

    def close(self) -> None:
        """Close the explorers."""
        for panel in list(self._panels.values()):
            panel.close()
        self._panels.clear()

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
                return _("{explorer} cannot be shown: {error}").format(explorer=_words(name), error=error)
        return self._panels[name]

    def note(self, name: str) -> str:
        """A sentence above an explorer; empty for most."""
        panel = self._panels.get(name)
        code = getattr(getattr(panel, "session", None), "code", None)
        return _("Keep your code, to come back or to take things back: {code}").format(code=code) if code else ""


def _takes_one(panel: Any) -> bool:
    """Whether an explorer can be made from what every visitor has."""
    needed = [
        one for one in list(inspect.signature(panel.__init__).parameters.values())[1:] if one.default is one.empty
    ]
    return len([one for one in needed if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]) <= 1


def _words(name: str) -> str:
    """Words of a class's name, which are translated where it is one of ours.

    Examples
    --------
    >>> _words("MistakeReviewer")
    'Mistake reviewer'
    """
    return _(re.sub(r"(?<=[a-z])([A-Z])", lambda match: f" {match[1].lower()}", name))


_CALLED = (
    N_("Alpha explorer"), N_("Soup mixer"), N_("Frontier explorer"), N_("Landscape explorer"), N_("Diversity explorer"),
    N_("Mistake reviewer"), N_("Spectrum explorer"), N_("Pareto explorer"),
)  # fmt: skip
_ORDER = {name: place for place, name in enumerate((
    "AlphaExplorer", "SoupMixer", "FrontierExplorer", "ParetoExplorer", "LandscapeExplorer", "DiagnosisExplorer",
    "DiversityExplorer", "MistakeReviewer", "SpectrumExplorer",
))}  # fmt: skip
