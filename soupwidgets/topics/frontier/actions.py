"""What can be done with models that were chosen on a frontier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from soupwidgets.evaluation import coarse_to_fine
from soupwidgets.methods import wise_ft
from soupwidgets.methods.sweep import alpha_grid
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.stats.scales import Scale
from soupwidgets.topics.frontier.models import Frontier, FrontierModel
from soupwidgets.topics.frontier.point import FrontierPoint
from soupwidgets.topics.frontier.robustness import Baseline, fit_baseline

Line = Literal["none", "others", "fine-tuned", "chosen"]
_SWEEP_ALPHAS = 11


def average(models: Sequence[FrontierModel]) -> Recipe:
    """Equal parts of models; an ensemble has answers, and no weights to mix."""
    mixable = [m for m in models if m.kind not in ("ensemble", "published")]
    if not mixable:
        raise ValueError("choose models to mix first: click one, or draw around several")
    return sum((m.evaluation.recipe for m in mixable), Recipe({})) / len(mixable)


def on_a_way(models: Sequence[FrontierModel]) -> FrontierModel:
    """The first of them that the zero-shot model is interpolated to."""
    found = next((m for m in models if m.kind in ("WiSE-FT", "fine-tuned")), None)
    if found is None:
        raise ValueError("choose a fine-tuned model, or WiSE-FT of one")
    return found


def sweeps(pool: Pool, models: Sequence[FrontierModel]) -> list[Recipe]:
    """WiSE-FT of each fine-tuned model among them, from coarse to fine."""
    names = [m.name for m in models if m.kind in ("fine-tuned", "bad ingredient")]
    if not names:
        raise ValueError("choose fine-tuned models first: alpha goes from the zero-shot model to one of them")
    grid = alpha_grid(_SWEEP_ALPHAS)
    return [wise_ft(pool, name, grid[i]) for i in coarse_to_fine(len(grid)) for name in names]


def line_through(
    line: Line,
    result: Frontier,
    *,
    shift: str | None,
    scale: Scale,
    others: Mapping[str, FrontierPoint],
    chosen: Sequence[str],
) -> Baseline | None:
    """Fit the line that effective robustness is measured from.

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
    points = result.points(shift)
    tuned = [m.name for m in result.models if m.kind == "fine-tuned"]
    names = tuned if line == "fine-tuned" else [name for name in chosen if name in points]
    return fit_baseline(others if line == "others" else {name: points[name] for name in names}, scale)
