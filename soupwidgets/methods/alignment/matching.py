"""Weight matching: the permutations that bring one network's weights closest to another's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from soupwidgets.methods.alignment.groups import STATISTICS, Groups, Place

# A gain below this share of what the largest entries could give is rounding: sums of products in float32.
_ROUNDING = 1e-6
# Descents from different starts; deep networks take minutes for each.
_MOST_STARTS = 4


@dataclass(frozen=True)
class Matching:
    """Permutations, and what they gain.

    Parameters
    ----------
    permutations
        By group: for every position the moved network's unit that comes there, ``[units]``.
    before, after
        Cosine of the angle between the parameters of both networks (-1..1), as they were and permuted.
    sweeps
        How often all groups were gone through; the last time nothing moved.
    starts
        How many starts were tried; the permutations are those of the best.
    """

    permutations: Mapping[str, Tensor]
    before: float
    after: float
    sweeps: int
    starts: int


def match_weights(
    groups: Groups,
    reference: Mapping[str, Tensor],
    moving: Mapping[str, Tensor],
    *,
    seed: int = 0,
    step: Callable[[], object] = lambda: None,
) -> Matching:
    """Permute one network's units so that the inner product of its parameters with the reference's is large.

    Parameters
    ----------
    groups
        What may be permuted.
    reference, moving
        All tensors of both networks, finite.
    seed
        Decides the orders in which the groups are gone through.
    step
        Called after every group, for a progress bar.

    Returns
    -------
    Matching
        The best of a few local maxima: no permutation of a single group gains anything. A permuted copy of the
        reference is put back exactly. Otherwise the best permutations of all groups together are an NP-hard problem,
        and another seed may find better ones.

    Raises
    ------
    ValueError
        When a group lies along two axes of one tensor.

    Notes
    -----
    Ainsworth et al., arXiv 2209.04836, section 3.2 and algorithm 1: coordinate descent, each step a linear
    assignment problem, groups in random order, until nothing moves. Parameters count, the running statistics of
    batch normalisation do not: they are no weights, and their scale is that of the activations.

    The paper's descent starts from the units as they are, where most of what a layer is compared by is still out of
    order, and may get stuck. The first start here goes from the input to the output once and compares each layer by
    what is already in order; the starts after it are the paper's, as long as each finds more than all before.
    """
    descent = _Descent(groups, reference, moving, step)
    random = np.random.default_rng(seed)
    best = descent.run(random, from_input=True)
    starts, gained = 1, True
    # No inner product is greater than that of two networks that differ in length alone.
    while gained and starts < _MOST_STARTS and best.after < 1 - _ROUNDING:
        other = descent.run(random)
        starts, gained = starts + 1, other.after > best.after + _ROUNDING
        best = other if gained else best
    return replace(best, starts=starts)


class _Descent:
    """What all starts share: the parameters of both networks, and where the groups lie in them."""

    def __init__(
        self,
        groups: Groups,
        reference: Mapping[str, Tensor],
        moving: Mapping[str, Tensor],
        step: Callable[[], object],
    ) -> None:
        parameters = [
            name
            for name, tensor in reference.items()
            if tensor.is_floating_point() and name.rpartition(".")[2] not in STATISTICS
        ]
        self._groups, self._step = groups, step
        self._fixed = {name: reference[name].float() for name in parameters}
        self._moving = {name: moving[name].float() for name in parameters}
        self._touched = {
            group: [(name, place) for name, place in groups.tensors_of(group) if name in self._fixed]
            for group in groups.sizes
        }

    def run(self, random: np.random.Generator, *, from_input: bool = False) -> Matching:
        """Go through the groups in random order until nothing moves, perhaps after a pass from the input on."""
        moved = dict(self._moving)
        found = {group: torch.arange(size) for group, size in self._groups.sizes.items()}
        if from_input:
            settled: set[str] = set()
            for group in self._groups.sizes:
                settled.add(group)
                known = [(name, at) for name, at in self._touched[group] if self._groups.places[name].keys() <= settled]
                self._improve(group, known or self._touched[group], moved, found)
        sweeps, gained = 0, True
        while gained:
            sweeps, gained = sweeps + 1, False
            for group in random.permutation(sorted(self._groups.sizes)).tolist():
                gained |= self._improve(group, self._touched[group], moved, found)
        return Matching(found, _cosine(self._fixed, self._moving), _cosine(self._fixed, moved), sweeps, starts=1)

    def _improve(
        self, group: str, by: Sequence[tuple[str, Place]], moved: dict[str, Tensor], found: dict[str, Tensor]
    ) -> bool:
        """Permute one group to fit the reference in some tensors; say whether that gained anything in them."""
        from scipy.optimize import linear_sum_assignment

        products = sum(_products(self._fixed[name], moved[name], place) for name, place in by)
        assert isinstance(products, Tensor)
        _, column = linear_sum_assignment(products.numpy(), maximize=True)
        better = torch.from_numpy(column)
        gain = float(products[torch.arange(len(better)), better].sum() - products.trace())
        gained = gain > _ROUNDING * len(better) * float(products.abs().max())
        if gained:
            found[group] = found[group][better]
            for name, _ in self._touched[group]:
                moved[name] = self._groups.permuted(name, moved[name], {group: better})
        self._step()
        return gained


def _products(fixed: Tensor, moved: Tensor, place: Place) -> Tensor:
    """Inner products of every unit of one network with every unit of the other, ``[units, units]``, in float64."""
    units = fixed.shape[place.axis] // place.block
    a, b = (tensor.movedim(place.axis, 0).reshape(units, -1) for tensor in (fixed, moved))
    return (a @ b.T).double()


def _cosine(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    inner = sum(float((tensor.double() * other[name].double()).sum()) for name, tensor in one.items())
    lengths = [sum(float(tensor.double().square().sum()) for tensor in of.values()) for of in (one, other)]
    return inner / (lengths[0] * lengths[1]) ** 0.5 if all(lengths) else 0.0
