"""How the estimate of the largest Hessian eigenvalue converges."""

from __future__ import annotations

from collections.abc import Mapping

from soupwidgets.figures.colours import COLOURS
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing
from soupwidgets.topics.landscape.sharpness import Sharpness

_DASHES = ("solid", "dash", "dot", "dashdot")


@figure
def sharpness(models: Mapping[str, Sharpness]) -> Drawing:
    """Draw the estimate after each iteration, for one or more models.

    Parameters
    ----------
    models
        Results by the name of the model.

    Returns
    -------
    go.Figure
        With a text alternative in ``layout.meta``.

    Raises
    ------
    ValueError
        When there is no model.
    """
    if not models:
        raise ValueError("no model was measured")
    one = next(iter(models.values()))
    drawn = drawing(
        f"Largest eigenvalue of the Hessian ({one.split}, {one.images:,} images)",
        axis("Iteration"),
        axis("Estimate, nats per squared distance", rangemode="tozero"),
    )
    sentences = []
    for i, (name, found) in enumerate(models.items()):
        drawn.add(
            x=list(range(1, len(found.history) + 1)), y=list(found.history), uid=f"model-{i}", name=name,
            mode="lines+markers", label=name,
            line={"color": COLOURS[i % len(COLOURS)], "dash": _DASHES[i // len(COLOURS) % len(_DASHES)]},
            hovertemplate="iteration %{x}: %{y:.4g}<extra></extra>",
        )  # fmt: skip
        state = "converged" if found.converged else "not converged"
        sentences.append(
            f"{name}: {found.eigenvalue:.3g} after {len(found.history)} iterations, {state} "
            f"(relative residual {found.residual:.1g})."
        )
    text = f"Power iteration for the largest Hessian eigenvalue of the loss on {one.split}. {' '.join(sentences)}"
    return drawn.done(text)
