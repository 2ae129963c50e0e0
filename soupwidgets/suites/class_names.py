"""Names of the classes that a data set states itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from soupwidgets.suites.content import SuiteError

# Labels are under one of these in tables of Hugging Face.
_LABELS = ("label", "labels")


def stated_classes(data: Any) -> tuple[str, ...]:
    """Names of the classes, in the order of the labels, where a data set states them.

    Parameters
    ----------
    data
        A data set of Hugging Face whose label is a ``ClassLabel``, one with ``classes`` as those of torchvision, a
        subset of it, or a loader.

    Returns
    -------
    tuple[str, ...]
        Empty where nothing is stated, or a ``target_transform`` makes other labels of those that are. Of several
        names for a class, as torchvision has them for ImageNet, the first.

    Examples
    --------
    >>> from torch.utils.data import Subset
    >>> from torchvision.datasets import FakeData
    >>> data = FakeData(size=4)
    >>> data.classes = ["cat", "dog"]
    >>> stated_classes(Subset(data, [0, 2]))
    ('cat', 'dog')
    """
    from torch.utils.data import DataLoader, Subset

    while isinstance(data, DataLoader | Subset):
        data = data.dataset
    features = getattr(data, "features", None)
    if isinstance(features, Mapping):
        label = next((features[name] for name in _LABELS if name in features), None)
        stated = getattr(label, "names", None)
    else:
        stated = None if getattr(data, "target_transform", None) else getattr(data, "classes", None)
    if not isinstance(stated, Sequence) or isinstance(stated, str):
        return ()
    names = [one[0] if type(one) is tuple and one else one for one in stated]
    return tuple(names) if all(isinstance(name, str) for name in names) else ()


def agreed_classes(stated: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The names that all splits state, besides those that state none.

    Parameters
    ----------
    stated
        Names of the classes by the name of the split.

    Raises
    ------
    SuiteError
        When two splits state different names, so that a label would mean another class in each.

    Examples
    --------
    >>> agreed_classes({"val": ("cat", "dog"), "test": ()})
    ('cat', 'dog')
    """
    said = {split: tuple(names) for split, names in stated.items() if names}
    if not said:
        return ()
    first, names = next(iter(said.items()))
    for split, other in said.items():
        if other != names:
            at = next((i for i, (a, b) in enumerate(zip(names, other, strict=False)) if a != b), None)
            how = (
                f"{len(names)} classes in {first!r} and {len(other)} in {split!r}"
                if at is None
                else f"class {at} is {names[at]!r:.100} in {first!r} and {other[at]!r:.100} in {split!r}"
            )
            raise SuiteError(
                f"the splits state different classes ({how}): give them the same labels, or name the classes of all "
                "splits, classes=[...]"
            )
    return names
