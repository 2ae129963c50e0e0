"""Spectra of predictions along paths between images, and the predictions themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from soupwidgets.figures.colours import COLOURS, GREY, INK
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.labels import label_positions
from soupwidgets.figures.style import axis, band, drawing, error_bars, limits, percents, share_bars
from soupwidgets.stats.estimate import Estimate
from soupwidgets.topics.spectrum.figures.sensitivity import statistic_title
from soupwidgets.topics.spectrum.frequency_table import ModelFrequency
from soupwidgets.topics.spectrum.path_spectrum import PathSpectrum
from soupwidgets.topics.spectrum.treatment import (
    DETREND_NAMES,
    STATISTIC_NAMES,
    VALUE_NAMES,
    WINDOW_NAMES,
    Statistic,
    Treatment,
)

# At most seven powers of ten below the highest power are shown; the rest is rounding.
_DECADES = 7
_MOST_LINES = 4
_THIN = {"color": GREY, "thickness": 1, "width": 0}


@figure
def path_spectra(spectra: Mapping[str, PathSpectrum]) -> Drawing:
    """Draw the mean power density of one or more models along the same kind of paths.

    Parameters
    ----------
    spectra
        Spectra by the name of the model, at most four.

    Returns
    -------
    go.Figure
        With 95% bands over the paths, a logarithmic scale of power, and a text alternative in ``layout.meta``.

    Raises
    ------
    ValueError
        When there are none, or more than four.
    """
    if not 0 < len(spectra) <= _MOST_LINES:
        raise ValueError(f"a figure shows one to {_MOST_LINES} spectra, got {len(spectra)}")
    first = next(iter(spectra.values()))
    top = max(float(one.band[1][1:].max()) for one in spectra.values())
    # If nothing changes along the paths, there is nothing to draw: use a scale from 1 downwards.
    high = math.ceil(math.log10(top)) if top > 0 else 0
    lowest = min(float(one.mean[1:].min()) for one in spectra.values())
    low = max(math.floor(math.log10(lowest)) if lowest > 0 else high - _DECADES, high - _DECADES)
    # Below the axis: a line at its end would say that power stops to fall.
    floor = 10.0 ** (low - 3)
    what, how = VALUE_NAMES[first.treatment.values], first.treatment
    done = f"{DETREND_NAMES[how.detrend]}, {WINDOW_NAMES[how.window]}"
    drawn = drawing(
        f"Predictions {first.description}: how fast they change",
        axis(f"Frequency, {first.unit}", (0, float(first.frequency[-1]))),
        axis(
            f"Power density of {what}\n({done}; 95% bands)", (low, high), type="log", exponentformat="power", dtick=1,
        ),
    )  # fmt: skip
    sentences = []
    for number, ((name, one), colour) in enumerate(zip(spectra.items(), COLOURS, strict=False)):
        # Power at frequency 0 is what the straight line took away.
        x = one.frequency[1:].tolist()
        under, middle, up = (np.maximum(values[1:], floor).tolist() for values in (one.band[0], one.mean, one.band[1]))
        drawn.add(**band(x, under, up, colour=colour, uid=f"band-{number}"))
        drawn.add(
            # Two lines of one name are told apart by a space at its end.
            x=x, y=middle, uid=f"line-{number}", name=f"{name.strip()}, with 95% band", mode="lines",
            label=name.strip(),
            line={"color": colour, "width": 2.5}, hovertemplate="%{x:.2f}: %{y:.2e}<extra></extra>",
        )  # fmt: skip
        sentences.append(f"{name.strip()}: {_words(one)}")
    text = f"Power spectrum of {what} {first.description} ({done}). " + " ".join(sentences)
    return drawn.done(text)


@figure
def path_predictions(
    probabilities: NDArray[np.float64], classes: Sequence[str], ends: tuple[int, int], model: str, description: str
) -> Drawing:
    """Draw the probabilities of all classes along one path.

    Parameters
    ----------
    probabilities
        ``[samples, classes]``.
    classes
        Names of the classes.
    ends
        Classes of the two images.
    model, description
        Name of the model, and description of the path.

    Returns
    -------
    go.Figure
        Classes that never reach ten percent are pale.
    """
    x = np.linspace(0, 1, len(probabilities)).tolist()
    drawn = drawing(
        f"{model} on one path {description}",
        axis(f"From {classes[ends[0]]} (0) to {classes[ends[1]]} (1)", (0, 1)),
        axis("Probability, %", (0, 103)),
    )
    order = np.argsort(-probabilities.max(axis=0))
    shown = [int(c) for c in order if probabilities[:, c].max() >= 0.1][: len(COLOURS)]
    for c in range(len(classes)):
        named = c in shown
        drawn.add(
            x=x, y=percents(probabilities[:, c].tolist()), uid=f"class-{c}", name=classes[c], mode="lines",
            line={"color": COLOURS[shown.index(c)] if named else "#DDDDDD", "width": 2.5 if named else 1},
            showlegend=named, label=classes[c] if named else None, at=int(probabilities[:, c].argmax()),
            meta=classes[c], hovertemplate="%{meta}: %{y:.1f}%<extra></extra>",
        )  # fmt: skip
    top = probabilities.argmax(axis=1)
    # Runs of the same top class, in words.
    turns = [0, *(np.flatnonzero(np.diff(top)) + 1).tolist()]
    words = ", ".join(f"{classes[top[t]]} from {x[t]:.2f}" for t in turns)
    text = (
        f"{model} along one path {description}, from {classes[ends[0]]} to {classes[ends[1]]}: most probable {words}."
    )
    return drawn.done(text)


@figure
def frequency_along_alpha(
    centroids: Mapping[float, Mapping[str, Estimate]],
    unit: str,
    fine_tuned: str,
    here: float | None = None,
    *,
    statistic: Statistic = "centroid",
    treatment: Treatment | None = None,
) -> Drawing:
    """Draw the mean frequency along alpha, with a line for each kind of paths.

    Parameters
    ----------
    centroids
        Alpha to mean frequency, or another number, by the paths' description.
    unit
        Unit of the frequency.
    fine_tuned
        Name of the model at alpha 1.
    here
        An alpha to mark.
    statistic
        Which number it is.
    treatment
        What was followed and how, to be told in the text alternative.
    """
    name = STATISTIC_NAMES[statistic].capitalize()
    alphas = sorted(centroids)
    kinds = list(next(iter(centroids.values())))
    known = [e for by_kind in centroids.values() for e in by_kind.values() if math.isfinite(e.value)]
    drawn = drawing(
        f"{name} along alpha",
        axis(f"alpha (0 zero-shot, 1 {fine_tuned})", (-0.02, 1.02)),
        axis(
            f"{statistic_title(statistic, unit)}\n(band: 95%)",
            limits([x for e in known for x in (e.low, e.high)] or [0.0], 0.1),
        ),
    )
    sentences = []
    for i, (kind, colour) in enumerate(zip(kinds, COLOURS, strict=False)):
        found = [centroids[a][kind] for a in alphas]
        drawn.add(**band(alphas, [e.low for e in found], [e.high for e in found], colour=colour, uid=f"band-{i}"))
        drawn.add(
            x=alphas, y=[e.value for e in found], uid=f"line-{i}", name=f"{kind}, with 95% interval", label=kind,
            mode="lines+markers", line={"color": colour, "width": 2.5}, marker={"size": 6},
            customdata=[[alpha] for alpha in alphas], hovertemplate="alpha %{x:.2f}: %{y:.3g}<extra></extra>",
        )  # fmt: skip
        sentences.append(f"{kind}: {found[0]} at alpha {alphas[0]:g}, {found[-1]} at alpha {alphas[-1]:g}.")
    if here is not None:
        drawn.add_rule(x=here, color=INK, width=1, dash="dot")
    said = f"{name} ({unit})" if statistic == "centroid" else name
    of = f" of {treatment}" if treatment is not None else ""
    return drawn.done(f"{said}{of} along alpha. " + " ".join(sentences))


@figure
def frequency_against_accuracy(models: Sequence[ModelFrequency], paths: str, *, accuracy: str = "ID test") -> Drawing:
    """Draw models by mean frequency along some paths, and accuracy.

    Parameters
    ----------
    models
        From `spectrum.model_frequencies`.
    paths
        Description of the paths.
    accuracy
        ``"ID test"`` or ``"mean OOD"``.
    """
    unit = models[0].spectra[paths].unit
    found = [m.spectra[paths].centroid for m in models]
    if accuracy == "mean OOD":
        y, bars = [m.evaluation.shift_accuracy for m in models], [m.evaluation.shift_interval for m in models]
    else:
        scores = [next(s for s in m.evaluation.scores.values() if s.role == "id_test") for m in models]
        y, bars = [s.accuracy for s in scores], [s.interval for s in scores]
    drawn = drawing(
        f"Frequency {paths} against accuracy",
        axis(f"Mean frequency {paths}, {unit}", limits([x for e in found for x in (e.low, e.high)], 0.08)),
        axis(f"{accuracy} accuracy, %", limits(percents([x for pair in bars for x in pair]), 0.08)),
    )
    names = [m.name for m in models]
    across, up = (tuple(drawn.layout[f"{side}axis"]["range"]) for side in "xy")
    beside = label_positions([e.value for e in found], percents(y), names, (across, up))
    drawn.add(
        x=[e.value for e in found], y=percents(y), uid="models", name="models, with 95% intervals",
        mode="markers+text", text=names, textposition=beside,
        textfont={"size": 11}, marker={"size": 9, "color": COLOURS[0]},
        error_x=error_bars([(e.value, e.low, e.high) for e in found], **_THIN),
        error_y=share_bars(zip(y, bars, strict=True), **_THIN),
        hovertemplate="%{text}<br>%{x:.3f}<br>%{y:.2f}%<extra></extra>",
    )  # fmt: skip
    words = "; ".join(f"{m.name} {e} and {v:.1%}" for m, e, v in zip(models, found, y, strict=True))
    return drawn.done(f"Mean frequency {paths} ({unit}) and {accuracy} accuracy: {words}.")


def _words(one: PathSpectrum) -> str:
    if math.isnan(one.centroid.value):
        return "predictions do not change along the paths."
    return f"mean frequency {one.centroid} {one.unit}, power {one.power}, over {len(one.density)} paths."
