"""Which frequencies images contain, and which of them disturb a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soupwidgets.figures.colours import COLOURS
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.scales import log_axis
from soupwidgets.figures.style import axis, band, colour_bar, drawing, percent
from soupwidgets.topics.spectrum.image_spectrum import FourierSensitivity, ImageSpectrum


@figure
def image_spectra(spectra: Sequence[ImageSpectrum]) -> Drawing:
    """Draw radially averaged power spectra of the images of several splits.

    Parameters
    ----------
    spectra
        The spectra; the first one is drawn in bold.

    Returns
    -------
    go.Figure
        With 95% bands over the images, both axes logarithmic, and a text alternative in ``layout.meta``.
    """
    drawn = drawing(
        "What the images are made of, with 95% bands",
        log_axis("Frequency, cycles per image (log scale)", 0.95, max(float(one.frequency[-1]) for one in spectra)),
        axis("Mean power of a Fourier coefficient\n(pixel values 0..1, log scale)", type="log",
             exponentformat="power", dtick=1),
    )  # fmt: skip
    dashes = ("solid", "dash", "dot", "dashdot")
    sentences = []
    for i, one in enumerate(spectra):
        x, colour = one.frequency.tolist(), COLOURS[i % len(COLOURS)]
        low = np.maximum(one.low, one.power / 100).tolist()
        drawn.add(**band(x, low, one.high.tolist(), colour=colour, uid=f"band-{i}"))
        drawn.add(
            x=x, y=one.power.tolist(), uid=f"line-{i}", name=one.split, mode="lines", label=one.split,
            line={"color": colour, "width": 3 if i == 0 else 2, "dash": dashes[i // len(COLOURS) % 4]},
            meta=one.split, hovertemplate="%{meta}, %{x} cycles: %{y:.2e}<extra></extra>",
        )  # fmt: skip
        middle = len(x) // 2
        sentences.append(
            f"{one.split}: {one.power[0]:.1e} at 1 cycle, {one.power[middle]:.1e} at {x[middle]:g}, "
            f"{one.power[-1]:.1e} at {x[-1]:g}."
        )
    return drawn.done("Mean power of the images by frequency. " + " ".join(sentences))


@figure
def fourier_sensitivity(found: FourierSensitivity, model: str) -> Drawing:
    """Draw a model's error with each Fourier basis image added, as a map of frequencies.

    Parameters
    ----------
    found
        From `spectrum.fourier_sensitivity`.
    model
        Name of the model.
    """
    highest = int(np.abs(found.frequency).max())
    sides = list(range(-highest, highest + 1))
    drawn = drawing(
        f"Error of {model} with a wave of norm {found.norm:g} added",
        axis("Cycles across the image", showgrid=False),
        axis("Cycles down the image", showgrid=False, scaleanchor="x"),
        height=480,
    )
    drawn.add("heatmap",
        x=sides, y=sides, z=100 * found.grid(highest), uid="error", colorscale="Cividis", zmin=0, zmax=100,
        colorbar=colour_bar("Error, %"),
        hovertemplate="%{y} down, %{x} across: %{z:.0f}%<extra></extra>",
    )  # fmt: skip
    best, worst = (found.frequency[pick(found.error)].tolist() for pick in (np.argmin, np.argmax))
    text = (
        f"Error of {model} on {found.seen} images of {found.split} with one wave of norm {found.norm:g} added, by its "
        f"frequency: {found.error.min():.0%} at {best} to {found.error.max():.0%} at {worst} cycles (down, across); "
        f"{percent(found.clean_errors / found.seen):.0f}% with nothing added. 95% intervals are up to "
        f"{percent(found.widest_interval):.0f} points either way."
    )
    return drawn.done(text)
