"""Splits whose classes are not the suite's: some of them (ImageNet-R), or several taken as one (ObjectNet)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class ClassMap:
    """For each class of a split, the classes of the suite that mean the same.

    Parameters
    ----------
    columns
        For each class of the split one or more of the suite's classes; none is named twice.

    Raises
    ------
    ValueError
        When a class stands for nothing, or a suite's class for two.

    Notes
    -----
    A model's logits are first restricted to the classes that are named, and a
    split's class then has the largest logit of those that mean it: as ImageNet-R
    and -A (arXiv 2006.16241, 1907.07174) and ObjectNet are scored in the releases
    of arXiv 2109.01903 and 2203.05482.

    Examples
    --------
    >>> bicycle_or_lemon = ClassMap([[2, 0], [1]])
    >>> kept = bicycle_or_lemon.restrict(torch.tensor([[0.5, 0.7, 0.6, 9.0]]))
    >>> bicycle_or_lemon.by_class(kept).tolist()
    [[0.6000000238418579, 0.699999988079071]]
    """

    def __init__(self, columns: Sequence[Sequence[int]]) -> None:
        self.columns = tuple(tuple(int(c) for c in group) for group in columns)
        named = [c for group in self.columns for c in group]
        if not all(self.columns) or len(set(named)) != len(named) or min(named, default=-1) < 0:
            raise ValueError("a class map names for each class one or more of the suite's classes, and none twice")

    def __repr__(self) -> str:
        return f"ClassMap({len(self)} classes from {sum(map(len, self.columns))} of the suite's)"

    def __len__(self) -> int:
        return len(self.columns)

    def restrict(self, logits: Tensor) -> Tensor:
        """Keep ``[images, named classes]`` of logits ``[images, suite's classes]``."""
        return logits[:, self._named.to(logits.device)]

    def by_class(self, restricted: Tensor) -> Tensor:
        """Logits ``[images, split's classes]`` of what `restrict` kept."""
        first, *others = self._ranks
        found = restricted[:, first[1].to(restricted.device)]
        for classes, places in others:
            classes = classes.to(restricted.device)
            found[:, classes] = torch.maximum(found[:, classes], restricted[:, places.to(restricted.device)])
        return found

    def scores(self, restricted: NDArray[np.float32]) -> NDArray[np.float32]:
        """As `by_class`, for arrays."""
        return self.by_class(torch.from_numpy(restricted)).numpy()

    @cached_property
    def _named(self) -> Tensor:
        return torch.tensor([c for group in self.columns for c in group])

    @cached_property
    def _ranks(self) -> list[tuple[Tensor, Tensor]]:
        """First every class with the place of its first column, then those that have a second one, and so on."""
        ranks: list[tuple[list[int], list[int]]] = [([], []) for _ in range(max(map(len, self.columns)))]
        place = 0
        for k, group in enumerate(self.columns):
            for classes, places in ranks[: len(group)]:
                classes.append(k)
                places.append(place)
                place += 1
        return [(torch.tensor(classes), torch.tensor(places)) for classes, places in ranks]
