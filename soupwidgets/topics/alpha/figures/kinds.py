"""How many mistakes of each kind are left along alpha."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.figures.colours import COLOURS, GREY, INK, PALE
from soupwidgets.figures.drawing import Drawing, figure
from soupwidgets.figures.style import axis, drawing, error_bars
from soupwidgets.topics.alpha.kinds import DISPUTED, NOT_JUDGED, NOT_SAID, KindCurve, Kinds
from soupwidgets.translation import N_
from soupwidgets.translation import gettext as _

# Told apart without their colours too.
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star")
_TITLES: dict[Kinds, str] = {
    "category": N_("Kinds of mistakes along alpha, on '{split}'"),
    "severity": N_("Severities of mistakes along alpha, on '{split}'"),
}
OTHERS = {DISPUTED: N_("judged differently"), NOT_SAID: N_("judged, no kind named"), NOT_JUDGED: N_("not judged")}


@figure
def kinds(curves: Sequence[KindCurve], split: str, alpha: float | None = None, *, by: Kinds = "category") -> Drawing:
    """Draw a curve for each kind of mistake, and a dashed one for mistakes that nobody has judged.

    Parameters
    ----------
    curves
        From `soupwidgets.alpha.mistake_kinds`, at least one.
    split
        Name of the split, for the title.
    alpha
        Where to draw a line.
    by
        What the curves are of.

    Returns
    -------
    go.Figure
        Numbers of images with their 95% intervals, which hold for all at once; more than six kinds share a colour. With
        a text alternative in ``layout.meta``.

    Raises
    ------
    ValueError
        When there is no curve.
    """
    if not curves:
        raise ValueError(_("no mistake was judged"))
    images = curves[0].images
    drawn = drawing(
        _(_TITLES[by]).format(split=split),
        axis(_("alpha (0 zero-shot, 1 fine-tuned)"), (-0.04, 1.04)),
        axis(_("Mistakes among {count} images (bars: 95% for all at once)").format(count=images), rangemode="tozero"),
    )
    for i, one in enumerate(curves):
        other = one.name in OTHERS
        colour = GREY if other else COLOURS[i] if i < len(COLOURS) else PALE
        counts = one.counts.tolist()
        ends = zip(counts, one.interval[:, 0].tolist(), one.interval[:, 1].tolist(), strict=True)
        drawn.add(
            x=list(one.alphas), y=counts, uid=f"kind-{i}", name=kind_words(one.name), label=kind_words(one.name),
            mode="lines+markers", error_y=error_bars(ends, color=colour, thickness=1, width=3),
            line={"color": colour, "width": 2, "dash": _dash(one.name)},
            marker={"size": 7, "symbol": _SYMBOLS[i % len(_SYMBOLS)]},
            customdata=[[a] for a in one.alphas], meta=kind_words(one.name),
            hovertemplate="%{meta}<br>alpha %{x:.2f}: %{y}<extra></extra>",
        )  # fmt: skip
    if alpha is not None:
        drawn.add_rule(x=alpha, color=INK, width=1.5)
    said = "; ".join(
        _("{name} from {first} to {last}").format(
            name=kind_words(one.name), first=int(one.counts[0]), last=int(one.counts[-1])
        )
        for one in curves
    )
    text = _("Mistakes among {count} images of {split} along alpha: {said}.")
    return drawn.done(text.format(count=images, split=split, said=said))


def kind_words(name: str) -> str:
    """A kind as reviewers call it, or what it means that it has none."""
    return _(OTHERS[name]) if name in OTHERS else name


def _dash(name: str) -> str:
    return {NOT_JUDGED: "dash", DISPUTED: "dot", NOT_SAID: "dashdot"}.get(name, "solid")
