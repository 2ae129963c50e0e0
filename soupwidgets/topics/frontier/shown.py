"""Which models of a frontier are shown, and the line that they are measured from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from soupwidgets.evaluation import Evaluator
from soupwidgets.stats.scales import Scale
from soupwidgets.topics.frontier.models import Frontier
from soupwidgets.topics.frontier.point import FrontierPoint
from soupwidgets.topics.frontier.robustness import Baseline, fit_baseline

Asked = Literal["pool", "session"]
Line = Literal["none", "others", "fine-tuned", "chosen"]


def shown_models(result: Frontier, ev: Evaluator, asked: Asked = "pool", search: str = "") -> Frontier:
    """A part of a frontier.

    Parameters
    ----------
    result
        All that is measured.
    ev
        Whose pool it is.
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


def line_through(
    line: Line,
    points: Mapping[str, FrontierPoint],
    result: Frontier,
    scale: Scale,
    others: Mapping[str, FrontierPoint],
    chosen: Sequence[str],
) -> Baseline | None:
    """Fit the line that effective robustness is measured from.

    Parameters
    ----------
    line
        Through which models.
    points
        Of the frontier, on the shift that is shown.
    result, others, chosen
        The frontier, models of others, and names of the chosen ones.
    scale
        On which it is straight.

    Raises
    ------
    ValueError
        When no line can be fitted to the models that were asked for.
    """
    if line == "none":
        return None
    if line == "others" and len(others) < 2:
        raise ValueError(
            "there are no models of others on this shift to fit a line to: upload a CSV file with the columns "
            "model, dataset, accuracy"
        )
    tuned = [m.name for m in result.models if m.kind == "fine-tuned"]
    names = tuned if line == "fine-tuned" else [name for name in chosen if name in points]
    return fit_baseline(others if line == "others" else {name: points[name] for name in names}, scale)
