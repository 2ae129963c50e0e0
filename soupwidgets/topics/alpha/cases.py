"""Who is right where: both ends and the mixture, as a table and as pictures."""

from __future__ import annotations

from soupwidgets.panel.examples import examples_word, picture_of
from soupwidgets.panel.view import Cell, Strip, Table
from soupwidgets.suites import Split, Suite
from soupwidgets.topics.alpha.between import Between
from soupwidgets.translation import N_, grouped
from soupwidgets.translation import gettext as _

_SHOWN = 12
_GAINED = {
    "images": N_("Images of '{split}' that neither end gets and the mixture does: {count} of {total}"),
    "texts": N_("Texts of '{split}' that neither end gets and the mixture does: {count} of {total}"),
    "examples": N_("Examples of '{split}' that neither end gets and the mixture does: {count} of {total}"),
}


def cases_table(found: Between, suite: Suite, split: Split, alpha: float) -> Table:
    """How many examples there are of each of the eight cases."""
    columns = [N_("zero-shot"), N_("fine-tuned"), f"alpha {alpha:.4g}", examples_word(suite), N_("share")]
    signs = {True: _("right"), False: _("wrong")}
    rows: list[list[Cell]] = [
        [*(signs[one] for one in case), count, f"{count / found.examples:.1%}"] for case, count in found.counts.items()
    ]
    note = _(
        "The mixture may be right where both of its ends are wrong, which no vote between them could be "
        "(arXiv 2309.17230), and wrong where both are right."
    )
    title = _("Who is right on '{split}' at alpha {alpha}").format(split=split.name, alpha=f"{alpha:.4g}")
    return Table(title, [*map(_, columns)], rows, note, saved_columns=columns)


def gained_strip(found: Between, suite: Suite, split: Split) -> Strip:
    """The first of the examples that neither end gets and the mixture does."""
    names = suite.class_names(split.name)
    pictures = [
        picture_of(split, int(row), label=names[int(split.labels[row])], mark="\u2713", verdict=_("now right"),
                   tone="good", key=int(row))
        for row in found.gained[:_SHOWN]
    ]  # fmt: skip
    title = _(_GAINED[examples_word(suite)]).format(
        split=split.name, count=grouped(len(found.gained)), total=grouped(len(split))
    )
    return Strip(title, pictures, _("There is none."), sets="image")
