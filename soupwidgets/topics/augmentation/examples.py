"""What an augmentation does to a few images, and all numbers of a study, as a panel shows them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soupwidgets.panel.view import Picture, Strip, Table
from soupwidgets.suites import AUGMENTATIONS, Augmentation, SliceSplit, Suite, augmentation
from soupwidgets.topics.augmentation.affinity import augmented
from soupwidgets.topics.augmentation.joint import joint_model
from soupwidgets.topics.augmentation.study import AugmentationStudy

_SHOWN = 12


class Examples:
    """One image of each class, as far as there is room, before and after.

    Parameters
    ----------
    own
        Augmentations that have no name in `suites.AUGMENTATIONS`.
    """

    def __init__(self, suite: Suite, own: Sequence[Augmentation]) -> None:
        self._classes, self.own = suite.classes, {one.name: one for one in own}
        rng = np.random.default_rng(0)
        labels = suite.validation.labels
        firsts = [int(rng.choice(np.flatnonzero(labels == c))) for c in np.unique(labels)[:_SHOWN]]
        self._few = SliceSplit("examples", suite.validation, firsts)

    def named(self, name: str, strength: float) -> Augmentation | None:
        """Find an augmentation of the study, at a strength; None for one that is known by its results alone."""
        if name in self.own:
            return self.own[name]
        kind = name.partition(" ")[0]
        return augmentation(kind, strength) if kind in AUGMENTATIONS or kind == "identity" else None

    def strips(self, name: str, one: Augmentation | None) -> list[Strip]:
        """Show the images as they are, and below what becomes of them."""
        if one is None:
            missing = f"{name} is known by its results alone: name it with own= to see images"
            return [Strip("Images after it", [], missing)]
        labels = [self._classes[c] for c in self._few.labels]
        before = [Picture(i, f"{c}, as it is", c) for i, c in zip(self._few.images, labels, strict=True)]
        changed = augmented(self._few, one).images.clip(0, 255).round().astype(np.uint8)
        after = [Picture(i, f"{c}, after {one.name}", c) for i, c in zip(changed, labels, strict=True)]
        return [Strip("Images as they are", before), Strip(f"The same after {one.name}", after)]


def together(study: AugmentationStudy) -> list[Table]:
    """What affinity and diversity say together of accuracy; nothing for a study that has too little for that."""
    try:
        model = joint_model(study)
    except ValueError:
        return []
    rows = [
        [known, fit.error, fit.r_squared, *(None if slope is None else str(slope) for slope in slopes)]
        for known, fit in model.fits.items()
        for slopes in [(fit.affinity, fit.diversity)]
    ]
    columns = [
        "known",
        "off for a kind left out, points",
        "r squared",
        "points for 0.1 affinity",
        "points for a doubling",
    ]
    return [Table("Accuracy by affinity and diversity", columns, rows, model.sentence)]


def numbers(study: AugmentationStudy) -> Table:
    """Every number of a study with its interval."""
    frame = study.to_frame()
    rows = [[None if cell != cell else cell for cell in row] for row in frame.itertuples(index=False, name=None)]
    note = f"95% intervals over {study.seeds} trainings; accuracies and their change in shares of 1."
    return Table("All numbers of the study", [name.replace("_", " ") for name in frame.columns], rows, note)
