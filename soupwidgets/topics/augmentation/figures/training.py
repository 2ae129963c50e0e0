"""How training goes with an augmentation, and in which way it is best given."""

from __future__ import annotations

import math

from soupwidgets.figures.colours import BLUE, GREEN, GREY, VERMILLION
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.scales import log_axis
from soupwidgets.figures.style import axis, drawing, interval_words, limits, percent, percents, share_bars
from soupwidgets.topics.augmentation.study import AugmentationStudy
from soupwidgets.topics.augmentation.variants import Variant, VariantStudy

# Until then it lies on the dynamic one.
_DASHES = {"switched-off": "dash"}
_MARKS: dict[Variant, tuple[str, str]] = {
    "dynamic": ("circle", BLUE),
    "static": ("square", VERMILLION),
    "switched off": ("diamond", GREEN),
}


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
def variants(study: VariantStudy) -> Drawing:
    """Draw what each augmentation does to accuracy: dynamic, static, and switched off late.

    Parameters
    ----------
    study
        The results.
    """
    names = study.augmentations
    known = [(n, v, r) for n in names for v, r in study.of(n).items()]
    ends = [percent(x) for *_, r in known for x in (r.to_clean.value, r.to_clean.low, r.to_clean.high)]
    drawn = drawing(
        f"Change of test accuracy, with 95% intervals over {study.seeds} trainings",
        axis("Change of accuracy against no augmentation, points", limits([*ends, 0.0], 0.08)),
        axis("", (len(names) - 0.5, -0.5), tickvals=list(range(len(names))), ticktext=names),
        height=140 + 70 * len(names),
    )
    drawn.add_rule(x=0, color=GREY, width=1, dash="dot")
    for place, (variant, (symbol, colour)) in enumerate(_MARKS.items(), -1):
        rows = [(names.index(name), result) for name, which, result in known if which == variant]
        if not rows:
            continue
        changes = [(r.to_clean.value, (r.to_clean.low, r.to_clean.high)) for _, r in rows]
        drawn.add(
            x=[percent(value) for value, _ in changes], y=[row + 0.22 * place for row, _ in rows],
            uid=f"variant-{variant.replace(' ', '-')}", name=_called(study, variant), mode="markers",
            hovertext=[r.augmentation for _, r in rows],
            marker={"symbol": symbol, "color": colour, "size": 10},
            error_x=share_bars(changes, color=colour, thickness=1.5, width=4),
            hovertemplate="%{hovertext}: %{x:+.2f} points<extra></extra>",
        )  # fmt: skip
    words = "; ".join(
        f"{name} {variant} {percent(r.to_clean.value):+.1f} points "
        f"({interval_words((percent(r.to_clean.low), percent(r.to_clean.high)), '+.1f')})"
        for name, variant, r in known
    )
    return drawn.done(f"Change of test accuracy against none ({study.accuracy.value:.1%}): {words}.")


@figure
def variant_curves(study: VariantStudy, name: str) -> Drawing:
    """Draw validation accuracy by epoch, with one augmentation in each way, and without.

    Parameters
    ----------
    study
        The results.
    name
        Name of the augmentation.

    Raises
    ------
    KeyError
        When the study does not have it.
    """
    found = study.of(name)
    if not found:
        raise KeyError(f"the study has no variants of {name!r}; it has those of {', '.join(study.augmentations)}")
    epochs = list(range(1, len(study.accuracies) + 1))
    sides = [("without", "without", study.accuracies, GREY, study.accuracy)]
    sides += [
        (v.replace(" ", "-"), _called(study, v), r.accuracies, _MARKS[v][1], r.accuracy) for v, r in found.items()
    ]
    shares = [percent(value) for *_, curve, _, _ in sides for value in curve]
    drawn = drawing(
        f"Validation accuracy with {name}: dynamic, static, switched off",
        axis("Epoch"),
        axis("Validation accuracy, %", limits(shares)),
    )
    for uid, called, curve, colour, _ in sides:
        drawn.add(
            x=epochs, y=percents(curve), uid=f"accuracy-{uid}", name=f"{called}, mean of {study.seeds}", mode="lines",
            line={"color": colour, "width": 2.5, "dash": _DASHES.get(uid, "solid")},
            hovertemplate="epoch %{x}: %{y:.1f}%<extra></extra>",
        )  # fmt: skip
    off = study.augmented_epochs if "switched off" in found else None
    if off is not None:
        drawn.add_rule(x=off, color=GREY, width=1, dash="dot")
    words = "; ".join(
        f"{called} {curve[-1]:.1%}, on the test {test.value:.1%} ({interval_words((test.low, test.high))})"
        for _, called, curve, _, test in sides
    )
    return drawn.done(f"Validation accuracy after {len(epochs)} epochs with {name}: {words}.")


def _called(study: VariantStudy, variant: Variant) -> str:
    return f"switched off after {study.augmented_epochs} epochs" if variant == "switched off" else variant
