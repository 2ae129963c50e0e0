"""What one example of a split looks like in a panel, and what several of them are called."""

from __future__ import annotations

from soupwidgets.panel.view import Picture
from soupwidgets.suites import Split, Suite


def has_pictures(split: Split) -> bool:
    """Whether its examples are images that can be drawn."""
    shape, precision = split.form.get("images", ((), ""))
    return precision == "uint8" and (len(shape) == 2 or shape[2:] == (3,))


def examples_word(suite: Suite) -> str:
    """What examples of a suite are called: images, texts, or examples."""
    split = suite.id_test
    if has_pictures(split):
        return "images"
    return "examples" if split.texts is None else "texts"


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
        return Picture(split.images[row], f"image {row}: {label}", label, **said)  # type: ignore[arg-type]
    if split.texts is not None:
        return Picture(None, f"text {row}: {label}", label, text=split.texts[row], **said)  # type: ignore[arg-type]
    return Picture(None, f"example {row}: {label}", label, text=f"number {row}", **said)  # type: ignore[arg-type]
