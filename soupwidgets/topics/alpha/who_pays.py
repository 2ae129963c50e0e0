"""Who pays at an alpha, and which kinds of mistakes are left, as tables of the explorer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from soupwidgets.panel.examples import examples_word
from soupwidgets.panel.view import Cell, Table
from soupwidgets.suites import Split, Suite
from soupwidgets.suites.slices import SliceSplit
from soupwidgets.topics.alpha.classes import ClassChange
from soupwidgets.topics.alpha.figures.kinds import kind_words
from soupwidgets.topics.alpha.kinds import KindCurve
from soupwidgets.translation import N_
from soupwidgets.translation import gettext as _

By = Literal["class", "slice", "group"]
_ONE: Mapping[By, str] = {"class": N_("class"), "slice": N_("slice"), "group": N_("group")}
_TITLES: Mapping[By, str] = {
    "class": N_("Classes of '{split}' at alpha {alpha} against zero-shot"),
    "slice": N_("Slices of '{split}' at alpha {alpha} against zero-shot"),
    "group": N_("Groups of '{split}' at alpha {alpha} against zero-shot"),
}
# What there is to show, by the name of the look.
LOOKS: Mapping[str, By] = {"classes": "class", "slices": "slice", "groups": "group"}


def looks_of(suite: Suite) -> list[tuple[str, str]]:
    """By what a suite's images can be told apart: looks and their labels."""
    found = [("classes", _("accuracy of every class"))]
    found += [("slices", _("accuracy of every slice"))] * bool(suite.slices)
    found += [("groups", _("accuracy of every group"))] * any(s.groups is not None for s in suite.splits.values())
    return found


def grouped_split(suite: Suite, shift: str | None, by: By) -> Split:
    """Whose groups are followed: a shift's or the ID test's; of a slice that is chosen, those of where it is from."""
    split = suite.splits[shift] if shift else suite.id_test
    return split.parent if by == "slice" and isinstance(split, SliceSplit) else split


def changes_table(changes: Sequence[ClassChange], suite: Suite, split: Split, alpha: float, by: By) -> Table:
    """What each class, slice or group gained or lost against zero-shot."""
    rows: list[list[Cell]] = []
    for c in changes:
        low, high = (100 * limit for limit in c.interval)
        points = _("{points} ({low} to {high})").format(
            points=f"{100 * c.difference:+.1f}", low=f"{low:+.1f}", high=f"{high:+.1f}"
        )
        rows.append([c.name, c.images, f"{c.before:.1%}", f"{c.after:.1%}", points, f"{c.p_value:.2g}"])
    columns = [
        _ONE[by],
        examples_word(suite),
        N_("zero-shot"),
        f"alpha {alpha:.4g}",
        N_("points (95% interval)"),
        N_("p, adjusted"),
    ]
    many = _(
        "McNemar's exact test of each class, with p-values adjusted for all classes at once (Benjamini and "
        "Hochberg): of many classes some lose by chance."
    )
    other = _(
        "McNemar's exact test of each, with p-values adjusted for all at once (Benjamini and Hochberg): of many some "
        "lose by chance."
    )
    return Table(
        _(_TITLES[by]).format(split=split.name, alpha=f"{alpha:.4g}"),
        [*map(_, columns)],
        rows,
        many if by == "class" else other,
        saved_columns=columns,
    )


def kinds_table(curves: Sequence[KindCurve], split: Split, alpha: float) -> Table:
    """How many mistakes of each kind there are at the first alpha and at this one."""
    at = curves[0].alphas.index(alpha)
    rows: list[list[Cell]] = []
    for one in curves:
        low, high = one.interval[at]
        limits = _("{low} to {high}").format(low=f"{low:.0f}", high=f"{high:.0f}")
        rows.append([kind_words(one.name), int(one.counts[0]), int(one.counts[at]), limits])
    columns = [N_("mistakes"), f"alpha {curves[0].alphas[0]:.4g}", f"alpha {alpha:.4g}", N_("95% interval")]
    note = _(
        "A judgement is of an image and a prediction: who takes the same image for another class makes a mistake that "
        "was not judged. Intervals are of the images, for all kinds and alphas at once."
    )
    title = _("Kinds of mistakes on '{split}' at alpha {alpha}").format(split=split.name, alpha=f"{alpha:.4g}")
    return Table(title, [*map(_, columns)], rows, note, saved_columns=columns)
