"""The frontier on the command line: the same numbers, in a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from soupwidgets.commands.reports import Report
from soupwidgets.evaluation import Evaluator
from soupwidgets.evaluation.axis_names import ood_name
from soupwidgets.figures.units import unit_of
from soupwidgets.methods import alpha_sweep
from soupwidgets.recipe import Recipe
from soupwidgets.stats.scales import Scale
from soupwidgets.topics.frontier.models import models as frontier
from soupwidgets.topics.frontier.published import matching_points, read_accuracy_table, why_unmatched
from soupwidgets.topics.frontier.robustness import Baseline, effective_robustness, fit_baseline
from soupwidgets.topics.frontier.worst import WORST_SLICE, slices_to_compare

Worst = Literal["class", "slice"]


def frontier_report(
    ev: Evaluator,
    shift: str | None = None,
    *,
    scale: Scale = "logit",
    worst: Worst | None = None,
    baselines: Path | None = None,
    sweeps: Sequence[str] | None = None,
    progress: bool = True,
    id_test: str | None = None,
) -> Report:
    """Measure what is missing, and describe every model in the store.

    Parameters
    ----------
    ev
        The evaluator; checkpoints of its pool that have not been measured yet are measured.
    worst
        The worst class of every split as score, or the worst slice as vertical axis.
    baselines, id_test
        As in `read_accuracy_table`: accuracies of baseline models, for effective robustness.

    Returns
    -------
    Report
        The line, and for each model its accuracies with intervals, effective robustness in percentage points, and
        whether no other model beats it on both axes.

    Raises
    ------
    KeyError, ValueError
        When the suite has no such shift or no slices, the table has no model on it, or no line can be fitted.
    """
    if worst is not None and baselines is not None:
        raise ValueError("--baselines has accuracies of others, and not of their worst classes or slices")
    if worst == "slice":
        if shift is not None:
            raise ValueError("--worst slice is a vertical axis, and so is --shift: give one of them")
        if not slices_to_compare(ev.suite):
            raise ValueError("the worst slice is one of two at least: name more of them, each with --slice FILE")
        shift = WORST_SLICE
    elif shift is not None and shift not in ev.suite.axes:
        raise ValueError(f"the suite has no shift {shift!r}; it has {', '.join(ev.suite.axes)}")
    for name in tqdm(ev.pool.names, desc="checkpoints", disable=not progress):
        ev.evaluate(Recipe({name: 1}))
    for name in sweeps or ():
        alpha_sweep(ev, name, alphas=11, progress=progress)
    result = frontier(ev, worst_class=worst == "class")
    line = None if baselines is None else _line(ev, shift, scale, baselines, id_test)
    best, points = set(result.pareto(shift)), result.points(shift)
    rows: list[dict[str, Any]] = [
        {
            "model": model.name,
            "kind": model.kind,
            "id": _accuracy(points[model.name].id, points[model.name].id_interval),
            "ood": _accuracy(points[model.name].ood, points[model.name].ood_interval),
            "not_beaten": model.name in best,
            "recipe": dict(model.evaluation.recipe),
        }
        | ({"effective_robustness": vars(effective_robustness(points[model.name], line))} if line else {})
        for model in result.models
    ]
    named = ood_name(shift, result.models[0].evaluation)
    content: dict[str, Any] = {
        "suite": ev.suite.name,
        "ood": shift or "mean of all shifts",
        "ood_name": named,
        "models": rows,
    }
    if line is not None:
        told = {"slope": line.slope, "intercept": line.intercept, "scale": scale, "models": list(line.names)}
        content["baseline"] = told
    score = unit_of(result.models[0].evaluation.scores[ev.suite.id_test.name]).words
    if worst is not None:
        content["score"] = score
    return Report(content, _text(rows, named, line, "" if score == "accuracy" else score))


def _line(ev: Evaluator, shift: str | None, scale: Scale, baselines: Path, id_test: str | None) -> Baseline:
    wanted = [split.name for split in ev.suite.shifts] if shift is None else [shift]
    table = read_accuracy_table(baselines, id_test)
    others = matching_points(table, wanted, shift)
    if not others:
        hint = "" if shift else ". Name a shift that it has (--shift)"
        raise ValueError(f"{baselines}: {why_unmatched(table, wanted)}{hint}")
    return fit_baseline(others, scale)


def _accuracy(value: float, interval: tuple[float, float]) -> dict[str, float]:
    return {"accuracy": value, "low": interval[0], "high": interval[1]}


def _text(rows: Sequence[dict[str, Any]], ood: str, line: Baseline | None, score: str) -> str:
    width = max(len(row["model"]) for row in rows)
    lines = [f"{score[:1].upper()}{score[1:]}"] * bool(score) + [f"{'':{width}}  ID %                  {ood} %"]
    for row in rows:
        cells = [
            f"{100 * row[axis]['accuracy']:5.2f} [{100 * row[axis]['low']:.1f}, {100 * row[axis]['high']:.1f}]"
            for axis in ("id", "ood")
        ]
        if rho := row.get("effective_robustness"):
            cells.append(f"effective robustness {rho['value']:+.1f} [{rho['low']:+.1f}, {rho['high']:+.1f}]")
        lines.append(f"{row['model']:{width}}  {'  '.join(cells)}{'  *' if row['not_beaten'] else ''}")
    lines.append("* not beaten on both axes by any other model measured")
    if line is not None:
        lines.append(f"line of {len(line.names)} baseline models: slope {line.slope:.2f} on the {line.scale} scale")
    return "\n".join(lines)
