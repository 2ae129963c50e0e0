"""The frontier on the command line: the same numbers, in a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tqdm import tqdm

from soupwidgets.evaluation import Evaluator
from soupwidgets.evaluation.axis_names import ood_name
from soupwidgets.methods import alpha_sweep
from soupwidgets.recipe import Recipe
from soupwidgets.stats.scales import Scale
from soupwidgets.topics.frontier.models import models as frontier
from soupwidgets.topics.frontier.published import matching_points, read_accuracy_table, why_unmatched
from soupwidgets.topics.frontier.robustness import effective_robustness, fit_baseline


def frontier_report(
    ev: Evaluator,
    shift: str | None = None,
    *,
    scale: Scale = "logit",
    baselines: Path | None = None,
    sweeps: list[str] | None = None,
    progress: bool = True,
    id_test: str | None = None,
) -> dict[str, Any]:
    """Measure what is missing, and describe every model in the store.

    Parameters
    ----------
    ev
        The evaluator; checkpoints of its pool that have not been measured yet are measured.
    shift
        One shift for robustness, or None for the mean of all.
    scale
        Scale on which the baseline is a straight line.
    baselines
        Accuracies of baseline models in any format that `read_accuracy_table` reads, for effective robustness.
    sweeps
        Fine-tuned models whose alphas are swept as well.
    progress
        Whether to show progress bars.
    id_test
        The data set that is the baselines' in-distribution test, if its name does not show it.

    Returns
    -------
    dict
        Plain values: the line, and for each model its accuracies with intervals,
        effective robustness in percentage points, and whether no other model
        beats it on both axes.

    Raises
    ------
    KeyError, ValueError
        When the suite has no such shift, the table has no model on it, or no line can be fitted.
    """
    if shift is not None and shift not in ev.suite.axes:
        raise ValueError(f"the suite has no shift {shift!r}; it has {', '.join(ev.suite.axes)}")
    for name in tqdm(ev.pool.names, desc="checkpoints", disable=not progress):
        ev.evaluate(Recipe({name: 1}))
    for name in sweeps or []:
        alpha_sweep(ev, name, 11, progress=progress)
    result = frontier(ev)
    line = None
    if baselines is not None:
        wanted = [split.name for split in ev.suite.shifts] if shift is None else [shift]
        table = read_accuracy_table(baselines, id_test)
        others = matching_points(table, wanted, shift)
        if not others:
            raise ValueError(
                f"{baselines}: {why_unmatched(table, wanted)}"
                + ("" if shift else ". Name a shift that it has (--shift)")
            )
        line = fit_baseline(others, scale)
    best = set(result.pareto(shift))
    rows = []
    for model in result.models:
        point = result.points(shift)[model.name]
        row: dict[str, Any] = {
            "model": model.name,
            "kind": model.kind,
            "id": {"accuracy": point.id, "low": point.id_interval[0], "high": point.id_interval[1]},
            "ood": {"accuracy": point.ood, "low": point.ood_interval[0], "high": point.ood_interval[1]},
            "not_beaten": model.name in best,
            "recipe": dict(model.evaluation.recipe),
        }
        if line is not None:
            row["effective_robustness"] = vars(effective_robustness(point, line))
        rows.append(row)
    report: dict[str, Any] = {
        "suite": ev.suite.name,
        "ood": shift or "mean of all shifts",
        "ood_name": ood_name(shift, result.models[0].evaluation),
        "models": rows,
    }
    if line is not None:
        report["baseline"] = {
            "slope": line.slope, "intercept": line.intercept, "scale": scale, "models": list(line.names)
        }  # fmt: skip
    return report


def to_text(report: dict[str, Any]) -> str:
    """The report as text.

    Parameters
    ----------
    report
        From `frontier_report`.
    """
    width = max(len(row["model"]) for row in report["models"])
    lines = [f"{'':{width}}  ID %                  {report['ood_name']} %"]
    for row in report["models"]:
        cells = [
            f"{100 * row[axis]['accuracy']:5.2f} [{100 * row[axis]['low']:.1f}, {100 * row[axis]['high']:.1f}]"
            for axis in ("id", "ood")
        ]
        rho = row.get("effective_robustness")
        if rho:
            cells.append(f"effective robustness {rho['value']:+.1f} [{rho['low']:+.1f}, {rho['high']:+.1f}]")
        lines.append(f"{row['model']:{width}}  {'  '.join(cells)}{'  *' if row['not_beaten'] else ''}")
    lines.append("* not beaten on both axes by any other model measured")
    if "baseline" in report:
        line = report["baseline"]
        lines.append(
            f"line of {len(line['models'])} baseline models: slope {line['slope']:.2f} on the {line['scale']} scale"
        )
    return "\n".join(lines) + "\n"
