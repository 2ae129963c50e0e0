"""The plane of ID and OOD accuracy in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from soupwidgets.evaluation.axis_names import ood_name
from soupwidgets.figures.units import unit_of
from soupwidgets.topics.frontier.figures.marks import KIND_MARKS
from soupwidgets.topics.frontier.models import Frontier
from soupwidgets.topics.frontier.point import FrontierPoint
from soupwidgets.topics.frontier.robustness import Baseline

# The words name so many of a list.
_SAID = 8


def frontier_words(
    result: Frontier,
    shift: str | None,
    baseline: Baseline | None,
    context: Mapping[str, FrontierPoint] | None,
    chosen: Sequence[str],
) -> str:
    """Count the models, and name the best, those not beaten, and the chosen."""
    points, unit = result.points(shift), unit_of(result.models[0].evaluation)

    def say(name: str) -> str:
        p = points[name]
        return f"{name} (ID {unit.show(p.id)}, OOD {unit.show(p.ood)})"

    counts = {kind: sum(m.kind == kind for m in result.models) for kind in KIND_MARKS}
    most_id = max(points, key=lambda n: unit.merit(points[n].id))
    most_ood = max(points, key=lambda n: unit.merit(points[n].ood))
    best = result.pareto(shift)
    kinds = ", ".join(f"{n} {kind}" for kind, n in counts.items() if n)
    text = (
        f"{len(result)} models ({kinds}), ID {unit.words} against "
        f"{ood_name(shift, result.models[0].evaluation)} {unit.words}. {unit.best_word} ID: {say(most_id)}. "
        f"{unit.best_word} OOD: {say(most_ood)}. "
        f"Not beaten on both axes: {_listed([say(name) for name in best])}."
    )
    if baseline is not None:
        text += (
            f" The line of {len(baseline.names)} baseline models has the slope {baseline.slope:.2f} on the "
            f"{baseline.scale} scale."
        )
    if curves := list(result.curves()):
        text += f" Lines lead from the zero-shot model to {_listed(curves)}."
    if context:
        others = [f"{name} (ID {p.id:.1%}, OOD {p.ood:.1%})" for name, p in context.items()]
        text += f" In grey, {len(others)} published models: {_listed(others)}."
    if ringed := [say(name) for name in chosen if name in points]:
        text += f" Chosen: {_listed(ringed)}."
    return text


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _SAID} more" if len(texts) > _SAID else ""
    return "; ".join(texts[:_SAID]) + more
