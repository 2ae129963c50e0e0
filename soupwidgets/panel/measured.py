"""What several panels say of a measurement: how far it is, its limits, all numbers to be saved, and when to draw."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from soupwidgets.evaluation import Evaluation
from soupwidgets.figures.style import interval_words
from soupwidgets.panel.view import Table
from soupwidgets.translation import N_, grouped
from soupwidgets.translation import gettext as _

if TYPE_CHECKING:
    import pandas as pd

_T = TypeVar("_T")
_SEEN = {
    "images": N_("{seen} of {total} images"),
    "texts": N_("{seen} of {total} texts"),
    "examples": N_("{seen} of {total} examples"),
}


def how_far(evaluation: Evaluation, examples: str = "images") -> tuple[str, int, int]:
    """Words for how far an evaluation is; ``examples`` seen (what they are called), and in all."""
    seen = sum(score.seen for score in evaluation.scores.values())
    total = sum(score.total for score in evaluation.scores.values())
    state = _("exact") if evaluation.exact else _("coarse so far")
    far = _(_SEEN[examples]).format(seen=grouped(seen), total=grouped(total))
    if evaluation.predicted:
        far = _("predicted from neighbours, checked on {far}").format(far=far)
    return f"{state}, {far}", seen, total


def percent_limits(interval: tuple[float, float]) -> str:
    """Limits of a share (0..1) in percent."""
    return interval_words((100 * interval[0], 100 * interval[1]), ".1f")


def saved_table(title: str, frame: pd.DataFrame) -> Table:
    """All numbers of a frame, which are not drawn but offered to be saved."""
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return Table(title, list(frame.columns), rows, drawn=False)


def spaced(coarse_to_exact: Iterable[_T], exact: Callable[[_T], bool]) -> Iterator[_T | None]:
    """What comes while something is measured, with None in place of what is not worth a picture.

    A picture takes a while, and there may be one after every batch: here it gets half as much time as the batches. The
    first answer is always given, and so are exact ones.
    """
    due = 0.0
    for one in coarse_to_exact:
        began = time.monotonic()
        if began < due and not exact(one):
            yield None
            continue
        yield one
        drawn = time.monotonic()
        due = drawn + 2 * (drawn - began)


class Pace:
    """Says when another picture is due: more would only keep the browser busy."""

    def __init__(self) -> None:
        self._drawn_at = -float("inf")

    def due(self, seconds: float, *, now: bool = False) -> bool:
        """Whether the last picture is that long ago, or one is due ``now``; then the next is counted from here."""
        if found := now or time.monotonic() - self._drawn_at > seconds:
            self._drawn_at = time.monotonic()
        return found
