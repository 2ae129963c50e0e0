"""Affinity and diversity of augmentations."""

from __future__ import annotations

import math
from collections.abc import Mapping

from soupwidgets.figures.colours import BLUE, GREY, INK, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.labels import label_offsets
from soupwidgets.figures.scales import log_axis
from soupwidgets.figures.style import ROOM_ABOVE, axis, band, colour_bar, drawing, error_bars, limits, percent
from soupwidgets.topics.augmentation.affinity import Affinity
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
    across_axis = [(e.value - left) / (right - left) for e in x]
    up_axis = [(math.log10(e.value) - low) / (high - low) for e in y]
    offsets = label_offsets(across_axis, up_axis, [r.name for r in results])
    names = [
        {
            "x": r.affinity.value, "y": math.log10(r.diversity.value), "text": r.name, "ax": across, "ay": -up,
            "showarrow": True, "arrowhead": 0, "arrowwidth": 1, "arrowcolor": GREY, "standoff": 8, "borderpad": 0,
        }
        for r, (across, up) in zip(results, offsets, strict=True)
    ]  # fmt: skip
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
def curves(study: AugmentationStudy, name: str) -> Drawing:
    """Draw training loss by epoch, with one augmentation and without.

    Parameters
    ----------
    study
        The results.
    name
        Name of the augmentation.
    """
    result = study[name]
    epochs = list(range(1, len(study.losses) + 1))
    low, high = limits([math.log10(v) for v in (*study.losses, *result.losses) if v > 0], 0.1)
    drawn = drawing(
        f"Training with {name}, and without",
        axis("Epoch"),
        log_axis("Training loss, nats (log scale)", 10**low, 10**high),
        height=520,
    )
    sides = ("without", "without", study.losses, GREY), ("with", name, result.losses, BLUE)
    for side, what, losses, colour in sides:
        drawn.add(
            x=epochs, y=list(losses), uid=f"loss-{side}", name=f"{what}, mean of {study.seeds}",
            label=what, mode="lines+markers",
            line={"color": colour, "width": 2.5}, marker={"size": 5},
            hovertemplate="epoch %{x}: %{y:.3f} nats<extra></extra>",
        )  # fmt: skip
    text = (
        f"Training loss with {name} falls from {result.losses[0]:.2f} to {result.losses[-1]:.3f} nats in {len(epochs)} "
        f"epochs, without it from {study.losses[0]:.2f} to {study.losses[-1]:.3f}: diversity {result.diversity}. "
        f"Test accuracy {result.accuracy.value:.1%} with it, {study.accuracy.value:.1%} without."
    )
    return drawn.done(text)


@figure
def affinity_along_alpha(found: Mapping[float, Affinity], fine_tuned: str) -> Drawing:
    """Draw affinity of one augmentation along alpha, from the zero-shot to the fine-tuned model."""
    alphas = sorted(found)
    ratios = [found[a].ratio for a in alphas]
    name = next(iter(found.values())).augmentation
    drawn = drawing(
        f"Affinity of {name} along alpha",
        axis(f"alpha (0 zero-shot, 1 {fine_tuned})", (-0.02, 1.02)),
        axis(
            "Affinity (accuracy, augmented / clean; 95% band)",
            limits([v for r in ratios for v in (r.low, r.high)], 0.1),
        ),
    )
    drawn.add(**band(alphas, [r.low for r in ratios], [r.high for r in ratios], colour=BLUE, uid="band"))
    drawn.add(
        x=alphas, y=[r.value for r in ratios], uid="affinity", name=f"{name}, with 95% interval",
        mode="lines+markers", line={"color": BLUE, "width": 2.5},
        hovertemplate="alpha %{x:.2f}: %{y:.3f}<extra></extra>",
    )  # fmt: skip
    text = (
        f"Affinity of {name}: {ratios[0]} at alpha {alphas[0]:g}, {ratios[-1]} at alpha {alphas[-1]:g}; highest "
        f"{max(r.value for r in ratios):.3f}."
    )
    return drawn.done(text)
