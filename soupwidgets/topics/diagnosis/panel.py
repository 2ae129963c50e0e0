"""A verdict on a pool, with its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soupwidgets.evaluation import Evaluator
from soupwidgets.figures.units import unit_of
from soupwidgets.panel.controls import Selection
from soupwidgets.panel.given import evaluator_for
from soupwidgets.panel.measured import Pace
from soupwidgets.panel.panel import Panel, State
from soupwidgets.panel.python import script
from soupwidgets.panel.view import Table, View
from soupwidgets.topics.diagnosis import figures
from soupwidgets.topics.diagnosis.diagnose import stream_diagnosis
from soupwidgets.topics.diagnosis.finding import and_so_on
from soupwidgets.topics.diagnosis.verdict import Diagnosis

_SECONDS_PER_VIEW = 0.3


class DiagnosisExplorer(Panel):
    """Whether models can be souped, and if it went wrong, which of them spoil it, and why.

    What the files tell is shown first, then what is measured on the validation split. Leave out whoever is accused,
    and the verdict is about the rest.

    Parameters
    ----------
    ev
        Evaluator of a pool with at least two models. Measurements go to its store.
    models
        Names of those to begin with; all of the pool but landmarks when None.

    Raises
    ------
    PoolError, ValueError
        When the pool lacks a model, or there are fewer than two.
    """

    models: list[str]

    def __init__(self, ev: Evaluator, models: Sequence[str] | None = None) -> None:
        self.ev = evaluator_for("DiagnosisExplorer", ev)
        names = [n for n in ev.pool.names if ev.pool.checkpoints[n].card.role != "landmark"]
        chosen = names if models is None else list(models)
        ev.pool.require(chosen)
        if len(chosen) < 2:
            raise ValueError(f"a soup has at least two ingredients, got {len(chosen)} to look at")
        control = Selection(
            name="models", label="Models", value=chosen, options=[*dict.fromkeys([*names, *chosen])],
        )  # fmt: skip
        super().__init__(f"{ev.suite.name}: can these be souped?", [control])

    def answer(self, state: State) -> Iterator[View]:
        """Look at the files, then measure; what was found so far is shown meanwhile."""
        if len(state["models"]) < 2:
            yield View(words="Choose at least two models.")
            return
        pace = Pace()
        for found in stream_diagnosis(self.ev, state["models"]):
            if pace.due(_SECONDS_PER_VIEW, now=found.done):
                yield self._view(found)

    def code(self, state: State) -> str:
        """Write the same diagnosis."""
        return script(self.ev, f"print(sw.diagnose(ev, {state['models']!r}))")

    def _view(self, found: Diagnosis) -> View:
        unit = unit_of(found.metric)
        findings = Table(
            "What was found",
            ["who", "finding", "evidence", "what to do"],
            [[and_so_on(one.members), one.kind, one.evidence, one.advice] for one in found.findings],
            note="" if found.findings else "Nothing so far." if not found.done else "Nothing.",
        )
        rows = [
            [
                name,
                "; ".join(one.kind for one in found.findings if name in one.members),
                round(found.facts.distance[name], 3),
                unit.show(found.alone[name]) if name in found.alone else None,
                unit.difference(found.barriers[name]) if name in found.barriers else None,
            ]
            for name in found.names
        ]
        columns = ["model", "finding", f"distance from {found.facts.origin}", f"validation {unit.words}", "barrier"]
        drawn = {"members": figures.members.plain(found), "barriers": figures.barriers.plain(found)}
        if found.pairs is not None:
            drawn["pairs"] = figures.pairs.plain(found)
        return View(
            figures=drawn,
            tables=[findings, Table("All models", columns, rows)],
            words=found.sentence,
            done=found.steps,
            total=found.total,
        )
