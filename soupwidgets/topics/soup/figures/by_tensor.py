"""The coefficients of a recipe that chooses tensor by tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, colour_bar, drawing
from soupwidgets.recipe import Recipe


@figure
def by_tensor(recipe: Recipe, tensors: Sequence[str]) -> Drawing:
    """Draw one row per tensor and one column per checkpoint, the coefficient as colour.

    Parameters
    ----------
    recipe
        For example from `model_stock`, `lines`, or `learned_soup` by layer; a plain recipe gives equal rows.
    tensors
        The rows, for example ``pool.tensors``.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``.

    Raises
    ------
    ValueError
        When the recipe is empty.
    """
    if not recipe:
        raise ValueError("the recipe is empty: it has no coefficient other than zero")
    names, rows = list(recipe), sorted(tensors)
    values = np.array([[recipe.at(tensor).get(name, 0.0) for name in names] for tensor in rows])
    drawn = drawing(
        "Coefficients by tensor", axis("Checkpoint"), axis("", autorange="reversed", automargin=True), height=620
    )
    furthest = max(float(np.abs(values).max()), 1e-12)
    drawn.add("heatmap",
        z=values, x=names, y=rows, uid="coefficients", colorscale="RdBu", zmin=-furthest, zmax=furthest,
        colorbar=colour_bar("Coefficient"),
        hovertemplate="%{y}<br>%{x}: %{z:.3f}<extra></extra>",
    )  # fmt: skip
    spread = values.max(axis=0) - values.min(axis=0)
    words = "; ".join(
        f"{name} from {values[:, i].min():.3f} to {values[:, i].max():.3f} (mean {values[:, i].mean():.3f})"
        for i, name in enumerate(names)
    )
    varied = names[int(spread.argmax())]
    text = f"Coefficients of {len(names)} checkpoints in {len(rows)} tensors: {words}. {varied} varies most."
    return drawn.done(text)
