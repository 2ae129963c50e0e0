from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from soupwidgets.evaluation import Evaluator
from soupwidgets.methods import soup_method
from soupwidgets.panel import Choice, Panel, State, Table, View, explorer
from soupwidgets.pool import Pool
from soupwidgets.recipe import Recipe
from soupwidgets.suites import SuiteError, reader, transform
from soupwidgets.suites.arrays import read_arrays
from soupwidgets.suites.listing import Listing, PixelItem


@soup_method("falling", "Falling", paper="nobody's", ordered=True)
def falling_soup(pool: Pool, ingredients: Sequence[str] | None = None, ratio: float = 0.5) -> Recipe:
    """An average in which each ingredient counts less than the one before.

    Parameters
    ----------
    ratio
        How many times as much as the one before.
    """
    names = list(ingredients or pool.fine_tuned)
    weights = ratio ** np.arange(len(names))
    return Recipe(dict(zip(names, weights / weights.sum(), strict=True)))


@transform("fog", thickness=(0, 0.8))
def fog(images: Tensor, thickness: Tensor) -> Tensor:
    """Lay white fog over the image."""
    return images + thickness * (1 - images)


@reader("npz")
def numpy_archive(path: Path, _role: str) -> Listing:
    """An archive of numpy with ``images`` (uint8) and ``labels``, whole numbers from 0."""
    try:
        arrays = read_arrays(path, ["images", "labels"], most=1 << 30)
        images, labels = arrays["images"], arrays["labels"].astype(np.int64)
    except (ValueError, KeyError) as error:
        raise SuiteError(f"{path}: not an archive of images and labels ({error})") from error
    classes = tuple(f"class {number}" for number in range(labels.max() + 1))
    return Listing(path, [PixelItem(path, row, image) for row, image in enumerate(images)], labels, classes)


@explorer
class RightAndSure(Panel):
    """How right is each model, and how surely wrong?"""

    def __init__(self, ev: Evaluator) -> None:
        self.ev = ev
        super().__init__("Accuracy and loss", [Choice(name="split", value="test", options=[*ev.suite.splits])])

    def answer(self, state: State) -> Iterator[View]:
        found = [(name, self.ev.evaluate(name, state["split"])[state["split"]]) for name in self.ev.pool]
        yield View(tables=[Table("Models", ["", "accuracy", "loss"], [[n, s.accuracy, s.loss] for n, s in found])])
