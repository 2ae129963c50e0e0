"""What the name of an augmentation says: its kind, and how strong it is."""

from __future__ import annotations

import re

from soupwidgets.suites import AUGMENTATIONS


def kind_and_strength(name: str) -> tuple[str, float]:
    """Take a name apart, as `suites.augmentation` puts it together; any other is a kind of its own, at full strength.

    Examples
    --------
    >>> kind_and_strength("rotate 0.25"), kind_and_strength("rotate"), kind_and_strength("my own 0.25")
    (('rotate', 0.25), ('rotate', 1.0), ('my own 0.25', 1.0))
    """
    found = re.fullmatch(r"([a-z]+) ([01]?\.?\d+)", name)
    return (found[1], float(found[2])) if found and found[1] in AUGMENTATIONS else (name, 1.0)
