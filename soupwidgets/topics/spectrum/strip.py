"""Points of a path between two images as pictures, with what a model says of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soupwidgets.panel.view import Picture, Strip


def path_strip(images: NDArray[np.uint8], predictions: Sequence[str], ends: tuple[str, str], shown: int = 9) -> Strip:
    """Some points of a path from its first image to its last."""
    places = np.unique(np.linspace(0, len(images) - 1, shown).round().astype(int))
    pictures = []
    for place in places.tolist():
        share = place / (len(images) - 1)
        name = ends[0] if share == 0 else ends[1] if share == 1 else ""
        alt = f"{share:.0%} of the way" + (f", labelled {name}" if name else "")
        pictures.append(Picture(images[place], alt, label=name or f"{share:.0%}", said=predictions[place]))
    return Strip("Points of the path, with the model's prediction", pictures)
