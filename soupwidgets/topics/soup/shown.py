"""What a mixer shows of a soup: figures, the table's rows, and the same in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from soupwidgets.figures.units import unit_of
from soupwidgets.methods import GreedySoup, LearnedSoup
from soupwidgets.panel.examples import examples_word
from soupwidgets.panel.measured import how_far
from soupwidgets.panel.view import View
from soupwidgets.recipe import Recipe
from soupwidgets.topics.soup import figures
from soupwidgets.topics.soup.making import Making
from soupwidgets.topics.soup.pot import Measured, Pot, step_of
from soupwidgets.topics.soup.rows import row_of


def soup_view(pot: Pot, state: Mapping[str, Any], known: Measured) -> View:
    """Show the soup of a state, coarse or exact."""
    (recipe, trace), evaluation = pot.contents(state), known.evaluation
    origin = "by hand" if state["coefficients"] else "given"
    if len(recipe) == 1 and (file := pot.written.get(recipe.leader)):
        origin = f"{file.label}, in {file.path}"
    if state["method"] and not state["coefficients"]:
        origin = f"{pot.methods[state['method']].label}, from {len(state['of'])} ingredients"
    if recipe.by_tensor:
        origin += "; coefficients by tensor, of which the table shows the mean"
    far, seen, total = how_far(evaluation, examples_word(pot.ev.suite))
    members = sum(1 for value in recipe.values() if value)
    words = f"soup of {members} ({origin}): {far}"
    notes = [*pot.saved.get(recipe, ()), *known.advice]
    step = None
    if trace:
        step = step_of(state, trace)
        notes.insert(0, figures.greedy_sentence(trace, step))
    view = _view(pot, state, known, words, trace, step, pot.learned(state))
    return replace(view, done=seen, total=total, notes=notes)


def empty_view(pot: Pot, state: Mapping[str, Any]) -> View:
    """Show that every coefficient is zero."""
    return _view(pot, state, None, "the soup is empty: give an ingredient a coefficient")


def view_on_the_way(pot: Pot, state: Mapping[str, Any], making: Making, ready: bool = False) -> View:
    """Show how far a method is, beside the soup that was there before; ``ready`` when it is done."""
    view = _view(pot, state, pot.latest, making.words, making.trace, learned=making.learned)
    controls = {**view.controls, "step": {**view.controls["step"], "hidden": not (ready and making.trace)}}
    card = _card(pot, making.recipe) if making.recipe else view.card
    return replace(view, done=making.done, total=making.total, controls=controls, card=card)


def _view(
    pot: Pot,
    state: Mapping[str, Any],
    known: Measured | None,
    words: str,
    trace: GreedySoup | None = None,
    step: int | None = None,
    learned: LearnedSoup | None = None,
) -> View:
    alone = pot.alone
    soup, ensemble = (known.evaluation, known.ensemble) if known else (None, None)
    drawn = {}
    where = state["shift"] or pot.ev.suite.shifts
    if where and (beside := alone or ({"this soup": soup} if soup else {})):
        drawn["frontier"] = figures.frontier(beside, soup, ensemble, pot.zero_shot, state["shift"])
    if soup:
        drawn["splits"] = figures.splits(soup, ensemble, pot.references)
    slider: dict[str, Any] = {"hidden": trace is None, "high": len(pot.names)}
    if trace:
        drawn["trace"] = figures.greedy_trace(trace, step)
        slider |= {"high": len(trace.steps), "high_label": f"greedy soup of {len(trace.ingredients)}"}
    if learned and learned.epochs:
        drawn["learned"] = figures.learned_trace(learned)
        drawn["curve"] = figures.learned_curve(learned)
    unit = unit_of(pot.ev.suite.id_test.scoring.metric)
    merged = {name: {"role": file.label, "note": file.words} for name, file in pot.written.items()}
    rows = [row_of(pot.ev.pool, name, alone.get(name), unit) | merged.get(name, {}) for name in pot.names]
    names = {"options": pot.names}
    return View(
        figures=drawn,
        words=words,
        clicks={"trace": "step"},
        lassos={"frontier": "chosen"},
        controls={"step": slider, "coefficients": {"rows": rows}, "chosen": names, "of": names},
        card=_card(pot, soup.recipe if soup else Recipe({})),
    )


def _card(pot: Pot, recipe: Recipe) -> dict[str, Any]:
    return {"coefficients": {name: recipe.get(name, 0.0) for name in pot.names}}
