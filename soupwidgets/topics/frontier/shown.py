"""Which models of a frontier are shown, and the models of others beside them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from soupwidgets.evaluation import Evaluation, Evaluator
from soupwidgets.topics.frontier.models import Frontier
from soupwidgets.topics.frontier.models import models as frontier
from soupwidgets.topics.frontier.point import FrontierPoint
from soupwidgets.topics.frontier.published import PublishedModels, matching_points, read_accuracy_table, why_unmatched

Asked = Literal["pool", "session"]


def shown_models(result: Frontier, ev: Evaluator, *, asked: Asked = "pool", search: str = "") -> Frontier:
    """A part of a frontier.

    Parameters
    ----------
    asked
        ``"session"`` keeps what was asked of this evaluator since it was made, beside the checkpoints and ensembles.
    search
        Each of its words must occur in a model's name or kind, however they are written.
    """
    words = search.lower().split()
    models = [m for m in result.models if all(word in f"{m.name} {m.kind}".lower() for word in words)]
    if asked == "session":
        # Another thread may ask it for something meanwhile.
        known = ev.asked.copy()
        always = (*ev.pool.names, *(m.name for m in models if m.kind == "ensemble"))
        models = [m for m in models if m.name in always or m.evaluation.recipe in known]
    return replace(result, models=tuple(models))


class Measured:
    """What an evaluator's store knows of its pool, looked up again where something was filed since."""

    def __init__(self, ev: Evaluator, ensembles: Iterable[Evaluation]) -> None:
        self._ev = ev
        self._ensembles = list(ensembles)
        # By whether the worst class is what models are scored by, and the state of the store that it was made of.
        self._made: dict[bool, tuple[int, Frontier]] = {}
        self._found: list[Evaluation] = []
        self._rows = -1
        self._part: tuple[Any, Frontier] | None = None

    def __len__(self) -> int:
        return len(self._found) and len(self._found) + len(self._ensembles)

    @property
    def looked_up(self) -> bool:
        """Whether the store was asked before."""
        return self._rows >= 0

    def look(self, worst_class: bool = False) -> Frontier | None:
        """Every model; None where none was measured on all splits."""
        if (rows := len(self._ev.store)) != self._rows:
            self._found = self._ev.measured() or self._found
            self._rows = rows
        if not self._found:
            return None
        made = self._made.get(worst_class)
        if made is None or made[0] != rows:
            known = frontier(self._ev, self._ensembles, evaluations=self._found, worst_class=worst_class)
            made = self._made[worst_class] = rows, known
        return made[1]

    def part(self, asked: Asked, search: str, worst_class: bool = False) -> Frontier:
        """The models that `shown_models` keeps; the same object as long as they are the same.

        Raises
        ------
        ValueError
            When nothing was measured yet.
        """
        known = self._made[worst_class][1] if worst_class in self._made else self.look(worst_class)
        if known is None:
            raise ValueError("nothing was measured on all splits yet")
        key = (known, asked, search, len(self._ev.asked) if asked == "session" else 0)
        if self._part is None or self._part[0][0] is not known or self._part[0][1:] != key[1:]:
            self._part = key, shown_models(known, self._ev, asked=asked, search=search)
        return self._part[1]


class Others:
    """Models of others on the axes of one's own suite.

    Parameters
    ----------
    context
        What `read_accuracy_table` gave, or such a file; None for none.

    Raises
    ------
    ValueError
        When the file is no table of accuracies.
    """

    def __init__(self, ev: Evaluator, context: PublishedModels | str | Path | None) -> None:
        self._suite = ev.suite
        self.source = context if isinstance(context, str | Path) else None
        self._models = read_accuracy_table(context) if isinstance(context, str | Path) else context

    @classmethod
    def uploaded(cls, ev: Evaluator, name: str, text: str) -> Others:
        """Read a table that a browser sent."""
        # Under a name of our own: the one it came with is somebody else's.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / ("uploaded.jsonl" if name.endswith(".jsonl") else "uploaded.csv")
            path.write_text(text, "utf-8")
            return cls(ev, read_accuracy_table(path))

    def wanted(self, shift: str | None) -> list[str]:
        """Shifts that the vertical axis is made of."""
        return [s.name for s in self._suite.shifts] if shift is None else [shift]

    def points(self, shift: str | None) -> dict[str, FrontierPoint]:
        """Those that were measured there, matched by the data sets' names."""
        return matching_points(self._models, self.wanted(shift), shift) if self._models else {}

    def why_none(self, shift: str | None) -> list[str]:
        """One sentence on why none of them can be drawn, and what to do; nothing where some are."""
        if not self._models or self.points(shift):
            return []
        there = [name for name in self._suite.axes if self.points(name)]
        hint = f". Choose a shift that it has: {', '.join(there)}" if there else ""
        return [f"No model of others is drawn: {why_unmatched(self._models, self.wanted(shift))}{hint}."]
