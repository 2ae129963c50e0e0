"""Which frequencies of label noise are learnt, how readily, and when."""

from __future__ import annotations

import numpy as np

from soupwidgets.figures.colours import COLOURS, GREY, INK
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, band, colour_bar, drawing, error_bars, limits
from soupwidgets.stats.estimate import Estimate
from soupwidgets.topics.spectrum.label_noise import LabelNoiseStudy
from soupwidgets.training.study_files import over_seeds

_UNIT = "cycles per unit of L2 distance"
_DASHES = ("dash", "dot", "dashdot")


@figure
def minimum_noise_fitting(study: LabelNoiseStudy) -> Drawing:
    """Draw the minimum of noise fitting over training by frequency, with a line for each direction.

    Parameters
    ----------
    study
        The results; controls are level lines.

    Returns
    -------
    go.Figure
        With 95% intervals over the seeds. The higher, the more readily noise is fitted (arXiv 2110.02424, figure 1).
    """
    found = {direction: study.along(direction) for direction in study.directions}
    minima = [one.minimum for results in found.values() for one in results]
    known = [x for one in minima for x in (one.value, one.low, one.high) if np.isfinite(x)]
    waves = {direction: results for direction, results in found.items() if results[-1].frequency > 0}
    frequencies = sorted({one.frequency for results in waves.values() for one in results}) or [0.1, 1.0]
    drawn = drawing(
        "How readily is label noise of a frequency fitted?",
        axis(
            # Ticks where noise was: plotly's own say 2 and 5 between powers of ten.
            f"Frequency of the noise, {_UNIT}",
            type="log",
            tickvals=frequencies,
            ticktext=[f"{frequency:g}" for frequency in frequencies],
        ),
        axis(
            "Minimum of noise fitting over training,\nnats (up = noise is fitted more readily;\nbars: 95% over seeds)",
            limits(known or [0.0], 0.08),
        ),
    )
    for i, (direction, results) in enumerate(waves.items()):
        colour, ends = COLOURS[i % len(COLOURS)], [one.minimum for one in results]
        drawn.add(
            x=[one.frequency for one in results], y=[end.value for end in ends], uid=f"minimum-{i}", name=direction,
            mode="lines+markers", line={"color": colour, "width": 2.5}, label=direction,
            error_y=error_bars([(e.value, e.low, e.high) for e in ends], color=colour, thickness=1, width=3),
            customdata=[[one.minimum_epoch.value] for one in results],
            hovertemplate="frequency %{x}: %{y:.3f} nats, in epoch %{customdata[0]:.0f}<extra></extra>",
        )  # fmt: skip
    for i, direction in enumerate(d for d in found if d not in waves):
        end, across = found[direction][-1].minimum, [frequencies[0], frequencies[-1]]
        drawn.add(**band(across, [end.low] * 2, [end.high] * 2, colour=INK, uid=f"control-band-{i}"))
        drawn.add(
            x=across, y=[end.value] * 2, uid=f"control-{i}", name=f"{direction}, a control", mode="lines",
            label=direction, line={"color": INK, "width": 1.5, "dash": _DASHES[i % len(_DASHES)]},
            hovertemplate="%{y:.3f} nats<extra></extra>",
        )  # fmt: skip
    words = "; ".join(
        f"{one.name} {_interval(one.minimum)} in epoch {one.minimum_epoch.value:.0f}"
        for results in found.values() for one in results
    )  # fmt: skip
    text = (
        f"Minimum of noise fitting over training, in nats (higher means that the noise is fitted more readily), by "
        f"the frequency of the noise in {_UNIT}: {words}. {_trainings(study)}"
    )
    return drawn.done(text)


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
        With 95% bands over the seeds. The axis title explains the sign: up means that more noise is fitted.
    """
    results = study.along(direction)
    known = {r.name: [over_seeds(list(values)) for values in zip(*(n.fitting for n in r.runs), strict=True)]
             for r in results}  # fmt: skip
    values = [x for ends in known.values() for e in ends for x in (e.value, e.low, e.high) if np.isfinite(x)]
    drawn = drawing(
        f"Does training follow {direction} label noise? Lines: frequencies, {_UNIT}",
        axis("Epoch"),
        axis(
            "Noise fitting, nats\n(loss on clean minus loss on noisy labels:\nup = noise is fitted)",
            limits(values or [0.0], 0.08),
        ),
    )
    epochs = list(range(1, len(results[0].fitting) + 1))
    for i, result in enumerate(results):
        ends, colour = known[result.name], COLOURS[i % len(COLOURS)]
        drawn.add(**band(epochs, [e.low for e in ends], [e.high for e in ends], colour=colour, uid=f"band-{i}"))
        drawn.add(
            x=epochs, y=list(result.fitting), uid=f"noise-{i}", name=f"{result.frequency:g} {_UNIT}", mode="lines",
            label=f"{result.frequency:g}",
            line={"color": colour, "width": 2.5},
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
    words = "; ".join(f"frequency {r.frequency:g}: {_share(r.followed[-1])}" for r in results)
    text = (
        f"Share of {direction} label noise that predictions on validation follow, by frequency ({_UNIT}) and "
        f"epoch; after the last: {words}. {_trainings(study)}"
    )
    return drawn.done(text)


def _interval(found: Estimate) -> str:
    return f"{found.value:+.3f}" + (f" [{found.low:+.3f}, {found.high:+.3f}]" if np.isfinite(found.low) else "")


def _share(followed: float) -> str:
    return f"{followed:.0%}" if np.isfinite(followed) else "no share, because it is the same for every image"


def _trainings(study: LabelNoiseStudy) -> str:
    if study.seeds == 1:
        return "One training each, without intervals."
    return f"{study.seeds} trainings each: means with 95% intervals over the seeds (Student's t)."
