"""Python that gives a frontier's points without a panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from soupwidgets.evaluation import Evaluator
from soupwidgets.panel.python import script


def frontier_script(
    ev: Evaluator,
    names: Sequence[str],
    *,
    state: Mapping[str, Any],
    source: str | Path | None,
    on: Sequence[str],
) -> str:
    """Write the script."""
    shift, scale, line = state["shift"], state["scale"], state["line"]
    asked = ", worst_class=True" if state["score"] == "class" else ""
    lines = [f"front = sw.frontier.models(ev{asked})", f"points = front.points({shift!r})"]
    through = {
        "fine-tuned": "{name: points[name] for name in ev.pool.fine_tuned}",
        "chosen": f"{{name: points[name] for name in {names!r}}}",
    }
    if source is not None:
        table = f"sw.frontier.read_accuracy_table({str(source)!r})"
        lines.append(f"others = sw.frontier.matching_points({table}, {list(on)!r}, {shift!r})")
        through["others"] = "others"
    fitted = line in through and (line != "chosen" or len(names) > 1)
    if fitted:
        lines.append(f"line = sw.frontier.fit_baseline({through[line]}, {scale!r})")
    lines += [f"for name in {names!r}:" if names else f"for name in front.pareto({shift!r}):"]
    lines += ["    print(name, points[name])"]
    if fitted:
        lines.append("    print(sw.frontier.effective_robustness(points[name], line))")
    given = ["front", repr(shift), repr(scale), repr(state["colour"]), f"chosen={names!r}"]
    given += ["baseline=line"] if fitted else []
    given += ["context=others"] if source is not None else []
    return script(ev, *lines, f"figure = sw.frontier.figures.models({', '.join(given)})")
