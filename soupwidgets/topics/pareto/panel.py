"""Which soup to take: a preference between two objectives, a floor, and the front that was measured for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from soupwidgets.evaluation import Evaluator
from soupwidgets.figures.units import unit_of
from soupwidgets.panel.controls import Choice, Selection, Slider, Text
from soupwidgets.panel.given import evaluator_for
from soupwidgets.panel.measured import Pace, saved_table
from soupwidgets.panel.panel import Panel, State
from soupwidgets.panel.python import script
from soupwidgets.panel.view import Table, View
from soupwidgets.recipe import Recipe
from soupwidgets.topics.pareto import figures
from soupwidgets.topics.pareto.designing import (
    MODELS,
    chosen_models,
    foretold,
    preferred_recipe,
    starts,
    stream_front,
    with_floors,
    with_recipe,
)
from soupwidgets.topics.pareto.designs import Coefficients, recipe_of
from soupwidgets.topics.pareto.front import Candidate, Foretold, ParetoFront
from soupwidgets.topics.pareto.objective import SHIFTS, Objective, choices, parsed

_SECONDS_PER_VIEW = 0.3


class ParetoExplorer(Panel):
    """Which soup to take where two things are wanted at once.

    Some recipes are measured, a quadratic surrogate foretells the rest, and what it proposes is measured too. The
    preference picks a recipe: at first what is foretold is shown, hollow, then what was measured.

    Parameters
    ----------
    ev
        Evaluator of a pool with at least two models. Measurements go to its store.
    models
        What is mixed; the zero-shot model, if there is one, and the first fine-tuned ones, four in all, when None.
    objectives
        The two to begin with, as in `soupwidgets.pareto.pareto_front`.

    Attributes
    ----------
    recipe
        The recipe that the preference picks, or None before there is one.

    Raises
    ------
    PoolError, ValueError
        When the pool lacks a model, there are fewer than two or more than eight, or nothing may be chosen by an
        objective.
    """

    models: list[str]
    preference: float

    def __init__(
        self, ev: Evaluator, models: Sequence[str] | None = None, objectives: Sequence[str | Objective] | None = None
    ) -> None:
        self.ev = evaluator_for("ParetoExplorer", ev)
        pool = ev.pool
        chosen = chosen_models(ev, [*starts(pool), *pool.fine_tuned][:MODELS] if models is None else models)
        first, second = (one.name for one in parsed(objectives, ev.suite)[:2])
        options = list(dict.fromkeys([*_offered(ev), first, second]))
        names = [n for n in pool.names if pool.checkpoints[n].card.role != "landmark"]
        self.recipe: Recipe | None = None
        self._fronts: dict[tuple[Any, ...], ParetoFront] = {}
        self._proposed: dict[tuple[Any, ...], Coefficients] = {}
        controls = [
            Selection(name="models", label="Models", value=list(chosen), options=[*dict.fromkeys([*names, *chosen])]),
            Choice(name="across", label="Objective", value=first, options=options),
            Choice(name="up", label="Other objective", value=second, options=options),
            Text(name="floor", label="Objective not worse than", placeholder="anything"),
            Slider(name="preference", label="Preference", value=0.5, step=0.1, low_label=second, high_label=first),
        ]
        super().__init__(f"{ev.suite.name}: which soup to take", controls)

    def answer(self, state: State) -> Iterator[View]:
        """Find the front; then show what the preference picks, foretold first."""
        asked = [state["across"], state["up"]]
        if len(set(asked)) < 2:
            yield View(words="Choose two objectives that differ.")
            return
        key = (tuple(state["models"]), *asked)
        if key not in self._fronts:
            pace = Pace()
            for found in stream_front(self.ev, state["models"], asked):
                if pace.due(_SECONDS_PER_VIEW, now=bool(found.judged)):
                    yield self._view(state, found, None)
            self._fronts[key] = found
        found = self._floored(key, state)
        if not found.front:
            yield self._view(state, found, None)
            return
        weights = [state["preference"], 1 - state["preference"]]
        yield self._view(state, found, found.preferred(weights))
        # Every measurement moves the ends of the front a little; the same question shall not ask for another recipe.
        asked_before = (*key, self._floor(state), state["preference"])
        if asked_before not in self._proposed:
            self._proposed[asked_before] = preferred_recipe(found, weights)
        point = self._proposed[asked_before]
        recipe = recipe_of(found.models, point)
        if recipe not in {one.recipe for one in found.measured}:
            yield self._view(state, found, Foretold(recipe, foretold(found, point)))
            found = with_recipe(self.ev, found, point)
            self._fronts[key] = replace(found, floors={})
        yield self._view(state, found, found.preferred(weights))

    def recorded(self, grids: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Record the preference."""
        return {name: grid for name, grid in grids.items() if name == "preference"}

    def code(self, state: State) -> str:
        """Write how to get the same front and recipe."""
        names, asked = list(state["models"]), [state["across"], state["up"]]
        floor = self._floor(state)
        floors = "" if floor is None else f", floors={ {state['across']: floor}!r}"
        weights = f"[{state['preference']:g}, {1 - state['preference']:g}]"
        return script(
            self.ev,
            f"front = sw.pareto.pareto_front(ev, {names!r}, {asked!r}{floors})",
            f"recipe = front.preferred({weights}).recipe",
            "print(front.to_frame())",
        )

    def _floored(self, key: tuple[Any, ...], state: State) -> ParetoFront:
        """The front with the floor that was typed."""
        found, floor = self._fronts[key], self._floor(state)
        return found if floor is None else with_floors(found, {state["across"]: floor})

    def _floor(self, state: State) -> float | None:
        """The floor in the metric's own unit; None without one."""
        if not state["floor"].strip():
            return None
        unit = unit_of(parsed([state["across"], state["up"]], self.ev.suite)[0].metric)
        try:
            value = float(state["floor"].replace(",", ".").removesuffix("%"))
        except ValueError as error:
            raise ValueError(f"{state['floor']!r:.50} is no number: type one{', in percent' * unit.share}") from error
        return value / 100 if unit.share else value

    def _view(self, state: State, found: ParetoFront, shown: Candidate | Foretold | None) -> View:
        drawn = {"front": figures.front.plain(found, shown=shown), "judged": figures.judged.plain(found)}
        if found.checks():
            drawn["misses"] = figures.misses.plain(found)
        tables = [*([self._chosen(found, shown)] if shown else []), saved_table("The front", found.to_frame())]
        self.recipe = self.recipe if shown is None else shown.recipe
        return View(
            figures=drawn,
            tables=tables,
            words=_said(found, shown),
            done=found.done,
            total=found.total,
            controls={"preference": {"low_label": state["up"], "high_label": state["across"]}},
        )

    def _chosen(self, found: ParetoFront, shown: Candidate | Foretold) -> Table:
        """What the preference picks: its coefficients, and each objective where it chose and where it is judged."""
        rows: list[list[Any]] = []
        judged = found.judged.get(shown.recipe)
        for number, one in enumerate(found.objectives):
            unit, value = unit_of(one.metric), shown.values[number]
            chose = f"about {unit.show(value[0])}" if isinstance(value, tuple) else unit.show(value)
            figure = judged[number] if judged else None
            rows.append([
                one.name, chose, unit.show(figure.value) if figure else None,
                unit.limits((figure.low, figure.high)) if figure else None,
            ])  # fmt: skip
        parts = ", ".join(f"{value:g} {name}" for name, value in sorted(shown.recipe.items(), key=lambda p: -p[1]))
        columns = ["objective", "chosen by", "judged by", "95%"]
        return Table("What the preference picks", columns, rows, note=f"It is {parts}.")


def _offered(ev: Evaluator) -> list[str]:
    """What can be chosen by: each split, and the worst class where images have one."""
    names = choices(ev.suite)
    whole = [ev.suite.validation.name, *([SHIFTS] if ev.suite.shifts else [])]
    return [*names, *(f"{name}:worst_class" for name in whole if ev.suite.task == "single-label")]


def _said(found: ParetoFront, shown: Candidate | Foretold | None) -> str:
    if found.total > found.done and shown is None:
        return f"measuring: {found.done} of {found.total} recipes, {len(found)} of them not beaten"
    if not found.front:
        return f"none of {len(found.measured)} measured recipes keeps the floor: ask for less"
    errors = " and ".join(
        f"{figures.amount(unit_of(one.metric), s.error)} on {one.name}"
        for one, s in zip(found.objectives, found.surrogates, strict=True)
    )
    words = f"{len(found)} of {len(found.measured)} measured recipes are not beaten; the surrogates err by {errors}"
    if isinstance(shown, Foretold):
        words += f"; measuring {found.called(shown.recipe)}, which they propose"
    elif shown is not None:
        words += f"; the preference picks {found.called(shown.recipe)}, which was measured"
    return words
