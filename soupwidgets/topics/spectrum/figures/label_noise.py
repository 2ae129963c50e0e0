"""Which frequencies of label noise are learnt, and when."""

from __future__ import annotations

import numpy as np

from soupwidgets.figures.colours import COLOURS, GREY
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, colour_bar, drawing, limits
from soupwidgets.topics.spectrum.label_noise import LabelNoiseStudy

_UNIT = "cycles per unit of L2 distance"


@figure
def noise_fitting(study: LabelNoiseStudy, direction: str) -> Drawing:
    """Draw noise fitting by epoch, with a line for each frequency along one direction.

    Parameters
    ----------
    study
        The results.
    direction
        One of its directions.

    Returns
    -------
    go.Figure
        The axis title explains the sign: up means that more noise is fitted.
    """
    results = study.along(direction)
    values = [value for result in results for value in result.fitting]
    drawn = drawing(
        f"Does training follow {direction} label noise? Lines: frequencies, {_UNIT}",
        axis("Epoch"),
        axis(
            "Noise fitting, nats\n(loss on clean minus loss on noisy labels:\nup = noise is fitted)",
            limits(values, 0.08),
        ),
    )
    epochs = list(range(1, len(results[0].fitting) + 1))
    for i, result in enumerate(results):
        drawn.add(
            x=epochs, y=list(result.fitting), uid=f"noise-{i}", name=f"{result.frequency:g} {_UNIT}", mode="lines",
            label=f"{result.frequency:g}",
            line={"color": COLOURS[i % len(COLOURS)], "width": 2.5},
            hovertemplate="epoch %{x}: %{y:.3f} nats<extra></extra>",
        )  # fmt: skip
    drawn.add_rule(y=0, color=GREY, width=1, dash="dot")
    words = "; ".join(f"frequency {r.frequency:g}: {r.fitting[0]:+.3f} to {r.fitting[-1]:+.3f}" for r in results)
    text = (
        f"Noise fitting (loss on clean minus loss on noisy validation labels, in nats; higher means that noise is "
        f"fitted) with {direction} noise from the first to the last of {len(epochs)} epochs: {words}. "
        f"{_trainings(study)}"
    )
    return drawn.done(text)


@figure
def noise_followed(study: LabelNoiseStudy, direction: str) -> Drawing:
    """Draw how much of the noise predictions follow, by frequency and epoch, as a map.

    Parameters
    ----------
    study, direction
        As in `noise_fitting`.
    """
    results = study.along(direction)
    shares = np.array([result.followed for result in results])
    epochs = list(range(1, shares.shape[1] + 1))
    drawn = drawing(
        f"Which frequencies are fitted when? ({direction} noise)",
        axis("Epoch", showgrid=False),
        axis(f"Frequency, {_UNIT}", showgrid=False, type="category"),
    )
    drawn.add("heatmap",
        x=epochs, y=[f"{result.frequency:g}" for result in results], z=100 * shares, uid="followed",
        colorscale="Cividis", zmin=0, zmax=100, ygap=1,
        colorbar=colour_bar("Followed, % of the noise"),
        hovertemplate="frequency %{y}, epoch %{x}: %{z:.0f}%<extra></extra>",
    )  # fmt: skip
    words = "; ".join(f"frequency {r.frequency:g}: {r.followed[-1]:.0%}" for r in results)
    text = (
        f"Share of {direction} label noise that predictions on validation follow, by frequency ({_UNIT}) and "
        f"epoch; after the last: {words}. {_trainings(study)}"
    )
    return drawn.done(text)


def _trainings(study: LabelNoiseStudy) -> str:
    return "One training each, without intervals." if study.seeds == 1 else f"Means of {study.seeds} trainings each."
