"""What one example of a split looks like in a panel, and what several of them are called."""

from __future__ import annotations

from soupwidgets.panel.view import Picture
from soupwidgets.suites import Split, Suite
from soupwidgets.translation import N_
from soupwidgets.translation import gettext as _


def has_pictures(split: Split) -> bool:
    """Whether its examples are images that can be drawn."""
    shape, precision = split.form.get("images", ((), ""))
    return precision == "uint8" and (len(shape) == 2 or shape[2:] == (3,))


def examples_word(suite: Suite) -> str:
    """What examples of a suite are called, in English: images, texts, or examples."""
    split = suite.id_test
    if has_pictures(split):
        return N_("images")
    return N_("examples") if split.texts is None else N_("texts")


def one_example(suite: Suite) -> str:
    """The same of one of them."""
    return examples_word(suite).removesuffix("s")


def picture_of(split: Split, row: int, *, label: str = "", **said: object) -> Picture:
    """An example as a picture: its pixels, or its text, or only its number.

    Parameters
    ----------
    split, row
        Which.
    label
        What it is.
    **said
        Further fields of the `Picture`.
    """
    if has_pictures(split):
        said["image"], name = split.images[row], _("image {row}: {label}")
    elif split.texts is not None:
        said["text"], name = split.texts[row], _("text {row}: {label}")
    else:
        said["text"], name = _("number {row}").format(row=row), _("example {row}: {label}")
    alt = name.format(row=row, label=label)
    return Picture(**{"image": None, "alt": alt, "label": label, **said})  # type: ignore[arg-type]
