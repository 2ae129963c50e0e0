"""Tables of a landscape: the mixture under the ring, what it measures, and the grid."""

from __future__ import annotations

from soupwidgets.evaluation import Evaluation
from soupwidgets.panel.measured import percent_limits
from soupwidgets.panel.view import Table
from soupwidgets.recipe import Recipe
from soupwidgets.topics.landscape.plane import Landscape


def mixture(recipe: Recipe) -> Table:
    """Coefficients of a model, the largest first."""
    parts = sorted(recipe.items(), key=lambda item: -abs(item[1]))
    rows = [[name, f"{value:+.3f}"] for name, value in parts]
    return Table("The model under the ring", ["checkpoint", "coefficient"], rows)


def scores(evaluation: Evaluation) -> Table:
    """What a model measures, split by split."""
    rows = []
    for name, score in evaluation.scores.items():
        limits = percent_limits(score.interval)
        rows.append([name, f"{100 * score.accuracy:.2f}", limits, f"{score.loss:.3f}", f"{score.seen:,}"])
    columns = ["split", "accuracy, %", "95% interval", "loss, nats", "images"]
    return Table(f"Its scores, {'exact' if evaluation.exact else 'coarse so far'}", columns, rows)


def grid(landscape: Landscape) -> Table:
    """One row for each model of the grid that has a value; to be saved, not to be read on a screen."""
    rows: list[list[str | float | None]] = [
        [
            float(x), float(y), landscape.split, float(landscape.loss[i, j]), float(landscape.error[i, j]),
            int(landscape.seen[i, j]), str(landscape.recipe(i, j).to_json()),
        ]
        for i, y in enumerate(landscape.y)
        for j, x in enumerate(landscape.x)
        if landscape.seen[i, j]
    ]  # fmt: skip
    columns = ["x", "y", "split", "loss", "error", "images", "recipe"]
    return Table(f"Landscape on {landscape.split}", columns, rows, drawn=False)
