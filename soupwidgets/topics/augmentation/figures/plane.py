"""The plane of affinity and diversity, and what the two of them predict."""

from __future__ import annotations

import math

from soupwidgets.figures.colours import BLUE, GREY, INK, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.labels import named_points
from soupwidgets.figures.scales import log_axis
from soupwidgets.figures.style import ROOM_ABOVE, axis, colour_bar, drawing, error_bars, limits, percent
from soupwidgets.topics.augmentation.joint import JointModel
from soupwidgets.topics.augmentation.study import AugmentationStudy

_THIN = {"color": GREY, "thickness": 1, "width": 3}


@figure
def affinity_diversity(study: AugmentationStudy, chosen: str | None = None) -> Drawing:
    """Draw the plane of affinity and diversity, coloured by what an augmentation does to accuracy.

    Parameters
    ----------
    study
        The results.
    chosen
        Name of an augmentation to circle.

    Returns
    -------
    go.Figure
        With 95% intervals over the seeds; every point has its name as ``customdata``.
    """
    results = study.results
    x, y = [r.affinity for r in results], [r.diversity for r in results]
    change = [percent(r.change.value) for r in results]
    most = max((abs(c) for c in change), default=1.0) or 1.0
    edges = [v for e in y for v in (e.value, e.low, e.high) if v > 0]
    low, high = limits([math.log10(v) for v in edges], 0.1)
    left, right = limits([v for e in x for v in (e.value, e.low, e.high) if math.isfinite(v)] + [1.0], 0.08)
    drawn = drawing(
        f"Affinity and diversity of augmentations, with 95% intervals over {study.seeds} trainings",
        axis("Affinity (accuracy, augmented / clean)", (left, right)),
        log_axis("Diversity (loss, with / without; log)", 10**low, 10**high),
        height=520,
    )
    drawn.add(
        x=[e.value for e in x], y=[e.value for e in y], uid="augmentations",
        name=f"augmentations, 95% intervals over {study.seeds} trainings", mode="markers",
        hovertext=[r.name for r in results], customdata=[[r.name] for r in results],
        marker={"size": 13, "color": change, "colorscale": "RdBu", "cmin": -most, "cmax": most,
                "line": {"color": INK, "width": 1},
                "colorbar": colour_bar("Change of accuracy, points", above=True)},
        error_x=error_bars([(e.value, e.low, e.high) for e in x], **_THIN),
        error_y=error_bars([(e.value, e.low, e.high) for e in y], **_THIN),
        hovertemplate="%{hovertext}<br>affinity %{x:.3f}, diversity %{y:.3g}"
                      "<br>%{marker.color:+.2f} points<extra></extra>",
    )  # fmt: skip
    heights = [math.log10(e.value) for e in y]
    names = named_points([r.name for r in results], [e.value for e in x], heights, ((left, right), (low, high)))
    ring = [r for r in results if r.name == chosen]
    drawn.add(
        x=[r.affinity.value for r in ring], y=[r.diversity.value for r in ring], uid="chosen", name="chosen",
        mode="markers", marker={"size": 24, "symbol": "circle-open", "color": VERMILLION, "line": {"width": 3}},
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    words = "; ".join(
        f"{r.name}: affinity {r.affinity}, diversity {r.diversity}, accuracy {percent(r.change.value):+.1f} points"
        for r in sorted(results, key=lambda r: -r.change.value)
    )
    text = f"{len(results)} augmentations, by what they do to accuracy (clean {study.accuracy.value:.1%}): {words}."
    return drawn.done(text, annotations=names, **ROOM_ABOVE)


@figure
def joint(model: JointModel) -> Drawing:
    """Draw the measured changes of accuracy against those that affinity and diversity predict.

    Parameters
    ----------
    model
        The fit; each prediction is of the fit without the augmentation's kind.
    """
    ends = limits([*model.measured, *model.predicted], 0.08)
    drawn = drawing(
        f"Measured and predicted change of accuracy, {len(model.names)} augmentations",
        axis("Predicted by affinity and diversity for a kind that was left out, points", ends),
        axis("Measured change of accuracy, points", ends),
        height=520,
    )
    drawn.add(
        x=list(ends), y=list(ends), uid="equal", name="equal", mode="lines", hoverinfo="skip",
        line={"color": GREY, "width": 1, "dash": "dot"},
    )  # fmt: skip
    drawn.add(
        x=list(model.predicted), y=list(model.measured), uid="augmentations",
        name=f"augmentations, {model.fits['both'].error:.1f} points off (root mean square)", mode="markers",
        marker={"size": 9, "color": BLUE}, hovertext=list(model.names),
        hovertemplate="%{hovertext}: predicted %{x:+.1f}, measured %{y:+.1f}<extra></extra>",
    )  # fmt: skip
    words = "; ".join(
        f"{name} {y:+.1f}, predicted {x:+.1f}"
        for name, x, y in zip(model.names, model.predicted, model.measured, strict=True)
    )
    names = named_points(model.names, model.predicted, model.measured, (ends, ends))
    return drawn.done(f"{model.sentence} Measured change, points: {words}.", annotations=names)
