"""Tables of a landscape: the mixture under the ring, what it measures, and the grid."""

from __future__ import annotations

from soupwidgets.evaluation import Evaluation
from soupwidgets.figures.units import LOSS_WORDS, unit_of
from soupwidgets.panel.examples import examples_word
from soupwidgets.panel.view import Table
from soupwidgets.recipe import Recipe
from soupwidgets.suites import Suite
from soupwidgets.topics.landscape.height import is_error
from soupwidgets.topics.landscape.plane import Landscape


def mixture(recipe: Recipe) -> Table:
    """Coefficients of a model, the largest first."""
    parts = sorted(recipe.items(), key=lambda item: -abs(item[1]))
    rows = [[name, f"{value:+.3f}"] for name, value in parts]
    return Table("The model under the ring", ["checkpoint", "coefficient"], rows)


def scores(evaluation: Evaluation, suite: Suite) -> Table:
    """What a model measures, split by split."""
    rows = []
    for name, score in evaluation.scores.items():
        unit = unit_of(score)
        limits = unit.limits(score.interval).replace("%", "")
        rows.append([name, unit.bare(score.accuracy), limits, f"{score.loss:.3f}", f"{score.seen:,}"])
    loss = LOSS_WORDS[suite.task]
    heading = unit_of(evaluation).axis()
    columns = [
        "split",
        f"{heading[:1].lower()}{heading[1:]}" if heading != "R2" else heading,
        "95% interval",
        "loss, nats" if loss.endswith("nats") else "loss",
        examples_word(suite),
    ]
    return Table(f"Its scores, {'exact' if evaluation.exact else 'coarse so far'}", columns, rows)


def grid(landscape: Landscape, examples: str = "images") -> Table:
    """One row for each model of the grid, measured or predicted; to be saved, not to be read on a screen."""
    # What is no error is saved as the metric that it is.
    error = is_error(landscape.metric)
    name = "error" if landscape.metric == "accuracy" else f"1 - {landscape.metric}" if error else landscape.metric
    frame = landscape.to_frame()
    if not error and unit_of(landscape.metric).higher_is_better:
        frame["error"] *= -1
    called = {"error": name, "error standard error": f"{name} standard error", "images": examples}
    columns = [called.get(column, column) for column in frame.columns]
    return Table(f"Landscape on {landscape.split}", columns, frame.to_numpy(object).tolist(), drawn=False)


def notes(landscape: Landscape) -> list[str]:
    """What to know of a landscape that is not measured everywhere yet."""
    hatched = "Hatched: not measured yet, predicted from what is. The model under the ring is always measured."
    return [] if landscape.known.all() else [hatched]
