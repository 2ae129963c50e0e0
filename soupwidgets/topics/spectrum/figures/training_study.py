"""Trainings that differ in one thing: what becomes of accuracy, and of the frequency of predictions."""

from __future__ import annotations

from math import isfinite

from soupwidgets.figures.colours import COLOURS, GREY
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.labels import named_points
from soupwidgets.figures.style import axis, drawing, error_bars, limits
from soupwidgets.stats.estimate import Estimate
from soupwidgets.topics.spectrum.training_result import TrainingStudy
from soupwidgets.topics.spectrum.treatment import OURS, STATISTIC_NAMES, Statistic, Treatment

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down")
_THIN = {"color": GREY, "thickness": 1, "width": 0}


@figure
def accuracy_and_frequency(
    study: TrainingStudy, paths: str, *, treatment: Treatment = OURS, statistic: Statistic = "centroid"
) -> Drawing:
    """Draw how each way to train changes test accuracy and the mean frequency, or another number, along some paths.

    Parameters
    ----------
    study
        The results.
    paths
        ``"within a class"`` or ``"between classes"``.
    treatment, statistic
        What is followed along a path and done to it, and the number taken from the spectrum.

    Returns
    -------
    go.Figure
        Differences from the base training of the same seed, with 95% intervals over the seeds; the base lies where the
        two lines cross. According to arXiv 2110.02424 more accurate models lie to the left within a class, and to the
        right between classes.

    Raises
    ------
    KeyError
        When these frequencies were not measured.
    """
    across = {one.name: one.frequency_change(study.base, paths, treatment, statistic) for one in study.results}
    up = {one.name: _points(one.accuracy_change(study.base)) for one in study.results}
    ends = [_ends([0.0, *(x for e in found.values() for x in (e.value, e.low, e.high))]) for found in (across, up)]
    name = STATISTIC_NAMES[statistic]
    treated = "" if treatment == OURS else f" ({treatment})"
    per = ",\ncycles per path" if statistic == "centroid" else ""
    drawn = drawing(
        f"Accuracy and {name} {paths}: what training changes{treated}",
        axis(f"Change of {name} {paths}{per}", ends[0]),
        axis("Change of test accuracy, percentage points\n(bars: 95% over seeds)", ends[1]),
    )
    drawn.add_rule(x=0, color=GREY, width=1, dash="dot")
    drawn.add_rule(y=0, color=GREY, width=1, dash="dot")
    shown = [one for one in study.results if isfinite(across[one.name].value + up[one.name].value)]
    names = named_points(
        [one.name for one in shown], [across[one.name].value for one in shown], [up[one.name].value for one in shown],
        (ends[0], ends[1]),
    )  # fmt: skip
    for i, kind in enumerate(dict.fromkeys(one.kind for one in shown)):
        own = [one.name for one in shown if one.kind == kind]
        x, y = ([found[name] for name in own] for found in (across, up))
        drawn.add(
            x=[e.value for e in x], y=[e.value for e in y], uid=f"kind-{i}", name=kind, mode="markers",
            hovertext=own,
            marker={"size": 9, "color": COLOURS[i % len(COLOURS)], "symbol": _SYMBOLS[i % len(_SYMBOLS)]},
            error_x=error_bars([(e.value, e.low, e.high) for e in x], **_THIN),
            error_y=error_bars([(e.value, e.low, e.high) for e in y], **_THIN),
            hovertemplate="%{hovertext}<br>%{x:.3g} along<br>accuracy %{y:.2f} points<extra></extra>",
        )  # fmt: skip
    words = "; ".join(f"{name} {_said(across[name])} and {_said(up[name])}" for name in across)
    unit = " (cycles per path)" if statistic == "centroid" else ""
    base = f"{study.base.accuracy.value:.1%} and {study.base.frequency(paths, treatment, statistic).value:.3g}"
    text = (
        f"Changes of the {name} {paths}{unit}{treated} and of test accuracy (percentage points) "
        f"against the base training, whose accuracy and {name} are {base}: {words}. "
        f"{study.seeds} trainings each, with 95% intervals over the seeds (Student's t)."
    )
    return drawn.done(text, annotations=names)


def _points(share: Estimate) -> Estimate:
    return Estimate(100 * share.value, 100 * share.low, 100 * share.high)


def _ends(values: list[float]) -> tuple[float, float]:
    return limits([value for value in values if isfinite(value)], 0.12)


def _said(found: Estimate) -> str:
    return f"{found.value:+.3g}" + (f" [{found.low:+.3g}, {found.high:+.3g}]" if isfinite(found.low) else "")
