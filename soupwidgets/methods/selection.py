"""The one score by which methods choose: what the validation split's benchmark reports."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.evaluation import Evaluator
from soupwidgets.methods.advice import BARRIER
from soupwidgets.recipe import Recipe
from soupwidgets.stats.metrics import Metric, metric_named


def selection_score(ev: Evaluator, recipe: Recipe) -> float:
    """The score of a recipe on the validation split, by the split's own metric.

    Parameters
    ----------
    ev
        Evaluator of the pool; ``ev.suite.validation.scoring.metric`` names the score.
    recipe
        The coefficients.

    Raises
    ------
    PoolError
        When the recipe names a checkpoint that the pool lacks.

    Notes
    -----
    Test and shifts are never looked at.
    """
    split = ev.suite.validation.name
    return ev.evaluate(recipe, [split]).scores[split].accuracy


def selection_metric(ev: Evaluator) -> Metric:
    """The metric of the validation split; its `merit` is what methods maximise, whichever way it points."""
    return metric_named(ev.suite.validation.scoring.metric)


def clearly_worse(metric: Metric, score: float, than: float) -> bool:
    """Whether a score is worse than another by more than chance and noise: two points, or two percent of a number.

    Examples
    --------
    >>> from soupwidgets.stats import METRICS
    >>> clearly_worse(METRICS["accuracy"], 0.80, 0.81), clearly_worse(METRICS["rmse"], 310.0, 300.0)
    (False, True)
    """
    margin = BARRIER if metric.share else BARRIER * abs(than)
    return metric.merit(score) < metric.merit(than) - margin


def best_alone(ev: Evaluator, names: Sequence[str]) -> tuple[str, float]:
    """The checkpoint with the best selection score, the first among equals, and that score."""
    with ev.ahead([Recipe({name: 1}) for name in names], ev.suite.validation.name):
        scores = {name: selection_score(ev, Recipe({name: 1})) for name in names}
    merit = selection_metric(ev).merit
    best = max(names, key=lambda name: merit(scores[name]))
    return best, scores[best]
