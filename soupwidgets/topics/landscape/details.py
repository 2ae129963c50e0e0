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
    """One row for each model of the grid that has a value; to be saved, not to be read on a screen."""
    # What is no error is saved as the metric that it is.
    error = is_error(landscape.metric)
    sign = 1.0 if error or not unit_of(landscape.metric).higher_is_better else -1.0
    name = "error" if landscape.metric == "accuracy" else f"1 - {landscape.metric}" if error else landscape.metric
    rows: list[list[str | float | None]] = [
        [
            float(x), float(y), landscape.split, float(landscape.loss[i, j]), float(landscape.error[i, j]) * sign,
            int(landscape.seen[i, j]), str(landscape.recipe(i, j).to_json()),
        ]
        for i, y in enumerate(landscape.y)
        for j, x in enumerate(landscape.x)
        if landscape.seen[i, j]
    ]  # fmt: skip
    columns = ["x", "y", "split", "loss", name, examples, "recipe"]
    return Table(f"Landscape on {landscape.split}", columns, rows, drawn=False)
